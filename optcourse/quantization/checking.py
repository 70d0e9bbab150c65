"""Errors of this package in one voice: the rule, the value given, the fix."""

from numbers import Real
from typing import Any

import torch
from torch import Tensor


def check_integer(name: str, value: Any, low: int, high: int) -> int:
    """`value` as an int when it is a whole number in [low, high] and no bool.

    Raises:
        TypeError, ValueError: otherwise.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(
            f"{name} must be an integer from {low} to {high}, got {value!r} ({type(value).__name__}); try {name}={low}"
        )
    number = int(value.__index__())
    if not low <= number <= high:
        raise ValueError(
            f"{name} must be an integer from {low} to {high}, got {number}; try {name}={min(max(number, low), high)}"
        )
    return number


def check_fraction(name: str, value: Any, low: float, high: float) -> float:
    """`value` as a float when it is a number with low < value <= high; NaN is none.

    Raises:
        TypeError, ValueError: otherwise.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(
            f"{name} must be a number in ({low:g}, {high:g}], got {value!r} ({type(value).__name__}); "
            f"try {name}={high:g}"
        )
    number = float(value)
    if not low < number <= high:
        raise ValueError(f"{name} must be a number in ({low:g}, {high:g}], got {number}; try {name}={high:g}")
    return number


def check_flag(name: str, value: Any) -> bool:
    """`value` when it is a bool.

    Raises:
        TypeError: otherwise.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r} ({type(value).__name__}); try {name}=True")
    return value


def check_floating(name: str, x: Any) -> Tensor:
    """`x` when it is a tensor of floating dtype.

    Raises:
        TypeError: otherwise.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(x).__name__}; try torch.as_tensor({name})")
    if not x.is_floating_point():
        raise TypeError(f"{name} must be a floating tensor, got {x.dtype}; try {name}.float()")
    return x


def check_integers(name: str, q: Any) -> Tensor:
    """`q` when it is a tensor of integer dtype.

    Raises:
        TypeError: otherwise.
    """
    if not isinstance(q, Tensor):
        raise TypeError(f"{name} must be a tensor of integers, got {type(q).__name__}")
    if q.is_floating_point() or q.is_complex() or q.dtype == torch.bool:
        raise TypeError(f"{name} must be a tensor of integers, got {q.dtype}; quantize it first")
    return q


def check_finite(name: str, x: Tensor) -> None:
    """Raise unless every number of x is finite. A meta tensor has no numbers and passes.

    Raises:
        ValueError: counts what is not finite.
    """
    if x.is_meta or bool(torch.isfinite(x).all()):
        return
    nans, infinities = int(x.isnan().sum()), int(x.isinf().sum())
    raise ValueError(
        f"{name} must be finite, got {nans} NaN and {infinities} infinite of {x.numel()} numbers; "
        f"find where they arise, or clamp {name} first"
    )


def check_not_empty(name: str, x: Tensor) -> None:
    """Raise unless x holds a number.

    Raises:
        ValueError: x has a size of 0.
    """
    if x.numel() == 0:
        raise ValueError(f"{name} must hold at least one number, got shape {tuple(x.shape)}; leave out what is empty")


def check_axis(x: Tensor, axis: int | None) -> None:
    """Raise unless x has this axis.

    Raises:
        ValueError: x has too few axes.
    """
    if axis is not None and not 0 <= axis < x.dim():
        raise ValueError(
            f"axis {axis} must be one of the {x.dim()} axes of a tensor of shape {tuple(x.shape)}; "
            "give axis=None for one scale for all"
        )


def unsupported(where: str, kind: object, supported: tuple[str, ...]) -> TypeError:
    """The error for a module that cannot be quantized."""
    return TypeError(
        f"{where} is a {type(kind).__name__}, which has no quantized form here; supported are "
        f"{', '.join(supported)}. Replace it, or leave it outside the part that you quantize"
    )
