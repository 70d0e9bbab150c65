"""Where the filter of system calls has no numbers for the machine, the other layers hold; where it has, they are right.

The machine is made unknown by Linux itself: a process of personality PER_LINUX32 is told that it runs on an i686.
"""

import ctypes
import os
import platform
import re
import time
from pathlib import Path

import pytest

from optcourse.grading.sandbox import NoIsolationError, SandboxError, self_test
from optcourse.grading.sandbox.cgroup import ProcessGroup
from optcourse.grading.sandbox.importserver import ImportServer
from optcourse.grading.sandbox.inside import seccomp
from optcourse.grading.sandbox.isolation import BUBBLEWRAP, NONE, OWN_NAMESPACES
from tests.grading.sandbox.conftest import LIMITS

PER_LINUX32, ASK = 0x0008, 0xFFFFFFFF

pytestmark = [
    pytest.mark.xdist_group("isolation"),
    pytest.mark.skipif(
        (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="only x86_64 can pass for another"
    ),
]


@pytest.fixture(scope="module")
def started(request):
    """A server of the way asked for, and all it starts, on a machine that the filter does not know."""
    one = ImportServer(request.param, LIMITS, slot=8)
    libc = ctypes.CDLL(None)
    before = libc.personality(ASK)
    libc.personality(PER_LINUX32)
    try:
        one.start()
    except (SandboxError, NoIsolationError) as error:
        pytest.skip(f"not to be had on this machine: {error}")
    finally:
        libc.personality(before)
    yield one
    one.stop()


def told(server, source):
    child = server.spawn()
    try:
        request = {"do": "cell", "source": source, "name": "<test>", "silent": [], "seconds": 20.0}
        reply = child.pipe.ask(request, time.monotonic() + 120)
    finally:
        server.end(child)
    assert reply["fault"] is None, reply["fault"]
    return reply["printed"].split()


FILTER = """
import platform
with open("/proc/self/status") as file:
    print(platform.machine(), *(line.split()[1] for line in file if line.startswith("Seccomp:")))
"""


@pytest.mark.parametrize("started", [BUBBLEWRAP, OWN_NAMESPACES], indirect=True)
def test_a_box_holds_without_a_filter(started):
    assert told(started, FILTER) == ["i686", "0"]
    assert self_test(started) == []
    if started._group is not None:
        groups = told(started, "with open('/proc/self/cgroup') as file: print(file.read())")
        assert any(line.endswith(f"/{started._group.folder.name}") for line in groups)


BURST = """
import os, signal
started = []
try:
    for _ in range(200):
        child = os.fork()
        if child == 0:
            signal.alarm(300)
            signal.pause()
            os._exit(0)
        started.append(child)
except OSError:
    pass
print(*started)
"""


@pytest.mark.parametrize("started", [NONE], indirect=True)
def test_without_a_box_the_control_group_caps_and_ends_what_an_answer_starts(started):
    if started._group is None:
        pytest.skip("this machine lets us make no control group with a limit of processes")
    assert told(started, FILTER) == ["i686", "0"]
    left = told(started, BURST)
    if os.getuid() == 0:  # to whom the limit of a user's processes does not apply
        assert len(left) == LIMITS.processes - 1
    assert len(left) < LIMITS.processes
    assert set(left) <= set((started._group.folder / "cgroup.procs").read_text().split())
    folder = started._group.folder
    started._leave_group()
    assert not folder.exists()  # which the kernel allows when nobody is in it


@pytest.mark.parametrize("started", [NONE], indirect=True)
def test_a_group_that_children_cannot_enter_is_given_up_and_not_named(started, tmp_path, monkeypatch):
    monkeypatch.setattr(started, "_group", None)
    without = started.layers
    (tmp_path / "cgroup.procs").write_text("")
    started._group = ProcessGroup(tmp_path, os.open("/dev/full", os.O_WRONLY))
    assert started.layers == [*without, f"a control group of {LIMITS.processes} processes"]
    assert told(started, "print('alive')") == ["alive"]
    assert started.layers == without


# What is refused; on aarch64, which was made later, the first two do not exist.
REFUSED = """
fork vfork
execve execveat
socket connect bind listen
ptrace process_vm_readv process_vm_writev kcmp pidfd_open pidfd_getfd
pivot_root chroot mount umount2 unshare setns
open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
shmget semget msgget mq_open memfd_create memfd_secret
add_key request_key keyctl perf_event_open bpf userfaultfd
io_uring_setup io_uring_enter io_uring_register
personality swapon reboot init_module finit_module delete_module kexec_load kexec_file_load
name_to_handle_at open_by_handle_at
"""
HEADERS = {
    "x86_64": ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"],
    "aarch64": ["/usr/include/asm-generic/unistd.h"],
}


@pytest.mark.parametrize(("machine", "refused"), [("x86_64", REFUSED.split()), ("aarch64", REFUSED.split()[2:])])
def test_the_numbers_are_those_of_the_kernel(machine, refused):
    header = next((Path(name) for name in HEADERS[machine] if Path(name).exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed (linux-libc-dev)")
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)\b", header.read_text())}
    lines = seccomp.program(machine)
    compared = {constant for code, _, _, constant in lines if code == seccomp._EQUAL}
    architecture = lines[1][3]
    assert compared == {architecture} | {numbers[name] for name in [*refused, "clone", "clone3"]}
    assert architecture & 0xFFFF == {"x86_64": 62, "aarch64": 183}[machine]  # of an ELF file
