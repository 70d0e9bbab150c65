"""A class that uses nbgrader goes on with it: its commands, run for real on the exercise notebooks."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from optcourse import catalogue

pytest.importorskip("nbgrader", reason="nbgrader is not installed; it needs JupyterLab 4, which Colab has not")
pytestmark = pytest.mark.xdist_group("nbgrader")

ROOT = Path(__file__).parents[2]
LESSONS = [row for row in catalogue.lessons() if row.ready and catalogue.exercises(row.slug)]


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A course folder with one assignment a lesson: the solution as source."""
    folder = tmp_path_factory.mktemp("course")
    patient = "c.Execute.timeout = c.Execute.startup_timeout = 600"  # else a busy machine has 30 s to load torch
    settings = f'c = get_config()\nc.CourseDirectory.course_id = "optcourse"\n{patient}\n'
    (folder / "nbgrader_config.py").write_text(settings)
    for lesson in LESSONS:
        put(ROOT / "solutions" / f"{lesson.stem}.ipynb", folder / "source" / lesson.slug)
    return folder


def put(notebook: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / notebook.name).write_bytes(notebook.read_bytes())


@pytest.fixture(scope="module")
def nbgrader(course):
    """Runs nbgrader's commands in the course's folder and in a home of its own: exit status and output."""
    home = course / "home"
    home.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader calls alembic by name
    own = {"HOME": home, "JUPYTER_CONFIG_DIR": home, "JUPYTER_DATA_DIR": home, "IPYTHONDIR": home}
    own |= {"OPTCOURSE_HOME": home / "points", "PYTHONPATH": ROOT, "PATH": path, "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **{name: str(value) for name, value in own.items()}}
    command = [sys.executable, "-m", "tests.grading.nbgrader_commands"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=course, env=environment, **pipes) as process:

        def run(*arguments: str) -> tuple[int, str]:
            process.stdin.write(json.dumps(arguments) + "\n")
            process.stdin.flush()
            status, said = json.loads(process.stdout.readline())
            return status, said

        yield run
        process.stdin.close()


def answer(notebook: Path, solution: Path, ids: set[str]) -> None:
    """Fill in the answer cells of these ids."""
    answers = {cell["id"]: cell["source"] for cell in json.loads(solution.read_text(encoding="utf-8"))["cells"]}
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") in ids:
            cell["source"] = answers[cell["id"]]
    notebook.write_text(json.dumps(content), encoding="utf-8")


def sources(notebook: Path) -> dict[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_validate_generate_and_autograde(course, nbgrader, lesson):
    name = f"{lesson.stem}.ipynb"
    solution, exercise = ROOT / "solutions" / name, ROOT / "exercises" / name
    _, said = nbgrader("validate", str(course / "source" / lesson.slug / name))
    assert "Success! Your notebook passes all the tests." in said
    assert "cannot be converted to" not in said, "no card is taken for a number of points"

    status, said = nbgrader("generate_assignment", lesson.slug)
    assert status == 0, said
    released = course / "release" / lesson.slug / name
    ours = sources(exercise)
    for id, theirs in sources(released).items():  # nbgrader ends every stub with an error; ours keep given values
        assert theirs.removesuffix("\nraise NotImplementedError()") == ours[id].removesuffix(
            "\nraise NotImplementedError()"
        )

    # Every other exercise done: one run shows what nbgrader gives a right answer and what an empty one.
    done = [row for number, row in enumerate(catalogue.exercises(lesson.slug)) if number % 2 == 0]
    submitted = course / "submitted" / "learner" / lesson.slug
    put(exercise, submitted)
    answer(submitted / name, solution, {row.id.replace(".", "_") for row in done})
    status, said = nbgrader("autograde", lesson.slug)
    assert status == 0, said
    status, said = nbgrader("export")
    assert status == 0, said
    with (course / "grades.csv").open(newline="") as file:
        [marks] = [row for row in csv.DictReader(file) if row["assignment"] == lesson.slug]
    assert float(marks["score"]) == sum(row.points for row in done)
    assert float(marks["max_score"]) == sum(row.points for row in catalogue.exercises(lesson.slug))
