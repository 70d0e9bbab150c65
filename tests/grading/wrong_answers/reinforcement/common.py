"""How the functions and the class of this lesson are built from text."""

import collections
import math
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG, Answer, edited, run

Row = tuple  # (id, name, *changes), as in a table

# Mistakes in what ends mean, for a source whose factor is written as in `mask`.
ENDS = (
    ("bootstraps_on_terminated", "never looks at ends", "1.0"),
    ("stops_at_truncated", "one done", "~(terminated | truncated)"),
    ("flags_exchanged", "truncated for terminated", "~truncated"),
    ("ends_when_both", "and for or", "~(terminated & truncated)"),
    ("flag_turned_round", "not forgotten", "terminated"),
)


def build(source: str, *changes: tuple[str, str]) -> Any:
    """What the changed source defines, as a cell of the exercise notebook would."""
    head = source.lstrip().partition("(")[0].partition(":")[0].split()
    return run(edited(source, *changes), head[1], math=math, np=np, torch=torch, random=random, collections=collections)


def ends(mask: str) -> list[Row]:
    """A wrong answer for each mistake of `ENDS`.

    Args:
        mask: what stands in the right source for [not terminated].
    """
    return [(id, name, (mask, instead)) for id, name, instead in ENDS]


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
        wrong: (id, name, *changes of the source); the id begins with "≈" where the card is a convention's.
        unlisted: (status, name, *changes).
        stub: source of the untouched answer; empty for a function.
    """
    header = source.partition(":\n")[0]
    stub = stub or f"{header}:\n    raise NotImplementedError()\n"
    rows = [
        Answer(exercise, "as in the solution", SOLUTION, build(source), None, "passed"),
        Answer(exercise, "untouched", STUB, build(stub), None, "not attempted"),
        Answer(exercise, "an ellipsis", STUB, ..., None, "not attempted"),
    ]
    rows += [Answer(exercise, name, VALID, build(text), None, "passed") for name, text in valid]
    for id, name, *changes in wrong:
        status = "convention" if id.startswith("≈") else "failed"
        rows.append(Answer(exercise, name, WRONG, build(source, *changes), id.lstrip("≈"), status))
    rows += [
        Answer(exercise, name, UNLISTED, build(source, *changes), None, status) for status, name, *changes in unlisted
    ]
    return rows
