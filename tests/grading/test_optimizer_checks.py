"""The models that judge optimizers, against torch's own; the ladder's cases, none of them degenerate; the curves."""

import dataclasses

import numpy as np
import pytest
import torch

from optcourse import catalogue
from optcourse.grading.checks import find
from optcourse.grading.checks.optimizers import curves
from optcourse.grading.checks.optimizers.problems import Problem
from optcourse.grading.definitions import RESULT
from tests.grading.kill_matrix import all_answers, kill_matrix

CLASSES = [exercise.id for exercise in catalogue.exercises("optimizers") if exercise.kind == "class"]
TORCH = {
    "optimizers.momentum": torch.optim.SGD,
    "optimizers.nesterov": lambda params, **options: torch.optim.SGD(params, nesterov=True, **options),
    "optimizers.rmsprop": torch.optim.RMSprop,
    "optimizers.adam": torch.optim.Adam,
    "optimizers.adamw": torch.optim.AdamW,
}


def _trained_by_torch(make, problem: Problem) -> list[np.ndarray]:
    parameters = [value.double().clone().requires_grad_() for value in problem.parameters]
    groups = [
        {**options, "params": [parameters[index] for index in members]}
        for members, options in zip(problem.groups, problem.group_options, strict=True)
    ]
    optimizer = make(groups, **problem.options)
    seen = [parameter.detach().numpy().copy() for parameter in parameters]
    for step in problem.steps:
        for group, name, value in step.changes:
            optimizer.param_groups[group][name] = value
        for parameter, gradient in zip(parameters, step.gradients, strict=True):
            parameter.grad = None if gradient is None else gradient.double()
        optimizer.step()
        seen += [parameter.detach().numpy().copy() for parameter in parameters]
    return seen


@pytest.mark.parametrize("exercise", CLASSES)
def test_the_model_without_switches_is_torchs_optimizer(exercise):
    definition = find(exercise)
    for case in definition.cases(5):
        ours = [item.value for item in definition.model(case.problem, {}) if item.channel == RESULT]
        for mine, theirs in zip(ours, _trained_by_torch(TORCH[exercise], case.problem), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12, err_msg=case.name)


@pytest.mark.parametrize("exercise", CLASSES)
def test_float32_arithmetic_keeps_well_within_the_tolerance(exercise):
    floats = [a for a in all_answers() if a.exercise == exercise and a.name == "float32 style"]
    for seed in range(5):
        assert kill_matrix(floats, seed=seed)[0].card.passed


def test_the_ladder_is_not_degenerate():
    problems = {case.name: case.problem for case in find("optimizers.adamw").cases(0)}
    grouped = problems["two parameter groups"]
    options = [{**grouped.options, **own} for own in grouped.group_options]
    assert options[0]["lr"] != options[1]["lr"]
    assert options[0]["betas"] != options[1]["betas"]
    assert any(step.changes for step in grouped.steps)
    several = problems["several parameters"]
    assert {value.dim() for value in several.parameters} == {0, 1, 2}
    assert not several.parameters[3].is_contiguous()
    missing = [
        [g is None for g in step.gradients] for step in problems["a parameter without gradient on some steps"].steps
    ]
    assert any(all(row) for row in missing)
    assert all(row[2] for row in missing)
    assert any(any(row) and not all(row) for row in missing)
    sizes = problems["very small and very large numbers"].steps[0].gradients[0].abs()
    assert sizes.max() / sizes[sizes > 0].min() > 1e4
    assert (sizes == 0).any()


def test_cases_are_those_of_their_seed():
    def numbers(seed):
        return [value for case in find("optimizers.adam").cases(seed) for value in case.problem.initial[0].ravel()]

    assert numbers(3) == numbers(3)
    assert numbers(3) != numbers(4)


def test_the_four_curves_can_be_told_apart_by_what_the_exercise_says():
    runs = {run.config["curve"]: run for run in curves.diagnosis_curves()}
    assert list(runs) == ["right", "A", "B", "C", "D"]
    loss = {name: np.array([record.loss for record in run.records]) for name, run in runs.items()}
    largest = {name: np.array([r.values["largest parameter"] for r in run.records]) for name, run in runs.items()}
    drop = [record.step for record in runs["right"].records].index(curves.DROP)
    bug = {bug: curve for curve, bug in curves._DRAWN_BY.items()}
    assert np.ptp(largest[bug["hidden_clamp"]][10:]) == 0
    assert loss[bug["hidden_clamp"]].min() > 5 * loss["right"].min()
    assert largest[bug["no_bias_correction"]][:10].max() > 1.4 * largest["right"].max()
    assert np.array_equal(loss[bug["ignores_groups"]][: drop + 1], loss["right"][: drop + 1])
    assert loss[bug["ignores_groups"]][-10:].std() > 5 * loss["right"][-10:].std()
    assert loss[bug["decay_not_scaled_by_lr"]][-1] > 4 * loss[bug["decay_not_scaled_by_lr"]][drop - 5]


def test_the_bugs_to_choose_from_hold_more_than_the_answers():
    assert set(curves._DRAWN_BY.values()) < set(curves.BUGS)
    assert len(curves.BUGS) >= 6


def test_a_kept_gradient_explains_its_case_and_nothing_beside_it():
    named = [a for a in all_answers() if (a.exercise, a.misconception) == ("optimizers.momentum", "aliases_gradient")]
    (cell,) = kill_matrix(named)
    assert "matches none" not in cell.card.message

    class Also(cell.answer.candidate):
        def step(self):
            super().step()
            with torch.no_grad():
                self.param_groups[0]["params"][0].add_(0.5)

    (also,) = kill_matrix([dataclasses.replace(cell.answer, candidate=Also)])
    assert also.card.misconception == "aliases_gradient"
    assert "matches none" in also.card.message
