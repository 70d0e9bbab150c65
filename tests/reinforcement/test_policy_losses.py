"""Losses of policies against closed forms, tables made by hand, and torch."""

import math

import numpy as np
import pytest
import torch

from optcourse.reinforcement.policy_gradients import sample_actions
from optcourse.reinforcement.policy_losses import (
    clipped_loss,
    log_probability,
    policy_entropy,
    policy_loss,
    value_loss,
)
from tests.optimizers.test_devices import OneDevice

T = lambda *x: torch.tensor(x, dtype=torch.float64)


def test_probabilities_are_torchs():
    logits = 3 * torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    action = torch.arange(50) % 4
    theirs = torch.distributions.Categorical(logits=logits)
    torch.testing.assert_close(log_probability(logits, action), theirs.log_prob(action))
    torch.testing.assert_close(policy_entropy(logits), theirs.entropy().mean())
    assert torch.isfinite(policy_entropy(torch.tensor([[0.0, -1e4]])))


@pytest.mark.parametrize("baseline", [0.0, 7.0])
def test_policy_gradient_of_a_bandit_is_the_closed_form(baseline):
    """Over all actions, each as often as it is drawn: d E[r] / dz_a = pi_a (r_a - E[r]), whatever the baseline is."""
    z, r = T(0.3, -1.0, 0.8).requires_grad_(), T(1.0, 5.0, -2.0)
    pi = z.detach().softmax(0)
    expected = 0.0
    for a in range(3):
        loss = policy_loss(log_probability(z.unsqueeze(0), torch.tensor([a])), (r[a] - baseline).reshape(1))
        expected = expected + pi[a] * torch.autograd.grad(loss, z)[0]
    torch.testing.assert_close(-expected, pi * (r - pi @ r))
    (plain,) = torch.autograd.grad(z.softmax(0) @ r, z)
    torch.testing.assert_close(-expected, plain)


def test_policy_gradient_of_two_steps_is_unbiased():
    """All four episodes of two moves, in the second of which the reward depends on the first."""
    z, reward = T([0.5, -0.2], [0.1, 0.9]).requires_grad_(), T([1.0, -2.0], [3.0, 0.5])
    pi = z.softmax(1)
    (exact,) = torch.autograd.grad((pi[0].unsqueeze(1) * pi[1] * reward).sum(), z, retain_graph=True)
    expected = torch.zeros_like(z)
    for first in range(2):
        for second in range(2):
            taken = log_probability(z, torch.tensor([first, second]))
            returns = T(reward[first, second], reward[first, second])  # to go: all of it still comes, at both steps
            (gradient,) = torch.autograd.grad(2 * policy_loss(taken, returns), z)  # the mean of two, as a sum
            expected -= (pi[0, first] * pi[1, second]).item() * gradient
    torch.testing.assert_close(expected, exact)


CLIPPED = [  # ratio, advantage, what counts of the mean, whether the gradient flows
    (1.1, 2.0, 2.2, True),
    (1.5, 2.0, 2.4, False),  # good, and probable enough by now
    (0.5, 2.0, 1.0, True),  # good, and improbable: is to come back
    (0.9, -2.0, -1.8, True),
    (0.5, -2.0, -1.6, False),  # bad, and improbable enough by now
    (1.5, -2.0, -3.0, True),  # bad, and probable: is to come back
]


@pytest.mark.parametrize(("ratio", "advantage", "counts", "flows"), CLIPPED)
def test_clipped_loss_by_hand(ratio, advantage, counts, flows):
    old = T(-1.3)
    log_prob = (old + math.log(ratio)).requires_grad_()
    loss = clipped_loss(log_prob, old, T(advantage), clip=0.2)
    assert loss.item() == pytest.approx(-counts, rel=1e-12)
    (slope,) = torch.autograd.grad(loss, log_prob)
    assert slope.item() == pytest.approx(-ratio * advantage * flows, rel=1e-12)


def test_clipped_loss_is_a_mean_and_clips_nothing_at_infinity():
    ratio, advantage, counts, _ = (T(*column) for column in zip(*CLIPPED, strict=True))
    loss = clipped_loss(ratio.log(), torch.zeros(6, dtype=torch.float64), advantage, clip=0.2)
    torch.testing.assert_close(loss, -counts.mean())
    loss = clipped_loss(ratio.log(), torch.zeros(6, dtype=torch.float64), advantage, clip=math.inf)
    torch.testing.assert_close(loss, -(ratio * advantage).mean())


def test_gradients_flow_where_they_should_alone():
    log_prob, old, advantage = (T(-0.5, -1.0).requires_grad_() for _ in range(3))
    clipped = torch.autograd.grad(
        clipped_loss(log_prob, old, advantage, clip=0.2), (log_prob, old, advantage), allow_unused=True
    )
    plain = torch.autograd.grad(policy_loss(log_prob, advantage), (log_prob, advantage), allow_unused=True)
    torch.testing.assert_close(clipped[0], plain[0])  # both policies are the same here
    assert (clipped[1], clipped[2], plain[1]) == (None, None, None)
    value, target = T(1.0, 2.0).requires_grad_(), T(4.0, 0.0).requires_grad_()
    slopes = torch.autograd.grad(value_loss(value, target), (value, target), allow_unused=True)
    assert (slopes[0].tolist(), slopes[1]) == ([-3.0, 2.0], None)


def test_losses_on_other_devices():
    meta = lambda *shape, **options: torch.empty(*shape, device="meta", **options)
    with OneDevice("meta"):
        log_prob = log_probability(meta(5, 3), meta(5, dtype=torch.int64))
        made = (
            clipped_loss(log_prob, meta(5), meta(5), clip=0.2),
            policy_loss(log_prob, meta(5)),
            value_loss(meta(5), meta(5)),
            policy_entropy(meta(5, 3)),
        )
    assert all((loss.device.type, loss.shape) == ("meta", ()) for loss in made)


def test_actions_are_drawn_as_the_softmax_asks():
    logits = np.tile([0.0, 1.0, -2.0], (30_000, 1))
    counts = np.bincount(sample_actions(logits, np.random.default_rng(0)), minlength=3) / 30_000
    expected = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert abs(counts - expected).max() <= 4 * math.sqrt(0.25 / 30_000)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: policy_loss(T(1.0), T([1.0])), r"log_prob \(1,\), advantage \(1, 1\); look for"),
        (lambda: clipped_loss(T(1.0), T(1.0), T(1.0), clip=math.nan), "clip must be .*got nan"),
        (lambda: clipped_loss(T(1.0), T(1.0, 2.0), T(1.0), clip=0.1), r"old_log_prob \(2,\)"),
        (lambda: value_loss(T([1.0]), T([1.0])), r"must be \(B,\)"),
        (lambda: log_probability(T([1.0, 2.0]), torch.zeros(1, 1).long()), r"got \(1, 2\) and \(1, 1\)"),
    ],
)
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()
