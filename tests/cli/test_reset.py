"""`optcourse lab --reset ID`: the shipped cell is back, the learner's answer is still there."""

import json

import pytest

from optcourse.cli.layout import lay_out
from optcourse.cli.reset import reset
from tests.cli.conftest import answer, code, notebook

ID = "optimizers.adam"


@pytest.fixture
def path(course, learner):
    lay_out(learner)
    return learner / "exercises" / "04_optimizers.ipynb"


def cells(path) -> list[tuple[str, str]]:
    found = json.loads(path.read_bytes())["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in found]


def test_restores_the_cell_and_keeps_the_answer_below_it(path, learner):
    path.write_bytes(notebook(answer("adam", "class Adam:\n    mine = 1"), code("more", "1 + 1")))
    before = path.read_bytes()
    assert "restored" in reset(ID, learner)
    (first, kept, more) = cells(path)
    assert first == ("code", "class Adam: ...")
    assert kept[0] == "raw"
    assert kept[1].endswith("class Adam:\n    mine = 1")
    assert more == ("code", "1 + 1")
    (backup,) = (learner / ".optcourse" / "backup").iterdir()
    assert backup.read_bytes() == before


def test_two_resets_keep_both_answers_and_all_ids_differ(path, learner):
    for text in ("first", "second"):
        notebook_now = json.loads(path.read_bytes())
        notebook_now["cells"][0]["source"] = [text]
        path.write_text(json.dumps(notebook_now))
        reset(ID, learner)
    texts = [source.splitlines()[-1] for kind, source in cells(path) if kind == "raw"]
    assert texts == ["second", "first"]
    ids = [cell["id"] for cell in json.loads(path.read_bytes())["cells"]]
    assert len(set(ids)) == len(ids)


def test_an_untouched_cell_is_left_alone(path, learner):
    before = path.read_bytes()
    assert "still the one that was shipped" in reset(ID, learner)
    assert path.read_bytes() == before


def test_a_deleted_cell_comes_back_above_its_check(path, learner):
    path.write_bytes(notebook(code("own", "x = 1"), code("check", 'check("optimizers.adam", Adam)')))
    assert "you had deleted it" in reset(ID, learner)
    assert [source for _, source in cells(path)] == ["x = 1", "class Adam: ...", 'check("optimizers.adam", Adam)']


@pytest.mark.parametrize("content", [b"", b"{}", b'{"cells": 3}', b'{"cells": [3]}', b"\xff\xfe"])
def test_a_broken_notebook_is_named_and_left_alone(path, learner, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a notebook"):
        reset(ID, learner)
    assert path.read_bytes() == content


def test_an_unknown_exercise_gets_the_nearest(learner):
    with pytest.raises(KeyError, match=r"did you mean 'optimizers.adam'"):
        reset("optimizers.adma", learner)


def test_a_folder_without_the_notebook_says_how_to_get_it(course, learner):
    with pytest.raises(FileNotFoundError, match="--no-start"):
        reset(ID, learner)
