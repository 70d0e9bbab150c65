"""From numbers to integers of a grid and back.  Lesson slug: quantization.

Texts of one algorithm: the `_reference` functions are the formulas, `fake_quantize_` works in place on one buffer,
`quantize` and its kin take a `QuantizationParameters`. Tests hold them equal, and within one step of torch's.
"""

import torch
from torch import Tensor

from optcourse.quantization.checking import check_axis, check_finite, check_floating, check_integers, check_not_empty
from optcourse.quantization.parameters import UINT8, QuantizationParameters, Scheme, choose_parameters


def quantize_reference(x: Tensor, *, scale: Tensor, zero_point: Tensor, quant_min: int, quant_max: int) -> Tensor:
    r"""The integer of the grid that is nearest to each number.

    .. math::
        q = \operatorname{clamp}(\operatorname{round}(x / s) + z,\; q_{min},\; q_{max})

    Args:
        x: numbers, floating; of any shape. Infinities go to the ends of the grid.
        scale: s > 0, in units of x; broadcasts against x.
        zero_point: z, integers in [quant_min, quant_max]; broadcasts against x.
        quant_min, quant_max: least and greatest integer.

    Returns:
        q, whole numbers in the dtype of x; NaN where x is. Pure. Ties are rounded to the even neighbor, before z is
        added.

    Differs from torch: `torch.fake_quantize_per_tensor_affine` multiplies by the rounded reciprocal 1/s, which lands
    one step away where x/s is within a rounding error of a tie.

    Example:
        >>> x = torch.tensor([-9.0, -0.25, 0.0, 0.3, 99.0])
        >>> grid = {"scale": torch.tensor(0.1), "zero_point": torch.tensor(3), "quant_min": 0, "quant_max": 15}
        >>> quantize_reference(x, **grid)
        tensor([ 0.,  1.,  3.,  6., 15.])

    References:
        Jacob, Kligys, Chen et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, CVPR 2018, equation 12.
    """
    q = torch.round(x / scale) + zero_point
    return torch.clamp(q, quant_min, quant_max)


def dequantize_reference(q: Tensor, *, scale: Tensor, zero_point: Tensor) -> Tensor:
    r"""The number that an integer stands for, :math:`\hat x = (q - z)\,s`.

    Args:
        q: integers, of any dtype. They are made floating before z is taken off: uint8 minus a 0-d integer tensor is
            uint8 in torch, and 3 - 50 would be 209.
        scale, zero_point: as for `quantize_reference`.

    Returns:
        Numbers in the dtype of scale. Pure.

    Example:
        >>> dequantize_reference(torch.tensor([3, 6]), scale=torch.tensor(0.5), zero_point=torch.tensor(3))
        tensor([0.0000, 1.5000])
    """
    return (q.to(scale.dtype) - zero_point) * scale


def fake_quantize_reference(x: Tensor, *, scale: Tensor, zero_point: Tensor, quant_min: int, quant_max: int) -> Tensor:
    r"""The number of the grid that is nearest to each number: quantized and back, floating all along.

    .. math::
        q &= \operatorname{clamp}(\operatorname{round}(x / s) + z,\; q_{min},\; q_{max}) \\
        \hat x &= (q - z)\,s

    Args:
        x, scale, zero_point, quant_min, quant_max: as for `quantize_reference`.

    Returns:
        Numbers with |result - x| <= s / 2 inside the grid's ends. Pure; its gradient is 0 almost everywhere, see
        `straight_through`.

    Example:
        >>> grid = {"scale": torch.tensor(0.5), "zero_point": torch.tensor(3), "quant_min": 0, "quant_max": 15}
        >>> fake_quantize_reference(torch.tensor([-9.0, 0.3, 99.0]), **grid)
        tensor([-1.5000,  0.5000,  6.0000])
    """
    q = quantize_reference(x, scale=scale, zero_point=zero_point, quant_min=quant_min, quant_max=quant_max)
    return dequantize_reference(q, scale=scale, zero_point=zero_point)


