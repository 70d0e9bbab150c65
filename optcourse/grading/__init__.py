"""Checks that name the mistake, cards that show it, points that stay; and the grading of a whole class.

check, Card               one exercise, in a notebook
progress, Progress        the points so far
classrun, exports         many submissions: collected, graded in a sandbox, handed to an LMS (`optcourse grade`)

Names load when they are first asked for: what only reads records of a class run needs no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optcourse.grading.card import Card
    from optcourse.grading.engine import check
    from optcourse.grading.points import Progress, progress

__all__ = ["Card", "Progress", "check", "progress"]

_HOME = {"Card": "card", "Progress": "points", "check": "engine", "progress": "points"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
