"""Convolution of quantized images in integers.  Lesson slug: quantization.

Two texts of one algorithm: `integer_conv2d_reference` gathers windows and multiplies integers, `integer_conv2d` uses
exact float64 arithmetic. Tests hold them, and ONNX Runtime's ConvInteger, equal bit for bit.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from optcourse.quantization.checking import check_integer, check_integers
from optcourse.quantization.integer_matmul import integer_matmul_reference, to_int32

Pair = tuple[int, int]


def integer_conv2d_reference(
    q_x: Tensor,
    q_w: Tensor,
    x_zero_point: Tensor | int,
    w_zero_point: Tensor | int,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Tensor:
    r"""The accumulator of a convolutional layer.

    .. math:: a_{n,o,i,j} = \sum_{c,u,v} (q_{x,n,c,i s+u d-p,j s+v d-p} - z_x)\,(q_{w,o,c,u,v} - z_{w,o})

    Beyond the border the image holds z_x, which stands for the number 0; padding with the integer 0 would paint a frame
    of the value -z_x s_x around it.

    Args:
        q_x: (N, C, H, W) integers.
        q_w: (O, C / groups, U, V) integers.
        x_zero_point: z_x, a number or 0-d.
        w_zero_point: z_w, a number, 0-d or (O,).
        stride, padding, dilation, groups: as in `torch.nn.Conv2d`; padding in numbers.

    Returns:
        (N, O, H', W') int32. Pure. Slow: each window is copied.

    Raises:
        TypeError, ValueError: not integers, shapes do not fit, or a sum does not fit into 32 bits.

    Example:
        >>> q_x = torch.tensor([[[[3, 5], [4, 4]]]], dtype=torch.uint8)
        >>> q_w = torch.tensor([[[[2, 0]]]], dtype=torch.int8)
        >>> integer_conv2d_reference(q_x, q_w, 4, 1, padding=(0, 1))
        tensor([[[[ 1, -2,  1],
                  [ 0,  0,  0]]]], dtype=torch.int32)

    References:
        Jacob, Kligys, Chen et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, CVPR 2018, section 2.
    """
    _check_operands(q_x, q_w, groups)
    (sy, sx), (py, px), (dy, dx) = (
        _pair("stride", stride, 1),
        _pair("padding", padding, 0),
        _pair("dilation", dilation, 1),
    )
    _check_fits(q_x, q_w, (py, px), (dy, dx))
    n, channels, height, width = q_x.shape
    outputs, inputs, u, v = q_w.shape
    z_x = int(x_zero_point)
    padded = q_x.new_full((n, channels, height + 2 * py, width + 2 * px), z_x, dtype=torch.int64)
    padded[:, :, py : py + height, px : px + width] = q_x
    windows = padded.unfold(2, (u - 1) * dy + 1, sy).unfold(3, (v - 1) * dx + 1, sx)[..., ::dy, ::dx]
    windows = windows.permute(0, 2, 3, 1, 4, 5)  # (N, H', W', C, U, V)
    z_w = torch.as_tensor(w_zero_point, device=q_w.device).expand(outputs)
    parts = [
        integer_matmul_reference(block.flatten(3), weights.flatten(1), z_x, zero_points)
        for block, weights, zero_points in zip(
            windows.split(inputs, dim=3), q_w.chunk(groups), z_w.chunk(groups), strict=True
        )
    ]
    return torch.cat(parts, dim=-1).permute(0, 3, 1, 2).contiguous()


def integer_conv2d(
    q_x: Tensor,
    q_w: Tensor,
    x_zero_point: Tensor | int,
    w_zero_point: Tensor | int,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Tensor:
    """`integer_conv2d_reference` in float64, whose sums of integers are exact below 2^53.

    float32 would not do: it is exact below 2^24 alone, and its fast algorithms transform the kernels.

    Raises:
        TypeError, ValueError: as `integer_conv2d_reference`.
    """
    _check_operands(q_x, q_w, groups)
    pairs = _pair("stride", stride, 1), _pair("padding", padding, 0), _pair("dilation", dilation, 1)
    _check_fits(q_x, q_w, pairs[1], pairs[2])
    z_w = torch.as_tensor(w_zero_point, device=q_w.device).double().expand(len(q_w))
    x, w = q_x.double() - x_zero_point, q_w.double() - z_w[:, None, None, None]
    return to_int32(F.conv2d(x, w, None, *pairs, groups).to(torch.int64))


def _pair(name: str, value: int | Pair, least: int) -> Pair:
    parts = value if isinstance(value, tuple) else (value, value)
    if len(parts) != 2:
        raise ValueError(f"{name} must be one integer or two, got {value!r}")
    first, second = (check_integer(name, part, least, 2**20) for part in parts)
    return first, second


def _check_operands(q_x: Tensor, q_w: Tensor, groups: int) -> None:
    check_integers("q_x", q_x)
    check_integers("q_w", q_w)
    check_integer("groups", groups, 1, 2**20)
    if q_x.dim() != 4 or q_w.dim() != 4 or q_x.shape[1] != q_w.shape[1] * groups or len(q_w) % groups:
        raise ValueError(
            "q_x must be (N, C, H, W) and q_w (O, C / groups, U, V) with O a multiple of groups, got "
            f"{tuple(q_x.shape)} and {tuple(q_w.shape)} with groups={groups}"
        )


def _check_fits(q_x: Tensor, q_w: Tensor, padding: Pair, dilation: Pair) -> None:
    for size, pad, kernel, step in zip(q_x.shape[2:], padding, q_w.shape[2:], dilation, strict=True):
        if (kernel - 1) * step + 1 > size + 2 * pad:
            raise ValueError(
                f"the kernel, {tuple(q_w.shape[2:])} with dilation {dilation}, must fit into the padded image, got "
                f"{tuple(q_x.shape[2:])} with padding {padding}; pad more"
            )
