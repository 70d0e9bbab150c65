"""Learners' code: its faults told, its output bounded, torch's global state put back."""

import _sitebuiltins
import builtins
import getpass
import os
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from optcourse.grading.limits import OUTPUT_LIMIT, guarded, preserved_random

GENEROUS = 60.0  # seconds, whatever else the machine does


def raises(error):
    raise error


def site_exit():
    """What `site` puts into builtins; it closes sys.stdin first."""
    return _sitebuiltins.Quitter("exit", "")()


@pytest.mark.parametrize(
    ("function", "kind", "type"),
    [
        (lambda: raises(ValueError("no")), "exception", "ValueError"),
        (lambda: raises(NotImplementedError()), "stub", "NotImplementedError"),
        (lambda: raises(MemoryError()), "memory", "MemoryError"),
        (lambda: sys.exit(3), "exit", "SystemExit"),
        (lambda: site_exit(), "exit", "SystemExit"),
        (lambda: input("how many? "), "input", "InputError"),
        (lambda: getpass.getpass(), "input", "InputError"),
        (lambda: sys.stdin.readline(), "input", "InputError"),
        (lambda: list(sys.stdin), "input", "InputError"),
        (lambda: raises(KeyboardInterrupt()), "exit", "KeyboardInterrupt"),
        (lambda: raises(GeneratorExit()), "exit", "GeneratorExit"),
        (lambda: (lambda f: f(f))(lambda f: f(f)), "recursion", "RecursionError"),
    ],
)
def test_faults_have_a_kind(function, kind, type):
    fault = guarded(function, seconds=GENEROUS).fault
    assert (fault.kind, fault.type) == (kind, type)


def test_who_types_is_asked_again_after_the_answer():
    before = builtins.input, sys.stdin, getpass.getpass
    assert guarded(lambda: (builtins.input, sys.stdin, getpass.getpass), seconds=GENEROUS).value != before
    assert (builtins.input, sys.stdin, getpass.getpass) == before
    assert not sys.stdin.closed


def test_the_learners_own_line_is_told_not_the_librarys():
    def answer():
        return torch.zeros(2) @ torch.zeros(3)  # this line

    fault = guarded(answer, seconds=GENEROUS).fault
    assert fault.line.endswith("# this line")
    assert fault.line_number > 0


def test_an_exception_that_cannot_be_shown_and_a_long_one():
    class UnprintableError(Exception):
        def __str__(self):
            raise RuntimeError

    class Unnamed(type):
        @property
        def __name__(cls):
            raise KeyError

    class NamelessError(Exception, metaclass=Unnamed):
        pass

    class Text(str):
        __slots__ = ()

        def __len__(self):
            raise KeyError

    class DressedError(Exception):
        def __str__(self):
            return Text("in another class")

    assert "cannot be shown" in guarded(lambda: raises(UnprintableError()), seconds=GENEROUS).fault.message
    assert guarded(lambda: raises(NamelessError("no")), seconds=GENEROUS).fault.message == "no"
    assert type(guarded(lambda: raises(DressedError()), seconds=GENEROUS).fault.message) is str
    assert len(guarded(lambda: raises(ValueError("x" * 10**6)), seconds=GENEROUS).fault.message) < 600


def test_output_is_kept_bounded_and_never_reaches_the_kernel(capfd):
    def answer():
        print("first")
        print("to stderr", file=sys.stderr)
        warnings.warn("deprecated", DeprecationWarning, stacklevel=1)
        print("y" * 10**6)
        sys.stdout.close()
        sys.stdout = None

    before = sys.stdout, sys.stderr
    outcome = guarded(answer, seconds=GENEROUS)
    assert outcome.fault is None
    assert (sys.stdout, sys.stderr) == before
    assert outcome.printed.startswith("first\nto stderr\nDeprecationWarning: deprecated\n")
    assert len(outcome.printed) == OUTPUT_LIMIT
    assert outcome.dropped > 10**6 - OUTPUT_LIMIT
    assert capfd.readouterr() == ("", "")


def test_torchs_global_state_is_put_back(tmp_path):
    def answer():
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.autograd.set_detect_anomaly(True, check_nan=False)
        torch.use_deterministic_algorithms(True)
        torch.set_float32_matmul_precision("medium")
        torch.set_default_device("meta")
        sys.setrecursionlimit(5000)
        os.chdir(tmp_path)

    def state():
        return (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.is_anomaly_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(),
            torch.get_default_device(),
            sys.getrecursionlimit(),
            Path.cwd(),
            torch.get_num_threads(),
        )

    before = state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert guarded(answer, seconds=GENEROUS).fault is None
    assert state() == before


def test_a_working_folder_that_is_removed_stops_no_check(tmp_path):
    folder, before = tmp_path / "gone", Path.cwd()

    def leave(into):
        into.mkdir()
        os.chdir(into)
        into.rmdir()
        return 7

    assert guarded(lambda: leave(folder), seconds=GENEROUS).value == 7
    assert Path.cwd() == before
    leave(folder)
    try:
        assert guarded(lambda: 8, seconds=GENEROUS).value == 8
    finally:
        os.chdir(before)


def test_random_states_are_put_back():
    with preserved_random():
        first = random.random(), np.random.random(), torch.rand(1).item()
        states = random.getstate(), np.random.get_state()[2], torch.get_rng_state()
    with preserved_random():
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)
    assert states[0] != random.getstate()
    assert (random.random(), np.random.random(), torch.rand(1).item()) == first
