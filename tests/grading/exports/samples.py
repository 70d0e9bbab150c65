"""Rows as a class run gives them, with names and texts that want to break out."""

import random
from dataclasses import replace

from optcourse import catalogue
from optcourse.grading.classrun import Learner, Row
from optcourse.grading.submission import ExerciseResult, Status, SubmissionResult

HOSTILE = '</title><script>alert("x")</script><img src=x onerror=alert(1)> & `code` \x07\u202e'
MISTAKES = {
    "optimizers.momentum": ["dampening", "lr_in_buffer"],
    "optimizers.nesterov": ["old_buffer"],
    "optimizers.rmsprop": ["eps_inside_root"],
    "optimizers.adam": ["no_bias_correction", "eps_inside_root", "global_step_count"],
    "optimizers.adamw": ["l2_instead_of_decay", "no_bias_correction"],
}


def exercise(id: str, status: str = "passed", misconception: str | None = None, **more) -> ExerciseResult:
    row = catalogue.exercise(id)
    points = row.points if status == "passed" else 0.0
    card = {
        "title": row.title,
        "status": status,
        "message": {"passed": "Right in every case.", "not attempted": "Nothing to check yet."}.get(
            status,
            "You wrote `v` where the formula has `v̂`, so early updates are too long.\nNot right for: two groups.",
        ),
        "case": "several steps",
        "number": {"place": "step 2, parameter 1, element [0]", "yours": "0.513", "expected": "0.509"},
        "facts": ["The first update is 3.16 times the expected one."],
        "look_next": "Write down the first update by hand.",
        "printed": "",
        "dropped": 0,
        "notes": [],
    }
    if status != "failed":
        card |= {"number": None, "facts": [], "look_next": ""}
    passed = int(status == "passed")
    cases = {"public_passed": 4 * passed, "public_total": 4, "hidden_passed": 8 * passed, "hidden_total": 8}
    return ExerciseResult(id, status, points, row.points, misconception, card, **{**cases, "seconds": 0.05, **more})


def row(learner: str | Learner, exercises=(), status: Status | None = None, expected=True, notes=(), **more) -> Row:
    learner = learner if isinstance(learner, Learner) else Learner(learner)
    points = sum(one.points for one in exercises)
    if status is None:
        status = Status.GRADED if points == 17 else Status.PARTLY
    about = {"isolated": True, "isolation": "bubblewrap", "source": f"{learner.id}/04.ipynb", "digest": "ab" * 32}
    about |= {"lesson": "optimizers", "max_points": 17.0, "points": points, **more}
    result = SubmissionResult(learner.id, status=status, exercises=tuple(exercises), **about)
    return Row(learner, result, expected, tuple(notes))


def classroom(size: int = 40, seed: int = 0) -> list[Row]:
    """A class in which the strong pass more, two copied from each other, and everything else that happens happens."""
    draw = random.Random(seed)
    rows = []
    for number in range(size):
        strength = draw.random()
        answers = []
        for row_ in catalogue.exercises("optimizers"):
            chance = strength + 0.15 * (3 - row_.difficulty)
            status = "passed" if draw.random() < chance else "not attempted" if draw.random() < 0.2 else "failed"
            mistake = draw.choice([*MISTAKES.get(row_.id, []), None]) if status == "failed" else None
            syntax = f"{draw.randrange(10**9):x}" if draw.random() < 0.5 else "natural"
            answers.append(exercise(row_.id, status, mistake, syntax=syntax))
        rows.append(row(Learner(f"s{number:03}", f"Learner {number}"), answers))
    copied = [replace(one, syntax=f"copied {one.exercise}") for one in rows[3].result.exercises]
    rows[7] = row(rows[7].learner, copied)
    rows[3] = row(rows[3].learner, copied)
    rows.append(row("s100", [], Status.MISSING, source="", notes=["Nothing was handed in."]))
    rows.append(row("s101", [], Status.CORRUPT, message="The file ends in the middle of its text."))
    rows.append(row("s102", [exercise("optimizers.adam", "crashed")], Status.CRASHED, message="The answers ended it."))
    rows.append(
        row("who", [exercise("optimizers.adam")], Status.UNKNOWN_OWNER, False, ["Nobody in the roster is 'who'."])
    )
    return rows
