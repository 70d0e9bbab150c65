"""Make the course's virtual environment, or find it as it should be. Standard library only; Linux, macOS, Windows.

    python tools/environment.py [--venv DIR] [--constraints FILE] [--extras lab,test]

prints the environment's Python. A warm call costs a fraction of a second: a stamp in the environment says what was
installed. A torch that is already there stays, whatever its version and build; an install that was interrupted is
taken up again. DIR may also be an environment that exists, conda's included.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
STAMP = "optcourse-stamp.json"
# Asks the environment for its torch and for what that torch requires; prints nothing when there is none.
ASK_TORCH = """
import importlib.metadata as metadata, json, re
try:
    needs = [re.match(r"[\\w.-]+", need)[0] for need in metadata.requires("torch") or []]
    print(json.dumps([metadata.version("torch"), needs]))
except metadata.PackageNotFoundError:
    pass
"""


class UnusableError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def check_python(version=sys.version_info):
    """Raise UnusableError when this Python is too old for the course, naming a newer one where it finds one."""
    if tuple(version[:2]) >= OLDEST:
        return
    names = ["python3.%d" % minor for minor in range(20, 10, -1)]  # noqa: UP031 - runs on the old Python, too
    found = [name for name in names if shutil.which(name)]
    hint = "run: make PYTHON=" + found[0] if found else "install a newer one, then run: make PYTHON=its-name"
    raise UnusableError(
        "The course needs Python {}.{} or newer, and this is {}.{} ({}); {} ...".format(
            *OLDEST, version[0], version[1], sys.executable, hint
        )
    )


def python_of(venv):
    """Path of the environment's Python: a virtual environment's, or conda's on Windows."""
    if os.name != "nt":
        return venv / "bin" / "python"
    scripts = venv / "Scripts" / "python.exe"
    return scripts if scripts.exists() or not (venv / "python.exe").exists() else venv / "python.exe"


def wanted(constraints, extras):
    """What a finished environment's stamp must hold: a hash of all that decides on the install, and the extras."""
    parts = [str(ROOT).encode(), (ROOT / "pyproject.toml").read_bytes(), constraints.read_bytes()]
    return {"key": hashlib.sha256(b"\0".join(parts)).hexdigest(), "extras": sorted(extras)}


def read_stamp(venv):
    """The stamp, or an empty one when there is none or it cannot be read."""
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        return stamp if isinstance(stamp, dict) else {}
    except (OSError, ValueError):
        return {}


def is_ready(venv, wish):
    """True when the stamp says that all wished for is installed."""
    stamp = read_stamp(venv)
    extras = set(stamp.get("extras", []))
    return python_of(venv).exists() and stamp.get("key") == wish["key"] and extras.issuperset(wish["extras"])


def create(venv):
    """Make the virtual environment where there is none; give it pip where it has none."""
    python = python_of(venv)
    if not python.exists():
        if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
            raise UnusableError(
                "This Python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv; "
                "else use another Python with make PYTHON=..., or an environment you have with make VENV=..."
            )
        say(f"making {venv} with Python {sys.version.split()[0]}")
        if subprocess.call([sys.executable, "-m", "venv", str(venv)]) != 0:
            raise UnusableError(f"{venv} could not be made, see above; delete it if it is half made, and try again")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    version = subprocess.call([str(python), "-c", f"import sys; sys.exit(sys.version_info < {OLDEST})"], **quiet)
    if version != 0:
        raise UnusableError(f"{python} does not start or is older than Python 3.11; delete {venv} and run this again")
    if subprocess.call([str(python), "-m", "pip", "--version"], **quiet) != 0:
        say(f"giving {venv} its pip")
        if subprocess.call([str(python), "-m", "ensurepip", "--upgrade"], **quiet) != 0:
            raise UnusableError(f"{venv} has no pip and cannot get one; delete it and run this again")


def kept_torch(python):
    """Version and requirements' names of the torch in the environment; None when there is none."""
    answer = subprocess.run([str(python), "-c", ASK_TORCH], stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(answer) if answer.strip() else None


def keep_torch(lines, torch):
    """The constraint lines with torch pinned to the one that is there, and what it requires left to it."""
    version, needs = torch
    freed = {name.lower().replace("_", "-") for name in needs} | {"torch"}
    kept = [line for line in lines if line.partition("==")[0].strip().lower().replace("_", "-") not in freed]
    return [*kept, f"torch=={version}"]


def install(venv, constraints, extras):
    """Install the course, editable, with these extras, from the constraints."""
    python = python_of(venv)
    torch = kept_torch(python)
    lines = constraints.read_text(encoding="utf-8").splitlines()
    if torch is None:
        say("installing; torch is not there yet and is the large part: the README says how large and how to choose it")
    elif f"torch=={torch[0].partition('+')[0]}" not in lines:
        say(f"keeping torch {torch[0]}, which is there; the course was tested with the one in {constraints.name}")
        lines = keep_torch(lines, torch)
    else:
        lines = [line if not line.startswith("torch==") else f"torch=={torch[0]}" for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder, "constraints.txt")
        pins.write_text("\n".join(lines) + "\n", encoding="utf-8")
        target = str(ROOT) + (f"[{','.join(extras)}]" if extras else "")
        command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-c", str(pins), "-e", target]
        if torch is not None:
            command.append("--quiet")
        if subprocess.call(command) != 0:
            raise UnusableError(
                "pip could not finish; its reason stands above. Without a network nothing can be installed: if that is "
                "it, connect (behind a proxy, set HTTPS_PROXY) and run the same command again."
            )


def ensure(venv, constraints, extras):
    """Make the environment as wished, unless its stamp says that it is; return its Python.

    Raises:
        UnusableError: with what to do about it.
    """
    check_python()
    wish = wanted(constraints, extras)
    if is_ready(venv, wish):
        return python_of(venv)
    wish["extras"] = sorted({*wish["extras"], *read_stamp(venv).get("extras", [])})
    create(venv)
    (venv / STAMP).unlink(missing_ok=True)  # an interruption from here on leaves no stamp, so that it is redone
    install(venv, constraints, wish["extras"])
    draft = venv / (STAMP + ".new")
    draft.write_text(json.dumps(wish), encoding="utf-8")
    draft.replace(venv / STAMP)
    return python_of(venv)


def say(text):
    """One line to the terminal, on stderr so that stdout holds results alone."""
    print(f"optcourse: {text}", file=sys.stderr, flush=True)


def main():
    """The command line; exit status 0, or 1 with the reason."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--constraints", type=Path, default=ROOT / "constraints.txt")
    parser.add_argument("--extras", default="lab", help="comma-separated extras of pyproject.toml; default: lab")
    options = parser.parse_args()
    try:
        print(ensure(options.venv, options.constraints, [name for name in options.extras.split(",") if name]))
    except UnusableError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
