"""Scale and zero-point: how a range of real numbers is laid on a range of integers.  Lesson slug: quantization."""

from dataclasses import dataclass

import torch
from torch import Tensor

from optcourse.quantization.checking import check_finite, check_flag, check_integer

GREATEST_BITS = 16


@dataclass(frozen=True)
class Scheme:
    """Which integers stand for numbers, and how.

    Attributes:
        bits: width b of an integer, 2 to 16.
        signed: integers from -2^(b-1) to 2^(b-1) - 1 instead of 0 to 2^b - 1.
        symmetric: the zero-point is the middle (0 when signed, 2^(b-1) when not), and there are as many integers on
            either side of it: the least, -2^(b-1) or 0, which has no partner, is not used. Otherwise it is affine.
        axis: each index along this axis (a *channel*; >= 0) has a scale and a zero-point of its own; None: one of each
            for the whole tensor.

    Raises:
        TypeError, ValueError: a field breaks its rule.

    Example:
        >>> Scheme(bits=4, signed=True).quant_min, Scheme(bits=4, signed=True).quant_max
        (-8, 7)
    """

    bits: int = 8
    signed: bool = False
    symmetric: bool = False
    axis: int | None = None

    def __post_init__(self) -> None:
        check_integer("bits", self.bits, 2, GREATEST_BITS)
        check_flag("signed", self.signed)
        check_flag("symmetric", self.symmetric)
        if self.axis is not None:
            check_integer("axis", self.axis, 0, 15)

    @property
    def quant_min(self) -> int:
        """Least integer."""
        return (-(2 ** (self.bits - 1)) if self.signed else 0) + int(self.symmetric)

    @property
    def quant_max(self) -> int:
        """Greatest integer."""
        return 2 ** (self.bits - 1) - 1 if self.signed else 2**self.bits - 1

    @property
    def middle(self) -> int:
        """Zero-point of the symmetric scheme."""
        return 0 if self.signed else 2 ** (self.bits - 1)


UINT8 = Scheme()
"""What activations are quantized to by default: affine, one scale for the tensor."""

INT8_PER_CHANNEL = Scheme(signed=True, symmetric=True, axis=0)
"""What weights (outputs first) are quantized to by default."""


