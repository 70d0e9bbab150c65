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
    (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "optcourse"\n')
    for lesson in LESSONS:
        put(ROOT / "solutions" / f"{lesson.stem}.ipynb", folder / "source" / lesson.slug)
    return folder


def put(notebook: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / notebook.name).write_bytes(notebook.read_bytes())


def nbgrader(course: Path, *command: str) -> subprocess.CompletedProcess:
    """Run a command in a home of its own."""
    home = course / "home"
    home.mkdir(exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader calls alembic by name
    own = {"HOME": home, "JUPYTER_CONFIG_DIR": home, "JUPYTER_DATA_DIR": home, "IPYTHONDIR": home}
    own |= {"OPTCOURSE_HOME": home / "points", "PYTHONPATH": ROOT, "PATH": path, "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **{name: str(value) for name, value in own.items()}}
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *command], cwd=course, env=environment, capture_output=True, text=True
    )


def sources(notebook: Path) -> dict[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_validate_generate_and_autograde(course, lesson):
    name = f"{lesson.stem}.ipynb"
    solution, exercise = ROOT / "solutions" / name, ROOT / "exercises" / name
    validated = nbgrader(course, "validate", str(course / "source" / lesson.slug / name))
    assert "Success! Your notebook passes all the tests." in validated.stdout
    said = validated.stdout + validated.stderr
    assert "cannot be converted to" not in said, "no card is taken for a number of points"

    generated = nbgrader(course, "generate_assignment", lesson.slug)
    assert generated.returncode == 0, generated.stderr
    released = course / "release" / lesson.slug / name
    ours = sources(exercise)
    for id, theirs in sources(released).items():  # nbgrader ends every stub with an error; ours keep given values
        assert theirs.removesuffix("\nraise NotImplementedError()") == ours[id].removesuffix(
            "\nraise NotImplementedError()"
        )

    for learner, notebook in {"all": solution, "none": exercise}.items():
        put(notebook, course / "submitted" / learner / lesson.slug)
    autograded = nbgrader(course, "autograde", lesson.slug)
    assert autograded.returncode == 0, autograded.stderr
    assert nbgrader(course, "export").returncode == 0
    with (course / "grades.csv").open(newline="") as file:
        marks = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == lesson.slug}
    most = sum(row.points for row in catalogue.exercises(lesson.slug))
    assert {learner: float(row["score"]) for learner, row in marks.items()} == {"all": most, "none": 0}
    assert {float(row["max_score"]) for row in marks.values()} == {most}
