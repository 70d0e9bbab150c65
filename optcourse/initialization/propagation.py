"""Variance from layer to layer: what theory predicts for a network, and what is measured in it."""

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from optcourse.initialization.fans import has_fans, layout_of
from optcourse.initialization.gains import moments
from optcourse.initialization.residual import Residual

_SHAPES = (nn.Identity, nn.Flatten, nn.Unflatten, nn.modules.dropout._DropoutNd)  # in evaluation mode
_ACTIVATIONS = tuple(kind for kind in vars(nn).values() if getattr(kind, "__module__", "") == nn.ReLU.__module__)
_MIXING = (nn.MultiheadAttention, nn.Softmax, nn.Softmin, nn.LogSoftmax, nn.Softmax2d, nn.GLU)


@dataclass(frozen=True)
class LayerVariance:
    """Mean squares at the output of one layer with weights, before its activation.

    Weights are drawn with mean 0, so that over the draws the mean of each output is 0 and its mean square its variance.

    Attributes:
        name: as in `network.named_modules()`.
        forward: of the outputs.
        backward: of the gradient with respect to them, when the gradient at the network's output has mean square 1.
    """

    name: str
    forward: float
    backward: float


Backward = Callable[[float], float]  # mean square of the gradient behind a module -> in front of it


def predicted_variance(network: nn.Module, inputs: Tensor) -> tuple[LayerVariance, ...]:
    r"""What theory says of the variance through a network with these weights.

    .. math::
        q_l &= n_\text{in} \operatorname{E}[W_l^2] \operatorname{E}[x_l^2] + \operatorname{E}[b_l^2],
            & \operatorname{E}[x_{l+1}^2] &= \operatorname{E}[f(z)^2],\; z \sim \mathcal N(0, q_l) \\
        \delta_l &= n_\text{out} \operatorname{E}[W_{l+1}^2]\, \delta_{l+1} \operatorname{E}[f'(z)^2]

    q and delta are the mean squares of a layer's outputs and of the gradient there. Of the network only the mean
    squares of weights and biases are used, as if all were drawn independently with mean 0, and layers were wide enough
    for normal sums. In convolutions the taps that fall outside the input, or between strides, are left out of the
    count, and all places count alike. A residual sum adds the variances of both ways.

    Args:
        network: `nn.Sequential`, nested as you like, of linear layers, (transposed) convolutions with zero padding,
            activations, `Residual`, Flatten, Unflatten, Identity and dropout (none in evaluation mode). Not mutated.
        inputs: one batch (B, ...); its shape and mean square are used.

    Returns:
        A row for each layer with weights, in the order in which they run.

    Raises:
        TypeError: for a module that this theory does not cover; the message names it.
        ValueError: for inputs that are not finite.

    Example:
        >>> net = nn.Sequential(nn.Linear(100, 100, bias=False), nn.ReLU(), nn.Linear(100, 100, bias=False))
        >>> for layer in (net[0], net[2]):
        ...     _ = nn.init.constant_(layer.weight, 0.1 * 2**0.5)  # any signs would do
        >>> [round(layer.forward, 3) for layer in predicted_variance(net, torch.ones(2, 100))]
        [2.0, 2.0]

    References:
        He, Zhang, Ren & Sun, Delving Deep into Rectifiers, ICCV 2015, section 2.2.
        Poole et al., Exponential expressivity in deep neural networks through transient chaos, NeurIPS 2016.
    """
    _check_inputs(inputs)
    rows: list[tuple[str, float, list[float]]] = []
    with torch.no_grad(), evaluating(network):
        _, _, back = _follow("", network, inputs, float(inputs.double().square().mean()), rows)
    back(1.0)
    return tuple(LayerVariance(name, forward, backward[0]) for name, forward, backward in rows)


