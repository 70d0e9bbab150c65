"""What a child of the sandbox can reach: not the server, a sibling, the grader, the disk or the network."""

import errno
import itertools
import os
import platform
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

from optcourse.grading.sandbox import NoIsolationError, SandboxError, isolation, open_grader, self_test
from optcourse.grading.sandbox.importserver import ImportServer
from optcourse.grading.sandbox.isolation import BUBBLEWRAP, NONE, OWN_NAMESPACES
from tests.grading.sandbox.attacks import ATTACKS
from tests.grading.sandbox.attacks.attack import RIGHT, TARGET
from tests.grading.sandbox.conftest import HASTY, LIMITS
from tests.grading.sandbox.submissions import SOLUTION, with_answers

pytestmark = pytest.mark.xdist_group("isolation")  # one server of each kind for all of these
PATIENCE = 60.0  # seconds; a busy machine is not late


@pytest.fixture(scope="module", params=[BUBBLEWRAP, OWN_NAMESPACES])
def server(request):
    one = ImportServer(request.param, LIMITS, slot=7)
    try:
        one.start()
    except (SandboxError, NoIsolationError) as error:
        pytest.skip(f"not to be had on this machine: {error}")
    yield one
    one.stop()


@pytest.fixture(scope="module")
def unsafe_server():
    one = ImportServer(NONE, LIMITS, slot=0)
    one.start()
    yield one
    one.stop()


TRY = """
import sys
from optcourse.grading.sandbox import self_test
from optcourse.grading.sandbox.importserver import ImportServer
from tests.grading.sandbox.conftest import LIMITS
from tests.grading.sandbox.test_isolation import told
server = ImportServer(sys.argv[1], LIMITS, slot=6)
server.start()
child = server.spawn(["torch.optim"], ["torch.optim.Optimizer"])
seen = told(server, child, "import optcourse, colorsys, os; print(*os.listdir('/tmp'))")
print(self_test(server), *seen)
server.stop()
"""


def test_a_python_that_lives_below_tmp_is_kept_and_nothing_else(server):
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="kept") as folder:
        Path(folder).chmod(0o755)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", folder], check=True)
        (packages,) = Path(folder).glob("lib/python*/site-packages")
        lines = [sysconfig.get_paths()["purelib"], str(Path(__file__).parents[3])]
        (packages / "elsewhere.pth").write_text("\n".join(lines) + "\n")
        command = [f"{folder}/bin/python", "-c", TRY, server.way]
        printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
    # This test's own Python may live there, too.
    homes = [Path(home) for home in (folder, sys.prefix, sys.base_prefix)]
    pythons = {home.relative_to("/tmp").parts[0] for home in homes if home.is_relative_to("/tmp")}
    breaches, *seen = printed.split()
    assert breaches == "[]"
    assert set(seen) == {".hidden"} | pythons


def told(server, child, source):
    request = {"do": "cell", "source": source, "name": "<test>", "silent": [], "seconds": PATIENCE}
    reply = child.pipe.ask(request, time.monotonic() + PATIENCE)
    assert reply["fault"] is None, reply["fault"]
    return reply["printed"].split()


@pytest.fixture
def child(server):
    one = server.spawn()
    yield one
    server.end(one)


def test_the_self_test_finds_nothing_in_a_box(server):
    assert self_test(server) == []


def test_the_self_test_runs_on_a_machine_whose_disk_is_read_only(server, monkeypatch):
    def refused(path, missing_ok=False):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refused)
    assert self_test(server) == []


def test_the_self_test_finds_what_is_open_without_a_box(unsafe_server):
    breaches = self_test(unsafe_server)
    assert "it writes outside its own /tmp" in breaches
    assert "it sees processes outside" in breaches
    assert not Path("/breach").exists()


SIGNALS = """
import ctypes, os, signal
libc = ctypes.CDLL(None)
print(os.getpid(), os.getppid(), *(name for name in os.listdir('/proc') if name.isdigit()))
for number in range(1, 500):
    if number == os.getpid():
        continue
    try:
        os.kill(number, 0)
        print('signal', number)
    except ProcessLookupError:
        pass
    if libc.ptrace(16, number, 0, 0) == 0:
        print('trace', number)
"""


def test_a_child_cannot_signal_trace_or_see_the_server_or_a_sibling(server, child):
    sibling = server.spawn()
    try:
        assert told(server, child, SIGNALS) == ["1", "0", "1"]
        assert told(server, sibling, "print('alive')") == ["alive"]
        told(server, child, "with open('/tmp/note', 'w') as file: file.write('x')")
        assert told(server, sibling, "import os; print(os.path.exists('/tmp/note'))") == ["False"]
    finally:
        server.end(sibling)
    assert server.alive


