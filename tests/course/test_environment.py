"""tools/environment.py: when an environment counts as ready, and that a torch which is there stays."""

import ast
import importlib.metadata
import importlib.util
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from optcourse.authoring import course

TOOL = course.root() / "tools" / "environment.py"


@pytest.fixture(scope="module")
def environment():
    spec = importlib.util.spec_from_file_location("environment", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def constraints(tmp_path):
    path = tmp_path / "constraints.txt"
    path.write_text("numpy==2.4.6\nsympy==1.14.0\ntorch==2.13.0\n")
    return path


@pytest.fixture
def installs(environment, monkeypatch, tmp_path):
    """Stands in for venv and pip: records what would have been installed, and makes the Python there has to be."""
    calls = []

    def create(venv):
        python = environment.python_of(venv)
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    monkeypatch.setattr(environment, "create", create)
    monkeypatch.setattr(environment, "install", lambda venv, constraints, extras: calls.append(extras))
    return calls


def test_a_second_call_installs_nothing(environment, installs, constraints, tmp_path):
    for _ in range(2):
        environment.ensure(tmp_path / "venv", constraints, ["lab"])
    assert installs == [["lab"]]


def test_further_extras_and_changed_constraints_are_installed_and_none_is_dropped(
    environment, installs, constraints, tmp_path
):
    venv = tmp_path / "venv"
    environment.ensure(venv, constraints, ["test", "lab"])
    environment.ensure(venv, constraints, ["lab"])
    assert installs == [["lab", "test"]]
    constraints.write_text("numpy==2.4.7\n")
    environment.ensure(venv, constraints, ["lab"])
    assert installs[1:] == [["lab", "test"]]


def test_an_interrupted_install_is_taken_up_again(environment, installs, constraints, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    venv = tmp_path / "venv"
    environment.ensure(venv, constraints, [])
    with monkeypatch.context() as patch:
        patch.setattr(environment, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            environment.ensure(venv, constraints, ["lab"])
    environment.ensure(venv, constraints, [])
    assert len(installs) == 2


@pytest.mark.parametrize("stamp", ["", "{", "[]", '{"key": 3}'])
def test_a_stamp_that_cannot_be_read_counts_as_none(environment, installs, constraints, tmp_path, stamp):
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / environment.STAMP).write_text(stamp)
    environment.ensure(tmp_path / "venv", constraints, [])
    assert len(installs) == 1


@pytest.fixture
def pip(environment, monkeypatch, tmp_path):
    """Stands in for the pip that an install starts; holds its command lines and the constraints they named."""
    commands = []

    def call(command, **_):
        pins = command[command.index("-c") + 1]
        commands.append((command, Path(pins).read_text().split()))
        return pip.status

    pip = type("Pip", (), {"commands": commands, "status": 0})
    monkeypatch.setattr(environment.subprocess, "call", call)
    return pip


def test_the_locked_torch_is_installed_where_there_is_none(environment, pip, constraints, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "kept_torch", lambda python: None)
    environment.install(tmp_path, constraints, ["lab"])
    ((command, pins),) = pip.commands
    assert pins == ["numpy==2.4.6", "sympy==1.14.0", "torch==2.13.0"]
    assert command[-1].endswith("[lab]")


@pytest.mark.parametrize("version", ["2.6.0+cu124", "2.15.0.dev20261101"])
def test_another_torch_stays_with_what_it_requires(environment, pip, constraints, tmp_path, monkeypatch, version):
    monkeypatch.setattr(environment, "kept_torch", lambda python: (version, ["sympy", "typing_extensions"]))
    environment.install(tmp_path, constraints, [])
    ((_, pins),) = pip.commands
    assert pins == ["numpy==2.4.6", f"torch=={version}"]


def test_another_build_of_the_locked_torch_stays(environment, pip, constraints, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "kept_torch", lambda python: ("2.13.0+cu130", ["sympy"]))
    environment.install(tmp_path, constraints, [])
    ((_, pins),) = pip.commands
    assert pins == ["numpy==2.4.6", "sympy==1.14.0", "torch==2.13.0+cu130"]


def test_the_torch_of_an_environment_is_seen(environment):
    version, needs = environment.kept_torch(sys.executable)
    assert version.startswith("2.")
    assert "sympy" in needs


def test_without_a_network_the_message_says_what_to_do(environment, pip, constraints, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "kept_torch", lambda python: None)
    pip.status = 1
    with pytest.raises(environment.UnusableError, match="Without a network nothing can be installed"):
        environment.install(tmp_path, constraints, [])


def test_an_old_python_is_refused_with_a_newer_one_named(environment, monkeypatch):
    monkeypatch.setattr(environment.shutil, "which", lambda name: name if name == "python3.12" else None)
    with pytest.raises(environment.UnusableError, match=r"needs Python 3\.11 or newer.*make PYTHON=python3\.12"):
        environment.check_python((3, 10, 4))
    environment.check_python((3, 11, 0))


def test_the_tools_can_be_read_by_an_old_python_to_say_so():
    for path in TOOL.parent.glob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 7))


def test_a_python_that_cannot_make_environments_says_how_to_get_one(environment, monkeypatch, tmp_path):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(environment.UnusableError, match="apt install python3-venv"):
        environment.create(tmp_path / "venv")


def test_an_environment_that_exists_is_used_and_gets_the_pip_it_lacks(environment, monkeypatch, tmp_path):
    python = environment.python_of(tmp_path)
    python.parent.mkdir(parents=True)
    python.touch()
    commands = []
    monkeypatch.setattr(
        environment.subprocess, "call", lambda command, **_: commands.append(command[1:]) or "pip" in command
    )
    environment.create(tmp_path)
    assert commands[-1] == ["-m", "ensurepip", "--upgrade"]
    assert not any("venv" in command for command in commands)


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-colab.txt"])
def test_locked_releases_run_on_every_python_that_the_course_admits(name):
    """A release that asks for Python 3.11.5 would lock out Debian 12, whose Python is 3.11.2."""
    pins = [line.split("==") for line in (TOOL.parents[1] / name).read_text().splitlines() if "==" in line]
    there = {dist.name.lower().replace("_", "-"): dist for dist in importlib.metadata.distributions()}
    refused = []
    for package, version in pins:
        dist = there.get(package.lower().replace("_", "-"))
        asked = dist.metadata.get("Requires-Python") if dist and dist.version.partition("+")[0] == version else None
        if asked and "3.11.0" not in SpecifierSet(asked):
            refused.append(f"{package} {version} needs Python {asked}")
    assert refused == []
    assert not [line for line in pins if "/" in "".join(line)]
