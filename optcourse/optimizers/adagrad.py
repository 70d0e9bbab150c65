"""Adagrad: each coordinate divides by the root of all its squared gradients so far.  Lesson slug: optimizers.

Two texts of one algorithm: `adagrad_reference` is the paper, `adagrad_` is the machine. Tests hold them, and
`torch.optim.Adagrad`, equal.
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


def adagrad_reference(
    theta: Tensor,
    g: Tensor,
    v: Tensor,
    *,
    lr: Hyperparameter,
    eps: Hyperparameter,
    weight_decay: Hyperparameter = 0.0,
) -> tuple[Tensor, ...]:
    r"""One step of diagonal Adagrad on one tensor, as in torch.

    .. math::
        g_t &\leftarrow g_t + \lambda\,\theta_{t-1} \\
        v_t &= v_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\,g_t / (\sqrt{v_t} + \epsilon)

    Args:
        theta, g, v: parameter, its gradient, sum of squared gradients (0, or a small start value); one shape.
        lr: eta >= 0, in units of theta: from v = 0 the first step moves each coordinate by lr, and under a constant
            gradient step t moves it by lr / sqrt(t).
        eps: epsilon >= 0, in units of the gradient. With 0 a coordinate whose gradient was always 0 becomes NaN.
        weight_decay: lambda >= 0, the coefficient of an added loss (lambda / 2) |theta|^2.

    Hyper-parameters may be tensors that broadcast against theta, such as (N, 1, 1).

    Returns:
        New (theta, v). Pure: no argument is modified.

    Differs from the paper: no projection, and epsilon (delta there) stands beside each root. Differs from torch: there
    is no lr_decay, which is a schedule of lr by another name.

    Example:
        >>> x, v = torch.tensor([1.0, 1.0]), torch.zeros(2)
        >>> adagrad_reference(x, torch.tensor([100.0, 0.01]), v, lr=0.1, eps=0.0)[0]  # |step| = lr, whatever |g|
        tensor([0.9000, 0.9000])

    References:
        Duchi, Hazan & Singer, Adaptive Subgradient Methods for Online Learning and Stochastic Optimization, JMLR 2011.
    """
    g = g + weight_decay * theta
    v = v + g**2
    theta = theta - lr * g / (v.sqrt() + eps)
    return theta, v


def adagrad_(
    thetas: Tensors,
    gs: Tensors,
    vs: Tensors,
    *,
    lr: float,
    eps: float,
    weight_decay: float = 0.0,
) -> None:
    """`adagrad_reference` over lists, in place: one call a line.

    Mutates thetas and vs, never gs; needs `torch.no_grad()` for leaf parameters.
    """
    if weight_decay:
        gs = lists.add(gs, thetas, weight_decay)  # g + lambda theta
    lists.addcmul_(vs, gs, gs, 1.0)  # v + g^2
    denominators = lists.sqrt(vs)
    lists.add_scalar_(denominators, eps)
    lists.addcdiv_(thetas, gs, denominators, -lr)  # theta


class Adagrad(torch.optim.Optimizer):
    """Adagrad as a `torch.optim.Optimizer`. State and plumbing only; the arithmetic is `adagrad_`.

    Args:
        params: parameters, (name, parameter) pairs, or groups of them as dicts with options of their own.
        lr: finite, >= 0.
        eps: finite, >= 0.
        weight_decay: L2 coefficient, finite, >= 0.
        initial_accumulator_value: what v starts from, finite, >= 0.
        maximize: climb instead of descend.

    State of a parameter after its first step: `v`, which torch calls `sum`. Torch's `step` is dropped on loading:
    without lr_decay nothing depends on it.

    Raises:
        TypeError, ValueError: an option breaks its rule, there is no parameter, or one is complex.

    Differs from `torch.optim.Adagrad`: no lr_decay (use a schedule), no sparse gradients, and v is created at a
    parameter's first step, not at construction.
    """

    LAYOUT = Layout(
        options={"lr": 1e-2, "eps": 1e-10, "weight_decay": 1e-2, "initial_accumulator_value": 0.1, "maximize": False},
        state=lambda group: ("v",),
        torch_names={"sum": "v", "step": None},
        fixed={"lr_decay": 0},
    )

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        check_newest_group(self, self.LAYOUT)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load a state saved by this class or by `torch.optim.Adagrad`; on an error nothing has changed."""
        super().load_state_dict(translate_state_dict(self, state_dict, self.LAYOUT))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; returns the closure's loss, or None."""
        loss = evaluate(closure)
        for group, thetas, gs in gather_gradients(self):
            states = gather_state(self, thetas, ("v",), start=group["initial_accumulator_value"])
            vs = [state["v"] for state in states]
            for block in lists.cache_blocks(thetas):
                adagrad_(
                    thetas[block],
                    gs[block],
                    vs[block],
                    lr=float(group["lr"]),
                    eps=group["eps"],
                    weight_decay=group["weight_decay"],
                )
        return loss
