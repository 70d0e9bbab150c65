"""Targets and losses against numbers worked out by hand in float64."""

import math

import pytest
import torch

from optcourse.reinforcement import td_loss, td_target

T = lambda *x: torch.tensor(x, dtype=torch.float64)
ENDS = torch.tensor([False, True, False])
REWARD = T(1.0, -2.0, 0.5)
TARGET = T([1.0, 4.0, 2.0], [9.0, 8.0, 7.0], [-3.0, -1.0, -2.0])
ONLINE = T([5.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 0.5, 1.0])


def test_plain_and_double_target():
    plain = td_target(REWARD, ENDS, TARGET, discount=0.9)
    double = td_target(REWARD, ENDS, TARGET, discount=0.9, next_q_online=ONLINE)
    torch.testing.assert_close(plain, T(1 + 0.9 * 4, -2.0, 0.5 - 0.9 * 1), rtol=0, atol=1e-15)
    torch.testing.assert_close(double, T(1 + 0.9 * 1, -2.0, 0.5 - 0.9 * 2), rtol=0, atol=1e-15)


def test_discount_of_each_row():
    y = td_target(REWARD, ENDS, TARGET, discount=T(0.9, 0.81, 0.729))
    torch.testing.assert_close(y, T(1 + 0.9 * 4, -2.0, 0.5 - 0.729), rtol=0, atol=1e-15)


def test_terminated_needs_no_value():
    y = td_target(REWARD, ENDS, torch.where(ENDS.unsqueeze(1), math.nan, TARGET), discount=0.9)
    assert y[1] == -2.0
    assert torch.isfinite(y).all()


def test_no_gradient_flows_into_the_target():
    next_q = TARGET.clone().requires_grad_()
    reward = REWARD.clone().requires_grad_()
    assert not td_target(reward, ENDS, next_q, discount=0.9, next_q_online=next_q).requires_grad


def test_double_is_plain_where_both_networks_agree():
    q = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    reward, ends = q[:, 0], q[:, 1] > 0
    same = td_target(reward, ends, q, discount=0.9, next_q_online=3 * q + 1)
    assert torch.equal(same, td_target(reward, ends, q, discount=0.9))
    other = td_target(reward, ends, q, discount=0.9, next_q_online=-q)
    assert (other <= td_target(reward, ends, q, discount=0.9)).all()  # no other action is worth more


def test_losses_by_hand():
    q = T([1.0, 5.0], [0.0, 2.0], [3.0, 1.0]).requires_grad_()
    action, target = torch.tensor([1, 0, 0]), T(2.0, 0.5, 3.0)  # errors -3, 0.5, 0
    mse, delta = td_loss(q, action, target)
    huber, _ = td_loss(q, action, target, loss="huber")
    weighted, _ = td_loss(q, action, target, weight=T(0.5, 1.0, 1.0))
    assert delta.tolist() == [-3.0, 0.5, 0.0]
    assert not delta.requires_grad
    assert mse.item() == pytest.approx((9 + 0.25) / 3, rel=1e-15)
    assert huber.item() == pytest.approx((2.5 + 0.125) / 3, rel=1e-15)
    assert weighted.item() == pytest.approx((4.5 + 0.25) / 3, rel=1e-15)
    (gradient,) = torch.autograd.grad(mse, q, retain_graph=True)
    torch.testing.assert_close(gradient, T([0, 6.0], [-1.0, 0], [0, 0]) / 3)
    (gradient,) = torch.autograd.grad(huber, q)
    torch.testing.assert_close(gradient, T([0, 1.0], [-0.5, 0], [0, 0]) / 3)


@pytest.mark.parametrize(
    ("mine", "theirs"), [("mse", "mse_loss"), ("huber", "huber_loss"), ("huber", "smooth_l1_loss")]
)
def test_losses_are_torchs(mine, theirs):
    random = torch.Generator().manual_seed(1)
    q = (3 * torch.randn(200, 3, dtype=torch.float64, generator=random)).requires_grad_()
    action = torch.randint(3, (200,), generator=random)
    target = torch.randn(200, dtype=torch.float64, generator=random)
    loss, _ = td_loss(q, action, target, loss=mine)
    other = getattr(torch.nn.functional, theirs)(q[torch.arange(200), action], target)
    torch.testing.assert_close(loss, other)
    torch.testing.assert_close(torch.autograd.grad(loss, q)[0], torch.autograd.grad(other, q)[0])


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: td_target(REWARD, ENDS.double(), TARGET, discount=1),
            TypeError,
            r"bool tensor, got torch.float64; try",
        ),
        (lambda: td_target(REWARD[:, None], ENDS, TARGET, discount=1), ValueError, r"got \(3, 1\), \(3,\), \(3, 3\)"),
        (lambda: td_target(REWARD, ENDS[:2], TARGET, discount=1), ValueError, r"\(2,\)"),
        (lambda: td_target(REWARD, ENDS, TARGET[0], discount=1), ValueError, "values .B, actions."),
        (lambda: td_target(REWARD, ENDS, TARGET, discount=1, next_q_online=ONLINE[:, :2]), ValueError, r"\(3, 2\)"),
        (
            lambda: td_target(T(1.0, math.nan, 2.0), ENDS, TARGET, discount=1),
            ValueError,
            "rewards must be finite, got 1 of",
        ),
        (
            lambda: td_target(REWARD, ENDS, TARGET, discount=math.nan),
            ValueError,
            r"discount must be .*\[0, 1\], got nan",
        ),
        (lambda: td_target(REWARD, ENDS, TARGET, discount=1.5), ValueError, r"discount must be .*\[0, 1\], got 1.5"),
        (lambda: td_target(REWARD, ENDS, TARGET, discount=T(0.9, 2.0, 0.9)), ValueError, r"got 0.9 to 2; take gamma"),
        (lambda: td_target(REWARD, ENDS, TARGET, discount=T(0.9, math.nan, 0.9)), ValueError, r"in \[0, 1\], got nan"),
        (
            lambda: td_target(REWARD, ENDS, TARGET, discount=T([0.9], [0.9], [0.9])),
            ValueError,
            r"got \(3, 1\); look for",
        ),
        (lambda: td_loss(TARGET, torch.zeros(3, 1).long(), REWARD), ValueError, r"\(3, 1\)"),
        (lambda: td_loss(TARGET, torch.zeros(3).long(), REWARD[:, None]), ValueError, "lost or added axis"),
        (lambda: td_loss(TARGET, torch.zeros(3).long(), REWARD, loss="l1"), ValueError, "'mse' or 'huber', got 'l1'"),
    ],
)
def test_errors(make, error, text):
    with pytest.raises(error, match=text):
        make()
