"""The wheel, built once, works away from the checkout: data, catalogue, checks, lessons and exercises are in it."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import optcourse
from optcourse import catalogue
from optcourse.authoring import course

pytestmark = pytest.mark.xdist_group("wheel")  # one worker builds it, once
READY = [lesson for lesson in catalogue.lessons() if lesson.ready]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from the checkout, with the build backend of this environment: no network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(course.root())]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs Python on the installed wheel, in an empty folder, with this environment's other packages."""
    target, away = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("away")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True)
    environment = os.environ | {"PYTHONPATH": str(target), "OPTCOURSE_HOME": str(away / "home"), "OMP_NUM_THREADS": "1"}

    def python(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=away, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    python.target, python.away = target, away
    return python


def test_holds_what_a_learner_needs_and_no_solution(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        notebooks = [archive.read(name).decode() for name in names if name.endswith(".ipynb")]
    for lesson in READY:
        assert f"optcourse/course/notebooks/{lesson.stem}.ipynb" in names
        if catalogue.exercises(lesson.slug):
            assert f"optcourse/course/exercises/{lesson.stem}.ipynb" in names
    assert {"optcourse/py.typed", "optcourse/catalogue.toml"} <= names
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {"LICENSE", "LICENSE-TEXT", "NOTICE"}
    assert [name for name in names if name.startswith(("tests", "tools", "benchmarks")) or "solution" in name] == []
    assert not any("BEGIN SOLUTION" in content for content in notebooks)
    assert wheel.stat().st_size < 12e6


def test_imports_loads_data_and_checks_an_answer(installed):
    program = """
import optcourse, optcourse.lab.data as data, optcourse.optimizers as optimizers
from optcourse import grading
print(optcourse.__file__)
print([len(data.load(name, device="cpu").x_train) for name in ("fashion_mnist", "digits", "mnist1d")])
print(len(data.load_texts().texts_train))
print(grading.check("optimizers.adam", optimizers.Adam).passed, grading.check("optimizers.adam", None).passed)
"""
    file, sizes, texts, verdicts = installed("-c", program).splitlines()[:4]
    assert Path(file).is_relative_to(installed.target)
    assert (sizes, texts, verdicts) == ("[10000, 1437, 4000]", "8070", "True False")


def test_doctor_finds_the_course_whole(installed):
    report = json.loads(installed("-m", "optcourse.cli", "doctor", "--json"))
    assert report["runs"]
    assert optcourse.__version__ in next(f["value"] for f in report["findings"] if f["name"] == "optcourse")


def test_every_exercise_has_its_check_and_cases(installed):
    program = """
from optcourse import catalogue
from optcourse.grading.checks import find
print([(exercise.id, len(find(exercise.id).cases(0)) > 0) for exercise in catalogue.exercises()])
"""
    expected = [(exercise.id, True) for exercise in catalogue.exercises()]
    assert installed("-c", program).strip() == str(expected)


def test_lays_the_notebooks_out_and_runs_an_exercise_notebook(installed):
    installed("-m", "optcourse.cli", "lab", "here", "--no-start")
    for lesson in READY:
        assert (installed.away / "here" / "notebooks" / f"{lesson.stem}.ipynb").exists()
        assert (installed.away / "here" / "exercises" / f"{lesson.stem}.ipynb").exists()
    # One will do: what others need beside it, the test above looks for.
    laid_out = installed.away / "here" / "exercises" / f"{READY[0].stem}.ipynb"
    installed("-m", "optcourse.authoring", "execute", str(laid_out))
