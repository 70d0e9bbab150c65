"""Each check of a notebook finds what it is for, on a notebook broken in that one way, and nothing on a sound one."""

import base64
import copy
import dataclasses

import nbformat
import pytest
from nbformat import v4

import optcourse
from optcourse import catalogue
from optcourse.authoring import checks, course, execution, stripping
from optcourse.authoring.course import KINDS
from optcourse.authoring.coursemap import colab_link

PNG = base64.b64encode(b"a picture").decode()
SLUG = "optimizers"


def printed(text: str):
    return v4.new_output("stream", name="stdout", text=text)


def pictured(alt: str, content: str = PNG):
    return v4.new_output("display_data", data={"image/png": content, "text/plain": alt})


def executed(*cells):
    """A notebook of these cells as if it had been executed just now."""
    count = 0
    for cell in cells:
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
    return execution.canonical(v4.new_notebook(cells=list(cells)), lesson=SLUG)


def sound(path=None):
    """A small lesson that holds to everything."""
    link = colab_link(path.parent.name, path.stem) if path else "https://example.org"
    colab = v4.new_code_cell('import sys\nif "google.colab" in sys.modules:\n    %pip install -q optcourse')
    colab.metadata["tags"] = ["colab"]
    begin = v4.new_code_cell(f'begin("04 {SLUG}", "{optcourse.__version__}")', outputs=[printed("device ⟨cpu⟩\n")])
    picture = v4.new_code_cell("show(figure)", outputs=[pictured("Loss over steps: Adam ends lowest.")])
    title = v4.new_markdown_cell(
        f"# Optimizers\n[Open in Colab]({link})", metadata={"slideshow": {"slide_type": "slide"}}
    )
    sections = [v4.new_markdown_cell(f"## {section}") for section in checks.SECTIONS]
    sections[0].metadata["slideshow"] = {"slide_type": "slide"}
    return executed(title, colab, begin, picture, *sections)


def broken(change):
    """The sound notebook after `change(cells)`, sealed anew so that the seal is not what is found."""
    notebook = sound()
    change(notebook.cells)
    return execution.canonical(notebook, lesson=SLUG)


def code(source="x", tags=(), outputs=()):
    cell = v4.new_code_cell(source, outputs=list(outputs), execution_count=3)
    cell.metadata["tags"] = list(tags)
    return cell


@pytest.mark.parametrize("check", checks.EVERY_NOTEBOOK, ids=lambda check: check.__name__)
def test_a_sound_notebook_passes(check):
    assert check(sound()) == []


def test_a_cell_id_that_stands_twice():
    notebook = broken(lambda cells: cells.append(copy.deepcopy(cells[0])))
    assert "stands twice" in checks.format_findings(notebook)[0]


OUTPUT_FAULTS = {
    "cleared": (lambda n: n.cells[2].update(execution_count=None, outputs=[]), "1 of 3 code cells were not executed"),
    "edited": (lambda n: n.cells[2].update(source="other"), "stale"),
    "new cell": (lambda n: n.cells.insert(2, v4.new_code_cell("new")), "1 of 4 code cells were not executed"),
    "typed in": (lambda n: n.cells[2].outputs[0].update(text="device ⟨gpu⟩\n"), "not those that the execution stored"),
    "missing": (lambda n: n.cells[3].update(outputs=[]), "not those that the execution stored"),
    "order": (lambda n: n.cells[3].update(execution_count=7), "executed out of order: [1, 2, 7]"),
}


@pytest.mark.parametrize("fault", OUTPUT_FAULTS)
def test_outputs_that_are_not_of_this_code(fault):
    change, finding = OUTPUT_FAULTS[fault]
    notebook = sound()
    change(notebook)
    found = checks.output_findings(notebook)
    assert any(finding in line for line in found), found
    assert "authoring execute" in found[-1]


