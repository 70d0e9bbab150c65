"""Answers built from text: the solution, and the lines that a mistake changes in it."""

import collections
import math
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG, Answer, edited, run

Row = tuple  # (id, name, *changes), as in a table


def build(source: str, *changes: tuple[str, str]) -> Any:
    """The function or class that the changed source defines, as a cell of the exercise notebook would."""
    name = source.lstrip().partition("(")[0].partition(":")[0].split()[1]
    modules = {"math": math, "np": np, "torch": torch, "random": random, "collections": collections}
    return run(edited(source, *changes), name, **modules)


def answers(
    exercise: str,
    source: str,
    *,
    valid: Iterable[tuple[str, str]],
    wrong: Iterable[Row],
    unlisted: Iterable[Row] = (),
    stub: str = "",
) -> list[Answer]:
    """Solution, stub and the rest.

    Args:
        source: the solution.
        valid: (name, whole source) of other right answers.
        wrong: (id, name, *changes of the source); the id begins with "≈" where the card is a convention's, with "⧖"
            where time runs out.
        unlisted: (status, name, *changes).
        stub: source of the untouched answer; empty for a function.
    """
    header = source.partition(":\n")[0]
    ellipsis = ... if stub else build(f"{header}:\n    return ...\n")
    untouched = build(stub or f"{header}:\n    raise NotImplementedError()\n")
    rows = [
        Answer(exercise, "as in the solution", SOLUTION, build(source), None, "passed"),
        Answer(exercise, "untouched", STUB, untouched, None, "not attempted"),
        Answer(exercise, "an ellipsis", STUB, ellipsis, None, "not attempted"),
    ]
    rows += [Answer(exercise, name, VALID, build(text), None, "passed") for name, text in valid]
    for id, name, *changes in wrong:
        status = "convention" if id.startswith("≈") else "timed out" if id.startswith("⧖") else "failed"
        rows.append(Answer(exercise, name, WRONG, build(source, *changes), id.lstrip("≈⧖"), status))
    rows += [
        Answer(exercise, name, UNLISTED, build(source, *changes), None, status) for status, name, *changes in unlisted
    ]
    return rows
