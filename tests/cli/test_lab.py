"""`optcourse lab`: what it says, and the command that starts JupyterLab."""

import os
import sys
import webbrowser

import pytest

from optcourse.cli import lab, main
from optcourse.cli.layout import lay_out


def test_lays_out_and_says_where(course, learner, capsys):
    assert main(["lab", str(learner), "--no-start"]) == 0
    assert f"3 files written to {learner}" in capsys.readouterr().out
    assert main(["lab", str(learner), "--no-start"]) == 0
    assert "is up to date" in capsys.readouterr().out


def test_says_that_a_newer_lesson_is_beside(course, learner, capsys):
    lay_out(learner)
    (learner / "notebooks" / "04_optimizers.ipynb").write_text("mine")
    path = course / "notebooks" / "04_optimizers.ipynb"
    path.write_bytes(path.read_bytes() + b"\n")
    main(["lab", str(learner), "--no-start"])
    assert "is yours and stays; the newer one is beside it: notebooks/04_optimizers.new-" in capsys.readouterr().out


def test_starts_on_the_start_page_and_passes_arguments_on(course, learner, monkeypatch):
    calls = []
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "theirs")
    monkeypatch.setattr(lab.subprocess, "call", lambda command, env: calls.append((command, env)) or 7)
    monkeypatch.setattr(lab, "has_browser", lambda: True)
    assert main(["lab", str(learner), "--", "--port=9999"]) == 7
    ((command, environment),) = calls
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert "--LabApp.default_url=/lab/tree/start.ipynb" in command
    assert f"--ServerApp.root_dir={learner}" in command
    assert command[-1] == "--port=9999"
    assert "--no-browser" not in command
    assert environment["JUPYTER_PREFER_ENV_PATH"] == "1"
    assert environment["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(learner / ".optcourse" / "jupyter"), "theirs"]


def test_without_a_browser_the_address_is_printed(course, learner, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(lab.subprocess, "call", lambda command, env: calls.append(command) or 0)
    monkeypatch.setattr(lab.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert main(["lab", str(learner)]) == 0
    assert "--no-browser" in calls[0]
    assert "There is no browser here" in capsys.readouterr().out


def test_a_browser_that_cannot_be_found_is_none(monkeypatch):
    def none_found():
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(lab.webbrowser, "get", none_found)
    assert not lab.has_browser()


def test_without_jupyterlab_says_how_to_get_it(course, learner, monkeypatch, capsys):
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    assert main(["lab", str(learner)]) == 1
    assert 'pip install "jupyterlab' in capsys.readouterr().err
    assert (learner / "start.ipynb").exists(), "laid out all the same, for another program"


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["lab", "--reset", "optimizers.adma"], 1, "did you mean 'optimizers.adam'"),
        (["report", "--", "x"], 2, "takes arguments after --"),
        (["lba"], 2, "invalid choice"),
        ([], 2, "required"),
    ],
)
def test_errors_say_what_to_do_and_have_their_exit_status(arguments, status, reason, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        found = main(arguments)
    except SystemExit as leaving:
        found = leaving.code
    assert found == status
    assert reason in capsys.readouterr().err
