"""Adam: momentum divided by the root of a moving average of squared gradients, both debiased.  Lesson slug: optimizers.

Two texts of one algorithm: `adam_reference` is the paper, `adam_` is the machine. Tests hold them, and
`torch.optim.Adam`, equal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
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


def adam_reference(
    theta: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    t: int | Tensor,
    *,
    lr: Hyperparameter,
    beta1: Hyperparameter,
    beta2: Hyperparameter,
    eps: Hyperparameter,
    weight_decay: Hyperparameter = 0.0,
    v_max: Tensor | None = None,
) -> tuple[Tensor, ...]:
    r"""One Adam step on one tensor, as in torch; Algorithm 1 of [1].

    .. math::
        g_t &\leftarrow g_t + \lambda\,\theta_{t-1} \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1)\,g_t     & \hat m_t &= m_t / (1-\beta_1^t) \\
        v_t &= \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2   & \hat v_t &= v_t / (1-\beta_2^t) \\
        \theta_t &= \theta_{t-1} - \eta\,\hat m_t / (\sqrt{\hat v_t}+\epsilon)

    AMSGrad [2] takes the largest v so far, v_max_t = max(v_max_{t-1}, v_t), in the place of v_t in the last line.

    Args:
        theta, g, m, v: parameter, its gradient, first and second moment (0 before the first step); one shape.
        t: 1 on the first step (0 would divide by zero in the bias correction).
        lr: eta >= 0, in units of theta: each coordinate moves by about lr early on, whatever the gradient's scale.
        beta1, beta2: decays in [0, 1), without unit; about 1 / (1 - beta) gradients are remembered.
        eps: epsilon >= 0, in units of the gradient, outside the root and after bias correction. With 0 a coordinate
            whose gradient was always 0 becomes NaN.
        weight_decay: lambda >= 0, the coefficient of an added loss (lambda / 2) |theta|^2. It enters the moments and is
            divided with the gradient; see `adamw_reference` for decay that is not.
        v_max: largest v so far (0 before the first step); given, the step is AMSGrad's.

    Hyper-parameters and t may be tensors that broadcast against theta, such as (N, 1, 1) for N models stacked.

    Returns:
        New (theta, m, v), followed by v_max if it was given. Pure: no argument is modified.

    Differs from the papers: [2] has neither bias correction nor epsilon; here, as in torch, v_max is taken before the
    correction. TensorFlow's epsilon ("epsilon hat" in [1]) is beside the root of the uncorrected v.

    Example:
        >>> x, z = torch.tensor([1.0, 1.0]), torch.zeros(2)
        >>> g = torch.tensor([100.0, 0.01])
        >>> adam_reference(x, g, z, z, 1, lr=0.1, beta1=0.9, beta2=0.999, eps=0.0)[0]  # |step| = lr, whatever |g|
        tensor([0.9000, 0.9000])

    References:
        [1] Kingma & Ba, Adam: A Method for Stochastic Optimization, ICLR 2015.
        [2] Reddi, Kale & Kumar, On the Convergence of Adam and Beyond, ICLR 2018.
    """
    g = g + weight_decay * theta
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    v_used = v
    if v_max is not None:
        v_used = v_max = torch.maximum(v_max, v)
    m_hat = m / (1 - beta1**t)
    v_hat = v_used / (1 - beta2**t)
    theta = theta - lr * m_hat / (v_hat.sqrt() + eps)
    return (theta, m, v) if v_max is None else (theta, m, v, v_max)


def adam_(
    thetas: Tensors,
    gs: Tensors,
    ms: Tensors,
    vs: Tensors,
    ts: Sequence[int],
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float = 0.0,
    v_maxes: Tensors | None = None,
) -> None:
    """`adam_reference` over lists, in place: one call a line.

    Mutates thetas, ms, vs and, where given, v_maxes, never gs; needs `torch.no_grad()` for leaf parameters. `ts` holds
    each tensor's own step count. The corrections are moved from the tensors to the numbers ([1] above, end of section
    2): with c = sqrt(1 - beta2^t), m_hat / (sqrt(v_hat) + eps) = c / (1 - beta1^t) * m / (sqrt(v) + c eps).
    """
    if weight_decay:
        gs = lists.add(gs, thetas, weight_decay)  # g + lambda theta
    lists.lerp_(ms, gs, 1 - beta1)  # m
    lists.mul_(vs, beta2)  # v = beta2 v
    lists.addcmul_(vs, gs, gs, 1 - beta2)  # + (1 - beta2) g^2
    if v_maxes is not None:
        lists.maximum_(v_maxes, vs)  # v_max
    cs = [(1 - beta2**t) ** 0.5 for t in ts]
    denominators = lists.sqrt(vs if v_maxes is None else v_maxes)
    lists.add_scalar_(denominators, [c * eps for c in cs])
    lists.addcdiv_(thetas, ms, denominators, [-lr * c / (1 - beta1**t) for c, t in zip(cs, ts, strict=True)])


def _state_names(group: Group) -> tuple[str, ...]:
    return ("t", "m", "v", "v_max") if group["amsgrad"] else ("t", "m", "v")


class Adam(torch.optim.Optimizer):
    """Adam as a `torch.optim.Optimizer`. State and plumbing only; the arithmetic is `adam_`, see `adam_reference`.

    Args:
        params: parameters, (name, parameter) pairs, or groups of them as dicts with options of their own.
        lr: finite, >= 0.
        betas: (beta1, beta2), each in [0, 1).
        eps: finite, >= 0.
        weight_decay: L2 coefficient, finite, >= 0.
        amsgrad: divide by the root of the largest v so far.
        maximize: climb instead of descend.

    State of a parameter after its first step: `t` (an int; torch's `step`), `m` (torch's `exp_avg`), `v`
    (`exp_avg_sq`), with amsgrad `v_max` (`max_exp_avg_sq`).

    Raises:
        TypeError, ValueError: an option breaks its rule, there is no parameter, or one is complex.

    Differs from `torch.optim.Adam`: decoupled decay is `AdamW`; torch's state saved with it does not load.
    """

    LAYOUT = Layout(
        options={
            "lr": 1e-3,
            "betas": (0.9, 0.999),
            "eps": 1e-8,
            "weight_decay": 1e-2,
            "amsgrad": False,
            "maximize": False,
        },
        upper_bounds={"betas": 1.0},
        state=_state_names,
        torch_names={"step": "t", "exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": "v_max"},
        fixed={"decoupled_weight_decay": False},
    )

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": False,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        check_newest_group(self, self.LAYOUT)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load a state saved by this class or by `torch.optim.Adam`; on an error nothing has changed."""
        super().load_state_dict(translate_state_dict(self, state_dict, self.LAYOUT))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; returns the closure's loss, or None."""
        loss = evaluate(closure)
        for group, thetas, gs in gather_gradients(self):
            states = gather_state(self, thetas, _state_names(group))
            for state in states:
                state["t"] += 1
            ts, ms, vs = ([state[name] for state in states] for name in ("t", "m", "v"))
            v_maxes = [state["v_max"] for state in states] if group["amsgrad"] else None
            beta1, beta2 = group["betas"]
            for block in lists.cache_blocks(thetas):
                adam_(
                    thetas[block],
                    gs[block],
                    ms[block],
                    vs[block],
                    ts[block],
                    lr=float(group["lr"]),
                    beta1=beta1,
                    beta2=beta2,
                    eps=group["eps"],
                    weight_decay=group["weight_decay"],
                    v_maxes=v_maxes and v_maxes[block],
                )
        return loss
