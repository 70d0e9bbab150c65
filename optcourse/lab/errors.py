"""One voice for errors: the rule, the value given, the fix."""

import difflib
from collections.abc import Iterable

import torch


def unknown(kind: str, name: object, known: Iterable[str]) -> ValueError:
    """The error for a name that is not in a table; names the nearest that is.

    Args:
        kind: what the name should have named, as in "data set".
        name: what was given; need not be a string.
        known: every name that would have been right.

    Returns:
        A ValueError to raise.

    Example:
        >>> print(unknown("data set", "mnist_1d", ["digits", "mnist1d"]))
        unknown data set 'mnist_1d'; did you mean 'mnist1d'? Known: digits, mnist1d
    """
    names = list(known)
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return ValueError(f"unknown {kind} {name!r}{hint} Known: {', '.join(names)}")


def require_integer(name: str, value: object, *, low: int, high: int | None = None) -> int:
    """`value` as an int when it is a whole number in [low, high]; else an error.

    Booleans, floats and strings are refused: a seed of 1.5 or True is a mistake, not a number to round.

    Raises:
        TypeError: when value is not an integer.
        ValueError: when it lies outside the interval.

    Example:
        >>> require_integer("seed", -1, low=0)
        Traceback (most recent call last):
        ...
        ValueError: seed must be at least 0, got -1
    """
    interval = f"at least {low}" if high is None else f"between {low} and {high}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer {interval}, got {value!r} of type {type(value).__name__}")
    number = int(value.__index__())
    if number < low or (high is not None and number > high):
        raise ValueError(f"{name} must be {interval}, got {number}")
    return number


def require_floating(dtype: object) -> torch.dtype:
    """`dtype` when it is a floating type of torch's; else an error.

    Raises:
        ValueError: on anything else, strings and numpy's types included.
    """
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"dtype must be a floating torch.dtype such as torch.float32, got {dtype!r}")
    return dtype
