"""Laying out never costs a learner a byte."""

import json

import pytest

import optcourse
from optcourse.cli import layout
from optcourse.cli.layout import Changes, lay_out
from optcourse.cli.shipped import shipped_files

LESSON = "notebooks/04_optimizers.ipynb"
BESIDE = f"notebooks/04_optimizers.new-{optcourse.__version__}.ipynb"


def newer(course) -> bytes:
    path = course / LESSON
    path.write_bytes(path.read_bytes().replace(b"lesson'", b"lesson, better'"))
    return path.read_bytes()


def test_writes_everything_and_then_has_nothing_to_do(course, learner):
    assert set(lay_out(learner).written) == {"start.ipynb", *shipped_files()}
    assert (learner / LESSON).read_bytes() == (course / LESSON).read_bytes()
    assert lay_out(learner) == Changes()


def test_a_file_left_as_it_was_is_refreshed(course, learner):
    lay_out(learner)
    content = newer(course)
    assert lay_out(learner) == Changes(refreshed=[LESSON])
    assert (learner / LESSON).read_bytes() == content


def test_a_changed_file_stays_and_the_newer_one_is_put_beside_once(course, learner):
    lay_out(learner)
    (learner / LESSON).write_bytes(b"my work")
    assert lay_out(learner) == Changes(), "nothing newer to offer"
    content = newer(course)
    assert lay_out(learner) == Changes(beside={LESSON: BESIDE})
    assert (learner / LESSON).read_bytes() == b"my work"
    assert (learner / BESIDE).read_bytes() == content
    assert lay_out(learner) == Changes()


def test_a_start_page_that_was_only_run_is_refreshed(course, learner, monkeypatch):
    lay_out(learner)
    page = learner / layout.START_PAGE
    ran = json.loads(page.read_bytes())
    ran["cells"][3]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["17 points"]}]
    page.write_text(json.dumps(ran))
    assert lay_out(learner) == Changes(), "nothing newer"
    newer_page = layout.start_page().replace(b"Each check", b"Every check")
    monkeypatch.setattr(layout, "start_page", lambda: newer_page)
    assert lay_out(learner) == Changes(refreshed=[layout.START_PAGE])
    assert page.read_bytes() == newer_page


@pytest.mark.parametrize("mine", [b"my notes", b"[]", b'{"cells": [{"source": "my notes"}]}'])
def test_a_start_page_with_notes_stays(course, learner, monkeypatch, mine):
    lay_out(learner)
    (learner / layout.START_PAGE).write_bytes(mine)
    newer_page = layout.start_page().replace(b"Each check", b"Every check")
    monkeypatch.setattr(layout, "start_page", lambda: newer_page)
    assert list(lay_out(learner).beside) == [layout.START_PAGE]
    assert (learner / layout.START_PAGE).read_bytes() == mine


def test_what_stands_beside_is_never_overwritten_either(course, learner):
    lay_out(learner)
    (learner / LESSON).write_bytes(b"my work")
    (learner / BESIDE).write_bytes(b"my other work")
    content = newer(course)
    second = BESIDE.replace(".ipynb", "-2.ipynb")
    assert lay_out(learner) == Changes(beside={LESSON: second})
    assert (learner / BESIDE).read_bytes() == b"my other work"
    assert (learner / second).read_bytes() == content


@pytest.mark.parametrize("manifest", [None, b"", b"[]", b'{"files": 3}', b"\xff"])
def test_without_a_record_every_file_is_the_learners(course, learner, manifest):
    (learner / "notebooks").mkdir(parents=True)
    (learner / LESSON).write_bytes(b"my work")
    if manifest is not None:
        (learner / layout.HIDDEN).mkdir()
        (learner / layout.MANIFEST).write_bytes(manifest)
    assert lay_out(learner).beside == {LESSON: BESIDE}
    assert (learner / LESSON).read_bytes() == b"my work"


def test_an_interruption_leaves_whole_files_and_is_taken_up_again(course, learner, monkeypatch):
    write, written = layout.write_atomically, []

    def power_cut(path, content):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path)
        write(path, content)

    monkeypatch.setattr(layout, "write_atomically", power_cut)
    with pytest.raises(KeyboardInterrupt):
        lay_out(learner)
    monkeypatch.undo()
    monkeypatch.setattr("optcourse.cli.shipped.shipped_folder", lambda: course)
    lay_out(learner)
    assert {name: (learner / name).read_bytes() for name in shipped_files()} == shipped_files()
    assert not list(learner.rglob("*.new-*")), "what the first run wrote is no work of the learner's"


def test_a_file_as_folder_is_refused(course, tmp_path):
    target = tmp_path / "file"
    target.write_text("mine")
    with pytest.raises(NotADirectoryError, match=r"file is a file; name a folder"):
        lay_out(target)
    assert target.read_text() == "mine"