def test_errors_and_stderr_in_outputs():
    error = v4.new_output("error", ename="ValueError", evalue="bad lr", traceback=[])
    warning = v4.new_output("stream", name="stderr", text="UserWarning: old\n")
    found = checks.output_findings(broken(lambda cells: cells.append(code(outputs=[error, warning]))))
    assert any("ends in ValueError: bad lr" in line for line in found)
    assert any("writes to stderr: 'UserWarning: old'" in line for line in found)


def test_a_large_notebook_and_a_large_figure():
    large = base64.b64encode(bytes(101_000)).decode()
    found = checks.size_findings(broken(lambda cells: cells.append(code(outputs=[pictured("x" * 30, large)]))))
    assert [line.partition(": ")[2] for line in found] == ["figure of 101 kB; at most 100 kB"]
    found = checks.size_findings(broken(lambda cells: cells.append(code(outputs=[printed("x" * 1_000_001)]))))
    assert found == [line for line in found if "MB; at most 1 MB" in line] != []


HOME = "/ho" + "me/ada/data"  # in two parts, since no file of the repository may hold a machine's path
MACHINE_TEXTS = [
    HOME,
    "/ro" + "ot/x",
    "/wo" + "rk/x",
    "/Us" + "ers/ada",
    "C:\\Us" + "ers\\ada",
    "/tm" + "p/x1",
    "/content/drive",
]


@pytest.mark.parametrize("text", MACHINE_TEXTS)
def test_machine_paths_in_sources_and_outputs(text):
    in_source = broken(lambda cells: cells.append(code(f"open('{text}')")))
    in_text = broken(lambda cells: cells.append(v4.new_markdown_cell(f"See `{text}`.")))
    in_output = broken(lambda cells: cells.append(code(outputs=[printed(f"read {text}\n")])))
    for notebook in (in_source, in_text, in_output):
        assert "machine path" in "".join(checks.machine_findings(notebook))


@pytest.mark.parametrize("text", ["https://a.org/home/x", "a/tmp", "x/work", "1/root", "~/course", "the /home key"])
def test_what_is_no_machine_path(text):
    assert checks.machine_findings(broken(lambda cells: cells.append(v4.new_markdown_cell(text)))) == []


def test_object_addresses_in_outputs():
    notebook = broken(lambda cells: cells.append(code(outputs=[printed("<object at 0x7f3a5c0b>\n")])))
    assert "object address" in checks.machine_findings(notebook)[0]


@pytest.mark.parametrize(
    "source", ["get('https://a.org/x')", "!pip install x", "%pip install x", "  !wget x", "!curl x"]
)
def test_code_that_goes_to_the_internet(source):
    assert "goes to the internet" in checks.internet_findings(broken(lambda cells: cells.append(code(source))))[0]
    assert checks.internet_findings(broken(lambda cells: cells.append(code(source, tags=["colab"])))) == []


@pytest.mark.parametrize("text", ["![badge](https://a.org/b.svg)", '<img alt="b" src="https://a.org/b.svg">'])
def test_text_that_loads_a_picture_from_afar(text):
    notebook = broken(lambda cells: cells.append(v4.new_markdown_cell(text)))
    assert "goes to the internet" in checks.internet_findings(notebook)[0]


def test_links_in_text_and_an_svg_namespace_load_nothing():
    svg = v4.new_output("display_data", data={"text/html": '<svg xmlns="http://www.w3.org/2000/svg"></svg>'})
    notebook = broken(lambda cells: cells.extend([v4.new_markdown_cell("[paper](https://a.org)"), code(outputs=[svg])]))
    assert checks.internet_findings(notebook) == []


def test_an_output_that_loads_from_the_internet():
    page = v4.new_output("display_data", data={"text/html": '<script src="https://cdn.org/x.js"></script>'})
    notebook = broken(lambda cells: cells.append(code(outputs=[page])))
    assert "an output holds 'https://cdn.org/x.js" in checks.internet_findings(notebook)[0]


@pytest.mark.parametrize("alt", ["", "<Figure size 640x480 with 1 Axes>", "a plot"])
def test_pictures_that_say_nothing(alt):
    found = checks.picture_findings(broken(lambda cells: cells.append(code(outputs=[pictured(alt)]))))
    assert "say what it shows" in found[0]


