"""LeCun initialization: unit variance for a weighted sum."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from optcourse.initialization.fans import fans
from optcourse.initialization.filling import fill_normal_, fill_uniform_


def lecun_normal_reference(
    shape: Sequence[int], *, generator: torch.Generator | None = None, kind: str = "linear", groups: int = 1
) -> Tensor:
    r"""A weight drawn by LeCun's law.

    .. math::
        W_{ij} \sim \mathcal N\!\left(0,\; \frac{1}{n_\text{in}}\right)

    The sum of n_in inputs of variance 1 has variance 1. Right for layers without activation and for SELU, whose gain
    is 1; ReLU halves the variance at each layer.

    Args:
        shape: of the weight.
        generator: of the random numbers, a CPU one; None for torch's global one.
        kind, groups: as for `fans`.

    Returns:
        A new float64 tensor. Pure, but for the generator's state.

    Raises:
        TypeError, ValueError: for a shape, kind or groups that `fans` refuses.

    Differs from the paper: it asks for this variance and leaves the law open. Differs from torch, which has no such
    function, and from JAX, whose normal law is cut off at two standard deviations.

    Example:
        >>> w = lecun_normal_reference((100, 300), generator=torch.Generator().manual_seed(0))
        >>> round(float(w.var() * 300), 1)
        1.0

    References:
        LeCun, Bottou, Orr & Müller, Efficient BackProp, 1998.
        Klambauer, Unterthiner, Mayr & Hochreiter, Self-Normalizing Neural Networks, NeurIPS 2017 (SELU).
    """
    std = math.sqrt(1 / fans(shape, kind=kind, groups=groups).fan_in)
    return std * torch.randn(*shape, dtype=torch.float64, generator=generator)


def lecun_uniform_reference(
    shape: Sequence[int], *, generator: torch.Generator | None = None, kind: str = "linear", groups: int = 1
) -> Tensor:
    r"""A weight drawn by LeCun's law, uniformly.

    .. math::
        W_{ij} \sim \mathcal U(-b, b), \qquad b = \sqrt 3 \sigma = \sqrt{3 / n_\text{in}}

    Arguments, returned value and errors as for `lecun_normal_reference`. Linear layers of torch come with the bound
    sqrt(1 / n_in) instead, a third of this variance: bound taken for standard deviation.

    Example:
        >>> w = lecun_uniform_reference((100, 300), generator=torch.Generator().manual_seed(0))
        >>> round(float(w.abs().max() * 10), 3)
        1.0
    """
    bound = math.sqrt(3 / fans(shape, kind=kind, groups=groups).fan_in)
    return bound * (2 * torch.rand(*shape, dtype=torch.float64, generator=generator) - 1)


def lecun_normal_(
    weight: Tensor, *, kind: str = "linear", groups: int = 1, generator: torch.Generator | None = None
) -> Tensor:
    """`lecun_normal_reference` in place: fills the weight and returns it. On an error it is as before."""
    return fill_normal_(weight, math.sqrt(1 / fans(weight, kind=kind, groups=groups).fan_in), generator)


def lecun_uniform_(
    weight: Tensor, *, kind: str = "linear", groups: int = 1, generator: torch.Generator | None = None
) -> Tensor:
    """`lecun_uniform_reference` in place: fills the weight and returns it. On an error it is as before."""
    return fill_uniform_(weight, math.sqrt(3 / fans(weight, kind=kind, groups=groups).fan_in), generator)
