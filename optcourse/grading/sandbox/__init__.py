"""Runs strangers' notebooks where they can reach nothing: `open_grader` for a class run."""

from optcourse.grading.sandbox.grader import SandboxGrader
from optcourse.grading.sandbox.importserver import ImportServer, SandboxError
from optcourse.grading.sandbox.isolation import NONE, WAYS, NoIsolationError, refusal
from optcourse.grading.sandbox.limits import Limits
from optcourse.grading.sandbox.selftest import self_test

__all__ = ["Limits", "NoIsolationError", "SandboxError", "open_grader", "self_test"]


def open_grader(*, unsafe: bool = False, limits: Limits | None = None, slot: int = 0) -> SandboxGrader:
    """A grader whose sandbox has been tried from inside; close it, or use it in a `with` statement.

    Open it on a thread that lives as long as the grader, one a process: the sandbox ends with that thread.

    Args:
        unsafe: where nothing isolates, grade all the same, with limits on time and memory alone.
        limits: None for the default ones.
        slot: number of the worker.

    Raises:
        NoIsolationError: if no way to isolate works here and `unsafe` is not set; says what was tried and what helps.
    """
    limits = limits or Limits()
    tried: list[str] = []
    for way in WAYS:
        server = ImportServer(way, limits, slot)
        try:
            server.start()
            breaches = self_test(server)
        except (NoIsolationError, SandboxError, OSError) as error:
            tried.append(str(error))
            server.stop()
            continue
        if not breaches:
            return SandboxGrader(server, limits)
        tried.append(f"{way}: starts, but {'; '.join(breaches)}")
        server.stop()
    if not unsafe:
        raise refusal(tried)
    server = ImportServer(NONE, limits, slot)
    server.start()
    return SandboxGrader(server, limits)
