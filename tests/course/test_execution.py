"""Stripping, executing and the text form, on small notebooks made here."""

import os
import stat

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import v4

from optcourse.authoring import __main__ as command
from optcourse.authoring import checks, course, execution, stripping, textform
from optcourse.authoring.stripping import BEGIN, END


def save(path, *sources):
    path.parent.mkdir(exist_ok=True)
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources]), path)
    return path


@pytest.fixture
def solution(tmp_path):
    """A solution notebook that shows its environment, with a picture, an explorer and an exercise."""
    return save(
        tmp_path / "solutions" / "04_optimizers.ipynb",
        "import os\nfor name in ('OPTCOURSE_PROFILE', 'OPTCOURSE_PROGRESS', 'OMP_NUM_THREADS', 'OPTCOURSE_SECRET'):\n"
        "    print(name, os.environ.get(name))",
        "import ipywidgets\nipywidgets.IntSlider()",
        f"def square(x):\n    {BEGIN}\n    return x * x\n    {END}\n\n"
        f"answer = None\n{BEGIN}\nanswer = square(3)\n{END}\nanswer",
    )


def test_execute_stores_outputs_and_nothing_of_this_machine(solution, monkeypatch):
    monkeypatch.setenv("OPTCOURSE_SECRET", "leaked")
    monkeypatch.setenv("OPTCOURSE_PROFILE", "full")
    before = dict(os.environ)
    solution.chmod(0o640)
    assert execution.execute(solution) > 0
    assert dict(os.environ) == before
    assert stat.S_IMODE(solution.stat().st_mode) == 0o640
    assert [path.name for path in solution.parent.iterdir()] == [solution.name]

    notebook = execution.read(solution)
    shown, slider, exercise = notebook.cells
    assert shown.outputs[0].text.split("\n")[:-1] == [
        "OPTCOURSE_PROFILE fast", "OPTCOURSE_PROGRESS off", "OMP_NUM_THREADS 1", "OPTCOURSE_SECRET None"
    ]  # fmt: skip
    assert list(slider.outputs[0].data) == ["text/plain"], "the explorer's model died with its kernel"
    assert exercise.outputs[0].data["text/plain"] == "9"
    assert set(notebook.metadata) == {"kernelspec", "language_info", "optcourse"}
    assert checks.output_findings(notebook) == []
    content = solution.read_bytes()
    execution.execute(solution)
    assert solution.read_bytes() == content, "the same code gives the same file"


def test_strip_generates_an_exercise_that_runs(solution, capsys):
    execution.execute(solution)
    assert command.main(["strip", str(solution)]) == 0
    exercise = solution.parent.parent / "exercises" / solution.name
    student = execution.read(exercise)
    lines = student.cells[2].source.splitlines()
    stub = ["    # YOUR CODE HERE", "    raise NotImplementedError()"]
    assert lines == ["def square(x):", *stub, "", "answer = None", "# YOUR CODE HERE", "answer"]
    assert student.cells[2].outputs == []
    assert checks.stripping_findings(student, execution.read(solution)) == []
    assert checks.output_findings(student) == []


def test_a_cell_that_fails_leaves_the_file_as_it_was(tmp_path, capsys):
    path = save(tmp_path / "notebooks" / "04_optimizers.ipynb", "print('fine')", "1 / 0")
    before = path.read_bytes()
    assert command.main(["execute", str(path)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_cell_that_never_ends_is_stopped(tmp_path):
    path = save(tmp_path / "notebooks" / "04_optimizers.ipynb", "while True: pass")
    with pytest.raises(ValueError, match="A cell timed out"):
        execution.execute(path, timeout=1)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"cells": 3}'])
def test_a_file_that_is_no_notebook(tmp_path, content):
    path = tmp_path / "04_optimizers.ipynb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a notebook"):
        execution.read(path)


def test_two_cells_with_one_id_are_refused(tmp_path):
    notebook = v4.new_notebook(cells=[v4.new_code_cell("1"), v4.new_code_cell("2")])
    notebook.cells[1].id = notebook.cells[0].id
    path = tmp_path / "04_optimizers.ipynb"
    path.write_text(v4.writes_json(notebook))
    with pytest.raises(ValueError, match="an id of its own"):
        execution.read(path)


def test_a_file_name_without_lesson():
    with pytest.raises(ValueError, match="NN_slug"):
        execution.lesson_of(course.root() / "notebooks" / "optimizers.ipynb")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (f"{BEGIN}\nx", "line 1: '### BEGIN SOLUTION' is never closed"),
        (f"x\n{END}", "line 2: '### END SOLUTION' closes nothing"),
        (f"{BEGIN}\n{BEGIN}\n{END}", "line 2: '### BEGIN SOLUTION' inside the region that line 1 opened"),
    ],
)
def test_markers_that_do_not_pair_are_named(source, reason):
    cell = v4.new_code_cell(source)
    with pytest.raises(ValueError, match=f"cell {cell.id}: {reason}"):
        stripping.strip(v4.new_notebook(cells=[cell]))


def test_markers_in_text_and_cells_tagged_solution():
    text = v4.new_markdown_cell(f"{BEGIN}\nbecause\n{END}")
    with pytest.raises(ValueError, match="tag this one 'solution'"):
        stripping.strip(v4.new_notebook(cells=[text]))
    text.metadata["tags"] = ["solution"]
    assert stripping.strip(v4.new_notebook(cells=[text])).cells == []


line = st.text(alphabet="ab =#\\'\"(", max_size=8).map(lambda text: " " * (len(text) % 3) + text)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(st.lists(line), st.lists(line), st.sampled_from(["", "    "])), max_size=4))
def test_what_is_outside_of_regions_stays_and_what_is_inside_goes(parts):
    given_lines, source = [], []
    for outside, inside, indent in parts:
        stub = [indent + "# YOUR CODE HERE", indent + "raise NotImplementedError()"] if indent else ["# YOUR CODE HERE"]
        given_lines += outside + stub
        source += [*outside, indent + BEGIN, *inside, indent + END]
    assert stripping.strip_source("\n".join(source)) == "\n".join(given_lines)


def test_the_text_form_and_back_keeps_outputs_ids_and_metadata(solution, tmp_path):
    execution.execute(solution)
    before = execution.read(solution)
    text = tmp_path / "text.py"
    textform.to_text(solution, text)
    textform.to_text(solution, text)  # nothing was edited, nothing is lost
    text.write_text(text.read_text().replace("square(3)", "square(4)"))
    with pytest.raises(FileExistsError, match="take them back with from-text"):
        textform.to_text(solution, text)
    textform.from_text(text, solution)
    after = execution.read(solution)
    assert [cell.id for cell in after.cells] == [cell.id for cell in before.cells]
    assert [cell.outputs for cell in after.cells] == [cell.outputs for cell in before.cells]
    assert after.metadata == before.metadata
    assert "square(4)" in after.cells[2].source
    assert "stale" in checks.output_findings(after)[0]


def test_exercises_are_not_edited(tmp_path, capsys):
    path = save(tmp_path / "exercises" / "04_optimizers.ipynb", "x")
    for name in ("text", "strip"):
        assert command.main([name, str(path)]) == 1
        assert "generated" in capsys.readouterr().err
