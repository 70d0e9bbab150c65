"""He (Kaiming) initialization: Xavier's question asked again for rectifiers."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from optcourse.initialization.fans import fans
from optcourse.initialization.filling import fill_normal_, fill_uniform_
from optcourse.initialization.gains import Activation, gain


def he_normal_reference(
    shape: Sequence[int],
    *,
    generator: torch.Generator | None = None,
    mode: str = "fan_in",
    activation: Activation = "relu",
    negative_slope: float = 0.01,
    kind: str = "linear",
    groups: int = 1,
) -> Tensor:
    r"""A weight drawn by He's law.

    .. math::
        W_{ij} \sim \mathcal N\!\left(0,\; \frac{g^2}{n}\right), \qquad g^2 = 2 \text{ for ReLU},
        \quad \frac{2}{1 + a^2} \text{ for leaky ReLU of slope } a

    Args:
        shape: of the weight.
        generator: of the random numbers, a CPU one; None for torch's global one.
        mode: n is "fan_in", which keeps the variance of the signal, or "fan_out", which keeps that of the gradient.
        activation: whose gain is g, in front of the layer or behind it: all layers of a net are taken to be alike. The
            forward gain with fan_in, the backward gain with fan_out; see `gain`. "identity" for g = 1.
        negative_slope: a, of "leaky_relu".
        kind, groups: as for `fans`.

    Returns:
        A new float64 tensor. Pure, but for the generator's state.

    Raises:
        TypeError, ValueError: for a shape, kind or groups that `fans` refuses, an activation that `gain` refuses, or
            another mode.

    Differs from the paper: it knows rectifiers only; the gain of any other activation is integrated here.
    Differs from torch: `torch.nn.init.kaiming_normal_` takes its gains from a table, one for both modes, its default is
    a leaky ReLU of slope 0, and its fans differ where `fans` says.

    Example:
        >>> w = he_normal_reference((100, 300), generator=torch.Generator().manual_seed(0))
        >>> round(float(w.var() * 300), 1)
        2.0

    References:
        He, Zhang, Ren & Sun, Delving Deep into Rectifiers, ICCV 2015.
    """
    n, g = fan_and_gain(shape, mode, activation, negative_slope, kind, groups)
    std = g / math.sqrt(n)
    return std * torch.randn(*shape, dtype=torch.float64, generator=generator)


def he_uniform_reference(
    shape: Sequence[int],
    *,
    generator: torch.Generator | None = None,
    mode: str = "fan_in",
    activation: Activation = "relu",
    negative_slope: float = 0.01,
    kind: str = "linear",
    groups: int = 1,
) -> Tensor:
    r"""A weight drawn by He's law, uniformly.

    .. math::
        W_{ij} \sim \mathcal U(-b, b), \qquad b = \sqrt 3 \sigma = g \sqrt{3 / n}

    Arguments, returned value and errors as for `he_normal_reference`. The variance of U(-b, b) is b^2 / 3.

    Example:
        >>> w = he_uniform_reference((100, 300), generator=torch.Generator().manual_seed(0))
        >>> round(float(w.abs().max() * (300 / 6)**0.5), 3)
        1.0
    """
    n, g = fan_and_gain(shape, mode, activation, negative_slope, kind, groups)
    bound = g * math.sqrt(3 / n)
    return bound * (2 * torch.rand(*shape, dtype=torch.float64, generator=generator) - 1)


def he_normal_(
    weight: Tensor,
    *,
    mode: str = "fan_in",
    activation: Activation = "relu",
    negative_slope: float = 0.01,
    kind: str = "linear",
    groups: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """`he_normal_reference` in place: fills the weight and returns it. On an error it is as before."""
    n, g = fan_and_gain(weight, mode, activation, negative_slope, kind, groups)
    return fill_normal_(weight, g / math.sqrt(n), generator)


def he_uniform_(
    weight: Tensor,
    *,
    mode: str = "fan_in",
    activation: Activation = "relu",
    negative_slope: float = 0.01,
    kind: str = "linear",
    groups: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """`he_uniform_reference` in place: fills the weight and returns it. On an error it is as before."""
    n, g = fan_and_gain(weight, mode, activation, negative_slope, kind, groups)
    return fill_uniform_(weight, g * math.sqrt(3 / n), generator)


def fan_and_gain(
    weight: Tensor | Sequence[int], mode: str, activation: Activation, negative_slope: float, kind: str, groups: int
) -> tuple[int, float]:
    """n and g: the fan that the mode names, and the gain of the direction whose variance it keeps.

    Raises:
        TypeError, ValueError: as `he_normal_reference`.
    """
    fan_in, fan_out = fans(weight, kind=kind, groups=groups)
    if mode == "fan_in":
        return fan_in, gain(activation, "forward", negative_slope=negative_slope)
    if mode == "fan_out":
        return fan_out, gain(activation, "backward", negative_slope=negative_slope)
    raise ValueError(
        f"mode must be 'fan_in' or 'fan_out', got {mode!r}; fan_in keeps the variance of the signal, fan_out that of "
        "the gradient"
    )
