"""A cap on processes by the kernel's control groups (v1 and v2): a group of its own for the children of each worker.

The other caps depend on more: a limit of the user's processes does nothing for root, and the filter of system calls
knows the numbers of some architectures alone.
"""

import contextlib
import errno
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_PREFIX = "optcourse-"
_ATTEMPTS, _PAUSE = 1000, 0.005  # the second in seconds


class ProcessGroup:
    """A control group that holds a limited number of processes and threads; `open_group` makes one.

    Attributes:
        folder: the kernel's folder of the group.
        entrance: descriptor; a process that writes b"0" to it is in the group for good, with all that it starts.
    """

    def __init__(self, folder: Path, entrance: int) -> None:
        self.folder, self.entrance = folder, entrance

    @property
    def empty(self) -> bool:
        """Whether no process is in it."""
        try:
            return not (self.folder / "cgroup.procs").read_text()
        except OSError:  # removed by somebody else
            return True

    def close(self) -> None:
        """Kill whoever is left in the group, and remove it; what cannot be removed in time is left to the next run."""
        os.close(self.entrance)
        for _ in range(_ATTEMPTS):
            try:
                self.folder.rmdir()
            except OSError as error:
                if error.errno != errno.EBUSY:
                    return
            else:
                return
            self._kill()
            time.sleep(_PAUSE)

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            for member in map(int, (self.folder / "cgroup.procs").read_text().split()):
                if member:  # 0 stands for processes that this one cannot see, and to kill() for this one's own group
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(member, signal.SIGKILL)


def open_group(processes: int, root: Path = ROOT, membership: str | None = None) -> ProcessGroup | None:
    """A new group of at most so many processes and threads; None where this machine lets us make none.

    Removes groups of runs that were killed.  Groups are made below this process's own or the nearest one around it
    that allows it; no process is moved but those that enter.  With version 2, where one group serves all controllers,
    these leave what else is limited in this process's own group, though not what is limited around the new one.

    Args:
        root: where the kernel's control groups are mounted.
        membership: what /proc/self/cgroup says, if not this process's.
    """
    try:
        text = Path("/proc/self/cgroup").read_text() if membership is None else membership
    except OSError:  # not Linux, or no /proc
        return None
    for parent, version in places(root, text):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            if version == 1 or _passes_on(parent):
                _sweep(parent)
                return _made(parent, processes)
    return None


def places(root: Path, membership: str) -> Iterator[tuple[Path, int]]:
    """Where a group might be made, nearest first: folder and version (1 or 2) of control groups.

    Example:
        >>> list(places(Path("/"), "3:cpu:/\\n0::/"))
        [(PosixPath('/'), 2)]
    """
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if "pids" in controllers.split(","):
            base, version = root / "pids", 1
        elif not controllers:
            base, version = root, 2
        else:
            continue
        own = base if ".." in Path(path).parts else base / path.lstrip("/")  # with "..", it lies outside what is seen
        for folder in (own, *own.parents):
            if folder.is_relative_to(base) and folder.is_dir():
                yield folder, version


def _passes_on(folder: Path) -> bool:
    """Whether groups below one of version 2 have a limit of processes; turned on where that is allowed."""
    handed_down = folder / "cgroup.subtree_control"
    if "pids" in handed_down.read_text().split():
        return True
    if "pids" not in (folder / "cgroup.controllers").read_text().split():
        return False
    # A group with processes of its own must not pass controllers on; the topmost one, which has no type, may.
    if (folder / "cgroup.type").exists() and (folder / "cgroup.procs").read_text():
        return False
    handed_down.write_text("+pids")
    return True


def _sweep(parent: Path) -> None:
    """Remove what runs that have ended left; a group with a process in it stays, the kernel sees to that."""
    for folder in parent.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _made(parent: Path, processes: int) -> ProcessGroup:
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    with contextlib.ExitStack() as undo:
        undo.callback(folder.rmdir)
        limit = os.open(folder / "pids.max", os.O_WRONLY)
        with os.fdopen(limit, "w") as file:
            file.write(str(processes))
        entrance = os.open(folder / "cgroup.procs", os.O_WRONLY)
        undo.callback(os.close, entrance)
        # Rights, namespaces and kinds of group all have a say in who may enter, and say it only when somebody tries.
        subprocess.run(["echo", "0"], stdout=entrance, stderr=subprocess.DEVNULL, check=True)
        undo.pop_all()
    return ProcessGroup(folder, entrance)