def test_a_picture_in_the_text_without_alt_text():
    notebook = broken(lambda cells: cells.append(v4.new_markdown_cell("![](attachment:a.png)")))
    assert "without alt text" in checks.picture_findings(notebook)[0]


@pytest.mark.parametrize("source", ["# NBVAL_SKIP\nx", "x  # NBVAL_IGNORE_OUTPUT", "#PYTEST_VALIDATE_IGNORE_OUTPUT"])
def test_options_that_exempt_a_cell_from_comparison(source):
    found = checks.comparison_findings(broken(lambda cells: cells.append(code(source))))
    assert "exempts it from comparison" in found[0]


def test_a_tag_that_exempts_a_cell_from_comparison():
    for tag in ("nbval-ignore-output", "raises-exception"):
        assert checks.comparison_findings(broken(lambda cells, tag=tag: cells.append(code(tags=[tag]))))


def test_a_closing_semicolon_which_nbval_does_not_honor():
    found = checks.comparison_findings(broken(lambda cells: cells.append(code("axes.plot(x);\n"))))
    assert "ends in a semicolon" in found[0]


@pytest.mark.parametrize("text", ["⟨1", "1⟩", "⟨1\n2⟩", "⟩1⟨", "⟨⟨1⟩"])
def test_marks_that_do_not_pair(text):
    found = checks.comparison_findings(broken(lambda cells: cells.append(code(outputs=[printed(text)]))))
    assert "marks that do not pair" in found[0]


def test_another_version(monkeypatch):
    notebook = sound()
    monkeypatch.setattr(optcourse, "__version__", "9.0.0")
    found = checks.version_findings(notebook)
    assert "made with version" in found[0]
    assert "is not of lesson optimizers and version 9.0.0" in found[1]


@pytest.mark.parametrize(
    "source", ["", 'begin("04 schedules", "0.1.0")', f'begin("{SLUG}")', 'begin("optimizers", version)']
)
def test_a_first_cell_that_does_not_compare_versions(source):
    assert checks.version_findings(broken(lambda cells: cells[2].update(source=source)))


def test_sections_missing_or_out_of_order():
    assert checks.skeleton_findings(sound()) == []
    found = checks.skeleton_findings(broken(lambda cells: cells.pop()))
    assert found == [f"no section {checks.SECTIONS[-1]!r}"]
    found = checks.skeleton_findings(broken(lambda cells: cells.insert(4, cells.pop())))
    assert "out of order" in found[0]


def test_a_lesson_without_a_talk_or_with_an_unknown_slide_type():
    assert checks.slide_findings(sound()) == []
    assert "no talk" in checks.slide_findings(broken(lambda cells: cells[0].metadata.clear()))[0]
    odd = {"slideshow": {"slide_type": "slides"}}
    assert "'slides'" in checks.slide_findings(broken(lambda cells: cells[5].metadata.update(odd)))[0]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notebooks" / "04_optimizers.ipynb"


def test_the_colab_link_opens_this_file_of_this_repository(path):
    assert catalogue.repository() in colab_link("notebooks", path.stem)
    assert checks.colab_findings(sound(path), path) == []
    for wrong in (sound(), sound(path.with_name("05_schedules.ipynb"))):
        assert "must be https://colab" in checks.colab_findings(wrong, path)[0]


@pytest.mark.parametrize(
    "install",
    [
        "%pip install --upgrade optcourse",
        "%pip install -U optcourse",
        "%pip install torch==2.6",
        "!pip install 'numpy<2'",
    ],
)
def test_a_colab_cell_that_could_change_what_is_there(path, install):
    notebook = sound(path)
    notebook.cells[1].source = install
    assert "could change" in checks.colab_findings(notebook, path)[0]


def test_a_notebook_without_the_marked_colab_cell(path):
    notebook = sound(path)
    notebook.cells[1].metadata["tags"] = []
    assert "not tagged" in checks.colab_findings(notebook, path)[0]


