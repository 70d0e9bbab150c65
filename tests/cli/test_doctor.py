"""`optcourse doctor`: finds what is wrong, and exits non-zero when the course cannot run."""

import importlib
import importlib.metadata
import importlib.util
import json

import pytest

import optcourse
from optcourse.cli import doctor, main
from optcourse.cli.layout import lay_out
from optcourse.grading import sandbox


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTCOURSE_HOME", str(tmp_path / "home"))


def found(capsys, *arguments) -> tuple[int, dict[str, dict]]:
    status = main(["doctor", "--json", *map(str, arguments)])
    return status, {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}


def test_a_whole_installation_is_well(course, learner, capsys):
    lay_out(learner)
    status, findings = found(capsys, learner)
    assert status == 0
    assert [name for name, finding in findings.items() if finding["status"] == "missing"] == []
    core = {"torch", "numpy", "matplotlib", "ipywidgets", "gymnasium", "python", "optcourse", "cores", "device"}
    assert core <= findings.keys()
    assert "sha256 17ed228a1cd1" in findings["data fashion_mnist"]["value"]
    assert findings["data fashion_mnist_full"]["status"] == "note"
    assert findings[f"notebooks in {learner}"]["value"] == f"of version {optcourse.__version__}"


def test_says_so_in_words(course, learner, capsys):
    assert main(["doctor", str(learner)]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("The course runs here.\n")
    assert f"-> optcourse lab {learner} --no-start" in printed


def test_a_package_that_is_not_there_or_too_old(course, monkeypatch, capsys):
    version = importlib.metadata.version

    def installed(name):
        if name == "gymnasium":
            raise importlib.metadata.PackageNotFoundError(name)
        return "2.5.1+cu121" if name == "torch" else version(name)

    monkeypatch.setattr(importlib.metadata, "version", installed)
    status, findings = found(capsys)
    assert status == 1
    assert findings["gymnasium"]["status"] == findings["torch"]["status"] == "missing"
    assert findings["torch"]["value"] == "2.5.1+cu121, older than 2.6"
    assert "pytorch.org" in findings["torch"]["fix"]
    assert 'pip install "gymnasium>=' in findings["gymnasium"]["fix"]


def test_a_runtime_that_is_not_there_is_noted(course, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find(name))
    status, findings = found(capsys)
    assert status == 0
    assert findings["onnxruntime"]["status"] == "note"
    assert "recorded numbers" in findings["onnxruntime"]["fix"]


def test_a_package_that_breaks_on_import_does_not_break_the_doctor(course, monkeypatch, capsys):
    load = importlib.import_module

    def broken(name, *rest):
        if name == "gymnasium":
            raise ImportError("libfoo.so: not found")
        return load(name, *rest)

    monkeypatch.setattr(importlib, "import_module", broken)
    status, findings = found(capsys)
    assert status == 1
    assert "libfoo.so" in findings["gymnasium"]["value"]


def test_changed_data_are_found(course, monkeypatch, capsys):
    monkeypatch.setitem(doctor.CHECKSUMS, "digits", "0" * 12)
    status, findings = found(capsys)
    assert status == 1
    assert findings["data digits"]["status"] == "missing"
    assert findings["data fashion_mnist"]["status"] == "ok"


def test_a_home_that_cannot_be_written_to(course, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OPTCOURSE_HOME", str(tmp_path / "file"))
    status, findings = found(capsys)
    assert status == 1
    assert findings["points"]["status"] == "missing"
    assert "OPTCOURSE_HOME" in findings["points"]["fix"]


class FakeServer:
    layers = ("a box", "a filter")


class FakeGrader:
    server = FakeServer()

    def __enter__(self):
        return self

    def __exit__(self, *about):
        pass


def test_the_layers_of_the_sandbox_are_named_when_asked_for(course, monkeypatch, capsys):
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.setattr(sandbox, "open_grader", FakeGrader)
    assert "grading" not in found(capsys)[1]
    status, findings = found(capsys, "--grading")
    assert (status, findings["grading"]["status"]) == (0, "ok")
    assert findings["grading"]["value"] == "a box, a filter"


def test_a_machine_without_a_sandbox_still_runs_the_course(course, monkeypatch, capsys):
    def refused():
        raise sandbox.NoIsolationError("bwrap is not installed")

    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.setattr(sandbox, "open_grader", refused)
    status, findings = found(capsys, "--grading")
    assert (status, findings["grading"]["status"]) == (0, "note")
    assert findings["grading"]["fix"] == "bwrap is not installed"


def test_notebooks_of_another_version_are_noted(course, learner, monkeypatch, capsys):
    lay_out(learner)
    monkeypatch.setattr(optcourse, "__version__", "9.9.9")
    status, findings = found(capsys, learner)
    assert status == 0
    assert findings[f"notebooks in {learner}"]["status"] == "note"


@pytest.mark.parametrize(("text", "release"), [("2.13.0+cpu", (2, 13, 0)), ("2.15.0.dev2026", (2, 15, 0)), ("3", (3,))])
def test_releases_compare_by_their_numbers(text, release):
    assert doctor._release(text) == release
