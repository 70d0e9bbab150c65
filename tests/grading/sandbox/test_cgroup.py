"""The cap on processes by control groups: shown on its own, without a filter of system calls or a user's limit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from optcourse.grading.sandbox import cgroup
from optcourse.grading.sandbox.cgroup import open_group, places

CAP = 16


@pytest.fixture
def group():
    one = open_group(CAP)
    if one is None:
        pytest.skip("this machine lets us make no control group with a limit of processes")
    yield one
    if one.folder.exists():
        one.close()


# Starts so many processes and tells how many it got; each of them waits, so that none has ended while others start.
BURST = """
import os, signal, sys
if sys.argv[2:]:
    os.write(int(sys.argv[2]), b"0")
started = []
try:
    for _ in range(int(sys.argv[1])):
        child = os.fork()
        if child == 0:
            signal.alarm(300)
            signal.pause()
            os._exit(0)
        started.append(child)
except BlockingIOError:
    pass
print(len(started), flush=True)
sys.stdin.read()
for child in started:
    os.kill(child, 9)
"""


def burst(count, *entrance):
    command = [sys.executable, "-I", "-c", BURST, *map(str, (count, *entrance))]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=entrance)


def test_a_burst_ends_at_the_cap_a_sibling_goes_on_and_nothing_is_left(group):
    with burst(200, group.entrance) as capped, burst(3 * CAP) as free:
        assert int(capped.stdout.readline()) == CAP - 1  # with the one that starts them
        assert int(free.stdout.readline()) == 3 * CAP
        members = (group.folder / "cgroup.procs").read_text().split()
        assert len(members) == CAP
        group.close()
        assert not group.folder.exists()
        assert capped.wait(60) == -signal.SIGKILL
        free.communicate(timeout=60)
        assert free.returncode == 0
    deadline = time.monotonic() + 60
    while any(map(_runs, members)) and time.monotonic() < deadline:  # they are out of the group before they have ended
        time.sleep(0.01)
    assert not any(map(_runs, members))


def _runs(process):
    try:
        state = Path("/proc", process, "stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state not in "ZX"


def test_two_groups_of_one_process_are_two(group):
    other = open_group(CAP)
    assert other.folder != group.folder
    other.close()
    assert group.folder.exists()


KILLED = """
import os, signal, sys
sys.path.append(sys.argv[1])
from cgroup import open_group
print(open_group(4).folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_leaves_is_swept_and_what_a_living_one_uses_is_not(group):
    command = [sys.executable, "-I", "-c", KILLED, str(Path(cgroup.__file__).parent)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert left.is_relative_to(group.folder.parent), killed.stderr
    open_group(CAP).close()
    assert not left.exists()
    assert group.folder.is_dir()


class FakeKernel:
    """Fills a new group's folder with files as the kernel does, and empties it to remove it."""

    def __init__(self, root, monkeypatch):
        self.root, self._make, self._remove = root, cgroup.tempfile.mkdtemp, Path.rmdir
        monkeypatch.setattr(cgroup.tempfile, "mkdtemp", self.make)
        monkeypatch.setattr(cgroup.Path, "rmdir", lambda folder: self.remove(folder))

    def make(self, **options):
        folder = Path(self._make(**options))
        for name in ("pids.max", "cgroup.procs"):
            (folder / name).write_text("")
        return str(folder)

    def remove(self, folder):
        if (folder / "cgroup.procs").read_text():
            (folder / "cgroup.procs").write_text("")  # those who were in it end one moment later
            raise OSError(cgroup.errno.EBUSY, "busy")
        for file in folder.iterdir():
            file.unlink()
        self._remove(folder)


def unified(root, path, *, controllers="cpu pids", handed_down="", processes="", kind="domain"):
    """A group of version 2 as files; `kind` is "" for the topmost one."""
    folder = root / path.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"cgroup.controllers": controllers, "cgroup.subtree_control": handed_down, "cgroup.procs": processes}
    texts |= {"cgroup.type": kind} if kind else {}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    return FakeKernel(tmp_path, monkeypatch)


def test_version_2_makes_it_beside_where_the_parent_hands_the_controller_down(kernel):
    unified(kernel.root, "/", handed_down="cpu pids", kind="")
    slice_ = unified(kernel.root, "/user.slice", handed_down="cpu pids")
    unified(kernel.root, "/user.slice/session.scope", processes=f"{os.getpid()}\n")
    one = open_group(CAP, kernel.root, "0::/user.slice/session.scope\n")
    assert one.folder.parent == slice_
    assert (one.folder / "pids.max").read_text() == str(CAP)
    assert (one.folder / "cgroup.procs").read_text().strip() == "0"  # somebody entered to try
    one.close()
    assert not one.folder.exists()


def test_version_2_turns_the_controller_on_where_no_process_is_in_the_way(kernel):
    top = unified(kernel.root, "/", processes="1\n", kind="")  # the topmost group may have processes
    unified(kernel.root, "/own", processes="7\n")
    one = open_group(CAP, kernel.root, "0::/own\n")
    assert one.folder.parent == top
    assert (top / "cgroup.subtree_control").read_text() == "+pids"
    assert (top / "own" / "cgroup.subtree_control").read_text() == ""
    one.close()


@pytest.mark.parametrize(
    ("group", "membership"),
    [
        ({"controllers": "cpu memory"}, "0::/\n"),
        ({"processes": "1\n"}, "0::/\n"),  # as in a container: not topmost, and with processes
        ({}, "4:cpu:/\n1:name=systemd:/\n"),
        ({}, ""),
    ],
)
def test_none_where_there_is_none_to_be_had(kernel, group, membership):
    unified(kernel.root, "/", **group)
    before = sorted(kernel.root.iterdir())
    assert open_group(CAP, kernel.root, membership) is None
    assert sorted(kernel.root.iterdir()) == before
    assert (kernel.root / "cgroup.subtree_control").read_text() == ""


def test_a_group_that_nobody_may_enter_is_removed(kernel, monkeypatch):
    def refused(command, **options):
        raise subprocess.CalledProcessError(1, command)

    unified(kernel.root, "/", handed_down="pids", kind="")
    monkeypatch.setattr(cgroup.subprocess, "run", refused)
    assert open_group(CAP, kernel.root, "0::/\n") is None
    assert list(kernel.root.glob("optcourse-*")) == []


def test_no_process_that_is_not_seen_is_killed(kernel, monkeypatch):
    unified(kernel.root, "/", handed_down="pids", kind="")
    one = open_group(CAP, kernel.root, "0::/\n")
    (one.folder / "cgroup.procs").write_text("0\n4242\n0\n")
    killed = []

    def kill(process, number):
        killed.append((process, number))
        (one.folder / "cgroup.procs").write_text("")

    def remove(folder):
        if (folder / "cgroup.procs").read_text():
            raise OSError(cgroup.errno.EBUSY, "busy")

    monkeypatch.setattr(cgroup.os, "kill", kill)
    monkeypatch.setattr(cgroup.Path, "rmdir", remove)
    one.close()
    assert killed == [(4242, signal.SIGKILL)]


def test_where_a_group_is_looked_for(tmp_path):
    for folder in ("pids/lxc/a", "unified/b", "system.slice/c.service"):
        (tmp_path / folder).mkdir(parents=True)
    first = tmp_path / "pids"

    def found(membership):
        return list(places(tmp_path, membership))

    assert found("9:cpu,cpuacct:/x\n8:pids:/lxc/a\n") == [(first / "lxc/a", 1), (first / "lxc", 1), (first, 1)]
    assert found("8:pids:/not/mounted/here\n") == [(first, 1)]  # a container that sees its own part of the tree
    assert found("8:pids:/../elsewhere\n") == [(first, 1)]
    assert found("0::/system.slice/c.service\n") == [
        (tmp_path / "system.slice/c.service", 2),
        (tmp_path / "system.slice", 2),
        (tmp_path, 2),
    ]
    assert found("8:pids:/\n0::/\n") == [(first, 1), (tmp_path, 2)]
    assert found("3:cpu:/\n1:name=systemd:/\n") == found("") == []
