"""A floating model that rounds as the integer one will: for post-training quantization and for training.

Lesson slug: quantization. `simulate` and nothing else is static post-training quantization (PTQ) at any number of bits;
its result trained on is quantization-aware training (QAT); `integer_model.convert` makes either one integer.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from optcourse.quantization.affine import range_of
from optcourse.quantization.checking import check_finite, check_floating, check_fraction, check_not_empty
from optcourse.quantization.folding import WEIGHTED, plan_layers
from optcourse.quantization.min_max import MinMaxObserver
from optcourse.quantization.parameters import (
    INT8_PER_CHANNEL,
    UINT8,
    QuantizationParameters,
    Scheme,
    choose_parameters,
)
from optcourse.quantization.straight_through_estimator import straight_through

MakeObserver = Callable[[Scheme], Any]  # a class such as MSEObserver, or a partial of one


class FakeQuantizer(nn.Module):
    r"""Rounds what flows through to a grid; gradients pass straight through.

    Args:
        scheme: which integers; axis None.
        observer: finds the range during calibration.
        averaging_constant: c in (0, 1]; in training mode the range then follows the batches,
            :math:`low \leftarrow low + c\,(\min x - low)`. None keeps the calibrated range.

    Buffers `low` and `high` hold the range and are part of the state dict.

    Raises:
        TypeError, ValueError: an argument breaks its rule.
    """

    low: Tensor
    high: Tensor

    def __init__(self, scheme: Scheme, observer: MakeObserver, averaging_constant: float | None = None) -> None:
        super().__init__()
        if scheme.axis is not None:
            raise ValueError(f"activations must have one scale, got axis={scheme.axis}; use axis=None")
        if averaging_constant is not None:
            check_fraction("averaging_constant", averaging_constant, 0, 1)
        self.scheme, self.averaging_constant = scheme, averaging_constant
        self.observer = observer(scheme)
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))

    def calibrate(self, x: Tensor) -> Tensor:
        """Look at x, and pass it on as it is."""
        self.observer.observe(x)
        return x

    def settle(self) -> None:
        """Take the range from what was seen; some observers search long for it."""
        self.low, self.high = self.observer.range()

    def grid(self) -> QuantizationParameters:
        """The grid of the range as it is now."""
        return choose_parameters(self.low, self.high, self.scheme)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and self.averaging_constant is not None:
            low, high = range_of(x)
            self.low = self.low + self.averaging_constant * (low - self.low)
            self.high = self.high + self.averaging_constant * (high - self.high)
        return straight_through(x, self.grid())


class SimulatedLayer(nn.Module):
    """A linear or convolutional layer with rounded weights, its ReLU, and a rounded output.

    The weights stay floating and are what an optimizer moves; each forward pass rounds them anew to the grid of their
    range at that moment. The bias stays floating: in the integer layer it has 32 bits.

    Args:
        layer: nn.Linear or nn.Conv2d; used, not copied.
        relu: whether a ReLU follows.
        weight: scheme of the weights.
        weight_observer: finds the weights' range; anything slower than min-max slows every training step.
        output: rounds the output; None leaves it.
    """

    def __init__(
        self,
        layer: nn.Linear | nn.Conv2d,
        relu: bool,
        weight: Scheme,
        weight_observer: MakeObserver,
        output: FakeQuantizer | None,
    ) -> None:
        super().__init__()
        self.layer, self.relu, self.output = layer, relu, output
        self.weight_scheme, self.weight_observer = weight, weight_observer

    def weight_grid(self) -> QuantizationParameters:
        """The grid of the weights as they are now."""
        observer = self.weight_observer(self.weight_scheme)
        observer.observe(self.layer.weight)
        return observer.parameters()

    def calibrate(self, x: Tensor) -> Tensor:
        """The floating layer, whose output is looked at."""
        y = self.layer(x)
        y = y.relu() if self.relu else y
        return y if self.output is None else self.output.calibrate(y)

    def forward(self, x: Tensor) -> Tensor:
        rounded = straight_through(self.layer.weight, self.weight_grid())
        y = functional_call(self.layer, {"weight": rounded}, x)
        y = y.relu() if self.relu else y
        return y if self.output is None else self.output(y)


def simulate(
    model: nn.Module,
    batches: Iterable[Tensor],
    *,
    weight: Scheme = INT8_PER_CHANNEL,
    activation: Scheme | None = UINT8,
    ends: Scheme = UINT8,
    observer: MakeObserver = MinMaxObserver,
    weight_observer: MakeObserver = MinMaxObserver,
    averaging_constant: float | None = None,
) -> nn.Sequential:
    """Post-training quantization with calibration, in floating point.

    Batch normalization is folded, a ReLU joins the layer before it, and rounding is put on the model's input, on all
    weights and on what every layer gives. Ranges of activations come from running the floating model on the batches.

    Args:
        model: nn.Sequential (nested as you like) of the supported layers, or one layer. Not mutated; read as in
            evaluation mode.
        batches: inputs, as the model takes them; a few hundred examples of the training set do. None of the test set.
        weight: scheme of all weights, axis 0 or None.
        activation: scheme of what layers hand on to each other; None rounds weights alone.
        ends: scheme of the model's input and output, which few bits would hurt most.
        observer: finds ranges of activations: a class such as `MSEObserver`, or a partial of one.
        weight_observer: finds ranges of weights.
        averaging_constant: for training, see `FakeQuantizer`.

    Returns:
        A nn.Sequential of `FakeQuantizer`, `SimulatedLayer` and untouched layers, in evaluation mode. To train it, call
        `.train()` and go on as usual.

    Raises:
        TypeError, ValueError: a layer is not supported (the message names it), there are no batches, or data break
            the rules of the observers.

    Example:
        >>> model, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), torch.randn(50, 4)
        >>> simulated = simulate(model, [x])
        >>> (simulated(x) - model(x)).abs().max() < 0.05
        tensor(True)

    References:
        Jacob, Kligys, Chen et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, CVPR 2018, section 3.
    """
    if isinstance(batches, Tensor):
        raise TypeError("batches must be an iterable of batches, got one tensor; try x.split(100) or [x]")
    plan = plan_layers(model)
    last = max((i for i, layer in enumerate(plan) if isinstance(layer, WEIGHTED)), default=-1)
    if last < 0:
        raise ValueError("model must contain an nn.Linear or nn.Conv2d to quantize, got none")
    modules: list[nn.Module] = [] if activation is None else [FakeQuantizer(ends, observer, averaging_constant)]
    for i, layer in enumerate(plan):
        joins = isinstance(layer, nn.ReLU) and i > 0 and isinstance(plan[i - 1], WEIGHTED)
        if isinstance(layer, WEIGHTED):
            relu = isinstance(plan[min(i + 1, len(plan) - 1)], nn.ReLU)
            scheme = ends if i == last else activation
            output = FakeQuantizer(scheme, observer, averaging_constant) if activation and scheme else None
            modules.append(SimulatedLayer(layer, relu, weight, weight_observer, output))
        elif not joins:
            modules.append(layer)
    simulated = nn.Sequential(*modules).eval()
    _calibrate(simulated, batches)
    return simulated


@torch.no_grad()
def _calibrate(simulated: nn.Sequential, batches: Iterable[Tensor]) -> None:
    """Run the floating model that a simulated one holds, and set the ranges by what flows through it."""
    seen = 0
    for x in batches:
        check_floating(f"calibration batch {seen}", x)
        check_not_empty(f"calibration batch {seen}", x)
        check_finite(f"calibration batch {seen}", x)
        for module in simulated:
            x = module.calibrate(x) if isinstance(module, FakeQuantizer | SimulatedLayer) else module(x)
        seen += 1
    if not seen:
        raise ValueError("calibration needs at least one batch, got none; give some of the training inputs")
    for module in simulated.modules():
        if isinstance(module, FakeQuantizer):
            module.settle()
