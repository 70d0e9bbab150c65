"""SAM: take the gradient at the worst point nearby, so that flat minima win.  Lesson slug: optimizers.

Two texts of one algorithm: `sam_reference` is the paper, `sam_` is the machine. What they compute is the climb to the
worst point; the step that follows is any other optimizer's.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from optcourse.optimizers import list_operations as lists
from optcourse.optimizers.bookkeeping import (
    Hyperparameter,
    check_is_state_dict,
    check_number,
    evaluate,
    gather_gradients,
)
from optcourse.optimizers.list_operations import Tensors
from optcourse.optimizers.sgd import SGD

_TINY = 1e-12  # keeps a gradient of exactly 0 from dividing by 0


def sam_reference(thetas: Tensors, gs: Tensors, *, rho: Hyperparameter) -> list[Tensor]:
    r"""The point at distance rho where, to first order, the loss is worst; eq. 2 of [1] with p = 2.

    .. math::
        \hat\epsilon &= \rho\,g / \lVert g \rVert_2 \\
        \hat\theta &= \theta + \hat\epsilon

    SAM's step is then that of a base optimizer from theta with the gradient taken at theta-hat; with plain descent it
    is Algorithm 1 of [1]: theta - lr * gradient(theta-hat).

    Args:
        thetas, gs: parameters and their gradients, tensor by tensor of one shape. The norm is over all tensors
            together, as if they were one vector.
        rho: radius >= 0, in units of theta. 0 stays where it is.

    Returns:
        New thetas-hat. Pure: no argument is modified.

    Differs from the paper: 1e-12 is added to the norm, so that a gradient of 0 climbs nowhere.

    Example:
        >>> theta, g = torch.tensor([0.0, 0.0]), torch.tensor([3.0, 4.0])
        >>> sam_reference([theta], [g], rho=0.5)
        [tensor([0.3000, 0.4000])]

    References:
        [1] Foret, Kleiner, Mobahi & Neyshabur, Sharpness-Aware Minimization for Efficiently Improving Generalization,
            ICLR 2021.
    """
    norm = sum((g**2).sum() for g in gs) ** 0.5
    return [theta + rho * g / (norm + _TINY) for theta, g in zip(thetas, gs, strict=True)]


def sam_(thetas: Tensors, gs: Tensors, rhos: Sequence[float]) -> None:
    """`sam_reference` over lists, in place. Mutates thetas, never gs; needs `torch.no_grad()` for leaf parameters.

    `rhos` holds the radius of each tensor's group; the norm is over all of them. It is read on the host, since the
    tensors may lie on several devices.
    """
    norm = sum(float(n) ** 2 for n in lists.norm(gs)) ** 0.5
    climbs = lists.mul(gs, [rho / (norm + _TINY) for rho in rhos])
    lists.add_(thetas, climbs)


class SAM(torch.optim.Optimizer):
    """Sharpness-aware minimization around a base optimizer. Plumbing only; the climb is `sam_`, see `sam_reference`.

    Each step evaluates the closure twice: at theta, and at theta-hat; the base optimizer then steps from theta with the
    second gradient, which is left in `.grad`. The closure must clear the gradients, evaluate the loss and call
    backward. Random layers draw twice, batch normalization averages over both evaluations, and `torch.amp.GradScaler`
    refuses, as it takes no closure.

    Args:
        params: parameters, (name, parameter) pairs, or groups of them as dicts with options of their own.
        lr: of the base optimizer.
        rho: radius, finite, >= 0, in units of the parameters; a group option.
        base: class of the base optimizer, of this package or of torch.
        options: further options of the base optimizer.

    State and group options are the base optimizer's, shared with it (`self.base`), and so are the layouts that load.
    Besides, one copy of the parameters lives for the length of a step.

    Raises:
        TypeError, ValueError: an option breaks its rule, there is no parameter, or one is complex.

    Example:
        >>> x = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = SAM([x], lr=0.1, rho=0.5)
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (x**2).sum() / 2
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure).item(), x.item()  # the gradient at 1.5 moves 1 to 1 - 0.1 * 1.5
        (0.5, 0.85...)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        rho: float = 0.05,
        base: Callable[..., torch.optim.Optimizer] = SGD,
        **options: Any,
    ) -> None:
        super().__init__(params, {"lr": lr, "rho": rho})
        self._share(base(self.param_groups, lr=lr, **options))
        self.defaults = {**self.base.defaults, "rho": rho}

    def _share(self, base: torch.optim.Optimizer) -> None:
        """Make the base optimizer's state and groups this optimizer's too: the same objects, not copies."""
        self.base, self.state, self.param_groups = base, base.state, base.param_groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if isinstance(param_group, dict):
            check_number("rho", param_group.setdefault("rho", self.defaults["rho"]), good=0.05)
        if hasattr(self, "base"):
            self.base.add_param_group(param_group)
        else:  # the constructor is running: the base optimizer is made from the groups, after this
            super().add_param_group(param_group)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load a state saved by SAM or by its base optimizer; on an error nothing has changed."""
        check_is_state_dict(state_dict)
        groups = [{"rho": self.defaults["rho"], **group} for group in state_dict["param_groups"]]
        for group in groups:
            check_number("rho", group["rho"], good=0.05)
        # a copy, since an optimizer of torch's would share its state with the one that saved it
        self.base.load_state_dict({"state": copy.deepcopy(state_dict["state"]), "param_groups": groups})
        self._share(self.base)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "base": self.base}  # pickle and deepcopy keep what is shared shared

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Two evaluations of the closure and one step of the base optimizer; returns the loss at theta.

        If the closure raises, the parameters are as before the step.

        Raises:
            ValueError: without a closure.
        """
        if closure is None:
            raise ValueError(
                "SAM.step needs a closure that clears the gradients, evaluates the loss and calls backward, got None; "
                "write optimizer.step(closure)"
            )
        loss = evaluate(closure)
        work = gather_gradients(self)
        thetas = [theta for _, group_thetas, _ in work for theta in group_thetas]
        gs = [g for _, _, group_gs in work for g in group_gs]
        rhos = [group["rho"] for group, group_thetas, _ in work for _ in group_thetas]
        saved = [theta.clone() for theta in thetas]
        try:
            if thetas:
                sam_(thetas, gs, rhos)
            evaluate(closure)
        finally:
            for theta, before in zip(thetas, saved, strict=True):
                theta.copy_(before)
        self.base.step()
        return loss
