"""One notebook's answers in children of the import server: cells in order, a fresh child after a fault."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from optcourse.grading.limits import Fault
from optcourse.grading.notebooks import Given
from optcourse.grading.sandbox.bounded import call_bounded
from optcourse.grading.sandbox.importserver import Child, ImportServer, signal_name
from optcourse.grading.sandbox.limits import Limits
from optcourse.grading.sandbox.pipe import ClosedError, LateError, PipeError

_GRACE = 1.0  # seconds a child has to say by itself that time is up
_LAST_WORDS = 2.0  # seconds a child that closed its pipe has to end
_FATAL = ("timeout", "memory", "crash")
_NO_MEMORY = ("can't allocate memory", "DefaultCPUAllocator", "not enough memory", "Cannot allocate memory")


@dataclass(frozen=True)
class Ran:
    """A piece of code that ran, to be run again in the next child."""

    source: str
    name: str
    silent: tuple[str, ...] = ()


@dataclass
class Answers:
    """Runs a notebook's cells, and serves the answer that was bound last; `transport` is for a `Session`.

    Attributes:
        deadline: of the whole submission, of `time.monotonic`.
        implementations: what a learner's test is run against; they stay in this process.
        worst: the gravest fault since `begin`: "", "memory" or "crash" or "timeout".
        touched: whether a forbidden thing was used since `begin`.
    """

    server: ImportServer
    limits: Limits
    deadline: float
    implementations: Mapping[str, Any] = field(default_factory=dict)
    worst: str = ""
    touched: str = ""
    _child: Child | None = None
    _dead: Fault | None = None
    _done: list[Ran] = field(default_factory=list)
    _seconds: float = 0.0
    _judged: Callable[..., Any] | None = None

    def begin(self, forbids: Sequence[str], permits: Sequence[str]) -> None:
        """Start on an exercise: with a child whose guard is that exercise's and in which all earlier cells have run."""
        self.worst = self.touched = ""
        child = self._child
        if (
            child is not None
            and self._dead is None
            and (child.forbids, child.permits) == (*map(tuple, (forbids, permits)),)
        ):
            return
        self.close()
        self._child = self.server.spawn(forbids, permits)
        for ran in list(self._done):
            self._cell(ran)
            if self._dead is not None:  # it ran before, and does not now
                self._done.remove(ran)
                return self.begin(forbids, permits)
        self.worst = self.touched = ""
        return None

    def given(self, given: Given, name: str) -> None:
        """Run what the lesson hands out."""
        ran = Ran(given.source, name, given.silent)
        self._done.append(ran)
        if self._child is not None and self._dead is None:
            self._cell(ran)

    def cell(self, source: str, name: str) -> dict:
        """Run an answer's cell; the reply as from `Servant.handle`."""
        ran = Ran(source, name)
        reply = self._cell(ran)
        if self._dead is None:
            self._done.append(ran)
        return reply

    def bind(self, expression: str, seconds: float) -> Fault | None:
        """Make the value of an expression the answer that is served, with so many seconds to use."""
        self._seconds, self._judged = seconds, None
        reply = self._ask({"do": "bind", "expression": expression, "seconds": seconds}, seconds)
        return None if reply["fault"] is None else Fault(**reply["fault"])

    def transport(self, request: dict) -> dict:
        """The reply of the answer that is bound."""
        self._judged = None
        if request["do"] == "judge":
            self._judged = self.implementations.get(request["implementation"])
            request = request | {"implementation": ""}  # the name would tell a test what to say
        started = time.monotonic()
        reply = self._ask(request, self._seconds)
        self._seconds = max(self._seconds - (time.monotonic() - started) / self.limits.patience, 0.0)
        return reply

    def distrust(self, name: str) -> None:
        """Let the next exercise have a fresh child, in which the cell of this name has not run."""
        self._done = [ran for ran in self._done if ran.name != name]
        self.close()

    def close(self) -> None:
        """End the child."""
        child, self._child, self._dead = self._child, None, None
        if child is not None:
            self.server.discard(child)

    def _cell(self, ran: Ran) -> dict:
        seconds = self.limits.cell
        request = {"do": "cell", "source": ran.source, "name": ran.name, "silent": list(ran.silent), "seconds": seconds}
        return self._ask(request, seconds)

    def _ask(self, request: dict[str, Any], seconds: float) -> dict:
        if self._dead is not None or self._child is None:
            return _reply(request, self._dead or Fault("crash", "its process had ended"))
        wait = time.monotonic() + seconds * self.limits.patience + _GRACE
        try:
            called = None if self._judged is None else partial(call_bounded, self._judged)
            reply = self._child.pipe.ask(request, min(wait, self.deadline), called)
        except PipeError as error:
            self._dead = self._post_mortem(self._child, error)
            return _reply(request, self._dead)
        fault = reply["fault"]
        if fault is not None:
            if any(text in fault["message"] for text in _NO_MEMORY):
                fault["kind"] = "memory"
            if fault["type"] == "ForbiddenError":
                self.touched = fault["message"]
            if fault["kind"] in _FATAL:
                self._note(fault["kind"])
                # Code that was stopped may go on in a thread, and what it took is not given back.
                self._dead = Fault(**fault)
        return reply

    def _post_mortem(self, child: Child, error: PipeError) -> Fault:
        """End the child; how its code ended it."""
        self._child = None
        status = self.server.end(child, _LAST_WORDS if isinstance(error, ClosedError) else 0.0)
        if isinstance(error, LateError):
            self._note("timeout")
            return Fault("timeout", "TimedOut", "it did not return in time")
        if isinstance(error, ClosedError) and signal_name(status) == "SIGKILL":
            # Closed its pipe and was then ended by us, or by the kernel for want of memory.
            self._note("crash")
            return Fault("crash", "it was killed", "the answer's process was killed")
        how = signal_name(status) or (f"exit code {status}" if isinstance(error, ClosedError) else str(error))
        self._note("crash")
        return Fault("crash", how, f"the answer's process ended: {how}")

    def _note(self, kind: str) -> None:
        self.worst = self.worst or kind


def _reply(request: dict, fault: Fault) -> dict:
    value: list | None = [] if request["do"] == "play" else None
    return {"value": value, "fault": dict(vars(fault)), "printed": "", "dropped": 0}
