"""Matrix product of quantized numbers in integers, zero-points and all.  Lesson slug: quantization.

Two texts of one algorithm: `integer_matmul_reference` is the definition, `integer_matmul` multiplies the stored
integers as they are and corrects for the zero-points. Tests hold them, and ONNX Runtime's MatMulInteger, equal bit for
bit.
"""

import torch
from torch import Tensor

from optcourse.quantization.checking import check_integers


def integer_matmul_reference(
    q_x: Tensor, q_w: Tensor, x_zero_point: Tensor | int, w_zero_point: Tensor | int
) -> Tensor:
    r"""The accumulator of a linear layer.

    .. math:: a_{ij} = \sum_k (q_{x,ik} - z_x)\,(q_{w,jk} - z_{w,j})

    The sum of real products is :math:`s_x s_w a`. Leaving a zero-point out shifts every output; it shows only where
    zero-points are not 0.

    Args:
        q_x: (..., K) integers of any type.
        q_w: (N, K) integers of any type, outputs first.
        x_zero_point: z_x, a number or 0-d.
        w_zero_point: z_w, a number, 0-d or (N,).

    Returns:
        (..., N) int32. Pure. All products are held at once: small inputs only.

    Raises:
        TypeError, ValueError: not integers, shapes do not fit, or a sum does not fit into 32 bits.

    Example:
        >>> q_x = torch.tensor([[3, 5, 4]], dtype=torch.uint8)
        >>> q_w = torch.tensor([[1, 0, 2], [7, 7, 9]], dtype=torch.int8)
        >>> integer_matmul_reference(q_x, q_w, 4, torch.tensor([1, 7]))
        tensor([[-1,  0]], dtype=torch.int32)

    References:
        Jacob, Kligys, Chen et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, CVPR 2018, equation 4.
    """
    _check_operands(q_x, q_w)
    x = q_x.to(torch.int64) - _column(x_zero_point, q_x.device)
    w = q_w.to(torch.int64) - _column(w_zero_point, q_w.device)
    return to_int32((x[..., None, :] * w).sum(-1))


def integer_matmul(q_x: Tensor, q_w: Tensor, x_zero_point: Tensor | int, w_zero_point: Tensor | int) -> Tensor:
    r"""`integer_matmul_reference`, with the product taken of the stored integers.

    .. math:: a_{ij} = \sum_k q_{x,ik}\,q_{w,jk} - z_{w,j} \sum_k q_{x,ik} - z_x \sum_k q_{w,jk} + K z_x z_{w,j}

    The last two terms are known before any input is. torch's public products of integers are slow, or missing on a GPU;
    the first term is a float64 product, exact as long as its sums stay below 2^53, which needs K < 2^21 at 16 bits.

    Raises:
        TypeError, ValueError: as `integer_matmul_reference`.
    """
    _check_operands(q_x, q_w)
    z_x, z_w = _column(x_zero_point, q_x.device), _column(w_zero_point, q_w.device)
    products = (q_x.double() @ q_w.double().T).to(torch.int64)
    x_sums = q_x.sum(-1, keepdim=True, dtype=torch.int64)
    w_sums = q_w.sum(-1, keepdim=True, dtype=torch.int64)
    return to_int32(products - x_sums * z_w.flatten() - (z_x * (w_sums - q_w.shape[1] * z_w)).flatten())


def to_int32(accumulator: Tensor) -> Tensor:
    """An int64 accumulator as int32.

    Raises:
        ValueError: a number does not fit; hardware would wrap it around in silence.
    """
    if not accumulator.is_meta and accumulator.numel():
        low, high = torch.aminmax(accumulator)
        if int(low) < -(2**31) or int(high) >= 2**31:
            raise ValueError(
                f"sums must fit into 32 bits, got {int(low)} to {int(high)}; use fewer bits or shorter rows"
            )
    return accumulator.to(torch.int32)


def _column(zero_point: Tensor | int, device: torch.device) -> Tensor:
    """A zero-point as int64, () or (N, 1): one for each row."""
    z = torch.as_tensor(zero_point, device=device).to(torch.int64)
    return z[:, None] if z.dim() == 1 else z


def _check_operands(q_x: Tensor, q_w: Tensor) -> None:
    check_integers("q_x", q_x)
    check_integers("q_w", q_w)
    if q_w.dim() != 2 or q_x.dim() < 1 or q_x.shape[-1] != q_w.shape[1]:
        raise ValueError(
            "q_x must be (..., K) and q_w (N, K) with the same K, got "
            f"{tuple(q_x.shape)} and {tuple(q_w.shape)}; weights have their outputs first"
        )
