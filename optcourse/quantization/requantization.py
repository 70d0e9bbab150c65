"""From int32 accumulators back to 8 bits, with a floating scale or in integers alone.  Lesson slug: quantization.

Two texts of one number: `requantize` multiplies by a floating scale, as ONNX Runtime does; `requantize_fixed_point` by
a 31-bit integer and a shift, as processors without floating units do. Tests hold them within one step, the first
bit for bit equal to ONNX Runtime's, the second to whole-number arithmetic in Python.
"""

import torch
from torch import Tensor

from optcourse.quantization.checking import check_finite, check_floating, check_integers

LEAST_MULTIPLIER, GREATEST_MULTIPLIER = 2.0**-31, 2.0**30


def quantize_bias(bias: Tensor, input_scale: Tensor, weight_scale: Tensor) -> Tensor:
    r"""The bias in the units of the accumulator, :math:`q_b = \operatorname{round}(b / (s_x s_w))`, zero-point 0.

    A product of two quantized numbers is worth s_x s_w; only a bias with that very scale can be added to it.

    Args:
        bias: (N,) floating, finite.
        input_scale: s_x, 0-d.
        weight_scale: s_w, () or (N,).

    Returns:
        (N,) int32.

    Raises:
        TypeError, ValueError: bias breaks its rule, or does not fit into 32 bits.

    Example:
        >>> quantize_bias(torch.tensor([0.5, -1.0]), torch.tensor(0.1), torch.tensor([0.01, 0.1]))
        tensor([ 500, -100], dtype=torch.int32)
    """
    check_floating("bias", bias)
    check_finite("bias", bias)
    q = torch.round(bias.detach().double() / (input_scale.double() * weight_scale.double()))
    if not q.is_meta and bool((q.abs() > 2**31 - 1).any()):
        raise ValueError(
            f"bias must be below 2^31 steps of input_scale * weight_scale, got {float(q.abs().max()):.3g} steps; "
            "a weight channel of nearly nothing beside a large bias does this: widen the weight's range"
        )
    return q.to(torch.int32)


def requantize(
    accumulator: Tensor, multiplier: Tensor, *, zero_point: Tensor, quant_min: int, quant_max: int
) -> Tensor:
    r"""An accumulator in the units of the output, by a floating multiplier.

    .. math::
        q_y = \operatorname{clamp}(\operatorname{round}(M a) + z_y,\; q_{min},\; q_{max}), \qquad M = s_x s_w / s_y

    Args:
        accumulator: a, int32 or int64, (..., N).
        multiplier: M > 0, () or (N,), or another shape that broadcasts. Its dtype is that of the product: float32 as
            in ONNX Runtime, float64 as an oracle.
        zero_point: z_y, 0-d integer.
        quant_min: q_min; at least z_y where a ReLU follows, which then costs nothing.
        quant_max: q_max.

    Returns:
        Whole numbers, int32. Pure. Ties go to the even neighbor.

    Example:
        >>> a = torch.tensor([-900, 10, 250], dtype=torch.int32)
        >>> requantize(a, torch.tensor(0.1), zero_point=torch.tensor(7), quant_min=0, quant_max=255)
        tensor([ 0,  8, 32], dtype=torch.int32)
    """
    check_integers("accumulator", accumulator)
    scaled = torch.round(accumulator.to(multiplier.dtype) * multiplier) + zero_point
    return scaled.clamp(quant_min, quant_max).to(torch.int32)


def fixed_point(multiplier: Tensor) -> tuple[Tensor, Tensor]:
    r"""A positive real number as :math:`M \approx m\, 2^{-r}` with a 31-bit integer m and a shift r.

    .. math:: 2^{30} \le m < 2^{31}, \qquad |m\,2^{-r} / M - 1| \le 2^{-31}

    Args:
        multiplier: M, floating, in [2^-31, 2^30): an accumulator times less could never reach 1.

    Returns:
        (m int64, r int64 in [1, 62]), of multiplier's shape.

    Raises:
        TypeError, ValueError: multiplier breaks its rule.

    Example:
        >>> fixed_point(torch.tensor(0.75))
        (tensor(1610612736), tensor(31))

    References:
        Jacob, Kligys, Chen et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, CVPR 2018, section 2.2.
    """
    wide = check_floating("multiplier", multiplier).detach().double()
    check_finite("multiplier", wide)
    if not wide.is_meta and not bool(((wide >= LEAST_MULTIPLIER) & (wide < GREATEST_MULTIPLIER)).all()):
        raise ValueError(
            f"multiplier must be in [2^-31, 2^30), got {float(wide.min()):g} to {float(wide.max()):g}; the scales of "
            "input, weight and output do not belong together"
        )
    fraction, exponent = torch.frexp(wide)  # fraction in [1/2, 1)
    mantissa = torch.round(fraction * 2.0**31).to(torch.int64)
    carried = mantissa == 2**31  # 0.99999... rounded up
    mantissa = torch.where(carried, 2**30, mantissa)
    return mantissa, 31 - exponent.to(torch.int64) - carried.to(torch.int64)


def requantize_fixed_point(
    accumulator: Tensor,
    mantissa: Tensor,
    shift: Tensor,
    *,
    zero_point: Tensor,
    quant_min: int,
    quant_max: int,
) -> Tensor:
    r"""An accumulator in the units of the output, in integers alone.

    .. math::
        q_y = \operatorname{clamp}(\lfloor (m a + 2^{r-1}) / 2^r \rfloor + z_y,\; q_{min},\; q_{max})

    Args:
        accumulator: a, int32 (or int64 with values of 32 bits), (..., N).
        mantissa, shift: m and r from `fixed_point`, () or (N,). The product has at most 62 bits.
        zero_point, quant_min, quant_max: as for `requantize`.

    Returns:
        Whole numbers, int32. Pure. Ties go up, not to the even neighbor: the addition of one half and the shift are the
        whole rounding.

    Differs from [1], which rounds twice, after the multiplication and after the shift; one rounding, as TensorFlow
    Lite may be built with, is nearer to the real product.

    Example:
        >>> a = torch.tensor([-900, 10, 250], dtype=torch.int32)
        >>> m, r = fixed_point(torch.tensor(0.1))
        >>> requantize_fixed_point(a, m, r, zero_point=torch.tensor(7), quant_min=0, quant_max=255)
        tensor([ 0,  8, 32], dtype=torch.int32)

    References:
        [1] Jacob & Warden, gemmlowp: a small self-contained low-precision GEMM library, 2015.
    """
    product = check_integers("accumulator", accumulator).to(torch.int64) * mantissa
    half = torch.ones_like(shift) << (shift - 1)
    scaled = ((product + half) >> shift) + zero_point
    return scaled.clamp(quant_min, quant_max).to(torch.int32)
