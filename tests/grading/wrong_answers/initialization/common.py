"""How the functions of this lesson are built from text."""

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch

from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG, Answer, edited, run

Row = tuple  # (id, name, *changes), as in a table


def build(source: str, *changes: tuple[str, str]) -> Callable:
    """The function that the changed source defines, as a cell of the exercise notebook would."""
    name = source.partition("def ")[2].partition("(")[0]
    return run(edited(source, *changes), name, math=math, np=np, torch=torch)


def answers(
    exercise: str,
    source: str,
    *,
    valid: Iterable[tuple[str, str]],
    wrong: Iterable[Row],
    unlisted: Iterable[Row] = (),
) -> list[Answer]:
    """Solution, stub and the rest.

    Args:
        source: the solution.
        valid: (name, whole source) of other right answers.
        wrong: (id, name, *changes of the source); the id begins with "≈" where the card is a convention's.
        unlisted: (status, name, *changes).
    """
    header = source.partition(":\n")[0]
    rows = [
        Answer(exercise, "as in the solution", SOLUTION, build(source), None, "passed"),
        Answer(
            exercise, "untouched", STUB, build(f"{header}:\n    raise NotImplementedError()\n"), None, "not attempted"
        ),
        Answer(exercise, "an ellipsis", STUB, build(f"{header}:\n    return ...\n"), None, "not attempted"),
    ]
    rows += [Answer(exercise, name, VALID, build(text), None, "passed") for name, text in valid]
    for id, name, *changes in wrong:
        status = "convention" if id.startswith("≈") else "timed out" if id.startswith("⧖") else "failed"
        rows.append(Answer(exercise, name, WRONG, build(source, *changes), id.lstrip("≈⧖"), status))
    rows += [
        Answer(exercise, name, UNLISTED, build(source, *changes), None, status) for status, name, *changes in unlisted
    ]
    return rows
