"""Our own code on a stranger's arguments: they are plain, and may still ask for more memory or time than there is."""

import contextlib
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from optcourse.grading.limits import guarded
from optcourse.grading.values import plain

SECONDS, MEMORY = 2.0, 2**30


def call_bounded(function: Callable[..., Any], args: list, options: dict[str, Any]) -> dict[str, Any]:
    """Call a function in this process with `SECONDS` and `MEMORY` bytes to use.

    Returns:
        "value", or the type of what it "raised" ("" for nothing) and its "message".

    Example:
        >>> call_bounded(lambda x: x + 1, [1], {})
        {'value': 2, 'raised': '', 'message': ''}
        >>> call_bounded(lambda x: 1 / x, [0], {})["raised"]
        'ZeroDivisionError'
    """
    with _bounded_memory():
        outcome = guarded(lambda: plain(function(*args, **options)), seconds=SECONDS)
    fault = outcome.fault
    if fault is not None:
        return {"value": None, "raised": fault.type, "message": fault.message}
    return {"value": outcome.value, "raised": "", "message": ""}


@contextlib.contextmanager
def _bounded_memory() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    try:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    except (OSError, ValueError):  # no /proc here, or an administrator has set less
        pass
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