def fake_quantize_(x: Tensor, *, scale: Tensor, zero_point: Tensor, quant_min: int, quant_max: int) -> Tensor:
    """`fake_quantize_reference` in place. Mutates x and returns it; needs `torch.no_grad()` for leaf parameters.

    The zero-point is taken off the bounds instead of added to and taken off the numbers: clamp(round(x / s), q_min - z,
    q_max - z) s, four passes over one buffer.
    """
    x.div_(scale).round_()
    x.clamp_((quant_min - zero_point).to(x.dtype), (quant_max - zero_point).to(x.dtype))
    return x.mul_(scale)


def quantize(x: Tensor, parameters: QuantizationParameters) -> Tensor:
    """`quantize_reference` with these parameters, stored in the smallest integer type that holds them.

    Raises:
        TypeError, ValueError: x is not floating, holds NaN (no integer stands for it) or has other channels.

    Example:
        >>> x = torch.tensor([-1.0, 0.0, 4.1])
        >>> quantize(x, parameters_for(x))
        tensor([  0,  50, 255], dtype=torch.uint8)
    """
    check_floating("x", x)
    if not x.is_meta and bool(x.isnan().any()):
        check_finite("x", x)
    scale, zero_point = parameters.broadcast(x)
    limits = {"quant_min": parameters.quant_min, "quant_max": parameters.quant_max}
    return quantize_reference(x, scale=scale, zero_point=zero_point, **limits).to(parameters.dtype)


def dequantize(q: Tensor, parameters: QuantizationParameters) -> Tensor:
    """`dequantize_reference` with these parameters, of any integer tensor.

    Raises:
        TypeError, ValueError: q is not of integers, or has other channels.

    Example:
        >>> x = torch.tensor([-1.0, 0.0, 4.1])
        >>> dequantize(quantize(x, parameters_for(x)), parameters_for(x))
        tensor([-1.0000,  0.0000,  4.1000])
    """
    scale, zero_point = parameters.broadcast(check_integers("q", q))
    return dequantize_reference(q, scale=scale, zero_point=zero_point)


def fake_quantize(x: Tensor, parameters: QuantizationParameters) -> Tensor:
    """`fake_quantize_reference` with these parameters. Pure; NaN stays NaN.

    Raises:
        TypeError, ValueError: x is not floating, or has other channels.

    Example:
        >>> fake_quantize(torch.tensor([0.0, 0.26, 1.0]), parameters_for(torch.tensor([0.0, 1.0]), Scheme(bits=2)))
        tensor([0.0000, 0.3333, 1.0000])
    """
    scale, zero_point = parameters.broadcast(check_floating("x", x))
    return fake_quantize_(
        x.detach().clone(),
        scale=scale.to(x.dtype),
        zero_point=zero_point,
        quant_min=parameters.quant_min,
        quant_max=parameters.quant_max,
    )


def parameters_for(x: Tensor, scheme: Scheme = UINT8) -> QuantizationParameters:
    """Parameters that cover all of x, from least to greatest number: `choose_parameters` on its range.

    Args:
        x: floating, finite, not empty.
        scheme: which integers; with an axis, a range for each channel.

    Raises:
        TypeError, ValueError: x breaks its rule.

    Example:
        >>> weight = torch.tensor([[1.0, -2.0, 0.5], [0.01, 0.02, -0.01]])
        >>> parameters_for(weight, Scheme(bits=4, signed=True, symmetric=True, axis=0)).scale
        tensor([0.2857, 0.0029])
    """
    return choose_parameters(*range_of(x, scheme.axis), scheme)


def range_of(x: Tensor, axis: int | None = None) -> tuple[Tensor, Tensor]:
    """(least, greatest) number of x, or with an axis of each channel along it.

    Raises:
        TypeError, ValueError: x is not floating, not finite or empty, or lacks the axis.

    Example:
        >>> range_of(torch.tensor([[1.0, -2.0], [3.0, 4.0]]), axis=0)
        (tensor([-2.,  3.]), tensor([1., 4.]))
    """
    check_floating("x", x)
    check_not_empty("x", x)
    check_axis(x, axis)
    check_finite("x", x)
    x = x.detach()
    low, high = torch.aminmax(x) if axis is None else torch.aminmax(x.transpose(0, axis).flatten(1), dim=1)
    return low, high
