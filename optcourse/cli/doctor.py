"""`optcourse doctor`: what is there, what is missing, how to get it; exit status 1 when the course cannot run."""

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import optcourse
from optcourse.cli.layout import MANIFEST
from optcourse.cli.shipped import is_checkout, shipped_files

# What each data set shipped must hash to, as `Data.checksum`: the numbers of the course come from these bytes.
CHECKSUMS = {
    "fashion_mnist": "17ed228a1cd1",
    "digits": "9f2c07fb5632",
    "mnist1d": "6a028fa928f8",
    "movie_snippets": "dab3001011bd",
}
RUNTIMES = (
    "to measure int8 in a real runtime, else lesson quantization shows recorded numbers: "
    "python -m pip install onnx onnxruntime onnxscript"
)
OPTIONAL = {
    "jupyterlab": 'to open the notebooks: python -m pip install "jupyterlab>=4.2"',
    "ipykernel": "to run the notebooks: python -m pip install ipykernel",
    **dict.fromkeys(("onnx", "onnxruntime", "onnxscript"), RUNTIMES),
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        status: `ok`; `note` when the course runs all the same; `missing` when it does not.
        fix: what to do about it; empty when there is nothing to do.
    """

    name: str
    status: str
    value: str
    fix: str = ""


def run(options: argparse.Namespace, _passed_on: list[str]) -> int:
    """Carry out the command; the exit status."""
    findings = examine(options.folder)
    if options.grading:
        findings.append(_grading())
    broken = [finding for finding in findings if finding.status == "missing"]
    if options.json:
        print(json.dumps({"runs": not broken, "findings": [asdict(finding) for finding in findings]}, indent=1))
        return int(bool(broken))
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        print(f"{finding.status:<8}{finding.name:<{width}}  {finding.value}")
        if finding.fix:
            print(f"{'':<8}{'':<{width}}  -> {finding.fix}")
    print("The course cannot run here; see the lines that begin with: missing" if broken else "The course runs here.")
    return int(bool(broken))


def examine(folder: Path) -> list[Finding]:
    """Look at everything; nothing that fails stops the rest."""
    findings = [_python(), Finding("optcourse", "ok", f"{optcourse.__version__} in {Path(optcourse.__file__).parent}")]
    findings += list(_packages())
    for part in (_machine, _data, _home, _checks):
        try:
            findings += list(part())
        except Exception as error:  # a doctor must outlive any illness, and name it
            fix = "mend the lines above first, or install the course anew: python -m pip install --force-reinstall"
            findings.append(Finding(part.__name__.strip("_"), "missing", f"{type(error).__name__}: {error}", fix))
    return findings + list(_notebooks(folder))


def _python() -> Finding:
    value = f"{platform.python_version()} in {sys.prefix}, {platform.platform()}"
    return Finding("python", "ok", value)


def _packages() -> Iterator[Finding]:
    """The core dependencies, as the package's own metadata asks for them, and what notebooks need besides."""
    for need in importlib.metadata.requires("optcourse") or []:
        if match := re.fullmatch(r"([\w.-]+)>=([\d.]+)", need):
            yield _package(match[1], match[2])
    for name, fix in OPTIONAL.items():
        there = importlib.util.find_spec(name) is not None
        yield (
            Finding(name, "ok", importlib.metadata.version(name)) if there else Finding(name, "note", "not there", fix)
        )


def _package(name: str, oldest: str) -> Finding:
    get = f'python -m pip install "{name}>={oldest}"'
    if name == "torch":
        get += ", or the command that the selector on pytorch.org gives"
    try:
        version = importlib.metadata.version(name)
        importlib.import_module(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", "not installed", get)
    except Exception as error:
        return Finding(name, "missing", f"{version} cannot be imported: {error}", f"{get} --force-reinstall")
    if _release(version) < _release(oldest):
        return Finding(name, "missing", f"{version}, older than {oldest}", get)
    return Finding(name, "ok", version)


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[^\d.]", version)[0]))


def _machine() -> Iterator[Finding]:
    from optcourse.lab import device

    facts = device.describe_machine()
    yield Finding("device", "ok", f"{facts['device']} ({facts['device_name']})")
    yield Finding("cores", "ok", f"{facts['cores']} to use; torch takes {facts['threads']} threads, a lesson one")
    if facts["colab"]:
        yield Finding("colab", "note", "points and files vanish with the runtime", "download what you want to keep")


def _data() -> Iterator[Finding]:
    from optcourse.lab import data

    for name, checksum in CHECKSUMS.items():
        loaded = data.load_texts(name) if name in data.TEXTS else data.load(name, device="cpu")
        if loaded.checksum == checksum:
            yield Finding(f"data {name}", "ok", loaded.description)
        else:
            value = f"sha256 begins with {loaded.checksum}, must begin with {checksum}"
            yield Finding(f"data {name}", "missing", value, "the file was changed: install the course anew")
    name = "fashion_mnist_full"
    try:
        yield Finding(f"data {name}", "ok", data.load(name, device="cpu").description)
    except FileNotFoundError:
        fix = f'no lesson needs it; to get it: optcourse.lab.data.load("{name}", download=True)'
        yield Finding(f"data {name}", "note", "not downloaded", fix)


def _home() -> Iterator[Finding]:
    from optcourse.lab.device import home

    try:
        folder = home()
        draft = folder / ".doctor"
        draft.write_text("", encoding="utf-8")
        draft.unlink()
    except OSError as error:
        yield Finding("points", "missing", str(error), "set OPTCOURSE_HOME to a folder that you can write to")
        return
    yield Finding("points", "ok", f"kept in {folder}")


def _checks() -> Iterator[Finding]:
    from optcourse import catalogue

    ready = [lesson for lesson in catalogue.lessons() if lesson.ready]
    for lesson in ready:
        if exercises := catalogue.exercises(lesson.slug):
            importlib.import_module(f"optcourse.grading.checks.{lesson.slug}")
            yield Finding(f"checks {lesson.slug}", "ok", f"{len(exercises)} exercises")


def _grading() -> Finding:
    """Whether a class can be graded on this machine; the sandbox is started and tried from inside."""
    if sys.platform != "linux":
        return Finding("grading", "note", "no sandbox, which takes Linux", "use a container, or WSL on Windows")
    from optcourse.grading.sandbox import NoIsolationError, open_grader

    try:
        with open_grader() as grader:
            return Finding("grading", "ok", ", ".join(grader.server.layers))
    except NoIsolationError as error:
        return Finding("grading", "note", "no sandbox holds", str(error))


def _notebooks(folder: Path) -> Iterator[Finding]:
    try:
        count = len(shipped_files())
    except OSError as error:
        yield Finding("notebooks", "missing", str(error))
        return
    yield Finding("notebooks", "ok" if count else "missing", f"{count} come with the package")
    if is_checkout(folder):
        return
    name, lay_out = f"notebooks in {folder}", f"optcourse lab {folder} --no-start"
    try:
        version = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        yield Finding(name, "note", "not laid out", lay_out)
        return
    if version == optcourse.__version__:
        yield Finding(name, "ok", f"of version {version}")
    else:
        yield Finding(name, "note", f"of version {version}, the package is {optcourse.__version__}", lay_out)
