"""Test surfaces have the minima, curvatures and starts they say; descents record what happened, divergence included."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

from optcourse.optimizers import OPTIMIZERS, SAM, SGD, SURFACES, Momentum, Surface, descend, quadratic, ravine

every_surface = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)


def hessian(surface: Surface, point: tuple[float, float]) -> torch.Tensor:
    return torch.autograd.functional.hessian(surface.function, torch.tensor(point, dtype=torch.float64))


def test_names() -> None:
    assert list(SURFACES) == ["quadratic", "ravine", "rosenbrock", "saddle", "rastrigin"]
    assert all(surface.name == name for name, surface in SURFACES.items())


@every_surface
def test_minimum_is_lowest_and_flat(surface: Surface) -> None:
    (x0, x1), (y0, y1) = surface.bounds
    grid = torch.cartesian_prod(torch.linspace(x0, x1, 101), torch.linspace(y0, y1, 101)).double()
    minimum = torch.tensor(surface.minimum, dtype=torch.float64, requires_grad=True)
    value = surface.function(minimum)
    assert value.item() == pytest.approx(0.0, abs=1e-12)
    assert surface.function(grid).min() >= -1e-12
    (gradient,) = torch.autograd.grad(value, minimum)
    assert gradient.norm() < 1e-9
    assert torch.linalg.eigvalsh(hessian(surface, surface.minimum)).min() > 0


@every_surface
def test_start_is_in_the_picture_and_off_the_minimum(surface: Surface) -> None:
    for coordinate, (low, high) in zip(surface.start, surface.bounds, strict=True):
        assert low < coordinate < high
    assert surface.function(torch.tensor(surface.start)) > 0.1


@every_surface
def test_function_maps_grids(surface: Surface) -> None:
    points = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0))
    values = surface.function(points)
    assert values.shape == (3, 4)
    torch.testing.assert_close(values[1, 2], surface.function(points[1, 2]))


@pytest.mark.parametrize("make", [quadratic, ravine])
@pytest.mark.parametrize("condition_number", [1.0, 30.0, 1e4])
def test_condition_number(make: Callable[[float], Surface], condition_number: float) -> None:
    curvatures = torch.linalg.eigvalsh(hessian(make(condition_number), (0.3, -0.2)))
    assert curvatures.tolist() == pytest.approx([1.0, condition_number])


def test_ravine_is_at_45_degrees() -> None:
    _, directions = torch.linalg.eigh(hessian(ravine(), (0.0, 0.0)))
    assert directions.abs().flatten().tolist() == pytest.approx([0.5**0.5] * 4)


def test_saddle_has_one() -> None:
    low, high = torch.linalg.eigvalsh(hessian(SURFACES["saddle"], (0.0, 0.0)))
    assert low < 0 < high


def test_rastrigin_has_local_minima() -> None:
    point = descend(dataclasses.replace(SURFACES["rastrigin"], start=(2.1, -1.1)), lambda p: SGD(p, lr=1e-3), 500)[-1]
    assert point.tolist() == pytest.approx([2, -1], abs=0.02)
    assert SURFACES["rastrigin"].function(point) > 1


@pytest.mark.parametrize("condition_number", [0.5, -1.0, float("nan"), float("inf")])
def test_condition_number_is_checked(condition_number: float) -> None:
    for make in (quadratic, ravine):
        with pytest.raises(ValueError, match=f"^condition_number must be finite and >= 1, got {condition_number}; try"):
            make(condition_number)


@every_surface
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_descend_descends(surface: Surface, optimizer: Any) -> None:
    path = descend(surface, lambda params: optimizer(params, lr=1e-4), 20)
    values = surface.function(path)
    assert path.shape == (21, 2)
    assert path[0].tolist() == list(surface.start)
    assert values[-1] < values[0]


def test_descent_on_the_quadratic_in_closed_form() -> None:
    path = descend(quadratic(10.0), lambda params: SGD(params, lr=0.05), 30)
    steps = torch.arange(31, dtype=torch.float64)
    expected = torch.stack([-4.0 * 0.95**steps, 0.5**steps], dim=1)
    torch.testing.assert_close(path, expected, rtol=1e-10, atol=1e-12)


def test_divergence_is_kept() -> None:
    path = descend(SURFACES["rosenbrock"], lambda params: SAM(params, lr=1.0, base=Momentum), 30)
    assert path.shape == (31, 2)
    assert path[0].isfinite().all()
    assert not path[-1].isfinite().any()


@pytest.mark.parametrize("steps", [-1, 2.0, True, "3"])
def test_steps_are_checked(steps: Any) -> None:
    with pytest.raises(ValueError, match=r"^steps must be a whole number >= 0, got "):
        descend(quadratic(), SGD, steps)


def test_no_steps() -> None:
    assert descend(quadratic(), SGD, 0).tolist() == [[-4.0, 1.0]]


def test_surfaces_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SURFACES["saddle"].start = (0.0, 0.0)  # type: ignore[misc]
