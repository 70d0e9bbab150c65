"""LSUV: measure what each layer returns, and divide its weights until the variance is 1."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from optcourse.initialization.fans import fans_of, has_fans, layout_of
from optcourse.initialization.orthogonal import orthogonal_
from optcourse.initialization.propagation import evaluating


@dataclass(frozen=True)
class Scaled:
    """What `lsuv_` did to one layer.

    Attributes:
        name: as in `network.named_modules()`.
        before, after: variance of the layer's outputs, before and after its weight was rescaled.
        iterations: rescalings made.
    """

    name: str
    before: float
    after: float
    iterations: int


@torch.no_grad()
def lsuv_reference(
    weight: Tensor, x: Tensor, bias: Tensor | None = None, *, tolerance: float = 0.1, max_iterations: int = 10
) -> Tensor:
    r"""The weight of one linear layer, divided until its outputs have variance 1.

    .. math::
        \text{while } |v - 1| \ge \epsilon: \quad W \leftarrow W / \sqrt v, \qquad v = \operatorname{Var}(W x + b)

    Args:
        weight: (out, in).
        x: inputs (B, in) of the layer.
        bias: (out,). Without it one division is enough; with it the loop comes closer step by step, or never arrives
            when the bias alone has a larger variance.
        tolerance: epsilon > 0, of the variance.
        max_iterations: divisions at most.

    Returns:
        A new weight. Pure: no argument is modified.

    Raises:
        ValueError: if the variance is 0 or not finite, which no division mends.

    Example:
        >>> x = torch.randn(500, 20, generator=torch.Generator().manual_seed(0))
        >>> w = lsuv_reference(torch.full((3, 20), 9.0) * torch.arange(1.0, 4.0).unsqueeze(1), x)
        >>> round(float((x @ w.T).var(correction=0)), 4)
        1.0

    References:
        Mishkin & Matas, All you need is a good init, ICLR 2016, algorithm 1.
    """
    _check_settings(tolerance, max_iterations)
    shift = 0.0 if bias is None else bias
    for _ in range(max_iterations):
        variance = (x @ weight.T + shift).var(correction=0)
        if abs(variance - 1) < tolerance:
            break
        _check_variance(float(variance), "the layer")
        weight = weight / variance.sqrt()
    return weight


@torch.no_grad()
def lsuv_(
    network: nn.Module,
    inputs: Tensor,
    *,
    tolerance: float = 0.1,
    max_iterations: int = 10,
    orthogonal: bool = True,
    generator: torch.Generator | None = None,
) -> tuple[Scaled, ...]:
    """`lsuv_reference` for every linear layer and convolution of a network, from input to output, in one forward pass.

    When the pass comes to a layer, its weight is divided until its outputs have variance 1, and those outputs are what
    the rest of the network receives. Needs no formula for the activations between the layers.

    Args:
        network: any module. Its linear layers and convolutions are changed in place; it runs in evaluation mode, and
            its modes are put back.
        inputs: one batch (B, ...), finite; a few hundred examples are enough.
        tolerance: of the variance, in (0, 1).
        max_iterations: divisions a layer at most, >= 1. One is enough where the bias is 0.
        orthogonal: start from orthogonal weights and biases 0, as in the paper; False takes weights and biases as they
            are.
        generator: of the orthogonal weights.

    Returns:
        What was done, in the order in which layers ran. A layer that `max_iterations` did not bring within the
        tolerance is in it with the variance it has.

    Raises:
        TypeError, ValueError: when an argument breaks its rule, there is no such layer, a layer is used twice in one
            pass, or the outputs of one have variance 0 (a dead layer, constant inputs) or are not finite; then the
            network is as before.

    Differs from the paper: one forward pass for all layers instead of one for each division. Differs from torch, which
    has no such function.

    Example:
        >>> net = nn.Sequential(nn.Linear(20, 50), nn.GELU(), nn.Linear(50, 10))
        >>> [round(layer.after, 4) for layer in lsuv_(net, torch.randn(200, 20))]
        [1.0, 1.0]

    References:
        Mishkin & Matas, All you need is a good init, ICLR 2016.
    """
    _check_settings(tolerance, max_iterations)
    if not isinstance(inputs, Tensor) or inputs.dim() < 1 or len(inputs) < 2 or not torch.isfinite(inputs).all():
        given = f"shape {tuple(inputs.shape)}" if isinstance(inputs, Tensor) else type(inputs).__name__
        raise ValueError(
            f"inputs must be a batch (B, ...) of at least 2 examples with finite numbers, got {given}; "
            "look at them first"
        )
    layers = {name: module for name, module in network.named_modules() if has_fans(module)}
    layers = {name: module for name, module in layers.items() if layout_of(module)[0] != "embedding"}
    if not layers:
        raise ValueError(
            f"{type(network).__name__} has no linear layer or convolution to scale; give a network that has"
        )
    for layer in layers.values():
        fans_of(layer)  # refuses what has no shape yet
    before = {name: [p.detach().clone() for p in layer.parameters()] for name, layer in layers.items()}
    done: list[Scaled] = []

    def rescale(name: str) -> Any:
        def hook(layer: nn.Module, arguments: Any, output: Tensor) -> Tensor:
            if any(scaled.name == name for scaled in done):
                raise ValueError(
                    f"layer {name!r} runs twice in one pass, so that no one scale fits both; split it in two"
                )
            scaled, output = _rescaled(name, layer, arguments, output, tolerance, max_iterations)
            done.append(scaled)
            return output

        return hook

    handles = []
    try:
        if orthogonal:
            for layer in layers.values():
                _make_orthogonal(layer, generator)
        handles = [layer.register_forward_hook(rescale(name)) for name, layer in layers.items()]
        with evaluating(network):
            network(inputs)
    except BaseException:
        for name, layer in layers.items():
            for parameter, value in zip(layer.parameters(), before[name], strict=True):
                parameter.copy_(value)
        raise
    finally:
        for handle in handles:
            handle.remove()
    return tuple(done)


def _rescaled(
    name: str, layer: nn.Module, arguments: Any, output: Tensor, tolerance: float, max_iterations: int
) -> tuple[Scaled, Tensor]:
    first = variance = float(output.var(correction=0))
    iterations = 0
    _check_variance(variance, f"layer {name!r}")
    while abs(variance - 1) >= tolerance and iterations < max_iterations:
        layer.weight.div_(variance**0.5)  # type: ignore[operator]
        output = layer.forward(*arguments)
        variance = float(output.var(correction=0))
        _check_variance(variance, f"layer {name!r}")
        iterations += 1
    return Scaled(name, first, variance, iterations), output


def _make_orthogonal(layer: nn.Module, generator: torch.Generator | None) -> None:
    kind, groups = layout_of(layer)
    orthogonal_(layer.weight, kind=kind, groups=groups, generator=generator)  # type: ignore[arg-type]
    if isinstance(layer.bias, Tensor):
        layer.bias.zero_()


def _check_variance(variance: float, where: str) -> None:
    if not 0 < variance < float("inf"):
        raise ValueError(
            f"the outputs of {where} must have a finite variance above 0, got {variance}; no scale mends a dead layer "
            "or an overflow: look at the inputs and at the activation in front of it"
        )


def _check_settings(tolerance: float, max_iterations: int) -> None:
    if isinstance(tolerance, bool) or not isinstance(tolerance, Real):
        raise TypeError(f"tolerance must be a number in (0, 1), got {tolerance!r}; try 0.1")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be in (0, 1), got {tolerance}; try 0.1")
    if isinstance(max_iterations, bool) or not hasattr(max_iterations, "__index__") or max_iterations < 1:
        raise ValueError(f"max_iterations must be an integer >= 1, got {max_iterations!r}; try 10")
