"""The test to be written: initializers that are right, and wrong ones that it has to tell from them."""

import math

import torch
from torch import Tensor

from optcourse.grading.kinds import test_check

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


MUTANTS = {
    "gain_forgotten": (
        lambda fan_out, fan_in: torch.randn(fan_out, fan_in) / math.sqrt(fan_in),
        "ReLU's 2 is missing, so that the variance is 1 / fan_in.",
    ),
    "variance_as_std": (
        lambda fan_out, fan_in: torch.randn(fan_out, fan_in) * 2 / fan_in,
        "the standard deviation is 2 / fan_in, which should be the variance.",
    ),
    "fan_out": (
        lambda fan_out, fan_in: torch.randn(fan_out, fan_in) * math.sqrt(2 / fan_out),
        "it divides by fan_out. It shows only where the two fans differ.",
    ),
    "std_as_bound": (
        lambda fan_out, fan_in: (2 * torch.rand(fan_out, fan_in) - 1) * _std(fan_in),
        "it is uniform between plus and minus the standard deviation, and so too small by sqrt(3).",
    ),
    "cut_without_correction": (
        lambda fan_out, fan_in: _cut(fan_out, fan_in) * _std(fan_in),
        "its numbers are cut at two standard deviations, so that their standard deviation is 12 % too small. To see "
        "that, a tolerance has to be narrow, and the weight large.",
    ),
    "not_centered": (
        lambda fan_out, fan_in: (torch.randn(fan_out, fan_in) + 0.2) * _std(fan_in),
        "its standard deviation is right, but its mean is a fifth of that, not 0.",
    ),
    "transposed": (
        lambda fan_out, fan_in: normal(fan_out, fan_in).T,
        "its numbers are right, but the shape is (fan_in, fan_out).",
    ),
    "one_row": (
        _one_row,
        "all rows are equal: mean and variance are right, and every unit computes the same.",
    ),
    "same_numbers": (
        _same_numbers,
        "each call gives the same numbers, so that layers of one shape start equal.",
    ),
    "one_nan": (
        _one_nan,
        "one of its weights is NaN. Every comparison with NaN is False: `not x > bound` lets it through.",
    ),
}

ADVICE = (
    "List what the text asks of a weight: shape, mean, variance, independence of its numbers and of calls. One "
    "`assert` for each, on a weight with many numbers and two different fans."
)

INITIALIZER_TEST = test_check(
    "initialization.test",
    right={"normal": normal, "uniform": uniform, "truncated": truncated},
    mutants=MUTANTS,
    draws=12,
    noun="initializer",
    look_next=ADVICE,
    praise=f"Right: your test accepts what is right, whatever the draw, and sees all {len(MUTANTS)} wrong ones.",
)
