"""The models that judge the initialization exercises, against torch and closed forms; cases none of them degenerate."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from optcourse import catalogue
from optcourse.grading.checks import find
from optcourse.grading.checks.initialization import initializers, layers, mutants
from optcourse.grading.checks.initialization.fans import fans
from optcourse.grading.checks.initialization.gains import gain
from optcourse.grading.checks.initialization.he import he_normal
from optcourse.grading.checks.initialization.lsuv import lsuv
from optcourse.grading.checks.initialization.xavier import xavier_uniform
from optcourse.grading.engine import grade
from tests.grading.kill_matrix import all_answers, kill_matrix
from tests.grading.wrong_answers.learner import SOLUTION, VALID

LAYERS = {
    "linear": lambda outputs, inputs, groups: torch.nn.Linear(inputs, outputs),
    "conv": lambda outputs, inputs, groups: torch.nn.Conv2d(inputs, outputs, (3, 5), groups=groups, padding=(1, 2)),
    "conv_transpose": lambda outputs, inputs, groups: torch.nn.ConvTranspose2d(
        inputs, outputs, (3, 5), groups=groups, padding=(1, 2)
    ),
}


@pytest.mark.parametrize(
    ("kind", "groups"), [("linear", 1), ("conv", 1), ("conv", 2), ("conv_transpose", 1), ("conv_transpose", 2)]
)
def test_fans_are_counted_in_the_layer_itself(kind, groups):
    """The gradient of one output has fan_in numbers that are not 0; one input reaches fan_out outputs."""
    layer = LAYERS[kind](6, 4, groups)
    torch.nn.init.constant_(layer.weight, 1.0)
    torch.nn.init.zeros_(layer.bias)
    shape, middle = ((1, 4), ()) if kind == "linear" else ((1, 4, 9, 11), (4, 5))
    inputs = torch.ones(shape, requires_grad=True)
    layer(inputs)[(0, 0, *middle)].backward()
    one = torch.zeros(shape)
    one[(0, 0, *middle)] = 1.0
    counted = (int((inputs.grad != 0).sum()), int((layer(one) != 0).sum()))
    assert fans(tuple(layer.weight.shape), kind, groups) == counted


def test_gains_are_those_of_closed_forms():
    z = torch.linspace(-9, 9, 6001, dtype=torch.float64)
    assert gain(z, torch.relu(z)) == pytest.approx(math.sqrt(2), rel=1e-6)
    assert gain(z, torch.where(z > 0, z, 0.3 * z)) == pytest.approx(math.sqrt(2 / 1.09), rel=1e-6)
    assert gain(z, torch.nn.functional.selu(z)) == pytest.approx(1.0, abs=1e-4)
    assert gain(z, torch.tanh(z)) == pytest.approx(1.592, abs=1e-3)
    assert gain(z, torch.tanh(z), moment="derivative") != pytest.approx(1.592, abs=1e-2)


def test_weights_are_torchs_from_the_same_numbers():
    torch.manual_seed(5)
    expected = torch.nn.init.kaiming_normal_(torch.empty(7, 3), a=0.4, mode="fan_out")
    torch.manual_seed(5)
    torch.testing.assert_close(he_normal(torch.empty(7, 3).normal_(), 3, 7, "fan_out", 0.4), expected)
    torch.manual_seed(6)
    expected = torch.nn.init.xavier_uniform_(torch.empty(7, 3))
    torch.manual_seed(6)
    torch.testing.assert_close(xavier_uniform(torch.empty(7, 3).uniform_(), 3, 7), expected)


def test_lsuv_brings_variances_to_1_where_a_scale_can():
    for case in find("initialization.lsuv").cases(4)[:3]:
        weights, biases, x, tolerance, rounds = case.problem
        for weight, bias in zip(lsuv(weights, biases, x, tolerance, rounds), biases, strict=True):
            outputs = x @ weight.T + bias
            assert abs(float(outputs.var(correction=0)) - 1) <= tolerance
            x = torch.relu(outputs)


@pytest.mark.parametrize("seed", range(20))
def test_cases_of_lsuv_hold_what_their_names_say(seed):
    cases = {case.name: case.problem for case in find("initialization.lsuv").cases(seed)}
    weights, biases, batch, _, _ = cases["a layer with a large bias"]
    assert float((batch @ (1e-9 * weights[0]).T + biases[0]).var(correction=0)) > 1.5
    weights, biases, batch, tolerance, rounds = cases["a layer within the tolerance after one that is not"]
    mended = lsuv(weights, biases, batch, tolerance, rounds)
    assert not torch.equal(mended[0], weights[0])
    assert torch.equal(mended[1], weights[1])
    bounded = cases["three layers and two rounds at most"]
    assert any(not torch.allclose(a, b) for a, b in zip(lsuv(*bounded), lsuv(*bounded[:4], 9), strict=True))
    weights, _, batch, _, _ = cases["two layers of small weights"]
    assert 0 < float((batch @ weights[0].T).var(correction=0)) < 0.01


def test_right_initializers_have_the_mean_and_variance_asked_for():
    torch.manual_seed(0)
    for make in (initializers.normal, initializers.uniform, initializers.truncated):
        weight = make(500, 800)
        assert weight.shape == (500, 800)
        # Five standard errors of 400,000 numbers.
        assert abs(weight.mean() / math.sqrt(2 / 800)) < 5 / math.sqrt(400_000)
        assert float(weight.var() * 400) == pytest.approx(1, abs=5 * math.sqrt(2 / 400_000))


def test_every_mutant_is_wrong_in_its_own_way_alone():
    """Of the six things that the solution asserts, each breaks one."""
    seen = {}
    for name in mutants.WRONG:
        implementation = initializers.IMPLEMENTATIONS[name]
        torch.manual_seed(1)
        weight, again = implementation(200, 500), implementation(200, 500)
        std = math.sqrt(2 / 500)
        seen[name] = (
            weight.shape != (200, 500),
            not bool(torch.isfinite(weight).all()),
            bool(abs(weight.mean()) > 0.03 * std),
            bool(abs(weight.std() / std - 1) > 0.03),
            torch.equal(weight[0], weight[1]),
            torch.equal(weight, again),
        )
    assert {name: found.count(True) for name, found in seen.items()} == dict.fromkeys(seen, 1)


@pytest.mark.parametrize("seed", range(5))
def test_honest_tests_pass_whatever_the_draw(seed):
    answers = [a for a in all_answers() if a.exercise == "initialization.test" and a.kind in (SOLUTION, VALID)]
    assert [cell.answer.name for cell in kill_matrix(answers, seed=seed) if not cell.card.passed] == []


def test_cases_are_those_of_their_seed_and_not_degenerate():
    for seed in range(20):
        for case in find("initialization.fans").cases(seed):
            seen, fed = fans(*case.problem)
            assert seen != fed, (seed, case.name)
        for _, fan_in, fan_out in (case.problem for case in find("initialization.xavier_uniform").cases(seed)[1:]):
            assert fan_in != fan_out
        gains = [case.problem[2] for case in find("initialization.orthogonal").cases(seed)]
        assert all(abs(value - 1) > 0.1 for value in gains)
    first, again, other = (find("initialization.he_normal").cases(seed)[0].problem[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert first.shape != other.shape or not torch.equal(first, other)


def test_the_four_curves_can_be_told_apart_by_what_the_exercise_says():
    runs = {run.config["curve"]: run for run in layers.diagnosis_layers()}
    assert list(runs) == ["A", "B", "C", "D"]
    pairs = list(pairwise(layers.WIDTHS))[1:]
    for curve, name in layers._DRAWN_BY.items():
        last, first = runs[curve].records[-1].values["forward"], runs[curve].records[0].values["backward"]
        forward = math.prod(fan_in * layers._VARIANCES[name](fan_in, fan_out) / 2 for fan_in, fan_out in pairs)
        backward = math.prod(fan_out * layers._VARIANCES[name](fan_in, fan_out) / 2 for fan_in, fan_out in pairs)
        # One net of these widths strays: by less than half of the factor 13 that tells the two of He apart.
        assert forward / 4 < last < forward * 4, name
        assert backward / 4 < first < backward * 4, name
    assert set(layers._DRAWN_BY.values()) < set(layers.INITIALIZERS)


def test_a_function_that_returns_nothing_and_one_that_draws_its_own_numbers_are_told():
    exercise = catalogue.exercise("initialization.xavier_uniform")
    card = grade(find(exercise.id), lambda noise, fan_in, fan_out: None, exercise)
    assert card.misconception == "nothing_returned"
    assert "matches none" not in card.message
    card = grade(find(exercise.id), lambda noise, fan_in, fan_out: torch.rand_like(noise), exercise)
    assert card.misconception == "noise_ignored"


def test_facts_count_the_numbers_of_the_answer_alone():
    exercise = catalogue.exercise("initialization.lsuv")
    wrong = grade(find(exercise.id), lambda weights, *_: [2.0 * weight for weight in weights], exercise)
    assert wrong.facts
    assert not any("numbers of this case are right" in fact for fact in wrong.facts)
    short = grade(find(exercise.id), lambda weights, *_: weights[1:], exercise)
    assert short.facts == ("What you returned is a list or tuple of 0; asked for is a list or tuple of 1.",)


def test_an_endless_loop_in_lsuv_is_named_where_no_scale_helps():
    answer = next(a for a in all_answers() if a.misconception == "rounds_unbounded").candidate
    card = grade(find("initialization.lsuv"), answer, catalogue.exercise("initialization.lsuv"))
    assert (card.status, card.misconception) == ("timed out", "rounds_unbounded")
    assert "for some layers it never is" in card.message


def test_grids_of_the_gain_are_even_and_differ():
    grids = [case.problem[0].numpy() for case in find("initialization.gain").cases(0)]
    assert all(np.allclose(np.diff(grid), grid[1] - grid[0]) for grid in grids)
    assert len({round(float(grid[1] - grid[0]), 6) for grid in grids}) > 1
    assert len({float(grid[-1]) for grid in grids}) > 1


@pytest.mark.parametrize("name", ["xavier_uniform", "he_normal"])
def test_weights_kept_for_the_next_layer_of_these_sizes_are_seen(name):
    exercise, kept = catalogue.exercise(f"initialization.{name}"), {}
    right = {"xavier_uniform": xavier_uniform, "he_normal": he_normal}[name]

    def answer(noise, *settings):
        return kept.setdefault(settings, right(noise, *settings))

    card = grade(find(exercise.id), answer, exercise)
    assert card.status == "failed"
    assert "Not right for: a second" in card.message


def test_a_test_that_returns_a_weight_is_told_what_to_return():
    exercise = catalogue.exercise("initialization.test")
    card = grade(find(exercise.id), lambda initialize: initialize(3, 4), exercise)
    assert card.status == "error"
    assert "return True, False or nothing" in card.message
