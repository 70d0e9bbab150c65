"""A whole model in integers, from a simulated one.  Lesson slug: quantization."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from optcourse.quantization.affine import dequantize, quantize
from optcourse.quantization.integer_layers import (
    IntegerLayer,
    IntegerMaxPool2d,
    IntegerReLU,
    Rounding,
)
from optcourse.quantization.parameters import QuantizationParameters
from optcourse.quantization.simulated import FakeQuantizer, SimulatedLayer, simulate


class IntegerModel(nn.Module):
    """Numbers in, numbers out; between the first rounding and the last product there are integers alone.

    Attributes:
        layers: what maps integers to integers.
        input, output: the grids at both ends.
    """

    def __init__(self, layers: nn.Sequential, input: QuantizationParameters, output: QuantizationParameters) -> None:
        super().__init__()
        self.layers, self.input, self.output = layers, input, output

    def forward(self, x: Tensor) -> Tensor:
        return dequantize(self.layers(quantize(x, self.input)), self.output)

    def stored_bytes(self) -> int:
        """Bytes of weights and biases: 1 a weight of up to 8 bits, 4 a bias; scales and zero-points not counted."""
        return sum(
            q.numel() * q.element_size()
            for layer in self.layers
            if isinstance(layer, IntegerLayer)
            for q in (layer.q_weight, layer.q_bias)
        )


def convert(simulated: nn.Sequential, rounding: Rounding = "fixed_point") -> IntegerModel:
    """The integer model that a simulated one stands for.

    Both differ by the bias, which is rounded to 32 bits, and by the requantization's rounding: rarely by a step.

    Args:
        simulated: what `simulate` made, trained on or not; activations of at most 8 bits. Not mutated.
        rounding: see `Requantizer`.

    Raises:
        TypeError: it was not made by `simulate`, was made with activation=None, or had layers added.

    Example:
        >>> model, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), torch.randn(50, 4)
        >>> integer = convert(simulate(model, [x]))
        >>> integer.stored_bytes()  # 32 + 24 weights, 8 + 3 biases
        100
        >>> (integer(x) - model(x)).abs().max() < 0.05
        tensor(True)
    """
    modules = list(simulated)
    if not modules or not isinstance(modules[0], FakeQuantizer):
        raise TypeError(
            "convert needs a model from simulate(...) whose activations are rounded; it was made with activation=None, "
            f"or elsewhere: its first layer is {type(modules[0]).__name__ if modules else 'missing'}"
        )
    first = grid = modules[0].grid()
    layers: list[nn.Module] = []
    for module in modules[1:]:
        if isinstance(module, SimulatedLayer):
            assert module.output is not None
            after = module.output.grid()
            layers.append(IntegerLayer(module.layer, grid, module.weight_grid(), after, module.relu, rounding))
            grid = after
        elif isinstance(module, nn.ReLU):
            layers.append(IntegerReLU(int(grid.zero_point)))
        elif isinstance(module, nn.MaxPool2d):
            layers.append(IntegerMaxPool2d(module))
        elif isinstance(module, nn.Flatten):
            layers.append(nn.Flatten(module.start_dim, module.end_dim))
        elif not isinstance(module, nn.Dropout):
            raise TypeError(
                f"convert needs a model as simulate(...) made it, but it holds a {type(module).__name__}; put that "
                "behind the converted model"
            )
    return IntegerModel(nn.Sequential(*layers), first, grid).eval()


def quantize_static(
    model: nn.Module, batches: Iterable[Tensor], rounding: Rounding = "fixed_point", **schemes: Any
) -> IntegerModel:
    """Static post-training quantization in one call: `convert(simulate(model, batches, **schemes), rounding)`.

    Raises:
        TypeError, ValueError: as `simulate` and `convert`.

    Example:
        >>> model, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), torch.randn(50, 4)
        >>> quantize_static(model, x.split(10))(x).shape
        torch.Size([50, 3])
    """
    with torch.no_grad():
        return convert(simulate(model, batches, **schemes), rounding)
