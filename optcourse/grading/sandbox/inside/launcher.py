"""A box made with the kernel's own means, where bubblewrap is not installed: what is listed is seen, nothing else."""

import json
import os
from pathlib import Path

from optcourse.grading.sandbox.inside import linux

_DEVICES = ("null", "zero", "full", "random", "urandom")
# Any folder that exists everywhere and that nothing listed lies in: the new root is put together on top of it.
_SITE = "/sys"


def main(plan: str) -> None:
    """Enter the box that a JSON text describes and execute its command there.

    Args:
        plan: "entries" [kind, source, target] with kind ro, tmpfs or link, "command", "environment".

    Raises:
        OSError: if the kernel does not allow it.
    """
    box = json.loads(plan)
    linux.die_with_parent()
    if os.getuid() == 0:
        linux.unshare(linux.OWN_NAMESPACES)
    else:
        linux.new_user_namespace(linux.OWN_NAMESPACES)
    first = os.fork()
    if first:
        _, status = os.waitpid(first, 0)
        os._exit(abs(os.waitstatus_to_exitcode(status)))
    linux.die_with_parent()
    linux.private_mounts()
    linux.mount("tmpfs", _SITE, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=16m,mode=755")
    for folder in ("/proc", "/tmp"):
        Path(_SITE + folder).mkdir()
    linux.mount("tmpfs", f"{_SITE}/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1m,mode=1777")
    for kind, source, target in box["entries"]:
        _add(kind, source, target)
    _add_devices()
    linux.mount("proc", f"{_SITE}/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    linux.enter_root(_SITE)
    linux.read_only("/dev", whole_tree=False)
    linux.read_only("/", whole_tree=False)
    os.execve(box["command"][0], box["command"], box["environment"])


def _add(kind: str, source: str, target: str) -> None:
    place = Path(_SITE + target)
    place.parent.mkdir(parents=True, exist_ok=True)
    if kind == "link":
        place.symlink_to(source)
        return
    if kind == "tmpfs":
        place.mkdir(parents=True, exist_ok=True)
        linux.mount("tmpfs", str(place), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_RDONLY, "size=4k")
        return
    if Path(source).is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.touch()
    linux.bind(source, str(place))


def _add_devices() -> None:
    folder = Path(_SITE, "dev")
    folder.mkdir()
    linux.mount("tmpfs", str(folder), "tmpfs", linux.MS_NOSUID, "size=64k,mode=755")
    for name in _DEVICES:
        (folder / name).touch()
        linux.bind(f"/dev/{name}", str(folder / name), read_only=False)
    (folder / "shm").mkdir()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (folder / name).symlink_to(f"/proc/self/fd/{number}")
    (folder / "fd").symlink_to("/proc/self/fd")
