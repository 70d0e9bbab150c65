"""Reading submitted notebooks, and what a class run executes of a lesson."""

import ast
import os

import pytest

from optcourse import catalogue
from optcourse.grading import notebooks
from optcourse.grading.forbidden import Violation, violations
from optcourse.grading.notebooks import MAX_COPIES, Given, NotebookError, Slot, plan, read, shown, syntax_hash
from optcourse.grading.submission import Status
from tests.grading.sandbox.submissions import SOLUTION, cell_of, changed, dumped, solution, source_of

LESSONS = [lesson.slug for lesson in catalogue.lessons() if lesson.ready and catalogue.exercises(lesson.slug)]
MOMENTUM = "optimizers.momentum"


def written(tmp_path, content):
    path = tmp_path / "any name at all"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_plan_has_a_slot_for_each_exercise_and_no_verdicts(lesson):
    steps = plan(lesson)
    assert [step.exercise for step in steps if isinstance(step, Slot)] == [
        exercise.id for exercise in catalogue.exercises(lesson)
    ]
    given = "\n".join(step.source for step in steps if isinstance(step, Given))
    for word in ("optcourse.grading", "optcourse.plots", "check(", "progress("):
        assert word not in given
    ast.parse(given)


def test_what_is_given_keeps_definitions_and_leaves_out_pictures():
    given = [step for step in plan("optimizers") if isinstance(step, Given)]
    assert "class Optimizer" in "".join(step.source for step in given)
    assert "diagnosis_curves" in {name for step in given for name in step.silent}
    assert not any("runs =" in step.source for step in given)


def test_answers_are_found_by_id_whatever_surrounds_them(tmp_path):
    def shuffle(notebook):
        notebook["cells"].reverse()
        notebook["cells"].insert(0, {"cell_type": "code", "metadata": {}, "source": "class Momentum: pass"})

    notebook = read(written(tmp_path, changed(shuffle)))
    assert notebook.lesson == "optimizers"
    assert notebook.answers[MOMENTUM].source == source_of(MOMENTUM)
    assert {answer.problem for answer in notebook.answers.values()} == {""}
    assert len(notebook.digest) == 64


def test_a_crowd_of_cells_with_one_id_is_not_looked_into(tmp_path, monkeypatch):
    crowd = [f"x = {number}" for number in range(MAX_COPIES + 1)]

    def copies(sources):
        def change(notebook):
            cell = cell_of(notebook, MOMENTUM)
            notebook["cells"] += [{**cell, "source": source} for source in sources]

        return read(written(tmp_path, changed(change))).answers[MOMENTUM].problem

    parsed = []
    parse = notebooks._parse
    monkeypatch.setattr(notebooks, "_parse", lambda source: parsed.append(source) or parse(source))
    assert copies(crowd) == "duplicate"
    assert not set(crowd) & set(parsed)
    assert copies([source_of(MOMENTUM)] * 100) == ""
    assert parsed.count(source_of(MOMENTUM)) <= 2


def test_a_name_of_many_parts_is_read():
    tree = ast.parse("import torch\nx = torch" + ".a" * 2000)
    assert violations(tree, ["torch.a"]) == [Violation("torch" + ".a" * 2000, 2)]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    windows = source_of(MOMENTUM).replace("\n", "\r\n")
    content = changed(lambda notebook: cell_of(notebook, MOMENTUM).update(source=windows))
    notebook = read(written(tmp_path, b"\xef\xbb\xbf" + content))
    assert notebook.answers[MOMENTUM].source == source_of(MOMENTUM)


def test_of_two_copies_the_one_that_is_not_the_stub_counts(tmp_path):
    stub = next(step.stub for step in plan("optimizers") if isinstance(step, Slot) and step.exercise == MOMENTUM)

    def add(notebook):
        notebook["cells"].append({**cell_of(notebook, MOMENTUM), "source": stub})

    assert read(written(tmp_path, changed(add))).answers[MOMENTUM].source == source_of(MOMENTUM)


@pytest.mark.parametrize("language", ["R", "julia", "C++17"])
def test_another_kernel_has_its_own_status(tmp_path, language):
    content = changed(lambda notebook: notebook["metadata"].update(language_info={"name": language}))
    with pytest.raises(NotebookError) as error:
        read(written(tmp_path, content))
    assert error.value.status == Status.OTHER_KERNEL
    assert len(error.value.digest) == 64


