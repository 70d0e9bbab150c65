"""Where submissions run: the ways to a box that nothing gets out of, and what is to be seen in it."""

import json
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

import optcourse
from optcourse.grading.sandbox.inside import NAMESPACES, PLAIN

BUBBLEWRAP, OWN_NAMESPACES, NONE = "bubblewrap", "namespaces", "none"
WAYS = (BUBBLEWRAP, OWN_NAMESPACES)

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/etc/ld.so.cache", "/etc/alternatives")
_LIBRARY = "/box"
_SCRATCH = "/tmp"  # the one place that can be written to; what is shown below it is mounted on top
# Of optcourse, these are never in the box: they hold answers, or the way to them.
_WITHHELD = {"grading", "experiments", "authoring", "cli", "course"}
_CHILD_SIDE = ("candidate.py", "limits.py", "unattended.py", "values.py", "sandbox/inside")
# The server must not load the checks, which `optcourse.grading` would: these packages are made without their __init__.
_START = """
import sys, types
root = sys.argv.pop(1)
sys.path.insert(0, root)
for name in ("optcourse.grading", "optcourse.grading.sandbox"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [root + "/" + name.replace(".", "/")]
from optcourse.grading.sandbox.inside.MODULE import main
main(*sys.argv[1:])
"""
_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL")
_ENVIRONMENT = {
    **{"HOME": "/tmp", "TMPDIR": "/tmp", "MPLCONFIGDIR": "/tmp", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    **{"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
}


class NoIsolationError(RuntimeError):
    """There is no box on this machine that holds."""


@dataclass(frozen=True)
class Start:
    """How the import server is started.

    Attributes:
        command: to be executed; the descriptor of its socket is the last argument but one.
        mode: what each child does on its own account.
        user: number that children become, None where they stay who they are.
    """

    command: list[str]
    environment: dict[str, str]
    mode: str
    user: int | None


def start(way: str, descriptor: int, slot: int) -> Start:
    """The start in one of `WAYS`, or in `NONE`.

    Raises:
        NoIsolationError: if this machine lacks what that way needs.
    """
    if way == NONE:
        if not hasattr(os, "fork"):
            raise NoIsolationError("grading needs fork(); use Linux, or WSL on Windows")
        root = str(Path(optcourse.__file__).parents[1])
        command = [sys.executable, *_python("server", root), str(descriptor), PLAIN]
        return Start(command, {**_ENVIRONMENT, "PATH": os.environ.get("PATH", "")}, PLAIN, None)
    if platform.system() != "Linux":
        raise NoIsolationError(f"{way}: needs Linux, this is {platform.system()}")
    server = [sys.executable, *_python("server", _LIBRARY), str(descriptor), NAMESPACES]
    # Unused, and another one for each process that grades: a limit on processes counts those of one user.
    user = 1_000_000_000 + os.getpid() * 128 + slot % 128 if os.getuid() == 0 else None
    if way == BUBBLEWRAP:
        program = shutil.which("bwrap")
        if program is None:
            raise NoIsolationError("bubblewrap: the program bwrap is not installed")
        return Start([program, *_bubblewrap_options(), *server], {}, NAMESPACES, user)
    plan = json.dumps({"entries": _entries(), "command": server, "environment": _ENVIRONMENT})
    root = str(Path(optcourse.__file__).parents[1])
    return Start([sys.executable, *_python("launcher", root), plan], _ENVIRONMENT, NAMESPACES, user)


def _python(module: str, root: str) -> list[str]:
    return ["-I", "-B", "-c", _START.replace("MODULE", module), root]


def _entries() -> list[tuple[str, str, str]]:
    """What is seen in the box: (ro, from, to), (tmpfs, "", at) for an empty folder, (link, to, at)."""
    entries = []
    for name in _SYSTEM:
        if Path(name).is_symlink():
            entries.append(("link", str(Path(name).readlink()), name))
        elif Path(name).exists():
            entries.append(("ro", name, name))
    homes = [sys.prefix, sys.base_prefix, sys.exec_prefix, sysconfig.get_paths()["stdlib"]]
    homes += [str(Path(module.__file__).parents[1]) for module in (torch, np)]  # type: ignore[arg-type]
    seen = [name for kind, _, name in entries if kind == "ro"]
    for home in sorted({os.path.realpath(home) for home in homes} | set(homes), key=len):
        if not any(Path(home).is_relative_to(other) for other in seen):
            entries.append(("ro", home, home))
            seen.append(home)
    package = Path(optcourse.__file__).parent
    if any(package.is_relative_to(home) for home in seen):
        entries.append(("tmpfs", "", str(package)))
    return entries + _library(package)


@cache
def kept_in_scratch() -> tuple[str, ...]:
    """What is to be seen below the folder that each child has of its own: a Python that lives there."""
    return tuple(at for kind, _, at in _entries() if kind == "ro" and Path(at).is_relative_to(_SCRATCH))


def _library(package: Path) -> list[tuple[str, str, str]]:
    """optcourse as an answer may use it."""
    names = [path.name for path in package.iterdir() if path.name not in _WITHHELD and not path.name.startswith("_")]
    names += ["__init__.py", *(f"grading/{name}" for name in _CHILD_SIDE)]
    return [("ro", str(package / name), f"{_LIBRARY}/optcourse/{name}") for name in sorted(names)]


def _bubblewrap_options() -> list[str]:
    options = ["--die-with-parent", "--new-session", "--clearenv"]
    for name, value in _ENVIRONMENT.items():
        options += ["--setenv", name, value]
    options += ["--tmpfs", _SCRATCH]
    folders: set[str] = {_SCRATCH}
    for kind, source, target in _entries():
        for folder in reversed(Path(target).parents):  # those that bubblewrap makes by itself only root may enter
            if str(folder) not in folders and folder != Path("/"):
                folders.add(str(folder))
                options += ["--dir", str(folder)]
        match kind:
            case "ro":
                options += ["--ro-bind", source, target]
            case "link":
                options += ["--symlink", source, target]
            case "tmpfs":
                options += ["--tmpfs", target, "--remount-ro", target]
    options += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--remount-ro", "/"]
    options += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--chdir", "/"]
    if os.getuid() != 0:
        return [*options, "--unshare-user"]
    for capability in _CAPABILITIES:
        options += ["--cap-add", capability]
    return options


def refusal(tried: Sequence[str]) -> NoIsolationError:
    """The error that names the rule, what was tried and what helps."""
    lines = "\n".join(f"  - {line}" for line in tried)
    return NoIsolationError(
        "submissions are run only where they can reach nothing, and no way to that works here.\n"
        f"Tried:\n{lines}\n"
        "Install bubblewrap (`apt install bubblewrap`), or let ordinary users make user namespaces "
        "(`sysctl user.max_user_namespaces=10000`; on Ubuntu `kernel.apparmor_restrict_unprivileged_userns=0`), "
        "or pass --unsafe: limits on time and memory, but no isolation, and every row says so."
    )
