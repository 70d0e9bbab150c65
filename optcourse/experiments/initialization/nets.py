"""Deep nets, plain and residual, started in the ways that the lesson compares."""

from typing import Any

import torch
from torch import Tensor, nn

from optcourse.initialization import SCHEMES, Residual, initialize_, zero_residual_
from optcourse.lab.device import generator
from optcourse.lab.models import mlp

DEFAULT = "default"
"""The scheme of `torch.nn.Linear`: weights and biases from U(-b, b) with b = 1 / sqrt(fan_in)."""


def deep_net(
    seed: int,
    *,
    depth: int,
    width: int = 100,
    scheme: str = "he_normal",
    activation: str = "relu",
    inputs: int | None = None,
    outputs: int | None = None,
    dtype: torch.dtype = torch.float32,
    **options: Any,
) -> nn.Sequential:
    """`depth` linear layers with an activation between them, weights by a scheme, biases 0.

    Args:
        depth: linear layers, >= 2.
        width: units of each hidden layer; of inputs and outputs too, where those are None.
        scheme: a name in `SCHEMES`, or `DEFAULT`.
        activation: a name in `optcourse.lab.models.ACTIVATIONS`.
        options: of the scheme, such as `gain`.
    """
    sizes = (inputs or width, *[width] * (depth - 1), outputs or width)
    network = mlp(sizes, activation=activation, seed=seed, dtype=dtype)
    if scheme == DEFAULT:
        return network
    initialize_(network, SCHEMES[scheme], generator=generator(seed), **options)
    return network


def residual_net(
    seed: int, *, blocks: int, width: int = 100, zero: bool, inputs: int | None = None, outputs: int | None = None
) -> nn.Sequential:
    """A linear layer, `blocks` blocks x + W2 relu(W1 relu(x)), and a linear layer; He's weights, biases 0.

    Args:
        zero: start each block as the identity.
        inputs, outputs: `width` where None.
    """

    def block() -> nn.Module:
        return Residual(nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width)))

    ends = nn.Linear(inputs or width, width), nn.Linear(width, outputs or width)
    network = nn.Sequential(nn.Flatten(), ends[0], *[block() for _ in range(blocks)], ends[1])
    initialize_(network, SCHEMES["he_normal"], generator=generator(seed))
    if zero:
        zero_residual_(network)
    return network


def noise(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Inputs from N(0, 1); other numbers than the weights of that seed."""
    return torch.randn(*shape, generator=generator(1_000_000 + seed)).to(dtype)
