"""Initializers that a learner's test has to judge: three that are right, and ten wrong ones."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

_CUT = 2.0  # standard deviations
_LEFT = 0.8796257  # of the standard deviation of a normal number that is cut there


def _std(fan_in: int) -> float:
    return math.sqrt(2 / fan_in)


def normal(fan_out: int, fan_in: int) -> Tensor:
    """He's, from normal numbers."""
    return torch.randn(fan_out, fan_in) * _std(fan_in)


def uniform(fan_out: int, fan_in: int) -> Tensor:
    """He's, from uniform numbers."""
    return (2 * torch.rand(fan_out, fan_in) - 1) * math.sqrt(3) * _std(fan_in)


def _cut(fan_out: int, fan_in: int) -> Tensor:
    inside = (2 * torch.rand(fan_out, fan_in, dtype=torch.float64) - 1) * math.erf(_CUT / math.sqrt(2))
    return (torch.erfinv(inside) * math.sqrt(2)).float()


def truncated(fan_out: int, fan_in: int) -> Tensor:
    """He's, from normal numbers of at most two standard deviations, and enlarged to make up for the cut."""
    return _cut(fan_out, fan_in) * _std(fan_in) / _LEFT


def _one_row(fan_out: int, fan_in: int) -> Tensor:
    row = normal(1, fan_in)
    row = (row - row.mean()) / row.std() * _std(fan_in)  # so that only comparing rows tells it
    return row.repeat(fan_out, 1)


def _same_numbers(fan_out: int, fan_in: int) -> Tensor:
    generator = torch.Generator().manual_seed(20150206)
    return torch.randn(fan_out, fan_in, generator=generator) * _std(fan_in)


def _one_nan(fan_out: int, fan_in: int) -> Tensor:
    weight = normal(fan_out, fan_in)
    weight[-1, -1] = math.nan
    return weight


def _unnamed(make: Callable[[int, int], Tensor]) -> Callable[[int, int], Tensor]:
    """The same under the name that all have, so that a test learns nothing from it."""

    def initialize(fan_out: int, fan_in: int) -> Tensor:
        return make(fan_out, fan_in)

    return initialize


_BY_NAME: Mapping[str, Callable[[int, int], Tensor]] = {
    "normal": normal,
    "uniform": uniform,
    "truncated": truncated,
    "gain_forgotten": lambda fan_out, fan_in: torch.randn(fan_out, fan_in) / math.sqrt(fan_in),
    "variance_as_std": lambda fan_out, fan_in: torch.randn(fan_out, fan_in) * 2 / fan_in,
    "fan_out": lambda fan_out, fan_in: torch.randn(fan_out, fan_in) * math.sqrt(2 / fan_out),
    "std_as_bound": lambda fan_out, fan_in: (2 * torch.rand(fan_out, fan_in) - 1) * _std(fan_in),
    "cut_without_correction": lambda fan_out, fan_in: _cut(fan_out, fan_in) * _std(fan_in),
    "not_centered": lambda fan_out, fan_in: (torch.randn(fan_out, fan_in) + 0.2) * _std(fan_in),
    "transposed": lambda fan_out, fan_in: normal(fan_out, fan_in).T,
    "one_row": _one_row,
    "same_numbers": _same_numbers,
    "one_nan": _one_nan,
}
IMPLEMENTATIONS = {name: _unnamed(make) for name, make in _BY_NAME.items()}
