"""A check that is prepared for many answers judges as the check itself does."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from optcourse import catalogue
from optcourse.grading.checks import find
from optcourse.grading.checks.initialization.he import he_normal
from optcourse.grading.definitions import VariantError
from optcourse.grading.engine import PUBLIC_SEED, grade
from optcourse.grading.prepared import prepared
from tests.grading.kill_matrix import all_answers
from tests.grading.wrong_answers.learner import SOLUTION, WRONG

EXERCISES = ("optimizers.momentum", "initialization.fans", "optimizers.diagnosis", "optimizers.memory")


@pytest.mark.parametrize(
    ("exercise", "seed"), [*((exercise, PUBLIC_SEED) for exercise in EXERCISES), (EXERCISES[0], 3)]
)
def test_answers_get_the_card_of_the_check_itself(exercise, seed):
    answers = [answer for answer in all_answers() if answer.exercise == exercise]
    some = [answer for answer in answers if answer.kind == SOLUTION]
    some += [answer for answer in answers if answer.kind == WRONG and answer.status == "failed"][:20:7]
    once, row = prepared(exercise, seed), catalogue.exercise(exercise)
    for answer in some:
        card = grade(find(exercise), answer.candidate, row, seed=seed)
        for _ in range(2):  # the second time from what is kept
            assert grade(once, answer.candidate, row, seed=seed) == card, answer.name


def test_what_is_foretold_is_computed_once(monkeypatch):
    asked = Counter()
    definition = find("optimizers.momentum")

    def model(problem, switches):
        asked[str(switches)] += 1
        yield from definition.model(problem, switches)
        if switches:
            raise VariantError("ValueError")

    counting = dataclasses.replace(definition, model=model)
    monkeypatch.setattr("optcourse.grading.prepared.find", lambda exercise: counting)
    for seed, kept in ((PUBLIC_SEED, 1), (3, 3)):
        asked.clear()
        once = prepared("optimizers.momentum", seed)
        problem = once.cases(seed)[0].problem
        right, wrong = list(definition.model(problem, {})), definition.variants[0].switches
        for _ in range(3):
            assert len(list(once.model(problem, {}))) == len(right)
            seen = []
            with pytest.raises(VariantError, match="ValueError"):
                seen.extend(once.model(problem, wrong))
            assert len(seen) == len(right)
        assert asked == {"{}": 1, str(wrong): kept}
        with pytest.raises(VariantError):
            list(once.model(problem, dict(wrong)))  # another mistake with the same switches is not taken for it
        assert asked[str(wrong)] == kept + 1


def test_two_mistakes_at_once_are_never_taken_for_one_or_none():
    for _ in range(3):
        once = prepared("initialization.he_normal", PUBLIC_SEED)
        pairs = [{"gain": "one", "fan": "in"} for _ in range(2000)]  # alive together, they take every free address
        problem = once.cases(PUBLIC_SEED)[2].problem
        np.testing.assert_array_equal(next(once.model(problem, {})).value, he_normal(*problem))
        for pair in pairs:
            np.testing.assert_array_equal(next(once.model(problem, pair)).value, he_normal(*problem, **pair))


def test_hidden_cases_of_a_test_come_in_another_order():
    hidden = [case.problem for case in prepared("initialization.test", 5).cases(5)]
    public = [case.problem for case in prepared("initialization.test", PUBLIC_SEED).cases(PUBLIC_SEED)]
    assert hidden != public
    assert sorted(hidden) == sorted(public)
