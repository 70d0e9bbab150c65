"""Layers that see integers alone: 8-bit in, 32-bit sums, 8-bit out.  Lesson slug: quantization."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from optcourse.quantization.affine import quantize
from optcourse.quantization.checking import check_integers
from optcourse.quantization.integer_conv import integer_conv2d
from optcourse.quantization.integer_matmul import integer_matmul, to_int32
from optcourse.quantization.parameters import QuantizationParameters
from optcourse.quantization.requantization import fixed_point, quantize_bias, requantize, requantize_fixed_point

Rounding = Literal["fixed_point", "float_scale"]


class Requantizer(nn.Module):
    """The end of an integer layer: accumulator -> integers of the output's grid.

    Args:
        input, weight, output: the three grids; the multiplier is s_x s_w / s_y.
        relu: cut at the output's zero-point, which stands for 0.
        rounding: "fixed_point" uses integers alone; "float_scale" one float32 product, as ONNX Runtime does.

    Raises:
        ValueError: the multiplier is out of the fixed-point range, or rounding is neither.
    """

    mantissa: Tensor
    shift: Tensor
    multiplier: Tensor
    zero_point: Tensor

    def __init__(
        self,
        input: QuantizationParameters,
        weight: QuantizationParameters,
        output: QuantizationParameters,
        relu: bool = False,
        rounding: Rounding = "fixed_point",
    ) -> None:
        super().__init__()
        if rounding not in ("fixed_point", "float_scale"):
            raise ValueError(
                f"rounding must be 'fixed_point' or 'float_scale', got {rounding!r}; 'fixed_point' is integers alone"
            )
        self.rounding, self.dtype = rounding, output.dtype
        exact = input.scale.double() * weight.scale.double() / output.scale.double()
        mantissa, shift = fixed_point(exact)
        self.register_buffer("mantissa", mantissa)
        self.register_buffer("shift", shift)
        self.register_buffer("multiplier", input.scale * weight.scale / output.scale)
        self.register_buffer("zero_point", output.zero_point)
        self.quant_min = max(output.quant_min, int(output.zero_point)) if relu else output.quant_min
        self.quant_max = output.quant_max

    def forward(self, accumulator: Tensor) -> Tensor:
        """(..., channels last) int32 -> the same shape, in the output's integer type."""
        limits: dict[str, Any] = {
            "zero_point": self.zero_point,
            "quant_min": self.quant_min,
            "quant_max": self.quant_max,
        }
        if self.rounding == "fixed_point":
            q = requantize_fixed_point(accumulator, self.mantissa, self.shift, **limits)
        else:
            q = requantize(accumulator, self.multiplier, **limits)
        return q.to(self.dtype)


