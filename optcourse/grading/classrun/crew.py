"""Workers on this machine: started when needed, replaced when they die, all gone at the end."""

import atexit
import contextlib
import hashlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from optcourse import __version__
from optcourse.grading.submission import HiddenCases, Status, SubmissionResult

PATIENCE = 600.0
"""Seconds after which a worker that has not answered is given up; every limit of a submission is far below it."""

_START = 300.0  # seconds to load torch and to try the sandbox, on a busy machine


@dataclass(frozen=True)
class Settings:
    """What all submissions of a run are graded with.

    Attributes:
        hidden: the hidden cases.
        unsafe: grade without isolation where there is none.
        factory: "module:function" that opens a grader; takes unsafe and slot.
        patience: as `PATIENCE`.
    """

    hidden: HiddenCases | None = None
    unsafe: bool = False
    factory: str = "optcourse.grading.sandbox:open_grader"
    patience: float = field(default=PATIENCE, compare=False)

    def key(self, source: str, digest: str, learner: str) -> str:
        """Names what a result depends on; a result with another key is none of this run's."""
        whose = learner if self.hidden and self.hidden.per_learner else ""
        parts = [source, digest, whose, asdict(self.hidden) if self.hidden else None, self.unsafe, __version__]
        return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()[:32]


class WorkerLost(Exception):  # noqa: N818 - a worker that was lost; no error of the caller's
    """A worker ended, or did not answer in time."""


class Refused(ValueError):  # noqa: N818 - the grader's answer, not a failure of it
    """The grader did not open: its reason, such as that nothing isolates here."""


class Worker:
    """One process with a grader. `close` ends it and all that it started.

    Raises:
        Refused: when the grader does not open.
    """

    def __init__(self, settings: Settings) -> None:
        command = [sys.executable, "-m", "optcourse.grading.classrun.worker"]
        root = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, env=environment
        )
        self._patience = settings.patience
        self._rest = b""
        hidden = asdict(settings.hidden) if settings.hidden else None
        try:
            self._send({"factory": settings.factory, "unsafe": settings.unsafe, "hidden": hidden})
            self._receive(_START)
        except WorkerLost as error:  # the next one would not start either
            self.close(at_once=True)
            raise Refused(f"the grader does not start: {error}; what it printed stands above") from None
        except BaseException:
            self.close(at_once=True)
            raise

    def grade(self, path: Path, learner: str, exercises: Sequence[str] | None) -> dict[str, Any]:
        """The result as JSON.

        Raises:
            WorkerLost: see there.
            Refused: the grader gave up, with its reason.
        """
        self._send({"path": str(path), "learner": learner, "exercises": exercises})
        return self._receive(self._patience)["result"]

    @property
    def alive(self) -> bool:
        """False once it has ended, also for want of work."""
        return self._process.poll() is None

    def close(self, at_once: bool = False) -> None:
        """End the process; politely, so that the grader clears up, unless at once."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if not at_once:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, 9)  # its session, so also what it left behind
        self._process.wait()
        self._process.stdout.close()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WorkerLost(f"the grader ended ({error.strerror})") from None

    def _receive(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        file, deadline = self._process.stdout.fileno(), time.monotonic() + seconds
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            ready, _, _ = select.select([file], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise WorkerLost(f"the grader did not answer within {seconds:g} seconds")
            parts.append(os.read(file, 1 << 16))
            if not parts[-1]:
                raise WorkerLost("the grader ended in the middle of a submission")
        line, _, self._rest = b"".join(parts).partition(b"\n")
        message = json.loads(line)
        if "refused" in message:
            raise Refused(message["refused"])
        if "failed" in message:
            raise WorkerLost(message["failed"])
        return message


class Crew:
    """Workers with the same settings; `grade` may be called from several threads, each then has a worker of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._closed = False

    def grade(self, path: Path, learner: str, exercises: Sequence[str] | None = None) -> SubmissionResult:
        """One result, whatever happens to the worker: a submission that ends two of them gets a row that says so.

        Raises:
            Refused: when the grader does not open.
            WorkerLost: when the crew was closed meanwhile.
        """
        problem = ""
        for _ in range(2):
            worker = self._take()
            try:
                result = SubmissionResult.from_json(worker.grade(path, learner, exercises))
            except WorkerLost as error:
                problem = str(error)
                self._discard(worker)
                if self._closed:
                    raise
            except BaseException:
                self._discard(worker)
                raise
            else:
                with self._lock:
                    self._idle.append(worker)
                return result
        message = f"The grader itself failed twice on this file ({problem}); look at it by hand."
        isolated = not self.settings.unsafe
        return SubmissionResult(learner, "", path.name, Status.CRASHED, 0.0, 0.0, isolated, "", message=message)

    def close(self, at_once: bool = False) -> None:
        """End all workers; what is being graded then raises `WorkerLost` in its thread."""
        self._closed = True
        with self._lock:
            workers, self._all, self._idle = self._all, set(), []
        for worker in workers:
            worker.close(at_once)

    def _take(self) -> Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
                self._all.discard(worker)
                worker.close(at_once=True)
        worker = Worker(self.settings)
        with self._lock:
            if not self._closed:
                self._all.add(worker)
                return worker
        worker.close(at_once=True)
        raise WorkerLost("the run was stopped")

    def _discard(self, worker: Worker) -> None:
        with self._lock:
            mine = worker in self._all
            self._all.discard(worker)
        if mine:
            worker.close(at_once=True)


_crews: dict[Settings, Crew] = {}
_crews_lock = threading.Lock()


def crew_of(settings: Settings) -> Crew:
    """The crew of this process with these settings, made when it is first asked for."""
    with _crews_lock:
        if settings not in _crews:
            _crews[settings] = Crew(settings)
        return _crews[settings]


@atexit.register
def close_crews(at_once: bool = False) -> None:
    """End every worker of this process."""
    with _crews_lock:
        crews = list(_crews.values())
        _crews.clear()
    for crew in crews:
        crew.close(at_once)
