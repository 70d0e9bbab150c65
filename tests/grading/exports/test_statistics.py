"""Numbers of a class report, on classes whose numbers are known."""

import numpy as np
import pytest

from optcourse.grading.exports.statistics import FEWEST, alike, items
from tests.grading.exports.samples import classroom, exercise, row


def test_difficulty_and_mistakes():
    rows = [
        row("a", [exercise("optimizers.adam")]),
        row("b", [exercise("optimizers.adam", "failed", "no_bias_correction")]),
        row("c", [exercise("optimizers.adam", "failed", "no_bias_correction")]),
        row("d", [exercise("optimizers.adam", "not attempted")]),
        row("e", [], source=""),
    ]
    adam = next(item for item in items(rows, "optimizers") if item.exercise.id == "optimizers.adam")
    assert (adam.graded, adam.attempted, adam.passed, adam.difficulty) == (4, 3, 1, 0.25)
    assert adam.misconceptions == (("no_bias_correction", 2),)
    assert adam.discrimination is None, "too few"


def test_discrimination_is_the_correlation_with_the_other_points():
    names = ["optimizers.memory", "optimizers.adam", "optimizers.adamw"]
    passes = np.random.default_rng(0).random((30, 3)) < 0.5
    rows = [
        row(f"l{i}", [exercise(name, "passed" if ok else "failed") for name, ok in zip(names, line, strict=True)])
        for i, line in enumerate(passes)
    ]
    points = passes * np.array([1, 4, 3])
    adam = next(item for item in items(rows, "optimizers") if item.exercise.id == "optimizers.adam")
    expected = np.corrcoef(points[:, 1], points[:, 0] + points[:, 2])[0, 1]
    assert adam.discrimination == pytest.approx(expected, abs=1e-6)
    assert items(rows[: FEWEST - 1], "optimizers")[4].discrimination is None


def pairs(found) -> dict[tuple[str, ...], int]:
    return {one.learners: len(one.exercises) for one in found}


def test_copies_are_found_and_natural_answers_are_not():
    found = alike(classroom(), "optimizers")
    assert found[0].learners == ("Learner 3 (s003)", "Learner 7 (s007)")
    assert len(found) == 1, "what half the class wrote is no hint"


def test_only_written_code_that_was_attempted_is_compared():
    def answers(syntax: str, status: str = "passed"):
        return [exercise(f"optimizers.{name}", status, syntax=syntax) for name in ("memory", "diagnosis", "adam")]

    assert pairs(alike([row("a", answers("x")), row("b", answers("x"))], "optimizers")) == {("a", "b"): 1}
    for syntax, status in (("", "passed"), ("x", "not attempted"), ("x", "missing")):
        assert alike([row("a", answers(syntax, status)), row("b", answers(syntax, status))], "optimizers") == []