class IntegerLayer(nn.Module):
    r"""A linear or 2-d convolutional layer in integers.

    .. math::
        a &= \sum (q_x - z_x)(q_w - z_w) + q_b, \qquad q_b = \operatorname{round}(b / (s_x s_w)) \\
        q_y &= \operatorname{clamp}(\operatorname{round}(a\, s_x s_w / s_y) + z_y,\; q_{min},\; q_{max})

    Args:
        layer: an nn.Linear or nn.Conv2d (zeros padding, given as numbers) with the floating weights. Not mutated.
        input, weight, output: the grids of input, weight and output; the weight's may have axis 0, the other two none.
        relu: whether a ReLU follows.
        rounding: as for `Requantizer`.

    Attributes:
        q_weight: integers of the weight's shape.
        q_bias: (O,) int32.

    Raises:
        TypeError, ValueError: a layer or grid breaks its rule.

    Example:
        >>> from optcourse.quantization.affine import dequantize, parameters_for
        >>> from optcourse.quantization.parameters import INT8_PER_CHANNEL
        >>> linear, x = nn.Linear(6, 3), torch.randn(5, 6)
        >>> grids = parameters_for(x), parameters_for(linear.weight, INT8_PER_CHANNEL), parameters_for(linear(x))
        >>> q_y = IntegerLayer(linear, *grids)(quantize(x, grids[0]))
        >>> q_y.dtype, torch.allclose(dequantize(q_y, grids[2]), linear(x), atol=0.1)
        (torch.uint8, True)

    References:
        Jacob, Kligys, Chen et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, CVPR 2018, section 2.
    """

    q_weight: Tensor
    q_bias: Tensor
    input_zero_point: Tensor
    weight_zero_point: Tensor

    def __init__(
        self,
        layer: nn.Linear | nn.Conv2d,
        input: QuantizationParameters,
        weight: QuantizationParameters,
        output: QuantizationParameters,
        relu: bool = False,
        rounding: Rounding = "fixed_point",
    ) -> None:
        super().__init__()
        _check_layer(layer)
        if input.axis is not None or output.axis is not None or weight.axis not in (None, 0):
            raise ValueError(
                "input and output must have one scale each, the weight one or one for each output (axis 0), got axes "
                f"{input.axis}, {output.axis} and {weight.axis}; a scale along a summed axis cannot leave the sum"
            )
        self.geometry: dict[str, Any] | None = (
            {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation, "groups": layer.groups}
            if isinstance(layer, nn.Conv2d)
            else None
        )
        bias = torch.zeros(len(layer.weight)).to(layer.weight) if layer.bias is None else layer.bias
        self.register_buffer("q_weight", quantize(layer.weight.detach(), weight))
        self.register_buffer("q_bias", quantize_bias(bias, input.scale, weight.scale))
        self.register_buffer("input_zero_point", input.zero_point)
        self.register_buffer("weight_zero_point", weight.zero_point)
        self.requantize = Requantizer(input, weight, output, relu, rounding)

    def accumulate(self, q_x: Tensor) -> Tensor:
        """The int32 sums with the bias, channels last."""
        zero_points = self.input_zero_point, self.weight_zero_point
        if self.geometry is None:
            sums = integer_matmul(q_x, self.q_weight, *zero_points)
        else:
            sums = integer_conv2d(q_x, self.q_weight, *zero_points, **self.geometry).permute(0, 2, 3, 1)
        return to_int32(sums.to(torch.int64) + self.q_bias)

    def forward(self, q_x: Tensor) -> Tensor:
        q_y = self.requantize(self.accumulate(q_x))
        return q_y if self.geometry is None else q_y.permute(0, 3, 1, 2).contiguous()


class IntegerReLU(nn.Module):
    """ReLU on integers: nothing below the zero-point. Needed only where no layer stands before it.

    Example:
        >>> IntegerReLU(7)(torch.tensor([3, 7, 200], dtype=torch.uint8))
        tensor([  7,   7, 200], dtype=torch.uint8)
    """

    def __init__(self, zero_point: int) -> None:
        super().__init__()
        self.zero_point = int(zero_point)

    def forward(self, q: Tensor) -> Tensor:
        return check_integers("q", q).clamp(min=self.zero_point)


class IntegerMaxPool2d(nn.Module):
    """Maximum pooling of integers: the order of integers is that of the numbers they stand for, so nothing is rounded.

    Args:
        pool: the layer it stands for; not mutated.
    """

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.settings = {
            name: getattr(pool, name) for name in ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
        }

    def forward(self, q: Tensor) -> Tensor:
        # torch pools no 8-bit integers; up to 2^24 all of them are float32 numbers.
        return F.max_pool2d(check_integers("q", q).float(), **self.settings).to(q.dtype)


def _check_layer(layer: nn.Module) -> None:
    if not isinstance(layer, nn.Linear | nn.Conv2d):
        raise TypeError(f"layer must be an nn.Linear or nn.Conv2d, got {type(layer).__name__}")
    if isinstance(layer, nn.Conv2d) and (layer.padding_mode != "zeros" or isinstance(layer.padding, str)):
        raise ValueError(
            f"a convolution must pad with zeros, by numbers; got padding_mode={layer.padding_mode!r}, "
            f"padding={layer.padding!r}"
        )
