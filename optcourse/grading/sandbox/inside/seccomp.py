"""A filter of system calls: one process, no sockets, no namespaces, no memory outside the limits.

A list of what is refused, on top of the namespaces and limits and not in their place: an answer needs none of it.
Numbers are those of the kernel's public headers, asm/unistd_64.h for x86_64 and asm-generic/unistd.h for aarch64; both
were compared, name by name, with Linux 6.1's, and a test does it anew where headers are installed.

A machine that is not listed goes without: processes are then capped by the limit of the child's own user and by the
control group, while namespaces keep the network, other processes and the disk away. What the filter alone refuses is
memory that the limits do not count: files without a name, segments to be shared, a disk in namespaces of its own.
"""

import ctypes
import errno
import platform

from optcourse.grading.sandbox.inside import linux

# By architecture: the kernel's name for it, clone, and the numbers of the calls refused, which comments name; those of
# aarch64 stand in the same lines.
_BOTH = (
    *(425, 426, 427),  # io_uring: would go round this filter
    *(428, 429, 430, 431, 432, 433, 442),  # mounts
    *(434, 438),  # pidfd_open, pidfd_getfd
    447,  # memfd_secret
)
_REFUSED: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E,
        56,
        (
            *(41, 42, 49, 50),  # socket, connect, bind, listen
            *(57, 58, 59, 322),  # fork, vfork, execve, execveat
            *(101, 310, 311, 312),  # ptrace, reading and writing another's memory, kcmp
            *(155, 161, 165, 166, 272, 308),  # pivot_root, chroot, mount, umount2, unshare, setns
            *(29, 64, 68, 240, 319),  # shmget, semget, msgget, mq_open, memfd_create
            *(248, 249, 250, 298, 321, 323),  # keys, perf_event_open, bpf, userfaultfd
            *(135, 167, 169, 175, 176, 246, 303, 304, 313, 320),  # of administrators
        ),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        (
            *(198, 200, 201, 203),
            *(221, 281),
            *(117, 270, 271, 272),
            *(39, 40, 41, 51, 97, 268),
            *(180, 186, 190, 194, 279),
            *(217, 218, 219, 241, 280, 282),
            *(92, 104, 105, 106, 142, 224, 264, 265, 273, 294),
        ),
    ),
}
_CLONE3, _CLONE_THREAD, _X32 = 435, 0x00010000, 0x40000000
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in what the filter is shown
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


def available() -> bool:
    """Whether the calls of this machine's architecture are known here."""
    return platform.machine() in _REFUSED


def program(machine: str) -> list[Instruction]:
    """The filter: refused calls fail with EPERM, a new process too (threads pass), clone3 is said not to exist."""
    architecture, clone, refused = _REFUSED[machine]
    lines: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
    ]
    for number in (*refused, *_BOTH):
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE | errno.EPERM)]
    lines += [
        (_EQUAL, 0, 1, _CLONE3),  # its flags lie in memory, where a filter cannot look; the C library then uses clone
        (_RETURN, 0, 0, _REFUSE | errno.ENOSYS),
        (_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return lines


class _Line(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("lines", ctypes.POINTER(_Line)))


def install() -> None:
    """Filter this process from now on, and whatever it starts.

    Raises:
        OSError: if the kernel does not allow it.
    """
    lines = program(platform.machine())
    array = (_Line * len(lines))(*(_Line(*line) for line in lines))
    whole = _Program(len(lines), array)
    linux.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(whole))