def test_the_server_has_one_thread_and_no_check(server):
    from optcourse.grading.sandbox.grader import SandboxGrader

    assert str(SandboxGrader(server, LIMITS).grade(SOLUTION, learner="ada", exercises=[TARGET]).status) == "graded"
    status = _with_torch(server.pid) / "status"
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    assert fields["Threads"].strip() == "1"
    one = server.spawn()
    try:
        source = "import sys; print([name for name in sys.modules if name.startswith('optcourse.grading.checks')])"
        assert told(server, one, source) == ["[]"]
    finally:
        server.end(one)


def _with_torch(process):
    """The first in a chain of processes that has torch loaded: the others only make the box."""
    folder = Path("/proc", str(process))
    while "libtorch" not in (folder / "maps").read_text():
        folder = Path("/proc", (folder / "task" / folder.name / "children").read_text().split()[0])
    return folder


def test_a_child_is_an_unused_user_without_rights(server, child):
    status = told(server, child, "with open('/proc/self/status') as file: print(file.read())")
    fields = dict(itertools.pairwise(status))
    assert int(fields["CapEff:"], 16) == int(fields["CapPrm:"], 16) == 0
    assert fields["NoNewPrivs:"] == "1"
    assert fields["Seccomp:"] == "2"
    if os.getuid() == 0:
        assert int(fields["Uid:"]) > 1_000_000_000


def test_the_layers_that_are_named_are_there(server, child):
    status = told(server, child, "with open('/proc/self/status') as file: print(file.read())")
    fields = dict(itertools.pairwise(status))
    groups = told(server, child, "with open('/proc/self/cgroup') as file: print(file.read())")
    there = {
        server.way: True,
        "users of their own": int(fields["Uid:"]) != os.getuid(),
        "a filter of system calls": fields["Seccomp:"] == "2",
        f"a control group of {LIMITS.processes} processes": "/optcourse-" in "".join(groups),
    }
    assert server.layers == [layer for layer, is_there in there.items() if is_there]


def test_nothing_of_this_machine_is_to_be_seen(server, child, tmp_path):
    (tmp_path / "results.csv").write_text("ada,17")
    tmp_path.chmod(0o777)
    (tmp_path / "results.csv").chmod(0o666)
    source = f"""
import os
for path in ({str(tmp_path)!r}, {str(SOLUTION)!r}, {str(SOLUTION.parents[1] / "tests")!r}, '/etc/passwd', '/home'):
    print(os.path.exists(path))
try:
    open({str(tmp_path / "results.csv")!r}, 'w')
except OSError:
    print('refused')
print(os.path.exists('/box/optcourse/grading/checks'), os.path.exists('/box/optcourse/experiments'))
"""
    assert told(server, child, source) == ["False"] * 5 + ["refused"] + ["False"] * 2
    assert (tmp_path / "results.csv").read_text() == "ada,17"


def test_nothing_can_be_written_but_in_tmp(server, child):
    source = """
import os
for folder in ('/', '/box', '/dev', '/usr', '/proc', '/proc/sys/kernel', os.path.dirname(os.__file__)):
    try:
        with open(os.path.join(folder, 'written'), 'w'):
            print(folder)
    except OSError:
        pass
with open('/tmp/written', 'w') as file:
    print(file.write('x'))
"""
    assert told(server, child, source) == ["1"]


def test_no_network_not_even_to_itself(server, child):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = f"""
import socket
for family, address in ((socket.AF_INET, ('127.0.0.1', {listener.getsockname()[1]})), (socket.AF_UNIX, '\\0x')):
    try:
        with socket.socket(family) as one:
            one.connect(address)
            print('connected')
    except OSError:
        print('refused')
"""
        assert told(server, child, source) == ["refused", "refused"]
        listener.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_one_process_and_few_threads(server, child):
    source = """
import os, threading, time
try:
    if os.fork() == 0: os._exit(0)
    print('forked')
except OSError:
    print('refused')
started = 0
try:
    for _ in range(100):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
print(started < 16)
"""
    assert told(server, child, source) == ["refused", "True"]


def test_ending_a_child_ends_its_threads_and_frees_its_disk(server):
    assert _comes_true(lambda: not _processes_of(server))  # a child whose end is of no interest is not waited for
    one = server.spawn()
    told(server, one, "with open('/tmp/big', 'wb') as file: file.write(bytes(2**24))")
    assert server.end(one) in (0, -9)  # it ends by itself when its pipe is closed, or is killed
    assert _processes_of(server) == []


HUGE = """
import sys
from pathlib import Path
from optcourse.grading.sandbox.inside.linux import huge_pages
scattered = [bytes([index % 256]) * 4000 for index in range(20_000)]
def huge():
    line = next(line for line in Path("/proc/self/smaps_rollup").open() if line.startswith("AnonHugePages"))
    return int(line.split()[1])
before = huge()
huge_pages()
print(huge() - before, all(text == bytes([index % 256]) * 4000 for index, text in enumerate(scattered)))
"""


