"""Submissions for tests: the solution notebook with one thing changed."""

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from optcourse import catalogue

ROOT = Path(__file__).parents[3]
SOLUTION = ROOT / "solutions" / f"{catalogue.lesson('optimizers').stem}.ipynb"


@cache
def _solution() -> dict:
    return json.loads(SOLUTION.read_text(encoding="utf-8"))


def solution() -> dict:
    """The solution notebook as a dict of its own."""
    return copy.deepcopy(_solution())


def notebook_of(lesson: str) -> dict:
    """The solution notebook of a lesson."""
    path = SOLUTION.with_name(f"{catalogue.lesson(lesson).stem}.ipynb")
    return json.loads(path.read_text(encoding="utf-8"))


def grade_id(cell: dict) -> str:
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def cell_of(notebook: dict, exercise: str) -> dict:
    """The answer cell of an exercise."""
    name = exercise.replace(".", "_")
    return next(cell for cell in notebook["cells"] if grade_id(cell) == name)


def source_of(exercise: str) -> str:
    """The solution's answer."""
    return "".join(cell_of(_solution(), exercise)["source"])


def with_answers(answers: dict[str, str]) -> bytes:
    """The solution notebook with other sources in some answer cells."""
    notebook = solution()
    for exercise, source in answers.items():
        cell_of(notebook, exercise)["source"] = source
    return dumped(notebook)


def changed(change: Callable[[dict], Any]) -> bytes:
    """The solution notebook after a function has changed it in place."""
    notebook = solution()
    change(notebook)
    return dumped(notebook)


def dumped(notebook: dict) -> bytes:
    return json.dumps(notebook).encode("utf-8")
