"""What an optimizer keeps beside the parameters."""

from collections.abc import Callable

import torch

from optcourse.lab.claims import Claim, within
from optcourse.lab.device import generator
from optcourse.optimizers import OPTIMIZERS, state_bytes_per_parameter


def bytes_per_parameter(name: str, seed: int = 0, **options) -> float:
    """Bytes of state a float32 parameter after one step, measured on real tensors.

    Args:
        name: a key of `optcourse.optimizers.OPTIMIZERS`.
        seed: of the gradients.
        options: of the optimizer.
    """
    draw = generator(seed)
    parameters = [torch.zeros(64, 32, requires_grad=True), torch.zeros(64, requires_grad=True)]
    make: Callable[..., torch.optim.Optimizer] = OPTIMIZERS[name]
    optimizer = make(parameters, lr=1e-3, **options)

    def closure() -> float:
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=draw)
        return 0.0

    optimizer.step(closure)
    return state_bytes_per_parameter(optimizer)


def momentum_memory(seed: int) -> float:
    """State of momentum, bytes a parameter."""
    return bytes_per_parameter("momentum", seed, momentum=0.9)


def adam_memory(seed: int) -> float:
    """State of Adam, bytes a parameter."""
    return bytes_per_parameter("adam", seed)


CLAIMS = (
    Claim(
        "optimizers.momentum_memory",
        "Momentum keeps one float32 number a parameter.",
        within(4, 4.1),
        momentum_memory,
        unit="bytes a parameter",
    ),
    Claim(
        "optimizers.adam_memory",
        "Adam keeps two.",
        within(8, 8.1),
        adam_memory,
        unit="bytes a parameter",
    ),
)
