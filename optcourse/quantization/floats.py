"""Floating formats of 16 bits and less, by rounding.  Lesson slug: quantization.

Two texts: `round_to_format` is the definition for any format, `bfloat16_bits` the integer arithmetic that machines do.
Tests hold them, `Tensor.half` and `Tensor.bfloat16` equal bit for bit.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from optcourse.quantization.checking import check_floating, check_integer


@dataclass(frozen=True)
class FloatFormat:
    r"""A binary format of IEEE 754's kind: sign, e exponent bits, f fraction bits.

    Attributes:
        exponent_bits: e, 2 to 8; exponents run from :math:`2 - 2^{e-1}` to :math:`2^{e-1} - 1`.
        fraction_bits: f, 1 to 23, behind the implied leading 1.

    Example:
        >>> FLOAT16.greatest, BFLOAT16.least_normal, BFLOAT16.bits
        (65504.0, 1.1754943508222875e-38, 16)
    """

    exponent_bits: int
    fraction_bits: int

    def __post_init__(self) -> None:
        check_integer("exponent_bits", self.exponent_bits, 2, 8)
        check_integer("fraction_bits", self.fraction_bits, 1, 23)

    @property
    def bits(self) -> int:
        """Width of one number."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def least_exponent(self) -> int:
        return 2 - 2 ** (self.exponent_bits - 1)

    @property
    def least_normal(self) -> float:
        """Below this, numbers keep the step of the smallest exponent (they are subnormal) and lose digits."""
        return 2.0**self.least_exponent

    @property
    def greatest(self) -> float:
        """Greatest finite number."""
        return 2.0 ** (2 ** (self.exponent_bits - 1) - 1) * (2 - 2.0**-self.fraction_bits)


FLOAT16 = FloatFormat(exponent_bits=5, fraction_bits=10)
BFLOAT16 = FloatFormat(exponent_bits=8, fraction_bits=7)


def round_to_format(x: Tensor, target: FloatFormat) -> Tensor:
    r"""The number of a floating format that is nearest to each number.

    With :math:`2^k \le |x| < 2^{k+1}` and k no less than the format's least exponent, neighbors are
    :math:`2^{k-f}` apart:

    .. math:: \hat x = \operatorname{round}(x / 2^{k-f}) \, 2^{k-f}

    ties to the even neighbor; what is rounded beyond the greatest finite number is infinite.

    Args:
        x: float32 or float64 (from which it is rounded once).
        target: the format.

    Returns:
        Numbers of the format, in the dtype of x. Pure. Infinities and NaN stay. Unlike integers, whose step is the same
        everywhere, the relative error of normal numbers is at most :math:`2^{-f-1}`.

    Raises:
        TypeError: x is not floating.

    Example:
        >>> round_to_format(torch.tensor([3.14159, 70000.0, 1e-8]), FLOAT16)
        tensor([3.1406,    inf, 0.0000])
        >>> round_to_format(torch.tensor([3.14159, 70000.0, 1e-8]), BFLOAT16)
        tensor([3.1406e+00, 7.0144e+04, 1.0012e-08])

    References:
        IEEE 754-2019, section 4.3.1.
    """
    wide = check_floating("x", x).double()
    _, exponent = torch.frexp(wide)  # |x| = mantissa 2^exponent with mantissa in [1/2, 1)
    step = torch.ldexp(torch.ones_like(wide), exponent.clamp(min=target.least_exponent + 1) - 1 - target.fraction_bits)
    rounded = torch.round(wide / step) * step
    rounded = torch.where(rounded.abs() > target.greatest, torch.inf * rounded.sign(), rounded)
    return torch.where(wide.isfinite(), rounded, wide).to(x.dtype)


def bfloat16_bits(x: Tensor) -> Tensor:
    """The 16 bits of each float32 as bfloat16: its own upper half, rounded by one addition.

    Adding 0x7FFF, and 1 more when the last bit kept is 1, carries into the upper half exactly when the lower half is
    above the middle, or at the middle with an odd upper half: round to nearest, ties to even, in integers.

    Args:
        x: float32, no NaN (the addition might turn one into infinity).

    Returns:
        int32, values in [0, 65535].

    Raises:
        TypeError, ValueError: x is not float32, or holds NaN.

    Example:
        >>> [hex(bits) for bits in bfloat16_bits(torch.tensor([1.0, -2.0, 3.14159])).tolist()]
        ['0x3f80', '0xc000', '0x4049']
    """
    if check_floating("x", x).dtype != torch.float32:
        raise TypeError(f"x must be float32, got {x.dtype}; try x.float()")
    if not x.is_meta and bool(x.isnan().any()):
        raise ValueError(f"x must not be NaN, but {int(x.isnan().sum())} of {x.numel()} numbers are; clean it first")
    bits = x.contiguous().view(torch.int32).to(torch.int64) & 0xFFFFFFFF
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).to(torch.int32)
