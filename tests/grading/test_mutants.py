"""The checks kill every mutant of their solution that is not right all the same."""

import pytest

from optcourse import catalogue
from tests.grading.equivalent import EQUIVALENT
from tests.grading.mutants import Solution, mutants, solutions, survivors

READY = [lesson.slug for lesson in catalogue.lessons() if lesson.ready]
SOLUTIONS = {solution.exercise: solution for lesson in READY for solution in solutions(lesson)}


def test_every_exercise_has_a_solution_in_its_notebook():
    assert set(SOLUTIONS) == {exercise.id for exercise in catalogue.exercises() if exercise.lesson in READY}


@pytest.mark.parametrize("exercise", SOLUTIONS)
def test_mutants_of_the_solution_are_killed(exercise, capsys):
    passed, total = survivors(SOLUTIONS[exercise])
    with capsys.disabled():
        print(f"\n{exercise}: {total - len(passed)} of {total} mutants killed")
    assert total >= 4
    assert {mutant.change for mutant in passed} == set(EQUIVALENT.get(exercise, {}))


def mutated(text: str) -> list[str]:
    source = f"def f(a, b):\n    ### BEGIN SOLUTION\n    {text}\n    ### END SOLUTION"
    return [mutant.change for mutant in mutants(Solution("optimizers.adam", source, "f", {}))]


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("return a - b", {"a + b", "b - a", "a", "b", "None"}),
        ("return a < b and not a", {"a <= b and (not a)", "a < b or not a", "a < b and a", "None"}),
        ("return a.sqrt()", {"a.square()", "a", "None"}),
        ("return max(a, b)", {"max(b, a)", "None"}),
        ("return sorted(a, key=b)", {"sorted(a)", "None"}),
        ("return {'m': a}", {"{'m_': a}", "None"}),
        ("return 3", {"4", "6", "None"}),
        ("return a if b else 0", {"a if not b else 0", "a if b else 1", "a if b else -1", "None"}),
    ],
)
def test_what_is_changed(text, changes):
    assert {change.partition(" -> ")[2].removeprefix("return ") for change in mutated(text)} == changes


def test_statements_are_left_out_and_assignments_weakened():
    assert mutated("a += b") == ["a += b -> a -= b", "a += b -> a = b", "a += b -> pass"]


def test_what_is_given_is_not_changed():
    source = "x = 1 + 1\n### BEGIN SOLUTION\ny = 2\n### END SOLUTION\nz = 3"
    assert {m.change for m in mutants(Solution("optimizers.adam", source, "y", {}))} == {
        "y = 2 -> y = 3",
        "y = 2 -> y = 4",
        "y = 2 -> pass",
    }
