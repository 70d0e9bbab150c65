"""What makes an update of a small network fast: there, calling operations takes longer than the arithmetic in them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
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


class Perceptron:
    r"""Linear layers with ReLU between them, and their gradient by hand: sooner than by autograd.

    .. math::
        h_0 = x, \quad h_i = \max(0, W_i h_{i-1} + b_i), \quad q = W_k h_{k-1} + b_k, \qquad
        \delta_{i-1} = [h_{i-1} > 0]\, W_i^\top \delta_i, \quad
        \frac{\partial L}{\partial W_i} = \sum \delta_i h_{i-1}^\top, \quad
        \frac{\partial L}{\partial b_i} = \sum \delta_i

    with :math:`\delta_k = \partial L / \partial q`, and sums over the rows of a batch.

    Both are to be called under `torch.no_grad()`.

    Args:
        layers: from input to output, each with a bias, float32 on the CPU. Their parameters are read at each call.

    Example:
        >>> network = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
        >>> x = torch.ones(4, 3)
        >>> fast = Perceptron.of(network)
        >>> with torch.no_grad():
        ...     torch.equal(fast.values(x), network(x)), fast.gradient(torch.ones(4, 2))[-2:]  # of the last bias
        (True, tensor([4., 4.]))

    References:
        Rumelhart, Hinton & Williams, Learning representations by back-propagating errors, Nature 323, 1986.
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        self.layers = layers
        self.inputs: list[Tensor] = []  # of each layer, at the last call of `values`

    @classmethod
    def of(cls, network: nn.Module) -> "Perceptron | None":
        """The twin of a network; None unless it is `nn.Linear`, `nn.ReLU`, ..., `nn.Linear`, learned on the CPU."""
        layers = list(network) if type(network) is nn.Sequential else []
        read = [layer for layer in layers[::2] if type(layer) is nn.Linear and layer.bias is not None]
        alternate = len(layers) == 2 * len(read) - 1 and all(type(layer) is nn.ReLU for layer in layers[1::2])
        parameters = list(network.parameters())
        fits = all(p.requires_grad and p.is_cpu and p.dtype == torch.float32 for p in parameters)
        return cls(read) if alternate and fits and len(parameters) == 2 * len(read) else None

    def values(self, x: Tensor) -> Tensor:
        """From (B, F) to (B, actions); what `gradient` needs is kept until the next call."""
        self.inputs = [x]
        for layer in self.layers[:-1]:
            self.inputs.append(linear(self.inputs[-1], layer.weight, layer.bias).relu_())
        return linear(self.inputs[-1], self.layers[-1].weight, self.layers[-1].bias)

    def gradient(self, slope: Tensor) -> Tensor:
        """(n,) the gradient of a loss, in the order of `join_parameters_`.

        Args:
            slope: (rows, actions), of the loss by the last so many rows of the values that were computed last.
        """
        parts: list[Tensor] = []
        for number in range(len(self.layers) - 1, -1, -1):
            h = self.inputs[number][-len(slope) :]
            parts = [(slope.t() @ h).flatten(), slope.sum(dim=0), *parts]
            if number:
                slope = (slope @ self.layers[number].weight).mul_(h.sign())  # h >= 0: its sign is whether it is above 0
        return torch.cat(parts)


def td_slope(q: Tensor, action: Tensor, error: Tensor, *, loss: Literal["mse", "huber"], weight: Tensor) -> Tensor:
    r"""The derivative of `td_loss` by q: (B, actions), 0 but for the actions taken.

    .. math:: \frac{\partial L}{\partial Q(s, a)} = -\tfrac{w}{B} \cdot 2 \delta
        \quad\text{or, huber,}\quad -\tfrac{w}{B} \max(-1, \min(1, \delta))

    Args:
        q, action, loss, weight: as for `td_loss`.
        error: (B,) its delta.
    """
    slope = 2 * error if loss == "mse" else error.clamp(-1, 1)
    return torch.zeros_like(q).scatter_(1, action.unsqueeze(1), (slope * weight / -len(q)).unsqueeze(1))


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
