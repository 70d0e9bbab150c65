"""Every answer on record gets the card it should; every listed mistake can be told from every other."""

import dataclasses
import functools

import numpy as np
import pytest

from optcourse import catalogue
from optcourse.grading.candidate import serializing
from optcourse.grading.checks import find, of_lesson
from optcourse.grading.definitions import CONVENTION, Check, VariantError
from tests.grading.kill_matrix import Cell, all_answers, kill_matrix, markdown
from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG

EXERCISES = [exercise.id for exercise in catalogue.exercises()]
LESSONS = list(dict.fromkeys(exercise.lesson for exercise in catalogue.exercises()))
NUMERIC = [exercise.id for exercise in catalogue.exercises() if exercise.kind in ("class", "function")]
ANSWERS = all_answers()
SEEDS = 20

# The Adam family's ids that the course promises; the kill matrix shows each of them named.
PROMISED = {
    *("no_bias_correction", "epsilon_inside_root", "step_count_off_by_one", "shared_step_count", "lr_in_buffer"),
    *("mutates_gradient", "hidden_clamp", "decays_without_gradient", "ignores_groups", "crashes_on_none_gradient"),
    *("dampening", "betas_swapped"),
}
PROMISED_OF_ADAMW = PROMISED | {"l2_instead_of_decoupled", "decay_after_update"}


# One worker has both tests of an exercise, and grades its answers once for both.
BOTH = [pytest.param(exercise, marks=pytest.mark.xdist_group(exercise)) for exercise in EXERCISES]


@functools.cache
def cells_of(exercise: str) -> list[Cell]:
    """What a notebook shows for each answer of an exercise."""
    return kill_matrix(answer for answer in ANSWERS if answer.exercise == exercise)


@pytest.mark.parametrize("exercise", BOTH)
def test_every_answer_gets_its_card(exercise, capsys):
    cells = cells_of(exercise)
    with capsys.disabled():
        print("\n" + markdown(cells).splitlines()[-1], f"slowest {max(cell.seconds for cell in cells):.2f} s")
    assert [(c.answer.name, c.card.status, c.card.misconception) for c in cells if not c.right] == []
    for cell in cells:
        if cell.answer.kind in (WRONG, UNLISTED):
            _assert_that_it_helps(cell)


@pytest.mark.parametrize("exercise", BOTH)
def test_every_answer_gets_the_same_card_where_only_plain_values_cross(exercise):
    cells = cells_of(exercise)
    for cell, other in zip(cells, kill_matrix([cell.answer for cell in cells], transport=serializing), strict=True):
        assert _without_line(cell.card) == _without_line(other.card), cell.answer.name


def _without_line(card):
    """Where an endless loop was stopped is left out: it is another line each time."""
    if card.status != "timed out":
        return card
    return dataclasses.replace(card, message=card.message.partition(" Line ")[0])


def _assert_that_it_helps(cell):
    card = cell.card
    assert not card.passed
    assert card.points == 0
    assert card.message
    if cell.answer.kind == WRONG:
        assert card.look_next, cell.answer.name
    elif card.exercise in NUMERIC and card.status == "failed":
        assert card.number is not None, cell.answer.name
        assert card.number.yours != card.number.expected
        assert card.facts, cell.answer.name


def test_every_exercise_has_a_solution_a_stub_three_other_right_answers_and_unlisted_mistakes():
    for exercise in EXERCISES:
        kinds = [answer.kind for answer in ANSWERS if answer.exercise == exercise]
        assert kinds.count(SOLUTION) == 1, exercise
        assert STUB in kinds, exercise
        assert kinds.count(VALID) >= 3, exercise
        assert kinds.count(WRONG) >= 6, exercise
        assert UNLISTED in kinds, exercise


def test_the_promised_misconceptions_are_each_shown_by_an_answer():
    for exercise, promised in (("optimizers.adam", PROMISED), ("optimizers.adamw", PROMISED_OF_ADAMW)):
        shown = {answer.misconception for answer in ANSWERS if answer.exercise == exercise}
        assert promised <= shown, promised - shown