def test_a_kernel_of_another_name_may_run_python(tmp_path):
    def rename(notebook):
        notebook["metadata"] = {"kernelspec": {"name": "my-env", "display_name": "my env"}}

    assert read(written(tmp_path, changed(rename))).lesson == "optimizers"


@pytest.mark.parametrize("kind", ["folder", "pipe", "nothing", "device"])
def test_what_is_no_file_is_corrupt_and_blocks_nothing(tmp_path, kind):
    path = tmp_path / "submission.ipynb"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(NotebookError) as error:
        read(path)
    assert error.value.status == Status.CORRUPT


def test_a_notebook_without_answers_belongs_to_the_lesson_that_it_names(tmp_path):
    def strip(notebook):
        notebook["cells"] = []

    notebook = read(written(tmp_path, changed(strip)))
    assert {answer.problem for answer in notebook.answers.values()} == {"missing"}


def test_outputs_however_large_do_not_matter(tmp_path):
    notebook = solution()
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "x" * 5_000_000}}
    cell_of(notebook, MOMENTUM)["outputs"] = [picture]
    assert read(written(tmp_path, dumped(notebook))).answers[MOMENTUM].problem == ""


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("x = 1  # one", "y=1", True),
        ("def f(a):\n    'text'\n    return a", "def g(b):\n    return b", True),
        ("x = a.real", "x = a.imag", False),
        ("x = 1.0", "x = 2.0", False),
        ("x = a + b", "x = a + a", False),
    ],
)
def test_equal_answers_have_equal_hashes(one, other, equal):
    assert (syntax_hash(one) == syntax_hash(other)) is equal


@pytest.mark.parametrize("source", ["def", "x = (", "\x00", "(" * 10_000, "-" * 50_000 + "1", "x" + ".a" * 30_000])
def test_no_source_stops_the_grader(source):
    assert isinstance(syntax_hash(source), str)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("%time\nx = 1\n!ls\ny = x?\nz = 2", ["", "x = 1", "", "", "z = 2"]),
        ("x = 5 % 3\ny = '!'", ["x = 5 % 3", "y = '!'"]),
    ],
)
def test_magic_lines_leave_the_numbers_of_lines_alone(tmp_path, source, lines):
    content = changed(lambda notebook: cell_of(notebook, MOMENTUM).update(source=source))
    answer = read(written(tmp_path, content)).answers[MOMENTUM]
    assert answer.problem == ""
    assert answer.source.splitlines() == lines


def test_hostile_text_can_be_written_anywhere():
    text = shown("a\ud800\x1b[31m\u202eb\nc\x00")
    assert text.encode("utf-8")
    assert text.splitlines() == ["a?�[31m�b", "c�"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import torch.optim", []),
        ("from torch.optim import Optimizer", []),
        ("from torch import optim\nx = optim.Optimizer", []),
        ("from torch.optim import SGD", [("torch.optim.SGD", 1)]),
        ("from torch.optim import *", [("torch.optim.*", 1)]),
        ("from torch import optim as o\nx = o.SGD([])", [("torch.optim.SGD", 2)]),
        ("import torch\nf = torch.optim", [("torch.optim", 2)]),
        ("import torch\ntorch.optim.lr_scheduler.StepLR", [("torch.optim.lr_scheduler.StepLR", 2)]),
        ("x = __import__('torch.optim')", [("torch.optim", 1)]),
        ("import optcourse.optimizers as o", [("optcourse.optimizers", 1)]),
        ("import optcourse\noptcourse.optimizers.Adam", [("optcourse.optimizers.Adam", 2)]),
        ("x = 'torch.optim.SGD'  # torch.optim.SGD", []),
        ("class A:\n    optim = 1\na = A()\na.optim", []),
    ],
)
def test_violations(source, found):
    got = violations(ast.parse(source), ["torch.optim", "optcourse.optimizers"], ["torch.optim.Optimizer"])
    assert got == [Violation(*pair) for pair in found]


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_solution_does_what_its_exercise_forbids(lesson):
    notebook = read(SOLUTION.with_name(f"{catalogue.lesson(lesson).stem}.ipynb"))
    for exercise in catalogue.exercises(lesson):
        answer = notebook.answers[exercise.id]
        assert answer.problem == ""
        assert violations(answer.tree, exercise.forbids, exercise.permits) == []
