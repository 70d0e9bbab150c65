"""What makes an update of a small network fast: there, calling operations takes longer than the arithmetic in them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
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
        layers: from input to output, each with a bias, float32 on the CPU. Their parameters' values are read at each
            call.

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
        self.weights = [(layer.weight, layer.bias) for layer in layers]
        self.inputs: list[Tensor] = []  # of each layer, at the last call of `values`
        shapes = [parameter.shape for pair in self.weights for parameter in pair]
        sizes = [shape.numel() for shape in shapes]
        self.slopes = layers[0].weight.new_empty(sum(sizes))  # all parts of the gradient, side by side
        parts = self.slopes.split(sizes)
        self.parts = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]

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
        *hidden, last = self.weights
        for weight, bias in hidden:
            x = linear(x, weight, bias).relu_()
            self.inputs.append(x)
        return linear(x, *last)

    def gradient(self, slope: Tensor) -> Tensor:
        """(n,) the gradient of a loss, in the order of `join_parameters_`; it is written over by the next call.

        Args:
            slope: (rows, actions), of the loss by the last so many rows of the values that were computed last.
        """
        rows = len(slope)
        for number in range(len(self.weights) - 1, -1, -1):
            h = self.inputs[number][-rows:]
            torch.mm(slope.t(), h, out=self.parts[2 * number])
            torch.sum(slope, 0, out=self.parts[2 * number + 1])
            if number:
                slope = torch.mm(slope, self.weights[number][0]).mul_(h.sign())  # h >= 0: its sign says if it is above
        return self.slopes


def td_target_by_hand(
    reward: np.ndarray,
    terminated: np.ndarray,
    next_q: np.ndarray,
    discount: np.ndarray,
    next_q_online: np.ndarray | None,
) -> np.ndarray:
    """`td_target` on arrays, to the last bit."""
    choice = (next_q if next_q_online is None else next_q_online).argmax(axis=1)
    return np.where(terminated, reward, reward + discount * next_q[np.arange(len(choice)), choice])


def td_loss_by_hand(
    q: np.ndarray, action: np.ndarray, target: np.ndarray, *, loss: Literal["mse", "huber"], weight: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    r"""`td_loss` on arrays, and its derivative by q, which is 0 but for the actions taken.

    .. math:: \frac{\partial L}{\partial Q(s, a)} = -\tfrac{w}{B} \cdot 2 \delta
        \quad\text{or, huber,}\quad -\tfrac{w}{B} \max(-1, \min(1, \delta))

    Args:
        q, action, target, loss, weight: as for `td_loss`.

    Returns:
        The loss, delta (B,), and the derivative (B, actions).
    """
    rows = np.arange(len(q))
    error = target - q[rows, action]
    if loss == "mse":
        each, slope = error * error, 2 * error
    else:
        slope = error.clip(-1, 1)
        each = slope * (error - slope / 2)
    by_q = np.zeros_like(q)
    by_q[rows, action] = slope * weight / -len(q)
    return float(np.dot(weight, each)) / len(q), error, by_q


class TrainedNetwork:
    """One network as a vector, its gradients, and the Adam that moves it.

    Args:
        network: **mutated**: its parameters become parts of `theta`.
        max_grad_norm: > 0; longer gradients are shortened to it.

    Attributes:
        perceptron: its twin, or None where autograd is needed.
        updates: made so far.
    """

    def __init__(self, network: nn.Module, max_grad_norm: float) -> None:
        self.network, self.max_grad_norm = network, max_grad_norm
        self.parameters, self.theta = join_parameters_(network)
        self.m, self.v = torch.zeros_like(self.theta), torch.zeros_like(self.theta)
        self._scratch = torch.empty_like(self.theta)
        self.perceptron = Perceptron.of(network)
        self.updates = 0

    def gradient(self, x: Tensor, loss: Callable[[Tensor], Tensor]) -> tuple[float, Tensor]:
        """A loss of the network's output at x, and its gradient by the parameters."""
        if self.perceptron is None:
            with torch.enable_grad():
                value = loss(self.network(x))
                return value.item(), joined_gradient(value, self.parameters)
        output = self.perceptron.values(x).requires_grad_()
        with torch.enable_grad():
            value = loss(output)
            (slope,) = torch.autograd.grad(value, output)
        return value.item(), self.perceptron.gradient(slope)

    def step_(self, gradient: Tensor, lr: float) -> float:
        """One step of Adam along the gradient, clipped, which is **mutated**; its norm before."""
        norm = torch.linalg.vector_norm(gradient).item()
        if norm > self.max_grad_norm:
            gradient *= self.max_grad_norm / norm
        self.updates += 1
        adam_vector_(self.theta, gradient, self.m, self.v, self.updates, lr=lr, scratch=self._scratch)
        return norm


_TINY = 1e-36  # added to v it is lost beside epsilon, while the root of 0 takes several times as long as any other


def adam_vector_(theta: Tensor, g: Tensor, m: Tensor, v: Tensor, t: int, *, lr: float, scratch: Tensor) -> None:
    """`adam_` with its usual settings on one vector, in float32 to the last bit.

    Mutates theta, m and v, and scratch, whose values do not matter. Needs `torch.no_grad()`.
    """
    c = (1 - 0.999**t) ** 0.5
    m.lerp_(g, 1 - 0.9)
    v.add_(v, alpha=0.999 - 1).addcmul_(g, g, value=1 - 0.999)
    torch.add(v, _TINY, out=scratch).sqrt_().add_(c * 1e-8)
    theta.addcdiv_(m, scratch, value=-lr * c / (1 - 0.9**t))


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
