"""Learners' code is stopped when its time is up, and whatever it holds lets go."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from typing import ClassVar

import pytest
import torch

from optcourse.grading import candidate, limits
from optcourse.grading.limits import TimedOut, guarded

SHORT = 0.1
GENEROUS = 60.0  # what stopping may take on a busy machine


def spin():
    while True:
        pass


def swallow_in_a_loop():
    number = 0
    while True:
        try:
            number += 1
        except:  # noqa: E722
            number = 0


def swallow_around_a_sleep():
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            time.sleep(0.001)


def swallow_twice():
    while True:
        try:
            try:
                time.sleep(0.2)
            except:  # noqa: E722
                time.sleep(0)
        except:  # noqa: E722
            time.sleep(0)


def finally_continue():
    while True:
        with contextlib.suppress(Exception):
            torch.randn(20, 20) @ torch.randn(20, 20)


def print_for_ever():
    while True:
        print("x" * 1000)


LOOPS = [spin, swallow_in_a_loop, swallow_around_a_sleep, swallow_twice, finally_continue, print_for_ever]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timer signals are POSIX's")
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_loops_are_stopped_on_the_main_thread(loop):
    before = signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)
    outcome = guarded(loop, seconds=SHORT)
    assert outcome.fault.kind == "timeout"
    assert SHORT <= outcome.seconds < GENEROUS / 3
    assert (signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    time.sleep(0.06)  # no alarm comes later


@pytest.mark.parametrize("loop", [spin, finally_continue, print_for_ever], ids=lambda loop: loop.__name__)
def test_loops_are_stopped_in_other_threads(loop):
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(guarded(loop, seconds=SHORT)), daemon=True)
    thread.start()
    thread.join(GENEROUS)
    assert outcomes
    assert outcomes[0].fault.kind == "timeout"


def swallow_a_while():
    for _ in range(300):
        try:
            sum(range(3000))
        except:  # noqa: E722
            time.sleep(0)


def count_a_while():
    for _ in range(300_000):
        pass


@pytest.mark.parametrize("on_main", [True, False])
def test_many_calls_at_their_limit_leave_no_interruption_behind(on_main, monkeypatch):
    monkeypatch.setattr(limits, "_PATIENCE", 0.0002)
    outcomes: list = []

    def work():
        try:
            for _ in range(40):
                outcomes.append(guarded(lambda: sum(range(2000)), seconds=0.0001))
                outcomes.append(guarded(swallow_a_while, seconds=0.0001))
                outcomes.append(guarded(count_a_while, seconds=0.0001))
            for _ in range(100_000):
                pass
            outcomes.append("done")
        except BaseException as error:
            outcomes.append(error)

    if on_main:
        work()
    else:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(600)
    assert outcomes[-1] == "done"
    assert any(outcome.fault and outcome.fault.kind == "timeout" for outcome in outcomes[:-1])


class SlowToGo:
    def __del__(self):
        spin()


class FailsToGo:
    def __del__(self):
        raise RuntimeError("cannot go")


def spin_in_a_finalizer():
    SlowToGo()


def spin_in_the_hook():
    def hook(unraisable):
        spin()

    sys.unraisablehook = hook
    FailsToGo()


@pytest.mark.parametrize("loop", [spin_in_a_finalizer, spin_in_the_hook], ids=["__del__", "hook"])
@pytest.mark.parametrize("on_main", [True, False])
def test_a_time_out_where_nothing_can_be_raised_reaches_no_hook_of_the_kernel(loop, on_main, monkeypatch):
    heard, outcomes = [], []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)
    kernels = sys.unraisablehook
    if on_main:
        outcomes.append(guarded(loop, seconds=SHORT))
    else:
        thread = threading.Thread(target=lambda: outcomes.append(guarded(loop, seconds=SHORT)), daemon=True)
        thread.start()
        thread.join(GENEROUS)
    assert outcomes
    assert outcomes[0].seconds >= SHORT
    assert sys.unraisablehook is kernels
    assert TimedOut not in [unraisable.exc_type for unraisable in heard]


class EndlessToGo(float):
    """Takes its time to go, and says so when it was given it; not endless, so that a test that fails ends."""

    gone: ClassVar[list] = []

    def __del__(self):
        end = time.monotonic() + GENEROUS
        while time.monotonic() < end:
            pass
        EndlessToGo.gone.append(True)


class EndlessToTell(Exception):  # noqa: N818
    def __str__(self):
        return str(EndlessToGo())


def hold_while_raising():
    kept = EndlessToGo()
    raise ValueError(f"beside {kept}")


def hold_while_spinning():
    kept = EndlessToGo()
    while kept is not None:
        pass


def raise_what_cannot_be_told():
    raise EndlessToTell


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timer signals are POSIX's")
@pytest.mark.parametrize("code", [hold_while_raising, hold_while_spinning, raise_what_cannot_be_told])
def test_what_stopped_code_held_goes_while_its_time_is_kept(code):
    EndlessToGo.gone.clear()
    assert guarded(code, seconds=SHORT).fault is not None
    gc.collect()
    assert not EndlessToGo.gone


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timer signals are POSIX's")
def test_an_object_that_never_goes_is_let_go_with_the_answer(monkeypatch):
    monkeypatch.setattr(candidate, "_FAREWELL", SHORT)
    EndlessToGo.gone.clear()
    servant = candidate.Servant(EndlessToGo, seconds=GENEROUS)
    assert servant.handle({"do": "make", "args": []})["fault"] is None
    servant.release()
    del servant
    assert not EndlessToGo.gone


def test_what_a_finalizer_raises_is_shown_with_what_was_printed():
    outcome = guarded(lambda: bool(FailsToGo()), seconds=GENEROUS)
    assert outcome.fault is None
    assert "RuntimeError: cannot go" in outcome.printed


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timer signals are POSIX's")
def test_an_alarm_that_is_heard_late_sets_no_other():
    handlers = []
    guarded(lambda: handlers.append(signal.getsignal(signal.SIGALRM)), seconds=GENEROUS)
    handlers[0](signal.SIGALRM, None)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)  # it would find no handler, and end the process


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timer signals are POSIX's")
def test_a_timer_that_was_running_goes_on():
    fired = []
    old = signal.signal(signal.SIGALRM, lambda *_: fired.append(True))
    signal.setitimer(signal.ITIMER_REAL, 0.15)
    try:
        assert guarded(lambda: 7, seconds=GENEROUS).value == 7
        time.sleep(0.2)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert fired


INTERRUPTED = """
import os, signal, time
from optcourse.grading.limits import guarded

def answer(swallows):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    except KeyboardInterrupt:
        if not swallows:
            raise

for swallows in (False, True):
    try:
        guarded(lambda: answer(swallows), seconds=60)
    except KeyboardInterrupt:
        print("passed through, swallowed:", swallows)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_real_interrupt_passes_through():
    # in a process of its own: one that came late would end the worker that runs the other tests
    command = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout == "passed through, swallowed: False\npassed through, swallowed: True\n"
