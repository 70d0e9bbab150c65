"""pytest plugin for nbval runs: a home of its own for each notebook, and each notebook's time.

A home of its own, since points that one notebook earns must not show up in another that runs beside it. It is kept
from one pass to the next, so that a second pass finds what the first left behind, as a reader's does.
"""

import os
from collections import defaultdict
from pathlib import Path

import pytest

# Seconds of wall time that a reader may be asked to wait, by folder; an exercise's checks answer within 1 s each.
BUDGET = {"notebooks": 45, "exercises": 45, "solutions": 45}

_seconds: dict[str, float] = defaultdict(float)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Before the kernel starts, which takes its environment along."""
    if base := os.environ.get("OPTCOURSE_TEST_HOMES"):
        os.environ["OPTCOURSE_HOME"] = str(Path(base, item.path.parent.name, item.path.stem))


def pytest_runtest_logreport(report):
    """Add up a notebook's cells, its kernel's start included."""
    _seconds[report.nodeid.partition("::")[0]] += report.duration


def pytest_terminal_summary(terminalreporter):
    """Print the time of each notebook, and whether it keeps to its budget."""
    if not _seconds:
        return
    terminalreporter.section("time of each notebook")
    for name, seconds in sorted(_seconds.items()):
        budget = BUDGET.get(Path(name).parent.name)
        remark = "" if budget is None or seconds <= budget else f"   above its budget of {budget} s"
        terminalreporter.write_line(f"{seconds:7.1f} s  {name}{remark}")