@dataclass(frozen=True, eq=False)
class QuantizationParameters:
    """A grid of real numbers, :math:`(q - z) s` for the integers :math:`q_{min} \\le q \\le q_{max}`.

    Attributes:
        scale: s, the step between neighbors, in units of what is quantized; finite, > 0; floating. 0-d, or (C,) when
            there is an axis.
        zero_point: z, the integer that stands for the number 0; in [quant_min, quant_max]; int32, of scale's shape.
        quant_min, quant_max: least and greatest integer.
        axis: axis of the C channels, or None.

    Raises:
        TypeError, ValueError: a field breaks its rule.
    """

    scale: Tensor
    zero_point: Tensor
    quant_min: int
    quant_max: int
    axis: int | None = None

    def __post_init__(self) -> None:
        limit = 2**GREATEST_BITS
        check_integer("quant_min", self.quant_min, -limit, limit)
        check_integer("quant_max", self.quant_max, self.quant_min + 1, limit)
        if not self.scale.is_floating_point() or self.zero_point.dtype != torch.int32:
            raise TypeError(
                f"scale must be floating and zero_point int32, got {self.scale.dtype} and {self.zero_point.dtype}"
            )
        if self.scale.shape != self.zero_point.shape or self.scale.dim() != (0 if self.axis is None else 1):
            raise ValueError(
                "scale and zero_point must have shape () without axis and (channels,) with one, got "
                f"{tuple(self.scale.shape)} and {tuple(self.zero_point.shape)} with axis={self.axis}"
            )
        if self.scale.is_meta:
            return
        check_finite("scale", self.scale)
        if not bool((self.scale > 0).all()):
            raise ValueError(f"scale must be > 0, got {float(self.scale.min())}; widen the range it comes from")
        if bool(((self.zero_point < self.quant_min) | (self.zero_point > self.quant_max)).any()):
            raise ValueError(
                f"zero_point must lie in [{self.quant_min}, {self.quant_max}], got {self.zero_point.tolist()}; clamp it"
            )

    @property
    def dtype(self) -> torch.dtype:
        """Smallest of torch's integer types that holds every integer of the grid."""
        for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32):
            if torch.iinfo(dtype).min <= self.quant_min and self.quant_max <= torch.iinfo(dtype).max:
                return dtype
        raise AssertionError("unreachable: the limits fit into 32 bits")

    def low(self) -> Tensor:
        """Least number of the grid, of scale's shape."""
        return (self.quant_min - self.zero_point) * self.scale

    def high(self) -> Tensor:
        """Greatest number of the grid, of scale's shape."""
        return (self.quant_max - self.zero_point) * self.scale

    def broadcast(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(scale, zero_point) in a shape that broadcasts against x.

        Raises:
            ValueError: x does not have as many channels along the axis as there are scales.
        """
        if self.axis is None:
            return self.scale, self.zero_point
        if self.axis >= x.dim() or x.shape[self.axis] != len(self.scale):
            raise ValueError(
                f"there are scales for {len(self.scale)} channels along axis {self.axis}, got a tensor of shape "
                f"{tuple(x.shape)}; quantize with parameters chosen for that tensor"
            )
        shape = [1] * x.dim()
        shape[self.axis] = -1
        return self.scale.view(shape), self.zero_point.view(shape)


def choose_parameters(low: Tensor, high: Tensor, scheme: Scheme = UINT8) -> QuantizationParameters:
    r"""Scale and zero-point that cover [low, high].

    The range is first widened to hold 0, so that 0 (padding, the output of ReLU, a pruned weight) is a number of the
    grid and z one of its integers; without that the clamp would move the whole grid. With n = q_max - q_min steps, the
    affine scheme is

    .. math::
        s &= (high - low) / n \\
        z &= \operatorname{clamp}(\operatorname{round}(q_{min} - low / s),\, q_{min},\, q_{max})

    and the symmetric one, with m its middle, has z = m and :math:`s = \max(-low, high) / (q_{max} - m)`.

    Args:
        low, high: floating tensors of one shape, () or with `scheme.axis` (channels,); finite, low <= high.
        scheme: which integers.

    Returns:
        The parameters, in the dtype and on the device of low. An empty range (low = high = 0, a tensor of zeros)
        gets scale 1: any would do. Rounding z moves the grid by up to half a step, so a number at the edge of the
        range may be off by up to one step; every number between the grid's own ends is within half of one.

    Raises:
        TypeError, ValueError: low and high break their rules, or high - low overflows.

    Differs from torch.ao's observers: the symmetric scale is max|x| / 127, not / 127.5, as runtimes have it; the scale
    is floored at the smallest normal number, not at 1.2e-7, so that tensors of tiny numbers survive.

    Example:
        >>> chosen = choose_parameters(torch.tensor(-1.0), torch.tensor(4.1))
        >>> chosen.scale, chosen.zero_point
        (tensor(0.0200), tensor(50, dtype=torch.int32))

    References:
        Jacob, Kligys, Chen et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, CVPR 2018, sections 2.1 and 3.
    """
    _check_range(low, high, scheme)
    low, high = low.detach().clamp(max=0.0), high.detach().clamp(min=0.0)
    if scheme.symmetric:
        scale = torch.maximum(-low, high) / (scheme.quant_max - scheme.middle)
    else:
        scale = (high - low) / (scheme.quant_max - scheme.quant_min)
    check_finite("high - low", scale)
    empty = (low == 0) & (high == 0)
    scale = torch.where(empty, 1.0, scale.clamp(min=torch.finfo(scale.dtype).tiny))
    if scheme.symmetric:
        zero_point = torch.full_like(scale, scheme.middle)
    else:
        zero_point = torch.round(scheme.quant_min - low / scale).clamp(scheme.quant_min, scheme.quant_max)
    return QuantizationParameters(
        scale, zero_point.to(torch.int32), scheme.quant_min, scheme.quant_max, axis=scheme.axis
    )


def _check_range(low: Tensor, high: Tensor, scheme: Scheme) -> None:
    for name, end in (("low", low), ("high", high)):
        if not isinstance(end, Tensor) or not end.is_floating_point():
            raise TypeError(f"{name} must be a floating tensor, got {end!r}; try torch.tensor({name})")
        check_finite(name, end)
    if low.shape != high.shape or low.dim() != (0 if scheme.axis is None else 1):
        raise ValueError(
            "low and high must have shape () without axis and (channels,) with one, got "
            f"{tuple(low.shape)} and {tuple(high.shape)} with axis={scheme.axis}"
        )
    if not low.is_meta and bool((low > high).any()):
        raise ValueError("low must not exceed high, but it does; swap them")
