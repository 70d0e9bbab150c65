"""A scheme applied to a whole network."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from optcourse.initialization.fans import fans_of, has_fans, layout_of

Scheme = Callable[..., Tensor]  # (weight, *, kind, groups, generator, ...) -> the weight, filled


def initialize_(
    network: nn.Module, scheme: Scheme, *, generator: torch.Generator | None = None, **options: Any
) -> nn.Module:
    """Fill the weight of every linear layer, convolution and embedding by a scheme, and set biases to 0.

    Args:
        network: changed in place; other modules (normalizations) are left alone. On an error nothing is changed.
        scheme: such as `he_normal_`; called with each weight, and its kind and groups.
        generator: of the random numbers; layers draw from it in the order of `network.modules()`.
        options: passed on, such as `gain=0.5` or `mode="fan_out"`.

    Returns:
        The network.

    Raises:
        TypeError, ValueError: for a network without such layers, or what the scheme refuses.

    Example:
        >>> from optcourse.initialization import he_normal_
        >>> net = initialize_(nn.Sequential(nn.Linear(500, 500), nn.ReLU()), he_normal_)
        >>> round(500 * net[0].weight.var().item(), 1), net[0].bias.abs().max().item()
        (2.0, 0.0)
    """
    layers = [module for module in network.modules() if has_fans(module)]
    if not layers:
        raise ValueError(f"{type(network).__name__} has no layer with a weight to fill; give a network that has")
    for layer in layers:
        fans_of(layer)
    filled = []
    for layer in layers:
        kind, groups = layout_of(layer)
        blank = torch.empty_like(layer.weight)  # type: ignore[arg-type]
        filled.append(scheme(blank, kind=kind, groups=groups, generator=generator, **options))
    with torch.no_grad():
        for layer, weight in zip(layers, filled, strict=True):
            layer.weight.copy_(weight)  # type: ignore[operator]
            if isinstance(getattr(layer, "bias", None), Tensor):
                layer.bias.zero_()  # type: ignore[operator]
    return network
