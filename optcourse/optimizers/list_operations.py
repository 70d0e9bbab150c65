"""Arithmetic on whole lists of tensors, one call a formula.

The one file that names torch's private list operations (`torch._foreach_*`): one call into C++ for a whole list, and on
a GPU one kernel launch instead of one a tensor. Where a release of torch does not have them, a plain loop does the same
arithmetic in the same order; the tests hold the two equal to the last bit.

Names ending in `_` change their first argument and return nothing. All lists of a call have one length, at least 1.
Scalars may be one number for all tensors or, where it says so, a list with one number a tensor.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

Tensors = list[Tensor] | tuple[Tensor, ...]  # what torch's list operations take

_NEEDED = ["neg", "sqrt", "norm", "add", "add_", "mul", "lerp_", "addcmul", "addcmul_", "addcdiv_", "maximum_"]
USE_FOREACH = all(hasattr(torch, f"_foreach_{name}") for name in _NEEDED)

CACHE_BLOCK = 2**15  # five float32 lists of so many numbers, 640 kB, fit a core's second-level cache


def _one_each(value: float | Sequence[float], xs: Tensors) -> Sequence[float]:
    return value if isinstance(value, Sequence) else [value] * len(xs)


def cache_blocks(xs: Tensors) -> Iterator[slice]:
    """Slices that cut a list into blocks of about `CACHE_BLOCK` numbers, for twins of many lines.

    Done block by block, a line of the twin finds in the cache what the line before left there. Only for tensors on a
    CPU: elsewhere the whole list is one block, for the fewest kernel launches.
    """
    start, size = 0, 0
    for end, x in enumerate(xs, start=1):
        size += x.numel() if x.is_cpu else 0
        if size >= CACHE_BLOCK:
            yield slice(start, end)
            start, size = end, 0
    if start < len(xs):
        yield slice(start, len(xs))


def neg(xs: Tensors) -> Tensors:
    """New list -x."""
    if USE_FOREACH:
        return torch._foreach_neg(xs)
    return [-x for x in xs]


def sqrt(xs: Tensors) -> Tensors:
    """New list sqrt(x)."""
    if USE_FOREACH:
        return torch._foreach_sqrt(xs)
    return [x.sqrt() for x in xs]


def norm(xs: Tensors) -> Tensors:
    """New list of 0-d tensors: the Euclidean norm of each x."""
    if USE_FOREACH:
        return torch._foreach_norm(xs)
    return [torch.linalg.vector_norm(x) for x in xs]


def add(xs: Tensors, ys: Tensors, alpha: float = 1.0) -> Tensors:
    """New list x + alpha y."""
    if USE_FOREACH:
        return torch._foreach_add(xs, ys, alpha=alpha)
    return [x.add(y, alpha=alpha) for x, y in zip(xs, ys, strict=True)]


def add_(xs: Tensors, ys: Tensors, alpha: float = 1.0) -> None:
    """x += alpha y."""
    if USE_FOREACH:
        torch._foreach_add_(xs, ys, alpha=alpha)
        return
    for x, y in zip(xs, ys, strict=True):
        x.add_(y, alpha=alpha)


def add_scalar_(xs: Tensors, value: float | Sequence[float]) -> None:
    """x += value (one number, or one a tensor)."""
    if USE_FOREACH:
        torch._foreach_add_(xs, value)
        return
    for x, number in zip(xs, _one_each(value, xs), strict=True):
        x.add_(number)


def mul(xs: Tensors, value: float | Sequence[float]) -> Tensors:
    """New list value x (one number, or one a tensor)."""
    if USE_FOREACH:
        return torch._foreach_mul(xs, value)
    return [x.mul(number) for x, number in zip(xs, _one_each(value, xs), strict=True)]


def mul_(xs: Tensors, value: float) -> None:
    """x *= value, as x += (value - 1) x: a factor would be wrapped into a tensor for each x anew, which takes longer
    than the arithmetic on a small one, while alpha stays a number. The two differ by rounding only.
    """
    add_(xs, xs, value - 1)


def lerp_(xs: Tensors, ys: Tensors, weight: float) -> None:
    """x += weight (y - x): an exponential moving average of y with decay 1 - weight."""
    if USE_FOREACH:
        torch._foreach_lerp_(xs, ys, weight)
        return
    for x, y in zip(xs, ys, strict=True):
        x.lerp_(y, weight)


def addcmul(xs: Tensors, ys: Tensors, zs: Tensors, value: float) -> Tensors:
    """New list x + value y z."""
    if USE_FOREACH:
        return torch._foreach_addcmul(xs, ys, zs, value)
    return [x.addcmul(y, z, value=value) for x, y, z in zip(xs, ys, zs, strict=True)]


def addcmul_(xs: Tensors, ys: Tensors, zs: Tensors, value: float) -> None:
    """x += value y z."""
    if USE_FOREACH:
        torch._foreach_addcmul_(xs, ys, zs, value)
        return
    for x, y, z in zip(xs, ys, zs, strict=True):
        x.addcmul_(y, z, value=value)


def addcdiv_(xs: Tensors, ys: Tensors, zs: Tensors, value: float | Sequence[float]) -> None:
    """x += value y / z (one number, or one a tensor)."""
    if USE_FOREACH:
        torch._foreach_addcdiv_(xs, ys, zs, value)
        return
    for x, y, z, number in zip(xs, ys, zs, _one_each(value, xs), strict=True):
        x.addcdiv_(y, z, value=number)


def maximum_(xs: Tensors, ys: Tensors) -> None:
    """x = max(x, y), coordinate by coordinate; a NaN in either stays."""
    if USE_FOREACH:
        torch._foreach_maximum_(xs, ys)
        return
    for x, y in zip(xs, ys, strict=True):
        torch.maximum(x, y, out=x)
