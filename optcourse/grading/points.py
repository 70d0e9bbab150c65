"""Points so far, across notebooks and kernel restarts: one JSON file in the course's folder, atomic and locked."""

import contextlib
import errno
import html
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from optcourse import catalogue
from optcourse.grading.card import NOT_ATTEMPTED, PASSED, PLAIN_TABLE, Card
from optcourse.lab.device import home, on_colab

FILE = "progress.json"
_LOCK_PATIENCE = 5.0  # seconds; a write takes milliseconds


@dataclass(frozen=True)
class Row:
    """One exercise: its best result so far."""

    exercise: str
    title: str
    lesson: str
    status: str
    points: float
    max_points: float


@dataclass(frozen=True)
class Progress:
    """Points so far; shows itself as a table."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """Earned in all."""
        return math.fsum(row.points for row in self.rows)

    @property
    def max_points(self) -> float:
        """To be had in all."""
        return math.fsum(row.max_points for row in self.rows)

    def __repr__(self) -> str:
        width = max((len(row.title) for row in self.rows), default=0)
        lines = [f"Points so far: {self.points:g} of {self.max_points:g}"]
        for lesson in dict.fromkeys(row.lesson for row in self.rows):
            lines.append(f"  {lesson}")
            lines += [
                f"    {_sign(row)} {row.title:<{width}}  {row.points:g}/{row.max_points:g}  {row.status}"
                for row in self.rows
                if row.lesson == lesson
            ]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        share = self.points / self.max_points if self.max_points else 0
        cell = 'style="text-align:left;padding:.15em 1em .15em 0"'
        rows = ""
        for lesson in dict.fromkeys(row.lesson for row in self.rows):
            rows += f'<tr><th colspan="3" {cell}>{html.escape(lesson)}</th></tr>'
            rows += "".join(
                f'<tr><td {cell}><span aria-hidden="true">{_sign(row)}</span> {html.escape(row.title)}</td>'
                f"<td {cell}>{row.points:g}/{row.max_points:g}</td><td {cell}>{html.escape(row.status)}</td></tr>"
                for row in self.rows
                if row.lesson == lesson
            )
        notes = "".join(f'<div style="opacity:.8;font-size:90%">{html.escape(note)}</div>' for note in self.notes)
        return (
            f'<div role="group" aria-label="Points so far" style="max-width:52em">'
            f"<strong>Points so far: {self.points:g} of {self.max_points:g}</strong>"
            f'<div aria-hidden="true" style="height:.6em;background:rgba(127,127,127,.25);border-radius:.3em;'
            f'margin:.4em 0"><div style="height:100%;width:{100 * share:.0f}%;background:#1a7f37;'
            f'border-radius:.3em"></div></div>'
            f'<table style="{PLAIN_TABLE}"><thead><tr><th {cell}>Exercise</th><th {cell}>Points</th>'
            f"<th {cell}>Best result</th></tr></thead><tbody>{rows}</tbody></table>{notes}</div>"
        )


def progress(lesson: str | None = None) -> Progress:
    """Points so far, from `progress.json` in the course's folder (`OPTCOURSE_HOME` moves it).

    Never raises for what is in that folder: what is wrong with it is said below the table.

    Args:
        lesson: slug of one lesson, as "optimizers"; all of them by default.

    Raises:
        KeyError: if there is no such lesson; the message names the nearest.
    """
    if lesson is not None:
        catalogue.lesson(lesson)
    notes = []
    results: dict[str, dict] = {}
    try:
        results, problem = _load(home() / FILE)
        if problem:
            notes.append(problem)
    except OSError as error:
        notes.append(f"The points kept so far cannot be read ({_reason(error)}).")
    if on_colab():
        notes.append("On Colab points vanish with the runtime: download your notebook to keep your answers.")
    return Progress(
        tuple(_row(exercise, results.get(exercise.id, {})) for exercise in catalogue.exercises(lesson)), (*notes,)
    )


def record(card: Card) -> tuple[str, ...]:
    """Keep a card's points if they are the best so far for its exercise.

    Returns:
        What the learner should be told: nothing, or why the points could not be kept.
    """
    notes: list[str] = []
    try:
        folder = home()
        with _locked(folder / "progress.lock"):
            results, problem = _load(folder / FILE)
            if problem:
                notes.append(problem)
            best = results.get(card.exercise)
            if best is None or _worth(card.points, card.status) > _worth(best["points"], best["status"]):
                results[card.exercise] = {"points": card.points, "status": card.status}
                _write(folder / FILE, results)
    except OSError as error:
        notes.append(f"Your points could not be kept ({_reason(error)}). This card counts as long as you see it.")
    return tuple(notes)


def _worth(points: float, status: str) -> tuple[float, bool, bool]:
    return points, status == PASSED, status != NOT_ATTEMPTED


def _row(exercise: catalogue.Exercise, best: dict) -> Row:
    lesson = catalogue.lesson(exercise.lesson)
    return Row(
        exercise.id,
        exercise.title,
        f"{lesson.number:02d} {lesson.title}",
        best.get("status", NOT_ATTEMPTED),
        min(best.get("points", 0.0), exercise.points),
        exercise.points,
    )


def _sign(row: Row) -> str:
    return "✓" if row.status == PASSED else "○" if row.status == NOT_ATTEMPTED else "✗"


def _load(path: Path) -> tuple[dict[str, dict], str]:
    """Results by exercise, and what was wrong with the file ("" for nothing); a corrupt one is moved aside."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}, ""
    try:
        table = json.loads(text)["exercises"]
        results = {key: _checked(entry) for key, entry in table.items()}
        return results, ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        aside = _free_name(path)
        path.replace(aside)
        return {}, f"The file of your points could not be understood; it was moved to {aside.name} and a new one begun."


def _checked(entry: dict) -> dict:
    points, status = entry["points"], entry["status"]
    if isinstance(points, bool) or not isinstance(points, (int, float)) or not 0 <= points < math.inf:
        raise ValueError("points must be a finite number >= 0")
    if not isinstance(status, str):
        raise TypeError("status must be a string")
    return {**entry, "points": float(points), "status": status}


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.stem}.corrupt-{number}{path.suffix}")).exists():
        number += 1
    return aside


def _write(path: Path, results: dict[str, dict]) -> None:
    """Atomic: a reader, or the next kernel after kill -9, sees the old file or the new one, whole."""
    new = path.with_name(path.name + ".new")
    try:
        with new.open("w", encoding="utf-8") as file:
            json.dump({"version": 1, "exercises": results}, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a+b") as file:
        deadline = time.monotonic() + _LOCK_PATIENCE
        while not _try_lock(file):
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another notebook holds the file of points")
            time.sleep(0.01)
        try:
            yield
        finally:
            _unlock(file)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full"
    return error.strerror or str(error)
