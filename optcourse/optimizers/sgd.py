"""Gradient descent, and stochastic gradient descent: the same step on a noisier gradient.  Lesson slug: optimizers.

Two texts of one algorithm: `sgd_reference` is the paper, `sgd_` is the machine. Tests hold them, and `torch.optim.SGD`
without momentum, equal.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from optcourse.optimizers import list_operations as lists
from optcourse.optimizers.bookkeeping import (
    Hyperparameter,
    Layout,
    check_newest_group,
    evaluate,
    gather_gradients,
    translate_state_dict,
)
from optcourse.optimizers.list_operations import Tensors


def sgd_reference(
    theta: Tensor, g: Tensor, *, lr: Hyperparameter, weight_decay: Hyperparameter = 0.0
) -> tuple[Tensor, ...]:
    r"""One step of (stochastic) gradient descent on one tensor.

    .. math::
        g_t &\leftarrow g_t + \lambda\,\theta_{t-1} \\
        \theta_t &= \theta_{t-1} - \eta\,g_t

    Args:
        theta, g: parameter and its gradient; one shape. On the full data set this is gradient descent (GD), on a
            random batch stochastic gradient descent (SGD).
        lr: eta >= 0, in units of theta per unit of gradient. On a quadratic with largest curvature L the iteration
            converges for lr < 2 / L and diverges above.
        weight_decay: lambda >= 0, the coefficient of an added loss (lambda / 2) |theta|^2.

    `lr` and `weight_decay` may be tensors that broadcast against theta, such as (N, 1, 1) for N models stacked.

    Returns:
        (new theta,), a tuple as for the optimizers that keep state. Pure: no argument is modified.

    Example:
        >>> x = torch.tensor([1.0])
        >>> sgd_reference(x, 5 * x, lr=0.1)[0]
        tensor([0.5000])

    References:
        Cauchy, Méthode générale pour la résolution des systèmes d'équations simultanées, 1847.
        Robbins & Monro, A Stochastic Approximation Method, Ann. Math. Statist. 22, 1951.
    """
    g = g + weight_decay * theta
    theta = theta - lr * g
    return (theta,)


def sgd_(thetas: Tensors, gs: Tensors, *, lr: float, weight_decay: float = 0.0) -> None:
    """`sgd_reference` over lists, in place. Mutates thetas, never gs; needs `torch.no_grad()` for leaf parameters."""
    if weight_decay:
        gs = lists.add(gs, thetas, weight_decay)  # g + lambda theta
    lists.add_(thetas, gs, -lr)  # theta


class SGD(torch.optim.Optimizer):
    """Gradient descent as a `torch.optim.Optimizer`. Plumbing only; the arithmetic is `sgd_`, see `sgd_reference`.

    Args:
        params: parameters, (name, parameter) pairs, or groups of them as dicts with options of their own.
        lr: finite, >= 0.
        weight_decay: L2 coefficient, finite, >= 0.
        maximize: climb instead of descend.

    Raises:
        TypeError, ValueError: an option breaks its rule, there is no parameter, or one is complex.

    Differs from `torch.optim.SGD`: momentum is `Momentum`, Nesterov's is `Nesterov`; there is no dampening. Torch's
    saved state loads if it was made without them.
    """

    LAYOUT = Layout(
        options={"lr": 1e-3, "weight_decay": 1e-2, "maximize": False},
        torch_names={"momentum_buffer": None},
        fixed={"momentum": 0, "dampening": 0, "nesterov": False},
    )

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-3, weight_decay: float = 0.0, *, maximize: bool = False
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "maximize": maximize})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        check_newest_group(self, self.LAYOUT)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load a state saved by this class or by `torch.optim.SGD`; on an error nothing has changed."""
        super().load_state_dict(translate_state_dict(self, state_dict, self.LAYOUT))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; returns the closure's loss, or None."""
        loss = evaluate(closure)
        for group, thetas, gs in gather_gradients(self):
            sgd_(thetas, gs, lr=float(group["lr"]), weight_decay=group["weight_decay"])
        return loss
