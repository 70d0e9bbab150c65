"""Dynamic quantization: weights in 8 bits beforehand, activations as they come.  Lesson slug: quantization."""

import copy

from torch import Tensor, nn

from optcourse.quantization.affine import parameters_for, quantize
from optcourse.quantization.integer_matmul import integer_matmul
from optcourse.quantization.parameters import INT8_PER_CHANNEL, UINT8, QuantizationParameters, Scheme


class DequantizedWeight(Tensor):
    """What `DynamicLinear.weight` gives: a plain tensor but for its type.

    Fused kernels of torch take the weights out of a layer and pass its forward by, unless one of them is of a type of
    its own; without it an nn.TransformerEncoderLayer in evaluation mode would compute with floating activations.
    """


class DynamicLinear(nn.Module):
    r"""A linear layer with quantized weights that quantizes each input by its own range.

    .. math:: y = s_x s_w \sum_k (q_x - z_x)(q_w - z_w) + b

    Nothing has to be calibrated and no output range guessed; the price is a pass over the input for its range, and an
    output in floating point. A batch has one range, so an example's output depends on its neighbors in the batch.

    Args:
        linear: the layer it stands for; not mutated. The bias stays floating.
        weight, activation: schemes; the weight's axis is 0 or None, the activation's None.

    Raises:
        TypeError, ValueError: an argument breaks its rule.

    Example:
        >>> import torch
        >>> linear, x = nn.Linear(6, 3), torch.randn(5, 6)
        >>> torch.allclose(DynamicLinear(linear)(x), linear(x), atol=0.05)
        True
    """

    q_weight: Tensor
    weight_scale: Tensor
    weight_zero_point: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear, weight: Scheme = INT8_PER_CHANNEL, activation: Scheme = UINT8) -> None:
        super().__init__()
        if not isinstance(linear, nn.Linear):
            raise TypeError(f"linear must be an nn.Linear, got {type(linear).__name__}")
        if weight.axis not in (None, 0) or activation.axis is not None:
            raise ValueError(
                "the weight must have one scale for each output (axis 0) or one, the activation one, got axes "
                f"{weight.axis} and {activation.axis}"
            )
        parameters = parameters_for(linear.weight, weight)
        self.activation = activation
        self.register_buffer("q_weight", quantize(linear.weight.detach(), parameters))
        self.register_buffer("weight_scale", parameters.scale)
        self.register_buffer("weight_zero_point", parameters.zero_point)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().clone())

    @property
    def weight(self) -> Tensor:
        """(N, K), a new tensor: the numbers that the integers stand for, for modules that look at a child's weight."""
        shift, scale = self.weight_zero_point.reshape(-1, 1), self.weight_scale.reshape(-1, 1)
        return ((self.q_weight.to(scale.dtype) - shift) * scale).as_subclass(DequantizedWeight)

    def forward(self, x: Tensor) -> Tensor:
        """(..., K) -> (..., N); no gradient flows.

        Raises:
            ValueError: x holds NaN or infinities, or nothing: it has no range.
        """
        grid: QuantizationParameters = parameters_for(x, self.activation)
        q_x = quantize(x.detach(), grid)
        sums = integer_matmul(q_x, self.q_weight, grid.zero_point, self.weight_zero_point)
        y = sums.to(x.dtype) * (grid.scale * self.weight_scale)
        return y if self.bias is None else y + self.bias


def quantize_dynamic(model: nn.Module, weight: Scheme = INT8_PER_CHANNEL, activation: Scheme = UINT8) -> nn.Module:
    """A copy of a model, every nn.Linear in it replaced by a `DynamicLinear`; all other modules stay floating.

    Args:
        model: any module; not mutated.
        weight, activation: schemes, as for `DynamicLinear`.

    Raises:
        TypeError, ValueError: the model is no module, or has no nn.Linear; subclasses of it do not count.

    Example:
        >>> quantize_dynamic(nn.Sequential(nn.Linear(4, 3), nn.Tanh()))
        Sequential(
          (0): DynamicLinear()
          (1): Tanh()
        )
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}; build the model, then load its state")
    if isinstance(model, nn.Linear):
        return DynamicLinear(model, weight, activation)
    result = copy.deepcopy(model)
    found = [
        (parent, name, child)
        for parent in result.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear
    ]
    if not found:
        raise ValueError(f"model must contain an nn.Linear to quantize, a {type(model).__name__} without one was given")
    for parent, name, child in found:
        setattr(parent, name, DynamicLinear(child, weight, activation))
    return result
