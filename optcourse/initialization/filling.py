"""What every scheme does beside its formula: check the weight, draw, fill in place."""

import math

import torch
from torch import Tensor


def check_gain(gain: float) -> float:
    """The gain, if it is a finite number above 0.

    Raises:
        TypeError, ValueError: otherwise; NaN and booleans are refused.
    """
    if isinstance(gain, bool) or not isinstance(gain, (int, float)):
        raise TypeError(f"gain must be a number > 0, got {gain!r} ({type(gain).__name__}); try gain=1.0")
    if not (gain > 0 and math.isfinite(gain)):
        raise ValueError(f"gain must be finite and > 0, got {gain}; try gain=1.0")
    return float(gain)


def check_weight(weight: Tensor) -> Tensor:
    """The weight, if it is a tensor of floating numbers.

    Raises:
        TypeError: otherwise.
    """
    if not isinstance(weight, Tensor) or not weight.is_floating_point():
        given = weight.dtype if isinstance(weight, Tensor) else type(weight).__name__
        raise TypeError(f"weight must be a tensor of floating numbers, got {given}; give layer.weight")
    return weight


@torch.no_grad()
def fill_normal_(weight: Tensor, std: float, generator: torch.Generator | None) -> Tensor:
    """Fill with N(0, std^2), in place; returns the weight."""
    return check_weight(weight).normal_(0.0, std, generator=generator)


@torch.no_grad()
def fill_uniform_(weight: Tensor, bound: float, generator: torch.Generator | None) -> Tensor:
    """Fill with U(-bound, bound), in place; returns the weight."""
    return check_weight(weight).uniform_(-bound, bound, generator=generator)
