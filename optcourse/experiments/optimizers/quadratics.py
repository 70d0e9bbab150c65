"""Rates on quadratics, where theory says to the third digit what you should see; and two places where it stops."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from optcourse.lab.claims import Claim, at_least, at_most, within
from optcourse.lab.device import generator
from optcourse.optimizers import SGD, Adam, Momentum, Nesterov

CONDITION_NUMBER = 100.0
DIMENSIONS = 50
Factory = Callable[[Iterable[Tensor]], torch.optim.Optimizer]


def distances(make_optimizer: Factory, seed: int, *, steps: int = 400) -> list[float]:
    """Distance to the minimum of a quadratic, before the first step and after each.

    The Hessian is diagonal with `DIMENSIONS` eigenvalues spread evenly in the logarithm from 1 to `CONDITION_NUMBER`;
    the start is normal, float64.

    Args:
        make_optimizer: parameters -> optimizer, as in `lambda params: SGD(params, lr=0.01)`.
        seed: of the start.
        steps: how many; the list has one entry more.
    """
    eigenvalues = torch.logspace(0, math.log10(CONDITION_NUMBER), DIMENSIONS, dtype=torch.float64)
    x = torch.randn(DIMENSIONS, generator=generator(seed), dtype=torch.float64).requires_grad_()
    optimizer = make_optimizer([x])
    found = [x.norm().item()]
    for _ in range(steps):
        x.grad = eigenvalues * x.detach()
        optimizer.step()
        found.append(x.norm().item())
    return found


def rate(distance: list[float], start: int = 200) -> float:
    """Mean factor by which the distance shrinks a step, from step `start` to the last."""
    return (distance[-1] / distance[start]) ** (1 / (len(distance) - 1 - start))


def tuned_gradient_descent(params: Iterable[Tensor]) -> torch.optim.Optimizer:
    """Gradient descent with the lr that is best for this spectrum: 2 / (L + mu)."""
    return SGD(params, lr=2 / (CONDITION_NUMBER + 1))


def tuned_heavy_ball(params: Iterable[Tensor]) -> torch.optim.Optimizer:
    """Heavy ball with Polyak's lr = 4 / (sqrt L + sqrt mu)^2 and beta = ((sqrt k - 1) / (sqrt k + 1))^2."""
    root = math.sqrt(CONDITION_NUMBER)
    return Momentum(params, lr=4 / (root + 1) ** 2, momentum=((root - 1) / (root + 1)) ** 2)


def gradient_descent_rate(seed: int) -> float:
    """Measured asymptotic rate of tuned gradient descent."""
    return rate(distances(tuned_gradient_descent, seed))


def heavy_ball_rate(seed: int) -> float:
    """Measured asymptotic rate of the tuned heavy ball."""
    return rate(distances(tuned_heavy_ball, seed))


def steps_to(distance: list[float], fraction: float) -> int:
    """First step at which the distance is at most `fraction` of where it began; raises ValueError if there is none."""
    for step, value in enumerate(distance):
        if value <= fraction * distance[0]:
            return step
    raise ValueError(f"the distance never fell to {fraction} of its start in {len(distance) - 1} steps; allow more")


def heavy_ball_speedup(seed: int) -> float:
    """Steps of tuned gradient descent over steps of tuned heavy ball, to a millionth of the distance."""
    slow = steps_to(distances(tuned_gradient_descent, seed, steps=2000), 1e-6)
    return slow / steps_to(distances(tuned_heavy_ball, seed), 1e-6)


def cycle(make_optimizer: Factory, seed: int, *, steps: int = 300) -> list[float]:
    """Position on the strongly convex function of Lessard et al. (2016) on which the heavy ball never settles.

    Its slope is 25 x left of 1, x + 24 from 1 to 2 and 25 x - 24 beyond: curvature 1 to 25, minimum at 0. Starts
    uniformly in [3.1, 3.4], float64.
    """
    x = (3.1 + 0.3 * torch.rand(1, generator=generator(seed), dtype=torch.float64)).requires_grad_()
    optimizer = make_optimizer([x])
    found = [x.item()]
    for _ in range(steps):
        at = x.detach()
        x.grad = torch.where(at < 1, 25 * at, torch.where(at < 2, at + 24, 25 * at - 24))
        optimizer.step()
        found.append(x.item())
    return found


