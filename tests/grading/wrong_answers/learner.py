"""How the answers of learners are written down: source text, and the lines that a mistake changes in it."""

import itertools
import linecache
from dataclasses import dataclass
from typing import Any

SOLUTION, STUB, VALID, WRONG, UNLISTED = "solution", "stub", "valid", "wrong", "unlisted"
_numbers = itertools.count()


@dataclass(frozen=True)
class Answer:
    """One answer to one exercise.

    Attributes:
        name: what it is, in words.
        kind: solution, stub, valid (another right one), wrong (a listed mistake) or unlisted.
        candidate: what the learner hands to `check`.
        misconception: the id that its card must carry; None for a mistake that no check lists.
        status: of its card.
    """

    exercise: str
    name: str
    kind: str
    candidate: Any
    misconception: str | None = None
    status: str = "failed"


def run(source: str, name: str, **known: Any) -> Any:
    """Execute a learner's source as a notebook cell is, with its lines known to tracebacks; the object called name."""
    filename = f"<cell {next(_numbers)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    namespace = dict(known)
    exec(compile(source, filename, "exec"), namespace)
    return namespace[name]


def edited(source: str, *changes: tuple[str, str]) -> str:
    """The source with lines changed; each change must apply.

    Example:
        >>> edited("a = 1", ("1", "2"))
        'a = 2'
    """
    for old, new in changes:
        if old not in source:
            raise ValueError(f"{old!r} is not in the source")
        source = source.replace(old, new)
    return source
