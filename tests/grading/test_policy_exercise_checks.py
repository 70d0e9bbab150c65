"""The checks of advantages and of PPO's loss: their models, their cases, and what is seen of a call."""

import math

import numpy as np
import pytest
import torch

from optcourse import catalogue
from optcourse.grading.candidate import AnswerError, Servant, Session, direct, serializing
from optcourse.grading.checks import find
from optcourse.grading.checks.reinforcement.clipped_loss import clipped_loss
from optcourse.grading.checks.reinforcement.gae import gae
from optcourse.grading.engine import grade
from optcourse.reinforcement.advantages import gae as library_gae

SEEDS = range(20)


def problems(exercise: str, seed: int = 3) -> list:
    return [case.problem for case in find(f"reinforcement.{exercise}").cases(seed)]


def graded(exercise: str, answer):
    row = catalogue.exercise(f"reinforcement.{exercise}")
    return grade(find(row.id), answer, row)


def test_advantages_are_those_of_the_library():
    for problem in problems("gae"):
        *tensors, gamma, lam = problem
        numbers = [tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors]
        np.testing.assert_allclose(gae(*problem), library_gae(*numbers, gamma=gamma, lam=lam), rtol=1e-12)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (0.5, 2.0, -1.0, -2.0),
        (0.5, -2.0, 1.4, 0.0),
        (0.9, 2.0, -1.8, -2.0),
        (0.9, -2.0, 1.8, 2.0),
        (1.5, 2.0, -2.6, 0.0),
        (1.5, -2.0, 3.0, 2.0),
    ],
)
def test_the_loss_is_that_of_a_table_made_by_hand(ratio, advantage, loss, slope):
    """With a clip of 0.3; the slope is that of the loss by the ratio."""
    old = torch.tensor([-1.25], dtype=torch.float64)
    seen, *gradients = clipped_loss(old + math.log(ratio), old, torch.full((1,), advantage), 0.3)
    assert float(seen) == pytest.approx(loss)
    assert [gradient.item() for gradient in gradients] == pytest.approx([slope * ratio, 0.0, 0.0])


@pytest.mark.parametrize("seed", SEEDS)
def test_steps_of_no_case_are_degenerate(seed):
    seen = problems("gae", seed)
    assert all(reward.shape[0] != reward.shape[1] for reward, *_ in seen)
    assert {reward.dtype for reward, *_ in seen} == {torch.float32, torch.float64}
    assert 1 in {len(reward) for reward, *_ in seen}
    assert 1 in {reward.shape[1] for reward, *_ in seen}
    assert all(abs(gamma - lam) > 0.01 for *_, gamma, lam in seen)
    assert {gamma < lam for *_, gamma, lam in seen} == {True, False}
    kinds = {(True, False), (False, True), (True, True), (False, False)}
    *_, over, cut, _, _ = seen[5]
    assert set(zip(over[:-1].flatten().tolist(), cut[:-1].flatten().tolist(), strict=True)) == kinds
    assert set(zip(over[-1].tolist(), cut[-1].tolist(), strict=True)) == kinds


@pytest.mark.parametrize("seed", SEEDS)
def test_nan_stands_behind_a_terminated_step_of_a_first_episode_alone(seed):
    *others, unknown, single = problems("gae", seed)
    assert not any(problem[2].isnan().any() for problem in (*others, single))
    _, _, behind, over, cut, *_ = unknown
    assert behind.isnan().any()
    assert (behind.isnan() <= over).all()
    assert ((over | cut).cumsum(dim=0)[behind.isnan()] == 1).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_ratios_lie_on_both_sides_of_the_clip_with_both_signs(seed):
    for log_prob, old, advantage, clip in problems("clipped_loss", seed):
        ratio = (log_prob - old).exp()
        distance = ((ratio - 1).abs() / clip - 1).abs()
        assert distance.min() > 0.05
        assert advantage.abs().min() > 0.5
        assert abs(clip - 0.2) > 0.05
    for place in (5, 7):
        log_prob, old, advantage, clip = problems("clipped_loss", seed)[place]
        where = torch.bucketize((log_prob - old).exp(), torch.tensor([1 - clip, 1.0, 1 + clip], dtype=log_prob.dtype))
        assert len(set(zip(where.tolist(), (advantage > 0).tolist(), strict=True))) == 8


@pytest.mark.parametrize("transport", [direct, serializing])
def test_what_a_call_did_to_its_arguments_is_seen(transport):
    def answer(a, b, c, *, power):
        c += 1
        return a.detach() * b**power

    a, b, c = torch.tensor([2.0, 3.0]), torch.tensor([4.0, 5.0]), torch.zeros(1)
    seen = Session(transport(Servant(answer, seconds=5))).examine(a, b, c, differentiated=(0, 1), power=2)
    assert seen.result.tolist() == [32.0, 75.0]
    assert [tensor.tolist() for tensor in seen.arguments] == [[2.0, 3.0], [4.0, 5.0], [1.0]]
    assert [tensor.tolist() for tensor in seen.gradients] == [[0.0, 0.0], [16.0, 30.0]]
    assert c.tolist() == [0.0]
    for plain in (1.5, [1.0, 2.0], torch.ones(2)):
        seen = Session(transport(Servant(lambda *_: plain, seconds=5))).examine(a, differentiated=(0,))  # noqa: B023
        assert [tensor.tolist() for tensor in seen.gradients] == [[0.0, 0.0]]
    with pytest.raises(AnswerError) as untouched:
        Session(transport(Servant(lambda *_: ..., seconds=5))).examine(a)
    assert untouched.value.fault.kind == "stub"


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"result": 1.0},
        {"result": 1.0, "arguments": [], "gradients": [torch.ones(1)]},
        {"result": 1.0, "arguments": [1.0], "gradients": [0.0]},
        {"result": 1.0, "arguments": [1.0], "gradients": []},
    ],
)
def test_an_examination_that_cannot_be_is_refused(value):
    session = Session(lambda request: {"value": value, "fault": None, "printed": "", "dropped": 0})
    with pytest.raises(ValueError, match="not the examination of a call"):
        session.examine(torch.ones(1), differentiated=(0,))


def test_a_list_is_right_and_a_narrower_type_is_told_where_it_is_narrower():
    def returns(made):
        def answer(*tensors, gamma, lam):
            behind = tensors[2].masked_fill(tensors[3], 0)
            return made(library_gae(*tensors[:2], behind, *tensors[3:], gamma=gamma, lam=lam))

        return answer

    assert graded("gae", returns(lambda advantage: advantage.tolist())).passed
    assert graded("gae", returns(lambda advantage: advantage.double())).passed
    card = graded("gae", returns(lambda advantage: advantage.float()))
    assert card.misconception == "precision_lost"
    assert "one step" in card.message
    assert graded("gae", returns(lambda advantage: advantage.long())).misconception == "whole_numbers"


def test_a_loss_that_is_right_with_a_wrong_gradient_is_told_so():
    def answer(log_prob, old_log_prob, advantage, *, clip):
        ratio, worth = (log_prob - old_log_prob.detach()).exp(), advantage.detach()
        loss = -torch.minimum(ratio * worth, ratio.clamp(1 - clip, 1 + clip) * worth).mean()
        return 3 * loss - 2 * loss.detach()

    card = graded("clipped_loss", answer)
    assert card.misconception is None
    assert card.facts == ("In this case the loss is right; the gradient of log_prob is not.",)