def cycling_heavy_ball(params: Iterable[Tensor]) -> torch.optim.Optimizer:
    """Heavy ball tuned for curvatures 1 to 25."""
    return Momentum(params, lr=1 / 9, momentum=4 / 9)


def settling_gradient_descent(params: Iterable[Tensor]) -> torch.optim.Optimizer:
    """Gradient descent tuned for the same curvatures."""
    return SGD(params, lr=2 / 26)


def heavy_ball_cycle(seed: int) -> float:
    """Largest distance from the minimum in the last 10 of 300 heavy-ball steps."""
    return max(map(abs, cycle(cycling_heavy_ball, seed)[-10:]))


def gradient_descent_settles(seed: int) -> float:
    """The same for gradient descent."""
    return max(map(abs, cycle(settling_gradient_descent, seed)[-10:]))


def nesterov_and_momentum_differ(seed: int) -> float:
    """Distance after 60 steps at lr 0.01 and momentum 0.95, heavy ball over Nesterov."""
    heavy = distances(lambda params: Momentum(params, lr=0.01, momentum=0.95), seed, steps=60)
    ahead = distances(lambda params: Nesterov(params, lr=0.01, momentum=0.95), seed, steps=60)
    return heavy[-1] / ahead[-1]


def scale_change(make_optimizer: Factory, seed: int, *, scale: float = 1000.0, steps: int = 50) -> float:
    """How far the end point moves, relative to the path's length, when the loss is multiplied by `scale`."""

    def end(factor: float) -> tuple[Tensor, Tensor]:
        start = torch.randn(DIMENSIONS, generator=generator(seed), dtype=torch.float64)
        eigenvalues = torch.logspace(0, 1, DIMENSIONS, dtype=torch.float64)
        x = start.clone().requires_grad_()
        optimizer = make_optimizer([x])
        for _ in range(steps):
            x.grad = factor * eigenvalues * x.detach()
            optimizer.step()
        return start, x.detach()

    start, plain = end(1.0)
    _, scaled = end(scale)
    return ((plain - scaled).norm() / (plain - start).norm()).item()


def adam_scale_change(seed: int) -> float:
    """`scale_change` of Adam with eps 1e-12."""
    return scale_change(lambda params: Adam(params, lr=0.01, eps=1e-12), seed)


CLAIMS = (
    Claim(
        "optimizers.gradient_descent_rate",
        "On a quadratic of condition number 100, gradient descent at its best lr shrinks the distance by "
        "(k - 1) / (k + 1) = 0.980 a step.",
        within(0.970, 0.990),
        gradient_descent_rate,
        paper="0.9802 (theory)",
        digits=4,
    ),
    Claim(
        "optimizers.heavy_ball_rate",
        "On the same quadratic the tuned heavy ball shrinks it by sqrt(beta) = 0.818 a step.",
        within(0.810, 0.826),
        heavy_ball_rate,
        paper="0.8182 (Polyak 1964, asymptotic)",
        digits=4,
    ),
    Claim(
        "optimizers.heavy_ball_speedup",
        "Tuned gradient descent needs at least five times the steps of the tuned heavy ball.",
        at_least(5),
        heavy_ball_speedup,
    ),
    Claim(
        "optimizers.heavy_ball_cycle",
        "On a strongly convex function that is not a quadratic, the heavy ball tuned for its curvatures runs in a "
        "circle and never comes nearer than 1 to the minimum's side it starts from.",
        at_least(1),
        heavy_ball_cycle,
        unit="distance",
        paper="a cycle of three points (Lessard, Recht & Packard 2016)",
    ),
    Claim(
        "optimizers.gradient_descent_settles",
        "Gradient descent settles on it.",
        at_most(1e-6),
        gradient_descent_settles,
        unit="distance",
    ),
    Claim(
        "optimizers.adam_scale",
        "Multiplying the loss by 1,000 leaves Adam's path where it was.",
        at_most(1e-6),
        adam_scale_change,
    ),
)
