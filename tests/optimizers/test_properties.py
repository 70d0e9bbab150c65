"""Properties that must hold for any gradient and any option, drawn by hypothesis."""

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from optcourse.optimizers import (
    Adam,
    adagrad_reference,
    adam_reference,
    adamw_reference,
    momentum_reference,
    nesterov_reference,
    rmsprop_reference,
    sgd_reference,
)
from tests.optimizers.cases import assert_same

fractions = st.floats(0.0, 0.99)
rates = st.floats(1e-4, 1.0)
sizes = st.floats(1e-3, 1e3).flatmap(lambda size: st.sampled_from([size, -size]))
quick = settings(max_examples=40, deadline=None, derandomize=True)


def gradients(numbers: list[float]) -> list[Tensor]:
    """A short sequence of gradients with these first coordinates."""
    return [torch.tensor([number, 2 * number, 1.0], dtype=torch.float64) for number in numbers]


def follow(reference: Any, gs: list[Tensor], states: int, counted: bool = False, **options: Any) -> list[Tensor]:
    theta = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    state: tuple[Tensor, ...] = (torch.zeros_like(theta),) * states
    path = []
    for t, g in enumerate(gs, start=1):
        theta, *state = reference(theta, g, *state, *([t] if counted else []), **options)
        path.append(theta)
    return path


@quick
@given(g=sizes, lr=rates, beta1=fractions, beta2=fractions)
def test_first_step_of_adam_is_the_sign(g: float, lr: float, beta1: float, beta2: float) -> None:
    gs = gradients([g])
    (theta,) = follow(adam_reference, gs, 2, True, lr=lr, beta1=beta1, beta2=beta2, eps=0.0)
    start = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    assert_same(theta, start - lr * gs[0].sign(), 1e-12)


@quick
@given(numbers=st.lists(sizes, min_size=2, max_size=6), scale=st.floats(1e-3, 1e3), beta1=fractions, beta2=fractions)
def test_adaptive_methods_ignore_the_scale_of_gradients(
    numbers: list[float], scale: float, beta1: float, beta2: float
) -> None:
    gs, scaled = gradients(numbers), [scale * g for g in gradients(numbers)]
    adam = {"lr": 0.1, "beta1": beta1, "beta2": beta2, "eps": 0.0}
    for reference, states, counted, options in (
        (adam_reference, 2, True, adam),
        (adamw_reference, 2, True, {**adam, "weight_decay": 0.1}),
        (adagrad_reference, 1, False, {"lr": 0.1, "eps": 0.0}),
        (rmsprop_reference, 1, False, {"lr": 0.1, "alpha": beta2, "eps": 0.0}),
    ):
        assert_same(
            follow(reference, scaled, states, counted, **options),
            follow(reference, gs, states, counted, **options),
            1e-9,
        )


@quick
@given(numbers=st.lists(sizes, min_size=2, max_size=6), lr=rates, weight_decay=st.floats(0, 1))
def test_no_momentum_is_plain_descent(numbers: list[float], lr: float, weight_decay: float) -> None:
    gs, options = gradients(numbers), {"lr": lr, "weight_decay": weight_decay}
    plain = follow(sgd_reference, gs, 0, **options)
    assert_same(follow(momentum_reference, gs, 1, momentum=0.0, **options), plain)
    assert_same(follow(nesterov_reference, gs, 1, momentum=0.0, **options), plain)


@quick
@given(numbers=st.lists(sizes, min_size=2, max_size=6), lr=rates, momentum=fractions)
def test_nesterov_runs_one_look_ahead_of_momentum(numbers: list[float], lr: float, momentum: float) -> None:
    """With the same gradients Nesterov's theta is heavy ball's, moved on by eta mu m."""
    gs = gradients(numbers)
    heavy, nesterov = (
        follow(reference, gs, 1, lr=lr, momentum=momentum) for reference in (momentum_reference, nesterov_reference)
    )
    m = torch.zeros(3, dtype=torch.float64)
    for g, ahead, theta in zip(gs, nesterov, heavy, strict=True):
        m = momentum * m + g
        torch.testing.assert_close(ahead, theta - lr * momentum * m, rtol=1e-9, atol=1e-9)