def graded(id: str):
    return v4.new_code_cell(
        f"answer = None\n{stripping.BEGIN}\nanswer = 'the secret of {id}'\n{stripping.END}",
        metadata={"nbgrader": {"solution": True, "grade_id": id.replace(".", "_")}},
    )


def solution(ids=None):
    ids = ids or [exercise.id for exercise in catalogue.exercises(SLUG)]
    cells = [cell for id in ids for cell in (graded(id), v4.new_code_cell(f'check("{id}", answer)'))]
    return executed(*cells)


def test_exercises_in_step_with_the_catalogue():
    ids = [exercise.id for exercise in catalogue.exercises(SLUG)]
    assert checks.exercise_findings(solution()) == []
    assert "checks [" in checks.exercise_findings(solution(ids[1:]))[0]
    assert "checks [" in checks.exercise_findings(solution(ids[::-1]))[0]
    without = solution()
    del without.cells[0].metadata["nbgrader"]
    assert "no answer cell" in checks.exercise_findings(without)[0]


def test_an_exercise_that_is_not_the_stripped_solution():
    student = stripping.strip(solution())
    assert checks.stripping_findings(student, solution_like(student)) == []
    for change in (
        lambda cells: cells[1].update(source="other"),
        lambda cells: cells.pop(),
        lambda cells: cells.append(code()),
        lambda cells: cells[0].metadata.clear(),
    ):
        altered = copy.deepcopy(student)
        change(altered.cells)
        assert "is not the stripped solution" in checks.stripping_findings(altered, solution_like(student))[0]


def solution_like(student):
    """The solution with the student's cell ids, which are drawn at random when a cell is made."""
    whole = solution()
    for cell, other in zip(whole.cells, student.cells, strict=True):
        cell.id = other.id
    return whole


@pytest.mark.parametrize("place", ["source", "output"])
def test_solution_text_in_the_students_file(place):
    student = stripping.strip(solution())
    whole = solution_like(student)
    secret = "answer = 'the secret of optimizers.adam'"
    if place == "source":
        student.cells[1].source += f"\n    {secret}"
    else:
        student.cells[1].outputs = [printed(f"  {secret}\n")]
    assert f"gives the solution away: {secret!r}" in checks.stripping_findings(student, whole)


def test_catalogue_and_files_out_of_step(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "99_unknown.ipynb").write_text("{}")
    found = checks.course_findings(tmp_path)
    for expected in (
        "notebooks/99_unknown.ipynb: not in the catalogue",
        *(f"{kind}/04_optimizers.ipynb: missing, the catalogue says its lesson is ready" for kind in KINDS),
        "optcourse/optimizers: missing, what is taught",
        "optcourse/experiments/optimizers: missing, what the lesson measures",
        "optcourse/grading/checks/optimizers: missing, the checks of the exercises",
        "tests/grading/wrong_answers/optimizers: missing, answers to try the checks on",
    ):
        assert expected in found


def test_checks_and_catalogue_out_of_step(monkeypatch):
    rows = catalogue.exercises(SLUG)
    other = dataclasses.replace(rows[0], id="optimizers.other")
    monkeypatch.setattr(catalogue, "exercises", lambda lesson=None: (*rows[1:], other))
    found = checks.course_findings(course.root())
    assert "optimizers.other: in the catalogue, without a check" in found
    assert f"{rows[0].id}: has a check, is not in the catalogue" in found


@pytest.mark.parametrize(
    ("kind", "finding"), [("notebooks", "no section"), ("exercises", "checks []"), ("solutions", "checks []")]
)
def test_which_checks_apply_follows_from_the_folder(tmp_path, kind, finding):
    for name in (kind, "solutions"):
        (tmp_path / name).mkdir(exist_ok=True)
        nbformat.write(executed(v4.new_code_cell("x")), tmp_path / name / "04_optimizers.ipynb")
    assert finding in "".join(checks.notebook_findings(tmp_path / kind / "04_optimizers.ipynb"))
