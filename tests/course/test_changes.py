"""Which lessons CI runs again after a change."""

import dataclasses
import subprocess

import pytest

from optcourse import catalogue
from tests import changes


@pytest.fixture(autouse=True)
def three_lessons(monkeypatch):
    """Optimizers and pruning stand alone; schedules need optimizers. The rest is only planned."""
    needs = {"optimizers": (), "schedules": ("optimizers",), "pruning": ()}
    rows = tuple(
        dataclasses.replace(row, ready=row.slug in needs, needs=needs.get(row.slug, ())) for row in catalogue.lessons()
    )
    monkeypatch.setattr(catalogue, "lessons", lambda: rows)


EVERYTHING = {"optimizers", "schedules", "pruning"}


@pytest.mark.parametrize(
    ("path", "lessons"),
    [
        ("notebooks/08_pruning.ipynb", {"pruning"}),
        ("optcourse/pruning.py", {"pruning"}),
        ("optcourse/grading/checks/pruning.py", {"pruning"}),
        ("optcourse/optimizers/adam.py", {"optimizers", "schedules"}),
        ("optcourse/experiments/optimizers/memory.py", {"optimizers", "schedules"}),
        ("README.md", set()),
        ("tests/lab/test_train.py", set()),
        ("benchmarks/sweep.py", set()),
        ("optcourse/lab/train.py", EVERYTHING),
        ("optcourse/catalogue.toml", EVERYTHING),
        ("constraints.txt", EVERYTHING),
        ("tests/sanitize.cfg", EVERYTHING),
    ],
)
def test_lessons_touched_by_one_file(path, lessons):
    assert changes.lessons_touched([path]) == lessons


def test_several_files_touch_what_each_does():
    assert changes.lessons_touched([]) == set()
    assert changes.lessons_touched(["README.md", "optcourse/pruning.py", "optcourse/schedules.py"]) == {
        "pruning",
        "schedules",
    }


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Two commits, two days apart: the first adds a.txt, the second b.txt."""
    monkeypatch.chdir(tmp_path)
    for variable in ("OPTCOURSE_BASE", "OPTCOURSE_EVERYTHING"):
        monkeypatch.delenv(variable, raising=False)
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q"], check=True)
    for day, name in enumerate(["a.txt", "b.txt"]):
        (tmp_path / name).write_text(name)
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-01-0{1 + 2 * day}T00:00:00Z")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", name], check=True)
    return tmp_path


def test_changes_are_those_of_the_last_day(repository):
    assert changes.changed_files() == ["b.txt"]


def test_changes_since_a_commit_that_is_named(repository, monkeypatch):
    monkeypatch.setenv("OPTCOURSE_BASE", "HEAD")
    assert changes.changed_files() == []
    monkeypatch.setenv("OPTCOURSE_BASE", "nowhere")
    assert changes.changed_files() is None


def test_everything_before_a_release_and_where_git_cannot_tell(repository, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("OPTCOURSE_EVERYTHING", "1")
    assert changes.changed_files() is None
    monkeypatch.delenv("OPTCOURSE_EVERYTHING")
    monkeypatch.chdir(tmp_path_factory.mktemp("no-repository"))
    assert changes.changed_files() is None