def bowl(theta: Tensor) -> Tensor:
    """Gradient of a quadratic with curvatures 1 and 7."""
    return theta * torch.tensor([1.0, 7.0, 7.0], dtype=torch.float64)


@quick
@given(lr=st.floats(1e-3, 0.1), momentum=fractions)
def test_momentum_is_polyaks_with_constant_rate(lr: float, momentum: float) -> None:
    """theta_t = theta_{t-1} - eta g_t + mu (theta_{t-1} - theta_{t-2}), as the documentation says."""
    theta = older = polyak = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    m = torch.zeros_like(theta)
    for _ in range(8):
        theta, m = momentum_reference(theta, bowl(theta), m, lr=lr, momentum=momentum)
        older, polyak = polyak, polyak - lr * bowl(polyak) + momentum * (polyak - older)
        assert_same(theta, polyak, 1e-10)


@quick
@given(lr=st.floats(1e-3, 0.1), momentum=fractions)
def test_nesterov_is_the_papers_seen_from_the_look_ahead(lr: float, momentum: float) -> None:
    """The paper's iterate, its gradient taken ahead of it, is theta_t + eta mu m_t, as the documentation says."""
    theta = iterate = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    m, velocity = torch.zeros_like(theta), torch.zeros_like(theta)
    for _ in range(8):
        theta, m = nesterov_reference(theta, bowl(theta), m, lr=lr, momentum=momentum)
        velocity = momentum * velocity - lr * bowl(iterate + momentum * velocity)
        iterate = iterate + velocity
        assert_same(theta + lr * momentum * m, iterate, 1e-10)


@quick
@given(numbers=st.lists(sizes, min_size=3, max_size=8), beta1=fractions, beta2=fractions)
def test_amsgrad_never_divides_by_less_than_adam(numbers: list[float], beta1: float, beta2: float) -> None:
    theta = m = v = v_max = torch.zeros(3, dtype=torch.float64)
    for t, g in enumerate(gradients(numbers), start=1):
        before = v_max
        theta, m, v, v_max = adam_reference(theta, g, m, v, t, lr=0.1, beta1=beta1, beta2=beta2, eps=1e-8, v_max=v_max)
        assert (v_max >= v).all()
        assert (v_max >= before).all()
        assert ((v_max == v) | (v_max == before)).all()


@quick
@given(numbers=st.lists(sizes, min_size=2, max_size=6), decay=st.floats(0, 1), lr=rates)
def test_decoupled_decay_does_not_look_at_gradients(numbers: list[float], decay: float, lr: float) -> None:
    """One step of AdamW minus the same step without decay is -lr * decay * theta, whatever the gradients."""
    z = torch.zeros(3, dtype=torch.float64)
    theta, g = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64), gradients(numbers)[0]
    options = {"lr": lr, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    with_decay, without = (adamw_reference(theta, g, z, z, 1, weight_decay=it, **options)[0] for it in (decay, 0.0))
    assert_same(with_decay - without, -lr * decay * theta, 1e-12)


@quick
@given(order=st.permutations(range(5)))
def test_order_of_parameters_does_not_matter(order: list[int]) -> None:
    thetas = [torch.nn.Parameter(torch.full((i + 1,), 1.0 + i)) for i in range(5)]
    others = [torch.nn.Parameter(theta.detach().clone()) for theta in thetas]
    ours, permuted = Adam(thetas, lr=0.1), Adam([others[i] for i in order], lr=0.1)
    for step in range(3):
        for theta in (*thetas, *others):
            theta.grad = torch.full_like(theta, 1.0 + step - theta.numel())
        ours.step()
        permuted.step()
    assert_same([theta.detach() for theta in thetas], [other.detach() for other in others])
