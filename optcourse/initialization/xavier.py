"""Xavier (Glorot) initialization: one variance between what the signal and what the gradient ask for."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from optcourse.initialization.fans import fans
from optcourse.initialization.filling import check_gain, fill_normal_, fill_uniform_


def xavier_normal_reference(
    shape: Sequence[int],
    *,
    generator: torch.Generator | None = None,
    gain: float = 1.0,
    kind: str = "linear",
    groups: int = 1,
) -> Tensor:
    r"""A weight drawn by Xavier's law.

    .. math::
        W_{ij} \sim \mathcal N\!\left(0,\; g^2\,\frac{2}{n_\text{in} + n_\text{out}}\right)

    Args:
        shape: of the weight.
        generator: of the random numbers, a CPU one; None for torch's global one.
        gain: g > 0, without unit; 1 for layers without activation and, as in the paper, for tanh near 0.
        kind, groups: as for `fans`.

    Returns:
        A new float64 tensor. Pure, but for the generator's state.

    Raises:
        TypeError, ValueError: for a shape, kind or groups that `fans` refuses, or a gain that is not finite and > 0.

    Differs from the paper: it draws uniformly, see `xavier_uniform_reference`, and has no gain.

    Example:
        >>> w = xavier_normal_reference((300, 100), generator=torch.Generator().manual_seed(0))
        >>> round(float(w.std() * 200**0.5), 1)
        1.0

    References:
        Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010.
    """
    fan_in, fan_out = fans(shape, kind=kind, groups=groups)
    std = check_gain(gain) * math.sqrt(2 / (fan_in + fan_out))
    return std * torch.randn(*shape, dtype=torch.float64, generator=generator)


def xavier_uniform_reference(
    shape: Sequence[int],
    *,
    generator: torch.Generator | None = None,
    gain: float = 1.0,
    kind: str = "linear",
    groups: int = 1,
) -> Tensor:
    r"""A weight drawn by Xavier's law, uniformly, as in the paper: equation (16), there without the gain.

    .. math::
        W_{ij} \sim \mathcal U(-b, b), \qquad b = \sqrt 3 \sigma = g \sqrt{\frac{6}{n_\text{in} + n_\text{out}}}

    Arguments, returned value and errors as for `xavier_normal_reference`. The variance of U(-b, b) is b^2 / 3.

    Example:
        >>> w = xavier_uniform_reference((300, 100), generator=torch.Generator().manual_seed(0))
        >>> round(float(w.abs().max() * (400 / 6)**0.5), 3)
        1.0
    """
    fan_in, fan_out = fans(shape, kind=kind, groups=groups)
    bound = check_gain(gain) * math.sqrt(6 / (fan_in + fan_out))
    return bound * (2 * torch.rand(*shape, dtype=torch.float64, generator=generator) - 1)


def xavier_normal_(
    weight: Tensor,
    *,
    gain: float = 1.0,
    kind: str = "linear",
    groups: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """`xavier_normal_reference` in place: fills the weight and returns it. On an error it is as before.

    Differs from `torch.nn.init.xavier_normal_` where the fans differ, see `fans`.
    """
    fan_in, fan_out = fans(weight, kind=kind, groups=groups)
    return fill_normal_(weight, check_gain(gain) * math.sqrt(2 / (fan_in + fan_out)), generator)


def xavier_uniform_(
    weight: Tensor,
    *,
    gain: float = 1.0,
    kind: str = "linear",
    groups: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """`xavier_uniform_reference` in place: fills the weight and returns it. On an error it is as before.

    Differs from `torch.nn.init.xavier_uniform_` where the fans differ, see `fans`.
    """
    fan_in, fan_out = fans(weight, kind=kind, groups=groups)
    return fill_uniform_(weight, check_gain(gain) * math.sqrt(6 / (fan_in + fan_out)), generator)
