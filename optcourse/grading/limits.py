"""Running a learner's code: time limit, bounded output, faults turned into values, torch's global state put back."""

import contextlib
import ctypes
import io
import linecache
import os
import random
import signal
import sys
import sysconfig
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import numpy as np
import torch

from optcourse.grading.unattended import InputError, unattended

OUTPUT_LIMIT = 2000
MESSAGE_LIMIT = 500
_PATIENCE = 0.05  # seconds between two interruptions of code that swallows them
_BUSY = 3  # a second of waiting counts as a third: on a busy machine the learner's code waits for its turn


class TimedOut(BaseException):
    """Raised inside a learner's code when its time is up; not an Exception, so `except Exception` lets it pass."""


@dataclass(frozen=True)
class Fault:
    """How a learner's code ended when it did not return.

    Attributes:
        kind: stub, exception, recursion, memory, exit, input, timeout, result (what it returned may not cross), or in a
            class run crash (its process ended).
        type, message: of the exception.
        line: the learner's own line that raised it, without its indent; "" when it is not known.
        line_number: counted in its cell or file.
    """

    kind: str
    type: str = ""
    message: str = ""
    line: str = ""
    line_number: int = 0


@dataclass(frozen=True)
class Outcome:
    """What `guarded` saw: a value or a fault, the first `OUTPUT_LIMIT` characters printed, how many more there were.

    `seconds` are those that count: of the processor, or a third of those on the clock where that is more.
    """

    value: Any
    fault: Fault | None
    printed: str
    dropped: int
    seconds: float


class BoundedOutput(io.TextIOBase):
    """A text stream that keeps the first `limit` characters and counts the rest."""

    encoding = "utf-8"

    def __init__(self, limit: int = OUTPUT_LIMIT) -> None:
        super().__init__()
        self.limit, self.kept, self.dropped = limit, "", 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        text = str(text)
        room = self.limit - len(self.kept)
        self.kept += text[:room]
        self.dropped += max(len(text) - room, 0)
        return len(text)

    def close(self) -> None:
        """Stays open: a learner who closes sys.stdout closes nothing."""


def guarded(function: Callable[[], Any], *, seconds: float, output_limit: int = OUTPUT_LIMIT) -> Outcome:
    """Call a learner's function; whatever it does, come back with an `Outcome`.

    Loops in Python are stopped: on POSIX's main thread by a timer signal, elsewhere by an asynchronous exception, again
    and again in case they swallow it.  Not stopped: a loop inside C code, and off the main thread a bare `except:`
    around a sleep.  A real Ctrl-C passes through as KeyboardInterrupt.

    Args:
        function: takes nothing.
        seconds: time limit, > 0; of the processor's time or a third of the clock's, whichever is more.
        output_limit: characters of print kept.

    Raises:
        KeyboardInterrupt: if the user interrupted.

    Example:
        >>> guarded(lambda: 1 / 0, seconds=1).fault.message
        'division by zero'
    """
    output = BoundedOutput(output_limit)
    counted = _clock()
    with preserved_state(), _captured(output), unattended():
        on_main = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
        value, fault = (_with_timer if on_main else _with_watchdog)(function, seconds)
    return Outcome(value, fault, output.kept, output.dropped, counted())


def _clock() -> Callable[[], float]:
    """Seconds that count from now on: what this process used, or a share of the time that passed."""
    used, passed = time.process_time(), time.monotonic()
    return lambda: max(time.process_time() - used, (time.monotonic() - passed) / _BUSY)


def _trampoline(function: Callable[[], Any]) -> tuple[Any, Fault | None]:
    """What the learner's code returned, or how it ended.

    The exception goes here, while time is still kept: with it goes all that the code had in its hands, and a `__del__`
    in there may be endless.
    """
    try:
        return function(), None
    except BaseException as error:
        try:
            fault = _fault(error)
        except TimedOut:
            fault = _OUT_OF_TIME
        return None, fault


def _with_timer(function: Callable[[], Any], seconds: float) -> tuple[Any, Fault | None]:
    home = sys._getframe()
    pauses = random.Random(0)
    counted = _clock()
    fired = interrupted = over = False

    def on_alarm(number: int, frame: FrameType | None) -> None:
        nonlocal fired
        if over:  # it came during C code that raised, and is heard only now: set again, it would find no handler
            return
        # Microseconds after the first time: the next signal then finds the handler of an `except:` that swallowed this.
        signal.setitimer(signal.ITIMER_REAL, pauses.uniform(1e-5, 1e-3) if fired else _PATIENCE)
        if counted() >= seconds and _in_learners_code(frame, home):
            fired = True
            raise TimedOut

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    old_alarm = signal.signal(signal.SIGALRM, on_alarm)
    old_interrupt = signal.getsignal(signal.SIGINT)
    if callable(old_interrupt):
        signal.signal(signal.SIGINT, on_interrupt)
    started = time.monotonic()
    old_delay, old_interval = signal.setitimer(signal.ITIMER_REAL, seconds, _PATIENCE)
    try:
        value, fault = _trampoline(function)
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if old_alarm is None else old_alarm)
        if callable(old_interrupt):
            signal.signal(signal.SIGINT, old_interrupt)
        if old_delay:
            left = max(old_delay - (time.monotonic() - started), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left, old_interval)
    if interrupted:
        raise KeyboardInterrupt
    return value, fault


def _in_learners_code(frame: FrameType | None, home: FrameType) -> bool:
    """Whether `frame` was called by the trampoline that `home` called: only there may a time-out be raised."""
    while frame is not None:
        caller = frame.f_back
        if caller is not None and caller.f_back is home:
            return caller.f_code is _trampoline.__code__
        frame = caller
    return False


