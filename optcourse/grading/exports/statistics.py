"""What the marks of a class say about its exercises, its mistakes, and answers that are alike."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optcourse import catalogue
from optcourse.grading.classrun.rows import Row
from optcourse.grading.submission import ExerciseResult, ExerciseStatus

FEWEST = 10
"""Learners below which a correlation says nothing."""

_NO_ANSWER = (ExerciseStatus.NOT_ATTEMPTED, ExerciseStatus.MISSING)
_WRITTEN = (
    "function",
    "class",
    "test",
)  # kinds of exercises whose answers are code; two right numbers are always equal


@dataclass(frozen=True)
class Item:
    """One exercise over a class.

    Attributes:
        graded: submissions in which it was graded.
        attempted, passed: among those.
        difficulty: mean share of its points, in [0, 1]: 1 is easy, 0 is hard (the item difficulty of test theory).
        discrimination: correlation of its points with the points in all other exercises, in [-1, 1]; None for fewer
            than `FEWEST` submissions, or when one of the two is the same for everybody.
        misconceptions: (id, learners), the most common first.
        statuses: how often each occurred.
    """

    exercise: catalogue.Exercise
    graded: int
    attempted: int
    passed: int
    difficulty: float
    discrimination: float | None
    misconceptions: tuple[tuple[str, int], ...]
    statuses: Mapping[str, int]


def items(rows: Sequence[Row], lesson: str) -> list[Item]:
    """Each exercise of a lesson, over the rows in which anything was graded."""
    results = [row.result for row in rows if row.result.lesson == lesson and row.result.exercises]
    table = []
    for exercise in catalogue.exercises(lesson):
        pairs = [(one, result) for result in results for one in result.exercises if one.exercise == exercise.id]
        got = np.array([one.points for one, _ in pairs], dtype=float)
        rest = np.array([result.points - one.points for one, result in pairs], dtype=float)
        names = Counter(one.misconception for one, _ in pairs if one.misconception)
        statuses = Counter(one.status for one, _ in pairs)
        table.append(
            Item(
                exercise,
                len(pairs),
                len(pairs) - sum(statuses[status] for status in _NO_ANSWER),
                statuses[ExerciseStatus.PASSED],
                float(got.mean() / exercise.points) if len(pairs) else 0.0,
                correlation(got, rest),
                tuple(sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))),
                statuses,
            )
        )
    return table


def correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Pearson's, or None where it says nothing.

    Example:
        >>> correlation(np.arange(10.0), -np.arange(10.0)), correlation(np.ones(10), np.arange(10.0))
        (-1.0, None)
    """
    if len(one) < FEWEST or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return round(float(np.corrcoef(one, other)[0, 1]), 6)


@dataclass(frozen=True)
class Alike:
    """Learners whose answers to some exercises have the same syntax tree, names and comments aside.

    Attributes:
        learners: labels.
        exercises: ids in which they share an answer that few others have.
    """

    learners: tuple[str, ...]
    exercises: tuple[str, ...]


def alike(rows: Sequence[Row], lesson: str) -> list[Alike]:
    """Who shares rare answers, those with the most exercises first.

    Only code counts, only what was attempted, and only answers shared by at most a twentieth of the class (three in a
    small one): the natural way to write a short function is shared by many who never met.
    """
    theirs = [row for row in rows if row.result.lesson == lesson and row.result.exercises]
    limit = max(3, len(theirs) // 20)
    shared: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for exercise in catalogue.exercises(lesson):
        if exercise.kind not in _WRITTEN:
            continue
        owners: dict[str, list[str]] = defaultdict(list)
        for row in theirs:
            for one in row.result.exercises:
                if one.exercise == exercise.id and _is_written(one):
                    owners[one.syntax].append(row.learner.label)
        for group in owners.values():
            if 2 <= len(group) <= limit:
                shared[tuple(sorted(group))].append(exercise.id)
    found = [Alike(learners, tuple(exercises)) for learners, exercises in shared.items()]
    return sorted(found, key=lambda one: (-len(one.exercises), len(one.learners), one.learners))


def _is_written(one: ExerciseResult) -> bool:
    return bool(one.syntax) and one.status not in _NO_ANSWER
