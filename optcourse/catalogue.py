"""The course's table of contents: one row a lesson and an exercise, read from catalogue.toml."""

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    Attributes:
        slug: names the topic everywhere: library module, notebooks, checks, tests.
        number: its place in the course; stands in notebook file names and here alone.
        minutes: what a reader needs, exercises apart.
        difficulty, importance: 1 (low) to 5 (high).
        needs: slugs of the lessons to have read.
        papers: authors and year, as cited.
        ready: False while only planned.
    """

    slug: str
    number: int
    title: str
    question: str
    part: str
    minutes: int = 0
    difficulty: int = 0
    importance: int = 0
    needs: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    ready: bool = False

    @property
    def stem(self) -> str:
        """File name of its notebooks without the ending, as in `04_optimizers`."""
        return f"{self.number:02d}_{self.slug}"


@dataclass(frozen=True)
class Exercise:
    """One graded exercise.

    Attributes:
        id: `<lesson slug>.<name>`.
        kind: value, choice, function, class or test.
        points: what a passed check is worth.
        minutes, difficulty, importance: as for a lesson.
        time_limit: seconds a check may run before the answer is stopped.
        forbids: dotted names of modules and functions that an answer may not use, with all below them; a class run
            enforces it, the check in a notebook judges behavior alone.
        permits: exceptions to that.
    """

    id: str
    title: str
    kind: str
    points: float
    minutes: int
    difficulty: int
    importance: int
    time_limit: float = 10.0
    forbids: tuple[str, ...] = ()
    permits: tuple[str, ...] = ()

    @property
    def lesson(self) -> str:
        """Slug of the lesson it belongs to."""
        return self.id.partition(".")[0]


@cache
def _table() -> dict:
    return tomllib.loads(resources.files("optcourse").joinpath("catalogue.toml").read_text(encoding="utf-8"))


def _tuples(row: dict) -> dict:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def repository() -> str:
    """`owner/name` of the repository that Colab and the links open; set in catalogue.toml alone."""
    return _table()["course"]["repository"]


@cache
def lessons() -> tuple[Lesson, ...]:
    """All lessons in order, planned ones too."""
    return tuple(Lesson(**_tuples(row)) for row in sorted(_table()["lesson"], key=lambda row: row["number"]))


@cache
def exercises(lesson: str | None = None) -> tuple[Exercise, ...]:
    """All exercises in order, or those of the lesson with this slug."""
    rows = tuple(Exercise(**_tuples(row)) for row in _table()["exercise"])
    return rows if lesson is None else tuple(row for row in rows if row.lesson == lesson)


def lesson(slug: str) -> Lesson:
    """The lesson with this slug.

    Raises:
        KeyError: if there is none; the message names the nearest.
    """
    return _find(slug, {row.slug: row for row in lessons()}, "lesson")


def exercise(id: str) -> Exercise:
    """The exercise with this id.

    Raises:
        KeyError: if there is none; the message names the nearest.

    Example:
        >>> exercise("optimizers.adam").kind
        'class'
        >>> exercise("optimizers.adma")
        Traceback (most recent call last):
        KeyError: "no exercise 'optimizers.adma'; did you mean 'optimizers.adam'?"
    """
    return _find(id, {row.id: row for row in exercises()}, "exercise")


def _find(key, table, what):
    if key in table:
        return table[key]
    near = difflib.get_close_matches(str(key), table, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(table)}"
    raise KeyError(f"no {what} {key!r}; {hint}")
