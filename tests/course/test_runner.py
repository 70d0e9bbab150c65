"""`python -m tests`: every stage runs, a failure shows in the exit status, a skip says why."""

import pytest

from optcourse.authoring import course
from tests import __main__ as runner
from tests import notebook_plugin
from tests.__main__ import Outcome, Runner


def test_every_stage_runs_even_after_a_failure(capsys):
    stages = {
        "first": lambda _: Outcome("failed"),
        "second": lambda _: Outcome("skipped", "no such thing here"),
        "third": lambda _: Outcome("passed"),
    }
    assert runner.run(stages, changed_only=False) == 1
    printed = capsys.readouterr().out
    for line in ("failed   first", "skipped  second", "passed   third", "no such thing here"):
        assert line in printed
    assert printed.endswith("stages: 1 passed, 1 failed, 1 skipped\n")


def test_skips_alone_are_no_failure():
    assert runner.run({"one": lambda _: Outcome("skipped", "reason"), "two": lambda _: Outcome("passed")}, False) == 0


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """What a runner would have called, and the runner."""
    made = Runner(tmp_path, changed_only=False)
    made.calls = []
    monkeypatch.setattr(
        made, "call", lambda *command, environment=None: made.calls.append(command) or Outcome("passed")
    )
    return made


def test_without_a_chromium_the_browser_test_is_skipped_with_a_reason_and_fails_in_ci(calls, monkeypatch):
    monkeypatch.setattr(runner.shutil, "which", lambda name: None)
    monkeypatch.delenv("CI", raising=False)
    assert calls.browser() == Outcome("skipped", "no Chromium found; on Debian: apt install chromium")
    monkeypatch.setenv("CI", "true")
    assert calls.browser().word == "failed"
    monkeypatch.setattr(runner.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert calls.browser().word == "passed"
    assert len(calls.calls) == 1


def test_notebooks_of_lessons_that_did_not_change_are_left_out(calls, monkeypatch):
    monkeypatch.setattr(runner.Path, "exists", lambda path: True)
    every = [path.as_posix() for path in course.expected_notebooks()]
    assert calls.notebooks() == every
    calls.changed_only = True
    for files, expected in [(["README.md"], []), (["optcourse/lab/train.py"], every), (None, every)]:
        monkeypatch.setattr(runner, "changed_files", lambda files=files: files)
        assert calls.notebooks() == expected
    monkeypatch.setattr(runner, "changed_files", list)
    assert calls.nbval() == Outcome("skipped", "no lesson changed")


def test_a_command_that_fails_fails_its_stage(tmp_path):
    made = Runner(tmp_path, changed_only=False)
    assert made.call("-c", "pass") == Outcome("passed")
    assert made.call("-c", "raise SystemExit(3)") == Outcome("failed")


def test_tests_never_see_the_points_of_whoever_runs_them(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTCOURSE_HOME", "mine")
    assert Runner(tmp_path, changed_only=False).environment["OPTCOURSE_HOME"].startswith(str(tmp_path))


class Terminal:
    """Collects what the plugin prints."""

    def __init__(self):
        self.lines = []

    def section(self, title):
        self.lines.append(title)

    write_line = section


def test_the_time_of_each_notebook_is_printed_with_its_budget(monkeypatch):
    monkeypatch.setattr(notebook_plugin, "_seconds", {"notebooks/04_a.ipynb": 60.0, "exercises/04_a.ipynb": 5.0})
    terminal = Terminal()
    notebook_plugin.pytest_terminal_summary(terminal)
    assert terminal.lines[1:] == [
        "    5.0 s  exercises/04_a.ipynb",
        "   60.0 s  notebooks/04_a.ipynb   above its budget of 45 s",
    ]
