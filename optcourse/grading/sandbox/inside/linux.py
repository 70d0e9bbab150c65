"""The few calls of Linux that Python's standard library does not offer: namespaces, mounts, giving up privileges."""

import ctypes
import errno
import os
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
OWN_NAMESPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_HUGE, _MADV_COLLAPSE = 1 << 21, 25
_MOUNT_SETATTR, _AT_RECURSIVE = 442, 0x8000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Enter new namespaces.

    Raises:
        OSError: if the kernel does not allow it.
    """
    _check(_libc.unshare(flags), "unshare")


def new_user_namespace(flags: int) -> None:
    """Enter a new user namespace together with others; the user stays who it was.

    Raises:
        OSError: if the kernel does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    prctl(_PR_SET_DUMPABLE, 1)  # else the files below belong to root
    unshare(CLONE_NEWUSER | flags)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2).

    Raises:
        OSError: if the kernel does not allow it.
    """
    arguments = (text.encode() or None for text in (source, target, kind))
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def bind(source: str, target: str, *, read_only: bool = True) -> None:
    """Show a file or folder at another place too, with what is mounted in it."""
    mount(source, target, flags=MS_BIND | MS_REC)
    if read_only:
        _attributes(target, whole_tree=True)


def read_only(target: str, *, whole_tree: bool) -> None:
    """Let nobody write to a mount, or to it and all mounts below it."""
    _attributes(target, whole_tree)


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("spread", ctypes.c_uint64),
        ("user", ctypes.c_uint64),
    )


def _attributes(target: str, whole_tree: bool) -> None:
    wanted = _MountAttributes(set=MS_RDONLY | MS_NOSUID)
    flags = _AT_RECURSIVE if whole_tree else 0
    result = _libc.syscall(_MOUNT_SETATTR, -100, target.encode(), flags, ctypes.byref(wanted), ctypes.sizeof(wanted))
    if result != 0 and ctypes.get_errno() == errno.ENOSYS:  # before Linux 5.12
        kept = os.statvfs(target).f_flag & (MS_NODEV | MS_NOEXEC)
        mount("none", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | kept)
        return
    _check(result, f"read-only {target}")


def private_mounts() -> None:
    """What is mounted from now on is seen in this mount namespace alone."""
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def enter_root(folder: str) -> None:
    """Make a folder (a mount) the root; the old one vanishes."""
    os.chdir(folder)
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount")
    os.chdir("/")


def prctl(option: int, value: int, further: int = 0) -> None:
    """prctl(2) of one or two arguments."""
    arguments = (ctypes.c_ulong(number) for number in (value, further, 0, 0))
    _check(_libc.prctl(option, *arguments), f"prctl {option}")


def die_with_parent() -> None:
    """Be killed when the parent ends."""
    prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def become(user: int) -> None:
    """Be another user and group of the same number for good, without capabilities."""
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) != 0:
            break  # past the last one that this kernel knows
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def no_capabilities() -> None:
    """Give up every capability, and the way to new ones by executing a file."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    header = _Header(0x20080522, 0)
    _check(_libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())), "capset")


def untraceable() -> None:
    """Let no process without capabilities trace this one or open its files in /proc."""
    prctl(_PR_SET_DUMPABLE, 0)


def huge_pages() -> None:
    """Gather this process's memory in pages of 2 MiB, so that a fork has one entry to copy instead of 512.

    Does nothing where the kernel cannot (before Linux 6.1) or memory is too scattered for it.
    """
    for line in Path("/proc/self/maps").read_text().splitlines():
        places, rights, _, _, _, *name = line.split()
        if rights == "rw-p" and name in ([], ["[heap]"]):
            first, end = (int(place, 16) for place in places.split("-"))
            first, end = -(-first // _HUGE) * _HUGE, end // _HUGE * _HUGE
            if end > first:
                _libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), _MADV_COLLAPSE)
