"""Progress of long work, where somebody is looking: one line that moves and leaves nothing behind.

In JupyterLab and Colab one display is updated in place and emptied at the end; in a terminal one line of stderr is
overwritten and erased. Nothing is shown when stderr goes to a file, and nothing when a notebook is executed by a
program (nbclient, nbval): such programs say in their request that nobody can answer an `input()`, and what they store
must not depend on how fast the machine was. `OPTCOURSE_PROGRESS=on|off` overrules all of this.
"""

import html
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from optcourse.lab.place import on_colab

T = TypeVar("T")

_INTERVAL = 0.1  # seconds between two pictures: faster cannot be read, and would fill a notebook's message queue
_CELLS = 20  # length of the bar in a terminal, in characters


def track(iterable: Iterable[T], *, description: str, total: int | None = None) -> Iterator[T]:
    """Iterate as before, and show how far along it is.

    Args:
        iterable: passed on item by item; its exceptions come through, and closing the result closes a generator.
        description: what is being done, as in "training 32 runs".
        total: number of items; None asks `len`, and shows a count alone where there is none.

    Returns:
        An iterator over the same items. Display trouble is never raised.

    Example:
        >>> sum(track(range(5), description="adding"))
        10
    """
    if total is None:
        with suppress(TypeError):
            total = len(iterable)  # type: ignore[arg-type]
    return _tracked(iterable, description, total) if _screen() is not None else iter(iterable)


def _tracked(iterable: Iterable[T], description: str, total: int | None) -> Iterator[T]:
    with Meter(description, total) as meter:
        try:
            for done, item in enumerate(iterable, 1):
                yield item
                meter.update(done)
        finally:
            if isinstance(iterable, Generator):
                iterable.close()


class Meter:
    """The display behind `track`, for work that is not an iteration, such as bytes arriving.

    A context manager; leaving it clears the display.

    Args:
        description: what is being done.
        total: amount of work, in the unit of `update`; None when unknown.
        unit: shown behind the amounts.
        scale: amounts are divided by this before they are shown, as in 1e6 for bytes shown in MB.
    """

    def __init__(self, description: str, total: float | None = None, *, unit: str = "", scale: float = 1) -> None:
        self.description, self.total, self.unit, self.scale = description, total, unit, scale
        self._started = time.monotonic()
        self._next = 0.0
        self._screen = _screen()

    def __enter__(self) -> Self:
        self.update(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draw(lambda screen: screen.clear())
        self._screen = None

    def update(self, done: float) -> None:
        """Show that `done` of the total is behind us; does nothing more often than ten times a second."""
        now = time.monotonic()
        if now < self._next or self._screen is None:
            return
        self._next = now + _INTERVAL
        self._draw(lambda screen: screen.show(self._fraction(done), self._text(done, now - self._started)))

    def _draw(self, action: Callable[[Any], None]) -> None:
        if self._screen is not None:
            try:
                action(self._screen)
            except Exception:  # a closed pipe or a lost front end must not cost the work that is being watched
                self._screen = None

    def _fraction(self, done: float) -> float | None:
        return min(done / self.total, 1.0) if self.total else None

    def _text(self, done: float, seconds: float) -> str:
        amount = f"{_number(done / self.scale)}"
        if self.total:
            amount += f"/{_number(self.total / self.scale)}"
        parts = [f"{self.description} {amount}{self.unit and ' '}{self.unit}", f"{seconds:.0f} s"]
        if self.total and done and done < self.total:
            parts.append(f"about {seconds * (self.total - done) / done:.0f} s left")
        return ", ".join(parts)


class _Terminal:
    """One line of stderr, written over and over."""

    def __init__(self) -> None:
        self._length = 0

    def show(self, fraction: float | None, text: str) -> None:
        if fraction is not None:
            full = round(fraction * _CELLS)
            text = f"[{'#' * full}{'.' * (_CELLS - full)}] {text}"
        self._write(text[: shutil.get_terminal_size().columns - 1])

    def clear(self) -> None:
        self._write("")
        sys.stderr.write("\r")
        sys.stderr.flush()

    def _write(self, text: str) -> None:
        sys.stderr.write("\r" + text.ljust(self._length))  # blanks, because not every console knows "erase line"
        sys.stderr.flush()
        self._length = len(text)


class _Notebook:
    """One display of the running cell, updated through its handle. No widget: those would stay in stored outputs."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, fraction: float | None, text: str) -> None:
        bar = "<progress></progress>" if fraction is None else f'<progress value="{fraction:.3f}"></progress>'
        self._send({"text/plain": text, "text/html": f"{bar} {html.escape(text)}"})

    def clear(self) -> None:
        if self._handle is not None:
            self._send({"text/plain": "", "text/html": ""})

    def _send(self, bundle: dict[str, str]) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _screen() -> _Terminal | _Notebook | None:
    """Where to draw, or None where nobody is looking."""
    asked = os.environ.get("OPTCOURSE_PROGRESS", "").lower()
    if asked == "off":
        return None
    kernel = _kernel()
    if kernel is not None:
        return _Notebook() if asked == "on" or on_colab() or _attended(kernel) else None
    try:
        return _Terminal() if asked == "on" or sys.stderr.isatty() else None
    except (AttributeError, ValueError):  # no stderr (pythonw), or a closed one
        return None


def _kernel() -> Any:
    """The Jupyter kernel this code runs in, or None. IPython is not loaded to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None)


def _attended(kernel: Any) -> bool:
    """Whether the running cell was sent by a front end with a person before it."""
    try:
        return bool(kernel.get_parent()["content"].get("allow_stdin", True))
    except (AttributeError, KeyError, TypeError):
        return True
