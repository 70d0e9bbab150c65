"""Nesterov's momentum: look ahead along the buffer before the gradient counts.  Lesson slug: optimizers.

Two texts of one algorithm: `nesterov_reference` is the formula, `nesterov_` is the machine. Tests hold them, and
`torch.optim.SGD(momentum=..., nesterov=True)`, equal.
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


def nesterov_reference(
    theta: Tensor,
    g: Tensor,
    m: Tensor,
    *,
    lr: Hyperparameter,
    momentum: Hyperparameter,
    weight_decay: Hyperparameter = 0.0,
) -> tuple[Tensor, ...]:
    r"""One step with Nesterov's momentum on one tensor, as in torch.

    .. math::
        g_t &\leftarrow g_t + \lambda\,\theta_{t-1} \\
        m_t &= \mu\,m_{t-1} + g_t \\
        \theta_t &= \theta_{t-1} - \eta\,(g_t + \mu\,m_t)

    Args:
        theta, g, m: parameter, its gradient, buffer (0 before the first step); one shape.
        lr: eta >= 0, in units of theta per unit of gradient.
        momentum: mu in [0, 1), without unit. 0 is plain descent.
        weight_decay: lambda >= 0, the coefficient of an added loss (lambda / 2) |theta|^2.

    `lr`, `momentum` and `weight_decay` may be tensors that broadcast against theta, such as (N, 1, 1).

    Returns:
        New (theta, m). Pure: no argument is modified.

    Differs from the paper: [1] takes the gradient at the point looked ahead to, y = phi - eta mu m_{t-1}, where phi is
    its iterate. Here, after [2], theta *is* that point, so the gradient is taken where the model stands; the paper's
    iterate is theta_t + eta mu m_t. With constant lr and mu the two are the same sequence. The paper's mu grows with t,
    here it is constant.

    Example:
        >>> x, m = torch.tensor([1.0]), torch.zeros(1)
        >>> nesterov_reference(x, torch.ones(1), m, lr=0.1, momentum=0.5)  # 1 - 0.1 * (1 + 0.5 * 1)
        (tensor([0.8500]), tensor([1.]))

    References:
        [1] Nesterov, A method of solving a convex programming problem with convergence rate O(1/k^2), 1983, in the
            form of Sutskever, Martens, Dahl & Hinton, ICML 2013, eq. 3-4.
        [2] Bengio, Boulanger-Lewandowski & Pascanu, Advances in optimizing recurrent networks, ICASSP 2013, eq. 7.
    """
    g = g + weight_decay * theta
    m = momentum * m + g
    theta = theta - lr * (g + momentum * m)
    return theta, m


def nesterov_(
    thetas: Tensors,
    gs: Tensors,
    ms: Tensors,
    *,
    lr: float,
    momentum: float,
    weight_decay: float = 0.0,
) -> None:
    """`nesterov_reference` over lists, in place: one call a line.

    Mutates thetas and ms, never gs; needs `torch.no_grad()` for leaf parameters.
    """
    if weight_decay:
        gs = lists.add(gs, thetas, weight_decay)  # g + lambda theta
    lists.mul_(ms, momentum)  # m = mu m
    lists.add_(ms, gs)  #            + g
    steps = lists.add(gs, ms, momentum)  # g + mu m
    lists.add_(thetas, steps, -lr)  # theta


class Nesterov(torch.optim.Optimizer):
    """Nesterov's momentum as a `torch.optim.Optimizer`. State and plumbing only; the arithmetic is `nesterov_`.

    Args:
        params: parameters, (name, parameter) pairs, or groups of them as dicts with options of their own.
        lr: finite, >= 0.
        momentum: in [0, 1).
        weight_decay: L2 coefficient, finite, >= 0.
        maximize: climb instead of descend.

    State of a parameter after its first step: the buffer `m`, which torch calls `momentum_buffer`.

    Raises:
        TypeError, ValueError: an option breaks its rule, there is no parameter, or one is complex.

    Differs from `torch.optim.SGD(nesterov=True)`: the default momentum is 0.9 and momentum 0 is allowed.
    """

    LAYOUT = Layout(
        options={"lr": 1e-3, "momentum": 0.9, "weight_decay": 1e-2, "maximize": False},
        upper_bounds={"momentum": 1.0},
        state=lambda group: ("m",),
        torch_names={"momentum_buffer": "m"},
        fixed={"dampening": 0, "nesterov": True},
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
        """Load a state saved by this class or by `torch.optim.SGD(nesterov=True)`; on an error nothing has changed."""
        super().load_state_dict(translate_state_dict(self, state_dict, self.LAYOUT))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; returns the closure's loss, or None."""
        loss = evaluate(closure)
        for group, thetas, gs in gather_gradients(self):
            ms = [state["m"] for state in gather_state(self, thetas, ("m",))]
            for block in lists.cache_blocks(thetas):
                nesterov_(
                    thetas[block],
                    gs[block],
                    ms[block],
                    lr=float(group["lr"]),
                    momentum=group["momentum"],
                    weight_decay=group["weight_decay"],
                )
        return loss
