"""Momentum: Polyak's heavy ball, in torch's form.  Lesson slug: optimizers.

Two texts of one algorithm: `momentum_reference` is the paper, `momentum_` is the machine. Tests hold them, and
`torch.optim.SGD(momentum=...)`, equal.
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
    gather_state,
    translate_state_dict,
)
from optcourse.optimizers.list_operations import Tensors


def momentum_reference(
    theta: Tensor,
    g: Tensor,
    m: Tensor,
    *,
    lr: Hyperparameter,
    momentum: Hyperparameter,
    weight_decay: Hyperparameter = 0.0,
) -> tuple[Tensor, ...]:
    r"""One heavy-ball step on one tensor, as in torch.

    .. math::
        g_t &\leftarrow g_t + \lambda\,\theta_{t-1} \\
        m_t &= \mu\,m_{t-1} + g_t \\
        \theta_t &= \theta_{t-1} - \eta\,m_t

    Args:
        theta, g, m: parameter, its gradient, buffer (0 before the first step, so that m_1 = g_1); one shape.
        lr: eta >= 0, in units of theta per unit of gradient. Under a constant gradient the buffer tends to
            g / (1 - mu), so the speed is that of plain descent with eta / (1 - mu).
        momentum: mu in [0, 1), without unit; about 1 / (1 - mu) gradients are remembered. 0 is plain descent.
        weight_decay: lambda >= 0, the coefficient of an added loss (lambda / 2) |theta|^2.

    `lr`, `momentum` and `weight_decay` may be tensors that broadcast against theta, such as (N, 1, 1).

    Returns:
        New (theta, m). Pure: no argument is modified.

    Differs from the paper: [1] writes theta_t = theta_{t-1} - eta g_t + mu (theta_{t-1} - theta_{t-2}). With constant
    lr that is the same sequence; when lr changes, here the whole buffer takes the new lr at once, while with lr inside
    the buffer (m = mu m + lr g; theta -= m, as in [1] and Keras) old gradients keep the lr they came with.

    Example:
        >>> x, m = torch.tensor([1.0]), torch.zeros(1)
        >>> for _ in range(2):
        ...     x, m = momentum_reference(x, torch.ones(1), m, lr=0.1, momentum=0.5)
        >>> x, m  # 1 - 0.1 * (1) - 0.1 * (1 + 0.5)
        (tensor([0.7500]), tensor([1.5000]))

    References:
        [1] Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
        [2] Sutskever, Martens, Dahl & Hinton, On the importance of initialization and momentum, ICML 2013.
    """
    g = g + weight_decay * theta
    m = momentum * m + g
    theta = theta - lr * m
    return theta, m


def momentum_(
    thetas: Tensors,
    gs: Tensors,
    ms: Tensors,
    *,
    lr: float,
    momentum: float,
    weight_decay: float = 0.0,
) -> None:
    """`momentum_reference` over lists, in place: one call a line.

    Mutates thetas and ms, never gs; needs `torch.no_grad()` for leaf parameters.
    """
    if weight_decay:
        gs = lists.add(gs, thetas, weight_decay)  # g + lambda theta
    lists.mul_(ms, momentum)  # m = mu m
    lists.add_(ms, gs)  #            + g
    lists.add_(thetas, ms, -lr)  # theta


class Momentum(torch.optim.Optimizer):
    """Heavy ball as a `torch.optim.Optimizer`. State and plumbing only; the arithmetic is `momentum_`.

    Args:
        params: parameters, (name, parameter) pairs, or groups of them as dicts with options of their own.
        lr: finite, >= 0.
        momentum: in [0, 1).
        weight_decay: L2 coefficient, finite, >= 0.
        maximize: climb instead of descend.

    State of a parameter after its first step: the buffer `m`, which torch calls `momentum_buffer`.

    Raises:
        TypeError, ValueError: an option breaks its rule, there is no parameter, or one is complex.

    Differs from `torch.optim.SGD(momentum=...)`: the default momentum is 0.9, there is no dampening, and Nesterov's
    form is a class of its own.
    """

    LAYOUT = Layout(
        options={"lr": 1e-3, "momentum": 0.9, "weight_decay": 1e-2, "maximize": False},
        upper_bounds={"momentum": 1.0},
        state=lambda group: ("m",),
        torch_names={"momentum_buffer": "m"},
        fixed={"dampening": 0, "nesterov": False},
    )

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "maximize": maximize})

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
            ms = [state["m"] for state in gather_state(self, thetas, ("m",))]
            momentum_(
                thetas, gs, ms, lr=float(group["lr"]), momentum=group["momentum"], weight_decay=group["weight_decay"]
            )
        return loss
