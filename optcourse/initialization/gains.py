"""Gains: how much larger weights must be to make up for what an activation takes from the signal.

Computed by integration, for any function that acts on each number by itself.
"""

import copy
import difflib
import math
from collections.abc import Callable
from functools import cache
from numbers import Real
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = str | Callable[[Tensor], Tensor]
"""A name in `ACTIVATIONS`, or a function or module that acts on each number by itself."""

Mode = Literal["forward", "backward"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}

_WIDEST = 12.0  # standard deviations; what lies beyond weighs less than 1e-31
_LARGEST_VARIANCE = 1e300  # above it squares leave float64


class Moments(NamedTuple):
    """E[f(z)^2] and E[f'(z)^2]: what is left of the signal forward, and of the gradient backward."""

    value: float
    slope: float


def moments(activation: Activation, variance: float = 1.0, *, negative_slope: float = 0.01) -> Moments:
    r"""Second moments of an activation and of its slope under a normal input.

    .. math::
        \mathbb E[f(z)^2], \quad \mathbb E[f'(z)^2], \qquad z \sim \mathcal N(0, q)

    Args:
        activation: a name in `ACTIVATIONS`, or a function or module of its own that acts on each number by itself.
            Not mutated; modules are taken in evaluation mode.
        variance: q >= 0.
        negative_slope: of `"leaky_relu"`; other activations have none.

    Raises:
        TypeError, ValueError: for an unknown name (the nearest is suggested), a class instead of an instance, a
            variance or slope that breaks its rule, NaN included, or a function that mixes numbers or returns NaN.

    Accurate to 1e-12 where kinks lie at 0 or, for q = 1, at multiples of 1/2; elsewhere to about 1e-4.

    Example:
        >>> moments("relu")
        Moments(value=0.5..., slope=0.5...)
    """
    if isinstance(variance, bool) or not isinstance(variance, Real):
        raise TypeError(f"variance must be a number >= 0, got {variance!r} ({type(variance).__name__}); try 1.0")
    if not variance >= 0:
        raise ValueError(f"variance must be >= 0, got {variance}; give the mean square of the activation's input")
    function = _function(activation, negative_slope)
    z, weights = _rule()
    with torch.enable_grad():
        x = (math.sqrt(min(variance, _LARGEST_VARIANCE)) * z).requires_grad_()
        y = function(x.clone())  # it may work in place
        _check_elementwise(function, x, y)
        (slope,) = torch.autograd.grad(y.sum(), x) if y.requires_grad else (torch.zeros_like(x),)
    found = Moments(float(weights @ y.detach().square()), float(weights @ slope.square()))
    if math.isnan(found.value + found.slope):
        raise ValueError(f"activation {activation!r} or its slope is NaN for some number; give one defined everywhere")
    return found


def gain(activation: Activation, mode: Mode = "forward", *, negative_slope: float = 0.01) -> float:
    r"""Factor on the weights' standard deviation that makes up for an activation.

    .. math::
        \text{forward: } 1 / \sqrt{\mathbb E[f(z)^2]}, \qquad \text{backward: } 1 / \sqrt{\mathbb E[f'(z)^2]},
        \qquad z \sim \mathcal N(0, 1)

    With std = gain / sqrt(fan_in) a layer hands on the mean square 1 that it received (forward); with
    gain / sqrt(fan_out) its gradient does (backward). For ReLU both are sqrt(2).

    Args:
        activation, negative_slope: as for `moments`.
        mode: "forward" or "backward".

    Raises:
        TypeError, ValueError: as `moments`; and for an activation that is 0 (or flat) everywhere, which no gain mends.

    Differs from torch: `torch.nn.init.calculate_gain` is a table. It agrees for identity, ReLU and leaky ReLU; it gives
    tanh 5/3 where integration gives 1.5925, sigmoid 1 instead of 1.8462 and SELU 3/4 instead of 1.0000, and knows no
    others. Its values for tanh and SELU are choices for training, not laws of the variance.

    Example:
        >>> round(gain("relu"), 6), round(gain("tanh"), 4), round(gain("tanh", "backward"), 4)
        (1.414214, 1.5925, 1.4674)
    """
    if mode not in ("forward", "backward"):
        raise ValueError(f"mode must be 'forward' or 'backward', got {mode!r}; forward keeps the signal's variance")
    if isinstance(activation, str):
        return _gain_of_name(activation, mode, negative_slope)
    return _gain(activation, mode, negative_slope)


@cache
def _gain_of_name(activation: str, mode: Mode, negative_slope: float) -> float:
    return _gain(activation, mode, negative_slope)


def _gain(activation: Activation, mode: Mode, negative_slope: float) -> float:
    found = moments(activation, negative_slope=negative_slope)
    square = found.value if mode == "forward" else found.slope
    if square == 0:
        what = "the activation" if mode == "forward" else "the slope of the activation"
        raise ValueError(f"{what} {activation!r} is 0 everywhere, so that no gain keeps the variance; give another")
    return 1 / math.sqrt(square)


def _function(activation: Activation, negative_slope: float) -> Callable[[Tensor], Tensor]:
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            near = difflib.get_close_matches(activation.lower(), ACTIVATIONS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"unknown activation {activation!r}; {hint}Known: {', '.join(ACTIVATIONS)}, or a function")
        if activation == "leaky_relu":
            if isinstance(negative_slope, bool) or not isinstance(negative_slope, Real):
                raise TypeError(f"negative_slope must be a number, got {negative_slope!r}; try 0.01")
            if not math.isfinite(negative_slope):
                raise ValueError(f"negative_slope must be finite, got {negative_slope}; try 0.01")
            return lambda x: F.leaky_relu(x, negative_slope)
        return ACTIVATIONS[activation]
    if isinstance(activation, type) or not callable(activation):
        raise TypeError(
            f"activation must be a name, a function or a module, got {activation!r}; did you forget the ()?"
        )
    if isinstance(activation, nn.Module):
        return copy.deepcopy(activation).to("cpu", torch.float64).eval()
    return activation


def _check_elementwise(function: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> None:
    some = x.detach()[:2].clone()
    if y.shape != x.shape or not torch.allclose(function(some), y.detach()[:2], rtol=1e-6, equal_nan=True):
        raise ValueError(
            "activation must act on each number by itself, as relu does; "
            f"this one changes with its neighbors or returns shape {tuple(y.shape)} for {tuple(x.shape)}"
        )


@cache
def _rule() -> tuple[Tensor, Tensor]:
    """Nodes z and weights, normal density included, so that weights @ f(z) is E[f(z)] for z ~ N(0, 1).

    Twenty Gauss-Legendre nodes a panel. Panels end at 0, where most activations have their kink, and get narrower
    towards it, since a saturating activation of a wide input changes in a narrow place.
    """
    half = np.concatenate([[0.0], 0.5 * 2.0 ** -np.arange(40, 0, -1.0), np.arange(0.5, _WIDEST + 0.1, 0.5)])
    edges = np.concatenate([-half[:0:-1], half])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    centers, radii = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    z = (centers[:, None] + radii[:, None] * nodes).ravel()
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return torch.from_numpy(z), torch.from_numpy((radii[:, None] * weights).ravel() * density)