def test_every_listed_mistake_is_shown_by_an_answer():
    for definition in (check for lesson in LESSONS for check in of_lesson(lesson)):
        shown = _named(answer for answer in ANSWERS if answer.exercise == definition.exercise)
        assert {variant.id for variant in definition.variants} - shown == set(), definition.exercise
        seen = {behaviour.id for behaviour in definition.behaviours if not behaviour.fallback}
        assert seen - _named(ANSWERS) == set(), definition.exercise


def _named(answers) -> set[str]:
    return {id for answer in answers if answer.misconception for id in answer.misconception.split("+")}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_hidden_cases_judge_right_answers_right_and_name_mistakes_as_the_public_ones_do(exercise):
    answers = [answer for answer in ANSWERS if answer.exercise == exercise]
    some = [answer for answer in answers if answer.kind in (SOLUTION, VALID)] + [
        answer for answer in answers if answer.kind == WRONG
    ][::10]
    for seed in (1, 2):
        assert [cell.answer.name for cell in kill_matrix(some, seed=seed) if not cell.right] == [], seed


def _trace(definition: Check, problem, switches) -> np.ndarray:
    """Every number a variant shows in one case, in order; cut off where its code raises."""
    numbers = [np.empty(0)]
    try:
        for item in definition.model(problem, switches):
            numbers.append(np.ravel(item.value))  # noqa: PERF401 (what came before an exception counts)
    except VariantError:
        pass
    return np.concatenate(numbers)


def _traces(definition: Check, seed: int, variants) -> np.ndarray:
    """One row a variant, the solution first: every number of every case, inf from where its code raises."""
    cases = definition.cases(seed)
    rows = [[_trace(definition, case.problem, switches) for case in cases] for _, switches in variants]
    lengths = [max(map(len, traces)) for traces in zip(*rows, strict=True)]
    filled = [
        [
            np.pad(trace, (0, length - len(trace)), constant_values=np.inf)
            for trace, length in zip(row, lengths, strict=True)
        ]
        for row in rows
    ]
    return np.stack([np.concatenate(row) for row in filled])


def _tolerances_apart(trace: np.ndarray, others: np.ndarray, tolerance) -> np.ndarray:
    """The largest difference to each of the others, in units of what is accepted."""
    with np.errstate(all="ignore"):
        finite = np.isfinite(trace) & np.isfinite(others)
        size = np.where(finite, np.minimum(np.abs(trace), np.abs(others)), 0)
        apart = np.abs(trace - others) / (tolerance.absolute + tolerance.relative * size)
        same = (trace == others) | (np.isnan(trace) & np.isnan(others))
    return np.where(finite, apart, np.where(same, 0, np.inf)).max(axis=1)


@pytest.mark.parametrize("exercise", NUMERIC)
def test_all_variants_differ_from_each_other_and_the_solution_by_100_tolerances(exercise):
    definition = find(exercise)
    variants = [("the solution", {})] + [(v.id, v.switches) for v in definition.variants if v.fit is None]
    ids = np.array([id for id, _ in variants])
    for seed in range(SEEDS):
        traces = _traces(definition, seed, variants)
        for id, trace in zip(ids, traces, strict=True):
            apart = _tolerances_apart(trace, traces, definition.tolerance)
            close = (apart <= 100) & (ids != id)
            assert not close.any(), (seed, id, ids[close], apart[close])


@pytest.mark.parametrize("exercise", [id for id in EXERCISES if id not in NUMERIC])
def test_values_choices_and_tests_have_distinct_variants(exercise):
    definition = find(exercise)
    shown = [
        tuple(str(item.value) for case in definition.cases(0) for item in definition.model(case.problem, switches))
        for switches in ({}, *(variant.switches for variant in definition.variants))
    ]
    assert len(set(shown)) == len(shown)


def test_a_convention_says_whose_form_it_is_and_when_the_two_are_equal():
    checks = [check for lesson in LESSONS for check in of_lesson(lesson)]
    conventions = [variant for check in checks for variant in check.variants if variant.kind == CONVENTION]
    assert {"lr_in_buffer", "dampening", "epsilon_hat", "epsilon_inside_root"} <= {v.id for v in conventions}
    for variant in conventions:
        assert variant.message.startswith("Right"), variant.id
        assert "equal" in variant.message or variant.id == "mebibytes", variant.id