def test_memory_that_is_gathered_is_the_same_memory():
    done = subprocess.run([sys.executable, "-c", HUGE], capture_output=True, text=True, check=True)
    gathered, same = done.stdout.split()
    assert same == "True"
    release = tuple(map(int, platform.release().split("-")[0].split(".")[:2]))
    if release >= (6, 1) and Path("/sys/kernel/mm/transparent_hugepage/enabled").exists():
        assert int(gathered) > 10_000


def test_nothing_is_left_when_the_server_stops():
    one = ImportServer(BUBBLEWRAP, LIMITS, slot=9)
    try:
        one.start()
    except (SandboxError, NoIsolationError) as error:
        pytest.skip(f"not to be had on this machine: {error}")
    left = one.spawn()
    assert len(_processes_of(one)) == (1 if os.getuid() == 0 else 0)
    groups = [] if one._group is None else [one._group.folder]
    assert all(folder.is_dir() for folder in groups)
    one.stop()
    assert not any(folder.exists() for folder in groups)
    left.pipe.close()
    assert _comes_true(lambda: not _processes_of(one))
    one.stop()


def test_nothing_is_left_when_the_grader_is_killed(tmp_path):
    script = tmp_path / "grade.py"
    script.write_text(
        "import os, signal\nfrom optcourse.grading.sandbox import open_grader\n"
        "with open_grader() as grader:\n    grader.server.spawn()\n    print(grader.server.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=900)
    assert done.stdout.strip().isdigit(), done.stderr
    assert _comes_true(lambda: not Path("/proc", done.stdout.strip()).exists())


def _comes_true(condition):
    """Whether it does within `PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def _processes_of(server):
    """Processes of this machine that run as the user that the server's children become."""
    if server._user is None:
        return []
    folders = (path for path in Path("/proc").iterdir() if path.name.isdigit())
    return [path.name for path in folders if _user(path) == server._user]


def _user(folder):
    try:
        return folder.stat().st_uid
    except OSError:
        return None


WITHOUT_SANDBOX = ("fork bomb", "20 GB of a tensor", "os._exit in step", "loop in a function")


@pytest.mark.parametrize("name", WITHOUT_SANDBOX)
def test_the_ways_agree(server, name, tmp_path):
    from optcourse.grading.sandbox.grader import SandboxGrader

    attack = next(attack for attack in ATTACKS if attack.name == name)
    path = tmp_path / "submission.ipynb"
    path.write_bytes(attack.content())
    limits = HASTY if attack.status == "timed out" else LIMITS
    result = SandboxGrader(server, limits).grade(path, learner="ada", exercises=[TARGET])
    assert [item.status for item in result.exercises] == [attack.status]
    assert str(result.status) == ("graded" if attack.status == "passed" else attack.status)
    assert (result.isolated, result.isolation) == (True, server.way)


def test_without_a_way_grading_is_refused_and_unsafe_says_so_on_every_row(monkeypatch, tmp_path):
    monkeypatch.setattr(isolation.shutil, "which", lambda name: None)
    monkeypatch.setattr("optcourse.grading.sandbox.self_test", lambda server: ["it writes outside its own /tmp"])
    with pytest.raises(NoIsolationError) as refusal:
        open_grader(limits=LIMITS)
    text = str(refusal.value)
    for part in ("bwrap is not installed", "namespaces: starts, but it writes", "apt install bubblewrap", "--unsafe"):
        assert part in text
    monkeypatch.setattr("optcourse.grading.sandbox.WAYS", [BUBBLEWRAP])
    path = tmp_path / "submission.ipynb"
    path.write_bytes(with_answers({TARGET: RIGHT + "\nimport os\nos._exit(1)"}))
    with open_grader(unsafe=True, limits=LIMITS) as grader:
        result = grader.grade(path, learner="ada", exercises=[TARGET])
        assert (result.isolated, result.isolation) == (False, "none")
        assert [item.status for item in result.exercises] == ["crashed"]
        result = grader.grade(SOLUTION, learner="ada", exercises=[TARGET])
        assert (str(result.status), result.isolated) == ("graded", False)


def test_a_server_that_was_killed_is_started_again_and_no_mark_is_lost(server):
    from optcourse.grading.sandbox.grader import SandboxGrader

    grader = SandboxGrader(server, LIMITS)
    server._process.kill()
    server._process.wait()
    result = grader.grade(SOLUTION, learner="ada", exercises=[TARGET])
    assert (str(result.status), result.points) == ("graded", 2)


def test_a_server_that_ends_with_an_order_unread_has_ended():
    one = ImportServer(NONE, LIMITS, slot=0)
    one._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one._control.send(b"an order")
    theirs.close()
    assert one._message(time.monotonic() + 5) is None
    one.stop()
