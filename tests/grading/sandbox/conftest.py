"""One sandbox for all tests of a worker; for what never ends, limits short enough to wait for."""

from dataclasses import replace

import pytest

from optcourse.grading.sandbox import Limits, NoIsolationError, open_grader
from optcourse.grading.sandbox.grader import SandboxGrader

LIMITS = Limits(memory=2**30)
HASTY = replace(LIMITS, cell=1.0, exercise=1.0, patience=4.0)


@pytest.fixture(scope="session")
def grader():
    try:
        opened = open_grader(limits=LIMITS)
    except NoIsolationError as error:
        pytest.skip(f"no sandbox on this machine: {error}")
    with opened:
        yield opened


@pytest.fixture(scope="session")
def hasty(grader):
    """The same sandbox for answers that never end: with little time, of which a busy machine might take most."""
    return SandboxGrader(grader.server, HASTY)
