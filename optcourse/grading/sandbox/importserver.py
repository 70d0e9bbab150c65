"""The import server as seen from outside: start it, let it fork a child for a submission, end the child, end all."""

import contextlib
import json
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from optcourse.grading.sandbox import isolation
from optcourse.grading.sandbox.cgroup import ProcessGroup, open_group
from optcourse.grading.sandbox.inside import seccomp
from optcourse.grading.sandbox.limits import Limits
from optcourse.grading.sandbox.pipe import Pipe, PipeError

_START_SECONDS = 300.0  # torch from a cold disk, on a machine that others keep busy
_CHILD_SECONDS = 60.0
_MAX_MESSAGE = 1 << 16


class SandboxError(RuntimeError):
    """The sandbox itself does not work: nothing that a submission is blamed for."""


@dataclass
class Child:
    """One process for one submission's answers.

    Attributes:
        forbids, permits: what its guard takes away.
    """

    number: int
    pipe: Pipe
    forbids: tuple[str, ...]
    permits: tuple[str, ...]


class ImportServer:
    """A process that has torch loaded, and its children.

    Start it on a thread that lives as long as it does: where bubblewrap is used, it ends with that thread.

    Args:
        way: a value of `isolation.WAYS`, or `isolation.NONE`.
        slot: number of the worker; children of two slots are different users where that can be.
    """

    def __init__(self, way: str, limits: Limits, slot: int) -> None:
        self.way, self.limits, self.slot = way, limits, slot
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._errors: IO[bytes] | None = None
        self._user: int | None = None
        self._group: ProcessGroup | None = None
        self._count = 0

    @property
    def alive(self) -> bool:
        """Whether it is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Number of the process that all others of the sandbox come from; 0 when it is not running."""
        return 0 if self._process is None else self._process.pid

    @property
    def layers(self) -> list[str]:
        """What confines the children of a server that was started, in words; all of them get limits besides."""
        words = [] if self.way == isolation.NONE else [self.way]
        if self._user is not None:
            words.append("users of their own")
        if seccomp.available():
            words.append("a filter of system calls")
        if self._group is not None:
            words.append(f"a control group of {self.limits.processes} processes")
        return words

    def start(self) -> None:
        """Start, and wait until torch is loaded.

        Raises:
            SandboxError: if it does not come up; with what it wrote.
            NoIsolationError: if this machine lacks what its way needs.
        """
        self.stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        with theirs:
            try:
                how = isolation.start(self.way, theirs.fileno(), self.slot)
            except isolation.NoIsolationError:
                self.stop()
                raise
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115
            self._process = subprocess.Popen(
                how.command,
                env=how.environment,
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._user, self._group = how.user, open_group(int(self.limits.processes))
        if self._message(time.monotonic() + _START_SECONDS) is None:
            said = self._said(lines=1)  # of an exception, its name and message
            self.stop()
            raise SandboxError(f"{self.way}: the server did not start{said}")

    def stop(self) -> None:
        """End the server and every child; may be called twice."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        self._leave_group()
        if self._errors is not None:
            self._errors.close()
        self._control = self._process = self._errors = None

    def spawn(self, forbids: Sequence[str] = (), permits: Sequence[str] = ()) -> Child:
        """A new child, which has given up every right and waits for requests.

        Raises:
            SandboxError: if there is none to be had.
        """
        self._count += 1
        ours, theirs = socket.socketpair()
        order = {"do": "spawn", "id": self._count, "user": self._user, "limits": self.limits.of_a_child()}
        order |= {"forbids": list(forbids), "permits": list(permits), "kept": isolation.kept_in_scratch()}
        child = Child(self._count, Pipe(ours, self.limits.message), tuple(forbids), tuple(permits))
        try:
            with theirs:
                self._order(order, [theirs.fileno(), *([] if self._group is None else [self._group.entrance])])
        except SandboxError:
            child.pipe.close()
            raise
        try:
            child.pipe.wait_until_ready(time.monotonic() + _CHILD_SECONDS)
        except PipeError:
            self.end(child)
            raise SandboxError(f"{self.way}: a child did not start{self._said()}") from None
        if self._group is not None and self._group.empty:  # it could not enter: a layer less, and `layers` says so
            self._leave_group()
        return child

    def end(self, child: Child, patience: float = 0.0) -> int:
        """End a child and all it started.

        Args:
            patience: seconds to wait for it to end by itself.

        Returns:
            Its exit code; minus the signal that ended it.

        Raises:
            SandboxError: if it does not end.
        """
        child.pipe.close()
        status = self._status(child, time.monotonic() + patience) if patience else None
        if status is None:
            self._order({"do": "kill", "id": child.number})
            status = self._status(child, time.monotonic() + _CHILD_SECONDS)
        if status is None:
            raise SandboxError(f"{self.way}: a child did not end")
        return status

    def discard(self, child: Child) -> None:
        """End a child whose end is of no interest, without waiting for it."""
        child.pipe.close()
        with contextlib.suppress(SandboxError):  # where the server has ended, so has the child
            self._order({"do": "kill", "id": child.number})

    def _leave_group(self) -> None:
        group, self._group = self._group, None
        if group is not None:
            group.close()

    def _order(self, order: dict[str, Any], passed: Sequence[int] = ()) -> None:
        if self._control is None:
            raise SandboxError(f"{self.way}: the server is not running")
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], passed)
        except OSError as error:
            raise SandboxError(f"{self.way}: the server has ended ({error.strerror}){self._said()}") from None

    def _status(self, child: Child, deadline: float) -> int | None:
        while (message := self._message(deadline)) is not None:
            if message["id"] == child.number:
                return message["status"]
        return None

    def _message(self, deadline: float) -> dict | None:
        """What the server says next; None when it says nothing before the deadline, or has ended."""
        if self._control is None:
            return None
        readable, _, _ = select.select([self._control], [], [], max(deadline - time.monotonic(), 0.0))
        try:
            data = self._control.recv(_MAX_MESSAGE) if readable else b""
        except ConnectionError:  # it ended with an order unread
            data = b""
        return json.loads(data) if data else None

    def _said(self, lines: int = 20) -> str:
        """The last lines of what the server wrote to its streams."""
        if self._errors is None:
            return ""
        size = self._errors.seek(0, 2)
        self._errors.seek(max(size - 2000, 0))
        text = "\n".join(self._errors.read().decode("utf-8", "replace").strip().splitlines()[-lines:])
        return f": {text}" if text else ""


def signal_name(status: int) -> str:
    """The name of the signal in an exit status such as -11; "" when it is none."""
    try:
        return signal.Signals(-status).name if status < 0 else ""
    except ValueError:
        return f"signal {-status}"
