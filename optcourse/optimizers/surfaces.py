"""Test surfaces in two dimensions, and descending them.  Lesson slug: optimizers."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Surface:
    """A loss on the plane.

    Attributes:
        name: key in `SURFACES`.
        function: points (..., 2) -> values (...); differentiable, without unit.
        start: where a descent begins.
        minimum: a lowest point.
        bounds: ((x0, x1), (y0, y1)), the part worth drawing.
        description: what the surface is good for, one sentence.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    start: tuple[float, float]
    minimum: tuple[float, float]
    bounds: tuple[tuple[float, float], tuple[float, float]]
    description: str


def quadratic(condition_number: float = 20.0) -> Surface:
    r"""An axis-aligned quadratic bowl, :math:`f(x, y) = (x^2 + \kappa y^2) / 2`.

    Args:
        condition_number: kappa >= 1, largest over smallest curvature; the smallest is 1.

    Raises:
        ValueError: kappa is below 1, infinite or NaN.

    Example:
        >>> quadratic(10.0).function(torch.tensor([1.0, 1.0]))
        tensor(5.5000)
    """
    _check_condition_number(condition_number)
    return Surface(
        name="quadratic",
        function=lambda point: (point[..., 0] ** 2 + condition_number * point[..., 1] ** 2) / 2,
        start=(-4.0, 1.0),
        minimum=(0.0, 0.0),
        bounds=((-5.0, 5.0), (-2.0, 2.0)),
        description=f"Bowl with curvatures 1 and {condition_number:g} along the axes.",
    )


def ravine(condition_number: float = 100.0) -> Surface:
    r"""A quadratic valley at 45 degrees to the axes, :math:`f = (a^2 + \kappa b^2) / 2` with
    :math:`a = (x + y) / \sqrt 2` along it and :math:`b = (y - x) / \sqrt 2` across.

    Methods that scale each coordinate by itself help on `quadratic` and not here.

    Args:
        condition_number: kappa >= 1, largest over smallest curvature; the smallest is 1.

    Raises:
        ValueError: kappa is below 1, infinite or NaN.

    Example:
        >>> ravine(10.0).function(torch.tensor([1.0, 1.0])), ravine(10.0).function(torch.tensor([1.0, -1.0]))
        (tensor(1.0000), tensor(10.0000))
    """
    _check_condition_number(condition_number)

    def function(point: Tensor) -> Tensor:
        along = (point[..., 0] + point[..., 1]) / math.sqrt(2)
        across = (point[..., 1] - point[..., 0]) / math.sqrt(2)
        return (along**2 + condition_number * across**2) / 2

    return Surface(
        name="ravine",
        function=function,
        start=(-3.5, -2.5),
        minimum=(0.0, 0.0),
        bounds=((-4.0, 2.0), (-4.0, 2.0)),
        description=f"Valley at 45 degrees to the axes, {condition_number:g} times steeper across than along.",
    )


def _check_condition_number(condition_number: float) -> None:
    if not 1 <= condition_number < math.inf:
        raise ValueError(f"condition_number must be finite and >= 1, got {condition_number}; try condition_number=20")


def _rosenbrock(point: Tensor) -> Tensor:
    x, y = point[..., 0], point[..., 1]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _saddle(point: Tensor) -> Tensor:
    x, y = point[..., 0], point[..., 1]
    return x**2 / 2 - y**2 / 2 + y**4 / 4 + 0.25  # the constant makes the minima 0


def _rastrigin(point: Tensor) -> Tensor:
    return (point**2 - 10 * torch.cos(2 * torch.pi * point) + 10).sum(dim=-1)


SURFACES: dict[str, Surface] = {
    surface.name: surface
    for surface in (
        quadratic(),
        ravine(),
        Surface(
            name="rosenbrock",
            function=_rosenbrock,
            start=(-1.5, 2.0),
            minimum=(1.0, 1.0),
            bounds=((-2.0, 2.0), (-1.0, 3.0)),
            description="Curved valley with an almost flat floor, (1 - x)^2 + 100 (y - x^2)^2.",
        ),
        Surface(
            name="saddle",
            function=_saddle,
            start=(1.5, 0.001),
            minimum=(0.0, 1.0),
            bounds=((-2.0, 2.0), (-1.6, 1.6)),
            description="Saddle at the origin between the minima (0, 1) and (0, -1); the start is almost on the ridge.",
        ),
        Surface(
            name="rastrigin",
            function=_rastrigin,
            start=(2.2, -3.3),
            minimum=(0.0, 0.0),
            bounds=((-4.5, 4.5), (-4.5, 4.5)),
            description="A bowl covered with local minima, about one at each pair of whole numbers.",
        ),
    )
}


def descend(
    surface: Surface, optimizer_factory: Callable[[Iterable[Tensor]], torch.optim.Optimizer], steps: int
) -> Tensor:
    """The path of an optimizer from `surface.start`, in float64 on the CPU.

    Args:
        surface: where to descend.
        optimizer_factory: [parameter] -> optimizer, for example `lambda params: Adam(params, lr=0.1)`. It is stepped
            with a closure, so SAM works too.
        steps: number of steps, >= 0.

    Returns:
        Points, (steps + 1, 2), the start first. A path that diverges stays in it as inf or NaN; nothing is raised.

    Raises:
        ValueError: steps is negative or not a whole number.

    Example:
        >>> path = descend(quadratic(10.0), lambda params: torch.optim.SGD(params, lr=0.05), steps=2)
        >>> path[:, 1]  # y shrinks by 1 - 0.05 * 10 a step
        tensor([1.0000, 0.5000, 0.2500], dtype=torch.float64)
    """
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 0:
        raise ValueError(f"steps must be a whole number >= 0, got {steps!r}")
    point = torch.nn.Parameter(torch.tensor(surface.start, dtype=torch.float64))
    optimizer = optimizer_factory([point])

    def closure() -> Any:
        optimizer.zero_grad()
        loss = surface.function(point)
        loss.backward()
        return loss

    path = torch.empty(steps + 1, 2, dtype=torch.float64)
    path[0] = point.detach()
    for step in range(1, steps + 1):
        optimizer.step(closure)
        path[step] = point.detach()
    return path