def _with_watchdog(function: Callable[[], Any], seconds: float) -> tuple[Any, Fault | None]:
    home = sys._getframe()
    number = threading.get_ident()
    thread = ctypes.c_ulong(number)
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    lock, finished = threading.Lock(), threading.Event()

    def watch() -> None:
        pause, counted = seconds, _clock()
        while not finished.wait(pause):
            with lock:
                # Only into the learner's code: a second one must not hit the handler of the first below.
                inside = _in_learners_code(sys._current_frames().get(number), home)
                if not finished.is_set() and counted() >= seconds and inside:
                    raise_in(thread, ctypes.py_object(TimedOut))
            pause = _PATIENCE

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    value: Any = None
    fault: Fault | None = None
    called = False
    while not finished.is_set():
        try:
            if not called:
                called = True
                value, fault = _trampoline(function)
            with lock:
                finished.set()
                raise_in(thread, None)
        except TimedOut:  # it came late, in the trampoline's own lines or in these
            fault = fault or _OUT_OF_TIME
    watcher.join()
    if fault is not None and fault.type == KeyboardInterrupt.__name__:
        raise KeyboardInterrupt
    return value, fault


_OUT_OF_TIME = Fault("timeout", TimedOut.__name__)


def _fault(error: BaseException) -> Fault:
    kind = next((name for types, name in _KINDS if issubclass(type(error), types)), "exception")
    line, number = learner_line(error.__traceback__)
    # The class may be the learner's own, and its text and its name made by code that raises or never returns.
    name = _text_of(lambda: type(error).__name__, "an exception")
    return Fault(kind, name, _text_of(lambda: str(error), "(its message cannot be shown)"), line, number)


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (TimedOut, "timeout"),
    (InputError, "input"),
    (NotImplementedError, "stub"),
    (RecursionError, "recursion"),
    (MemoryError, "memory"),
    ((SystemExit, KeyboardInterrupt, GeneratorExit), "exit"),
)


def _text_of(make: Callable[[], Any], otherwise: str) -> str:
    try:
        text = str.__str__(make())  # no subclass of str
    except TimedOut:
        raise
    except BaseException:
        return otherwise
    return text if len(text) <= MESSAGE_LIMIT else text[:MESSAGE_LIMIT] + " ..."


_LIBRARY = tuple(
    {
        str(path.resolve()) + os.sep
        for path in (
            *(Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib", "platlib")),
            Path(torch.__file__).parent,
            Path(np.__file__).parent,
            Path(__file__).parents[1],
        )
    }
)


def learner_line(trace: TracebackType | None) -> tuple[str, int]:
    """Text and number of the innermost line that no library wrote; ("", 0) when there is none."""
    found = ("", 0)
    for frame, number in traceback.walk_tb(trace):
        filename = frame.f_code.co_filename
        if not str(Path(filename)).startswith(_LIBRARY) and not filename.startswith("<frozen"):
            found = (linecache.getline(filename, number, frame.f_globals).strip(), number)
    return found


@contextlib.contextmanager
def _captured(output: BoundedOutput) -> Iterator[None]:
    """Prints, warnings and what a `__del__` raises go to `output`; the kernel's own streams and hook are put back.

    A time-out may hit a `__del__`, or the hook that reports what one raised; the kernel's own hook would fail there.
    """
    before = sys.stdout, sys.stderr, sys.unraisablehook

    def report(unraisable: "sys.UnraisableHookArgs") -> None:
        if unraisable.exc_type is not TimedOut:
            sys.__unraisablehook__(unraisable)

    with warnings.catch_warnings():
        warnings.simplefilter("always")

        def show(message, category, filename, lineno, file=None, line=None):
            output.write(f"{category.__name__}: {message}\n")

        warnings.showwarning = show
        sys.stdout = sys.stderr = output
        sys.unraisablehook = report
        try:
            yield
        finally:
            sys.stdout, sys.stderr, sys.unraisablehook = before


@contextlib.contextmanager
def preserved_state() -> Iterator[None]:
    """Put back what a learner's code may change for everyone: torch's defaults and modes, the recursion limit."""
    dtype, threads, limit = torch.get_default_dtype(), torch.get_num_threads(), sys.getrecursionlimit()
    grad, anomaly, device = torch.is_grad_enabled(), torch.is_anomaly_enabled(), torch.get_default_device()
    deterministic = torch.are_deterministic_algorithms_enabled()
    matmul = torch.get_float32_matmul_precision()
    folder = _folder()
    try:
        yield
    finally:
        torch.set_grad_enabled(grad)
        if torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if torch.is_anomaly_enabled() != anomaly:
            torch.autograd.set_detect_anomaly(anomaly)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        if torch.are_deterministic_algorithms_enabled() != deterministic:
            torch.use_deterministic_algorithms(deterministic)
        if torch.get_float32_matmul_precision() != matmul:
            torch.set_float32_matmul_precision(matmul)
        sys.setrecursionlimit(limit)
        if folder and _folder() != folder:
            with contextlib.suppress(OSError):  # removed, too
                os.chdir(folder)


def _folder() -> str:
    """The working folder; "" where it was removed."""
    try:
        return os.getcwd()  # noqa: PTH109 (of text, as it stands)
    except OSError:
        return ""


@contextlib.contextmanager
def preserved_random() -> Iterator[None]:
    """Put back the states of the global random generators of Python, numpy and torch."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
