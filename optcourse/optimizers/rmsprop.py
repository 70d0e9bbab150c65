"""RMSprop: Adagrad that forgets, dividing by a moving average of squared gradients.  Lesson slug: optimizers.

Two texts of one algorithm: `rmsprop_reference` is the formula, `rmsprop_` is the machine. Tests hold them, and
`torch.optim.RMSprop`, equal.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from optcourse.optimizers import list_operations as lists
from optcourse.optimizers.bookkeeping import (
    Group,
    Hyperparameter,
    Layout,
    check_newest_group,
    evaluate,
    gather_gradients,
    gather_state,
    translate_state_dict,
)
from optcourse.optimizers.list_operations import Tensors


def rmsprop_reference(
    theta: Tensor,
    g: Tensor,
    v: Tensor,
    *,
    lr: Hyperparameter,
    alpha: Hyperparameter,
    eps: Hyperparameter,
    weight_decay: Hyperparameter = 0.0,
    g_mean: Tensor | None = None,
    m: Tensor | None = None,
    momentum: Hyperparameter = 0.0,
) -> tuple[Tensor, ...]:
    r"""One RMSprop step on one tensor, as in torch.

    .. math::
        g_t &\leftarrow g_t + \lambda\,\theta_{t-1} \\
        v_t &= \alpha\,v_{t-1} + (1-\alpha)\,g_t^2 \\
        v'_t &= v_t - \bar g_t^2 \;\text{ if centered, with }\; \bar g_t = \alpha\,\bar g_{t-1} + (1-\alpha)\,g_t,
            \;\text{ else }\; v_t \\
        m_t &= \mu\,m_{t-1} + g_t / (\sqrt{v'_t} + \epsilon) \\
        \theta_t &= \theta_{t-1} - \eta\,m_t

    Args:
        theta, g, v: parameter, its gradient, moving average of g^2 (0 before the first step); one shape.
        lr: eta >= 0, in units of theta. There is no bias correction: from v = 0 the first step moves each coordinate by
            lr / sqrt(1 - alpha), ten times lr at alpha = 0.99.
        alpha: decay in [0, 1), without unit; about 1 / (1 - alpha) gradients are remembered.
        eps: epsilon >= 0, in units of the gradient, outside the root. With 0 a coordinate whose gradient was always 0
            becomes NaN.
        weight_decay: lambda >= 0, the coefficient of an added loss (lambda / 2) |theta|^2.
        g_mean: moving average of g (0 before the first step); given, v is centered by it, so that the root estimates
            the gradient's standard deviation rather than its root mean square.
        m, momentum: buffer (0 before the first step) and mu in [0, 1) of heavy ball on the divided gradient.

    Hyper-parameters may be tensors that broadcast against theta, such as (N, 1, 1).

    Returns:
        New (theta, v), followed by g_mean and m where they were given. Pure: no argument is modified.

    Differs from the sources: [1] has neither epsilon nor centering, [2] adds epsilon inside the root and puts lr inside
    the buffer. Centered, a nearly constant gradient makes v' tend to 0: steps grow towards lr g / eps, and rounding may
    turn v' negative and theta into NaN, here as in torch.

    Example:
        >>> x, v = torch.tensor([1.0]), torch.zeros(1)
        >>> rmsprop_reference(x, 5 * x, v, lr=0.01, alpha=0.99, eps=0.0)[0]  # first step 10 lr
        tensor([0.9000])

    References:
        [1] Tieleman & Hinton, Lecture 6.5, COURSERA: Neural Networks for Machine Learning, 2012.
        [2] Graves, Generating Sequences With Recurrent Neural Networks, arXiv 1308.0850, 2013, eq. 38-45.
    """
    g = g + weight_decay * theta
    v = alpha * v + (1 - alpha) * g**2
    variance = v
    if g_mean is not None:
        g_mean = alpha * g_mean + (1 - alpha) * g
        variance = v - g_mean**2
    update = g / (variance.sqrt() + eps)
    if m is not None:
        m = update = momentum * m + update
    theta = theta - lr * update
    return (theta, v, *(state for state in (g_mean, m) if state is not None))


def rmsprop_(
    thetas: Tensors,
    gs: Tensors,
    vs: Tensors,
    *,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float = 0.0,
    g_means: Tensors | None = None,
    ms: Tensors | None = None,
    momentum: float = 0.0,
) -> None:
    """`rmsprop_reference` over lists, in place: one call a line.

    Mutates thetas, vs and, where given, g_means and ms, never gs; needs `torch.no_grad()` for leaf parameters.
    """
    if weight_decay:
        gs = lists.add(gs, thetas, weight_decay)  # g + lambda theta
    lists.mul_(vs, alpha)  # v = alpha v
    lists.addcmul_(vs, gs, gs, 1 - alpha)  # + (1 - alpha) g^2
    variances = vs
    if g_means is not None:
        lists.lerp_(g_means, gs, 1 - alpha)  # g_mean
        variances = lists.addcmul(vs, g_means, g_means, -1.0)  # v - g_mean^2
    denominators = lists.sqrt(variances)
    lists.add_scalar_(denominators, eps)
    if ms is None:
        lists.addcdiv_(thetas, gs, denominators, -lr)  # theta
    else:
        lists.mul_(ms, momentum)  # m = mu m
        lists.addcdiv_(ms, gs, denominators, 1.0)  # + g / (sqrt(v') + eps)
        lists.add_(thetas, ms, -lr)  # theta


def _state_names(group: Group) -> tuple[str, ...]:
    return ("v", *(["g_mean"] if group["centered"] else []), *(["m"] if group["momentum"] else []))


class RMSprop(torch.optim.Optimizer):
    """RMSprop as a `torch.optim.Optimizer`. State and plumbing only; the arithmetic is `rmsprop_`.

    Args:
        params: parameters, (name, parameter) pairs, or groups of them as dicts with options of their own.
        lr: finite, >= 0.
        alpha: decay of the average of g^2, in [0, 1).
        eps: finite, >= 0.
        weight_decay: L2 coefficient, finite, >= 0.
        momentum: in [0, 1); 0 keeps no buffer.
        centered: divide by the estimated standard deviation of the gradient.
        maximize: climb instead of descend.

    State of a parameter after its first step: `v` (torch's `square_avg`), `g_mean` if centered (torch's `grad_avg`),
    `m` with momentum (torch's `momentum_buffer`). Torch's `step` is dropped on loading: nothing depends on it.

    Raises:
        TypeError, ValueError: an option breaks its rule, there is no parameter, or one is complex.

    Differs from `torch.optim.RMSprop`: alpha and momentum of 1 and more are refused.
    """

    LAYOUT = Layout(
        options={
            "lr": 1e-2,
            "alpha": 0.99,
            "eps": 1e-8,
            "weight_decay": 1e-2,
            "momentum": 0.9,
            "centered": False,
            "maximize": False,
        },
        upper_bounds={"alpha": 1.0, "momentum": 1.0},
        state=_state_names,
        torch_names={"square_avg": "v", "grad_avg": "g_mean", "momentum_buffer": "m", "step": None},
    )

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        check_newest_group(self, self.LAYOUT)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load a state saved by this class or by `torch.optim.RMSprop`; on an error nothing has changed."""
        super().load_state_dict(translate_state_dict(self, state_dict, self.LAYOUT))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; returns the closure's loss, or None."""
        loss = evaluate(closure)
        for group, thetas, gs in gather_gradients(self):
            states = gather_state(self, thetas, _state_names(group))
            vs = [state["v"] for state in states]
            g_means = [state["g_mean"] for state in states] if group["centered"] else None
            ms = [state["m"] for state in states] if group["momentum"] else None
            for block in lists.cache_blocks(thetas):
                rmsprop_(
                    thetas[block],
                    gs[block],
                    vs[block],
                    lr=float(group["lr"]),
                    alpha=group["alpha"],
                    eps=group["eps"],
                    weight_decay=group["weight_decay"],
                    g_means=g_means and g_means[block],
                    ms=ms and ms[block],
                    momentum=group["momentum"],
                )
        return loss
