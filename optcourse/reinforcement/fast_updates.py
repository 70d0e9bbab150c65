"""What makes an update of a small network fast: there, calling operations takes longer than the arithmetic in them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters


def join_parameters_(network: nn.Module) -> tuple[list[nn.Parameter], Tensor]:
    """The parameters that are learned, and all of them as one vector: each becomes a part of it, with its values.

    Args:
        network: **mutated**: its parameters' storage, not their values; all on one device.

    Returns:
        The parameters, and (n,) what an optimizer moves, and the network with it.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> parameters, theta = join_parameters_(layer)
        >>> _ = theta.fill_(3.0)
        >>> layer.weight.tolist(), layer.bias.tolist()
        ([[3.0, 3.0]], [3.0])
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    theta = parameters_to_vector(parameters).detach()
    vector_to_parameters(theta, parameters)
    return parameters, theta


def joined_gradient(loss: Tensor, parameters: list[nn.Parameter]) -> Tensor:
    """(n,) the gradient of a scalar, in the order of `join_parameters_`; 0 where the loss does not depend on it."""
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in gradients])


_DENORMAL = torch.tensor(1e-40)


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Numbers too small for a full mantissa count as 0 inside; outside as before.

    Adam's moments of a ReLU unit that died decay into them, and arithmetic with them is many times slower. Set for the
    calling thread alone.
    """
    before = not bool(_DENORMAL + 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
