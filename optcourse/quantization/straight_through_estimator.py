"""Straight-through estimator: a gradient for a staircase.  Lesson slug: quantization.

Two texts: `straight_through_reference` lets autograd find the gradient, `straight_through` states it. Tests hold them
equal, and within one step of torch's.
"""

from typing import Any

import torch
from torch import Tensor

from optcourse.quantization.affine import fake_quantize_reference
from optcourse.quantization.checking import check_floating
from optcourse.quantization.parameters import QuantizationParameters


def straight_through_reference(
    x: Tensor, *, scale: Tensor, zero_point: Tensor, quant_min: int, quant_max: int
) -> Tensor:
    r"""Fake quantization whose gradient pretends that nothing was rounded.

    .. math::
        \hat x &= (\operatorname{clamp}(\operatorname{round}(x / s) + z, q_{min}, q_{max}) - z)\,s \\
        \partial \hat x / \partial x &:= 1 \text{ where } q_{min} \le \operatorname{round}(x / s) + z \le q_{max},
        \text{ else } 0

    The true derivative of the staircase is 0 almost everywhere, so nothing below it would learn. Where x is clamped 0
    is kept: there no small change of x is seen, and a gradient let through would drive weights ever further out.

    Args:
        x: floating; may require a gradient.
        scale, zero_point, quant_min, quant_max: as for `quantize_reference`; constants, without gradient.

    Returns:
        Numbers of the grid in the dtype of x. Pure.

    Example:
        >>> x = torch.tensor([-9.0, 0.3, 99.0], requires_grad=True)
        >>> grid = {"scale": torch.tensor(0.5), "zero_point": torch.tensor(3), "quant_min": 0, "quant_max": 15}
        >>> straight_through_reference(x, **grid).sum().backward()
        >>> x.grad
        tensor([0., 1., 0.])

    References:
        Bengio, Léonard & Courville, Estimating or Propagating Gradients Through Stochastic Neurons for Conditional
        Computation, arXiv 1308.3432.
        Jacob, Kligys, Chen et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, CVPR 2018, section 3.
    """
    rounded = fake_quantize_reference(
        x.detach(), scale=scale, zero_point=zero_point, quant_min=quant_min, quant_max=quant_max
    )
    q = torch.round(x.detach() / scale) + zero_point
    inside = (q >= quant_min) & (q <= quant_max)
    return rounded + torch.where(inside, x - x.detach(), 0.0)


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, zero_point: Tensor, quant_min: int, quant_max: int) -> Tensor:
        steps = torch.round(x / scale)
        low, high = quant_min - zero_point, quant_max - zero_point
        ctx.save_for_backward((steps >= low) & (steps <= high))
        return steps.clamp_(low.to(x.dtype), high.to(x.dtype)).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None, None, None, None


def straight_through(x: Tensor, parameters: QuantizationParameters) -> Tensor:
    """`straight_through_reference` with these parameters; keeps one bool a number for the backward pass.

    Raises:
        TypeError, ValueError: x is not floating, or has other channels.

    Example:
        >>> x = torch.tensor([0.1, 0.9], requires_grad=True)
        >>> grid = QuantizationParameters(torch.tensor(0.5), torch.tensor(1, dtype=torch.int32), 0, 3)
        >>> straight_through(x, grid)
        tensor([0., 1.], grad_fn=<_StraightThroughBackward>)
    """
    scale, zero_point = parameters.broadcast(check_floating("x", x))
    return _StraightThrough.apply(x, scale.to(x.dtype), zero_point, parameters.quant_min, parameters.quant_max)
