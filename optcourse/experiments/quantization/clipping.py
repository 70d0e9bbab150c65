"""What a range does to the weights of a trained net: the error of rounding, the error of clipping, the accuracy."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from optcourse.experiments.quantization.checkpoints import checkpoint
from optcourse.experiments.quantization.training import accuracy
from optcourse.quantization import QuantizationParameters, Scheme, choose_parameters, fake_quantize, range_of


@dataclass(frozen=True)
class RangeError:
    """Mean squared error of rounded weights over the weights' mean square, by its two causes.

    Attributes:
        rounding: of the weights inside the range.
        clipping: of those outside, which are set to its ends.
    """

    rounding: float
    clipping: float

    @property
    def total(self) -> float:
        return self.rounding + self.clipping


def layer_weights() -> dict[str, Tensor]:
    """The weights (outputs, inputs) of the lesson's MLP, seed 0, by a name that says their shape."""
    layers = [layer for layer in checkpoint("mlp", 0) if isinstance(layer, nn.Linear)]
    return {
        f"{number}: {layer.in_features} to {layer.out_features}": layer.weight.detach()
        for number, layer in enumerate(layers, start=1)
    }


def clipped_grid(weight: Tensor, bits: int, share: float, axis: int | None) -> QuantizationParameters:
    """The symmetric grid that ends at a share of the largest magnitude, of the tensor or of each channel.

    Raises:
        ValueError: unless 0 < share <= 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share}; 1 clips nothing")
    low, high = range_of(weight, axis)
    return choose_parameters(share * low, share * high, Scheme(bits, signed=True, symmetric=True, axis=axis))


@torch.no_grad()
def range_error(weight: Tensor, grid: QuantizationParameters) -> RangeError:
    """The error of the weights on this grid; a weight counts as clipped where it lies beyond the grid's ends."""
    squares = (fake_quantize(weight, grid) - weight).double() ** 2
    scale, _ = grid.broadcast(weight)
    outside = weight.abs() > scale * grid.quant_max
    whole = float((weight.double() ** 2).sum())
    return RangeError(float(squares[~outside].sum()) / whole, float(squares[outside].sum()) / whole)


@cache
def clipped_accuracy(bits: int, share: float, axis: int | None) -> float:
    """Test accuracy in percent of the lesson's MLP, seed 0, with all its weights on such grids, all else in float."""
    model = checkpoint("mlp", 0)
    rounded = nn.Sequential(*[_on_grid(layer, bits, share, axis) for layer in model])
    return accuracy(rounded)


def _on_grid(layer: nn.Module, bits: int, share: float, axis: int | None) -> nn.Module:
    if not isinstance(layer, nn.Linear):
        return layer
    weight = layer.weight.detach()
    same = nn.Linear(layer.in_features, layer.out_features)
    same.weight = nn.Parameter(fake_quantize(weight, clipped_grid(weight, bits, share, axis)))
    same.bias = layer.bias
    return same