def measured_variance(
    network: nn.Module, inputs: Tensor, *, generator: torch.Generator | None = None
) -> tuple[LayerVariance, ...]:
    """Mean squares measured in a network: one forward pass, and one backward pass from a random gradient.

    Args:
        network: any module that returns one tensor. Not mutated: it runs in evaluation mode, modes are put back,
            and no `.grad` is touched.
        inputs: one batch (B, ...). Mean squares are over all examples and units.
        generator: of the gradient at the output, which is drawn from N(0, 1); on the device of the output.

    Returns:
        A row for each linear layer and convolution, in the order in which they run; inf or NaN where numbers overflow.

    Raises:
        ValueError: for inputs that are not finite, or a network without such a layer.

    Example:
        >>> net = nn.Sequential(nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, 5))
        >>> [layer.name for layer in measured_variance(net, torch.randn(8, 50))]
        ['0', '2']
    """
    _check_inputs(inputs)
    outputs: dict[str, Tensor] = {}
    squares: dict[str, float] = {}

    def keep(name: str) -> Callable[..., Tensor]:
        def hook(layer: nn.Module, arguments: object, output: Tensor) -> Tensor:
            outputs[name] = output
            squares[name] = _mean_square(output)
            return output.clone()  # an activation that works in place changes the copy

        return hook

    layers = [(name, module) for name, module in network.named_modules() if has_fans(module)]
    handles = [layer.register_forward_hook(keep(name)) for name, layer in layers]
    try:
        with torch.enable_grad(), evaluating(network):
            x = inputs.detach().clone().requires_grad_() if inputs.is_floating_point() else inputs
            y = network(x)
    finally:
        for handle in handles:
            handle.remove()
    if not outputs:
        raise ValueError(f"{type(network).__name__} has no linear layer or convolution to look at; give one that has")
    g = torch.empty_like(y).normal_(generator=generator)
    gradients = torch.autograd.grad(y, list(outputs.values()), g, allow_unused=True)
    return tuple(
        LayerVariance(name, squares[name], 0.0 if gradient is None else _mean_square(gradient))
        for name, gradient in zip(outputs, gradients, strict=True)
    )


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """The network in evaluation mode while the block runs; then each module in the mode it had."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _mean_square(values: Tensor) -> float:
    return float(values.detach().double().square().mean())  # float64: squares of large float32 numbers overflow


def _check_inputs(inputs: Tensor) -> None:
    if not isinstance(inputs, Tensor) or inputs.numel() == 0 or not torch.isfinite(inputs).all():
        raise ValueError("inputs must be a tensor of at least one example with finite numbers; look at them first")


def _follow(
    name: str, module: nn.Module, x: Tensor, square: float, rows: list[tuple[str, float, list[float]]]
) -> tuple[Tensor, float, Backward]:
    """Run one module, for the shapes, and follow the mean square through it; the way back as a function."""
    if isinstance(module, nn.Sequential):
        ways = []
        for child_name, child in module._modules.items():  # named_children() leaves out the second use of a module
            x, square, back = _follow(f"{name}.{child_name}".lstrip("."), child, x, square, rows)
            ways.append(back)
        return x, square, lambda g: _through(reversed(ways), g)
    if isinstance(module, Residual):
        y, added, back = _follow(f"{name}.branch".lstrip("."), module.branch, x, square, rows)
        return x + y, square + added, lambda g: g + back(g)
    y = module(x.clone())  # it may work in place
    if isinstance(module, _SHAPES):
        return y, square, lambda g: g
    if isinstance(module, _ACTIVATIONS) and not isinstance(module, _MIXING):
        value, slope = moments(module, square)
        return y, value, lambda g: g * slope
    if has_fans(module) and layout_of(module)[0] != "embedding":
        return y, *_through_weights(name, module, x, y, square, rows)
    raise TypeError(
        f"no theory here for {type(module).__name__} (module {name or '(the network itself)'!r}); it covers "
        "Sequential, Residual, linear layers, convolutions, activations and changes of shape. Use "
        "measured_variance"
    )


def _through(ways: Iterator[Backward], g: float) -> float:
    for back in ways:
        g = back(g)
    return g


def _through_weights(
    name: str, layer: nn.Module, x: Tensor, y: Tensor, square: float, rows: list[tuple[str, float, list[float]]]
) -> tuple[float, Backward]:
    weight: Tensor = layer.weight  # type: ignore[assignment]
    kind, groups = layout_of(layer)
    into, out = (1, 0) if kind != "conv_transpose" else (0, 1)
    channels = [length // (groups if axis == 0 else 1) for axis, length in enumerate(weight.shape[:2])]
    taps = 1.0 if kind == "linear" else _taps(layer, x.shape[2:], y.shape[2:], transposed=kind == "conv_transpose")
    places_in, places_out = math.prod(x.shape[2:]), math.prod(y.shape[2:])
    if kind == "linear":
        places_in = places_out = 1
    strength = _mean_square(weight)
    bias = layer.bias
    forward = channels[into] * taps / places_out * strength * square
    forward += _mean_square(bias) if isinstance(bias, Tensor) else 0.0
    seen: list[float] = []
    rows.append((name, forward, seen))

    def back(g: float) -> float:
        seen.append(g)
        return g * channels[out] * taps / places_in * strength

    return forward, back


def _taps(layer: nn.Module, size_in: torch.Size, size_out: torch.Size, *, transposed: bool) -> float:
    """Pairs of an input and an output place that a tap of the kernel joins."""
    if layer.padding_mode != "zeros":
        raise TypeError(f"no theory here for padding_mode={layer.padding_mode!r}; use zeros, or measure")
    pairs = 1.0
    # A transposed convolution is a convolution with its ends exchanged.
    ends = zip(size_out, size_in, strict=True) if transposed else zip(size_in, size_out, strict=True)
    for axis, (wide, narrow) in enumerate(ends):
        kernel, stride, dilation = (_axis(getattr(layer, a), axis) for a in ("kernel_size", "stride", "dilation"))
        padding = _padding(layer, axis)
        places = (p * stride - padding + k * dilation for p, k in itertools.product(range(narrow), range(kernel)))
        pairs *= sum(0 <= place < wide for place in places)
    return pairs


def _axis(setting: object, axis: int) -> int:
    return setting[axis]  # type: ignore[index]


def _padding(layer: nn.Module, axis: int) -> int:
    if layer.padding == "valid":
        return 0
    if layer.padding == "same":
        return _axis(layer.dilation, axis) * (_axis(layer.kernel_size, axis) - 1) // 2
    return _axis(layer.padding, axis)
