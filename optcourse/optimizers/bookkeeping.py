"""What every optimizer class does beside its arithmetic: check options, gather gradients and state, load state.

Plain functions on a `torch.optim.Optimizer`; a `Layout` says what differs between the algorithms.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from optcourse.optimizers import list_operations as lists
from optcourse.optimizers.list_operations import Tensors

Hyperparameter = float | Tensor  # the reference twins take either; a tensor must broadcast against theta
Group = dict[str, Any]

_HOW_TORCH_RUNS = ("foreach", "fused", "capturable", "differentiable")  # no influence on the numbers


@dataclass(frozen=True)
class Layout:
    """What one optimizer keeps for a parameter and a group, and what torch's optimizer of that kind calls it.

    Attributes:
        options: name -> example of a good value. Numbers (or tuples of numbers) are checked against `upper_bounds`,
            flags must be bool.
        state: group -> names of the state that each parameter of the group has after a step.
        torch_names: torch's name of a state -> ours, or None where torch keeps what the algorithm does not need.
        upper_bounds: options that must stay below a number; all are finite and >= 0.
        fixed: group options of torch's that choose between algorithms -> the one value that means this algorithm.
    """

    options: Mapping[str, Any]
    state: Callable[[Group], tuple[str, ...]] = lambda group: ()
    torch_names: Mapping[str, str | None] = field(default_factory=dict)
    upper_bounds: Mapping[str, float] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)


# --- options ---------------------------------------------------------------------------------------------------------


def check_number(name: str, value: Any, good: float, below: float = math.inf) -> None:
    """Raise unless `value` is a finite number in [0, below). Only `lr` may be a tensor, of one real element.

    Raises:
        TypeError: not a real number (a bool is none).
        ValueError: negative, NaN, infinite, not below the bound, or a tensor that is not allowed; the message gives
            rule, value and a way out.
    """
    if isinstance(value, Tensor):
        if name != "lr" or value.numel() != 1 or value.is_complex():
            raise ValueError(
                f"{name} must be one number, got a tensor of shape {tuple(value.shape)}; try {name}={good}"
            )
    elif not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__}); try {name}={good}")
    number = float(value)
    if not (0 <= number < below and math.isfinite(number)):  # written so that NaN fails too
        rule = "finite and >= 0" if below == math.inf else f"in [0, {below:g})"
        raise ValueError(f"{name} must be {rule}, got {number}; try {name}={good}")


def check_fixed(layout: Layout, options: Mapping[str, Any]) -> None:
    """Raise ValueError if a group option says that another algorithm is meant."""
    for name, only in layout.fixed.items():
        if options.get(name, only) != only:
            raise ValueError(
                f"group option {name!r} is {options[name]!r}, but this optimizer is the case {name}={only!r}"
            )


def check_options(layout: Layout, options: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError for the first option of a group that breaks its rule; see `check_number`."""
    check_fixed(layout, options)
    for name, good in layout.options.items():
        value, below = options[name], layout.upper_bounds.get(name, math.inf)
        if isinstance(good, bool):
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be True or False, got {value!r}")
        elif isinstance(good, tuple):
            if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != len(good):
                raise TypeError(f"{name} must be {len(good)} numbers, got {value!r}; try {name}={good}")
            for i, (part, good_part) in enumerate(zip(value, good, strict=True)):
                check_number(f"{name}[{i}]", part, good_part, below)
        else:
            check_number(name, value, good, below)


def check_newest_group(optimizer: Optimizer, layout: Layout) -> None:
    """Check the group added last; a bad one is taken out again before the error is raised.

    Raises:
        TypeError, ValueError: an option breaks its rule.
        TypeError: a parameter is complex.
    """
    try:
        check_options(layout, optimizer.param_groups[-1])
        for theta in optimizer.param_groups[-1]["params"]:
            if theta.is_complex():
                raise TypeError(
                    f"{type(optimizer).__name__} needs real parameters, got {theta.dtype} of shape {tuple(theta.shape)}"
                    "; optimize torch.view_as_real(parameter) instead"
                )
    except (TypeError, ValueError):
        optimizer.param_groups.pop()
        raise


# --- a step ----------------------------------------------------------------------------------------------------------


def evaluate(closure: Callable[[], Any] | None) -> Any:
    """Call the closure once with gradients on (`step` runs with them off); its loss, or None without a closure."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def gather_gradients(optimizer: Optimizer) -> list[tuple[Group, Tensors, Tensors]]:
    """(group, parameters that have a gradient, gradients to descend) for each group that has any.

    With `maximize` the gradients are negated copies; otherwise they are the parameters' own and must not be changed.
    All gradients are checked before any parameter moves.

    Raises:
        RuntimeError: a gradient is sparse or complex.
    """
    work = []
    for group in optimizer.param_groups:
        thetas = [theta for theta in group["params"] if theta.grad is not None]
        gs = [theta.grad for theta in thetas]
        for g in gs:
            if g.layout is not torch.strided or g.is_complex():
                kind = "complex" if g.is_complex() else "sparse"
                raise RuntimeError(
                    f"{type(optimizer).__name__} needs dense real gradients, got a {kind} one of shape {tuple(g.shape)}"
                    "; for an embedding set sparse=False, else set parameter.grad = parameter.grad.to_dense()"
                )
        if thetas:
            work.append((group, thetas, gs))
    return [(group, thetas, lists.neg(gs) if group.get("maximize") else gs) for group, thetas, gs in work]


def gather_state(
    optimizer: Optimizer, thetas: Sequence[Tensor], names: Sequence[str], start: float = 0.0
) -> list[dict[str, Any]]:
    """The state of each parameter; a tensor it does not have yet is created like the parameter, filled with `start`.

    The step count `t` is created as the int 0; each parameter has its own, since a parameter without a gradient
    makes no step.
    """
    states = [optimizer.state[theta] for theta in thetas]
    for theta, state in zip(thetas, states, strict=True):
        for name in names:
            if name not in state:
                state[name] = 0 if name == "t" else torch.full_like(theta, start)
    return states


# --- loading ---------------------------------------------------------------------------------------------------------


def check_is_state_dict(state_dict: Any) -> None:
    """Raise TypeError for what is no dict, ValueError for a dict without "state" or "param_groups"."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"state_dict must be a dict, got {type(state_dict).__name__}; pass optimizer.state_dict()")
    for key in ("state", "param_groups"):
        if key not in state_dict:
            raise ValueError(f"state_dict has no key {key!r}, only {sorted(map(str, state_dict))}")


def translate_state_dict(optimizer: Optimizer, state_dict: Mapping[str, Any], layout: Layout) -> dict[str, Any]:
    """A state dict of this optimizer, or of torch's of the same kind, in our names; checked whole, copied, not loaded.

    Tensors are copied, so that the optimizer that saved them can go on without changing this one.

    Raises:
        TypeError, ValueError: the layout is another one, or a value breaks its rule; the message names the key.
    """
    check_is_state_dict(state_dict)
    groups, saved_groups = optimizer.param_groups, state_dict["param_groups"]
    sizes, saved_sizes = ([len(group["params"]) for group in both] for both in (groups, saved_groups))
    if sizes != saved_sizes:
        raise ValueError(f"state_dict has groups of {saved_sizes} parameters, this optimizer has groups of {sizes}")

    new_groups, new_state = [], {}
    for group, saved_group in zip(groups, saved_groups, strict=True):
        new_group = _translate_group(optimizer, saved_group, layout)
        new_groups.append(new_group)
        for theta, index in zip(group["params"], saved_group["params"], strict=True):
            if saved := state_dict["state"].get(index):
                where = f"{type(optimizer).__name__} state of parameter {index}"
                new_state[index] = _translate_state(where, saved, theta, layout, layout.state(new_group))
    unknown = set(state_dict["state"]) - {index for group in saved_groups for index in group["params"]}
    if unknown:
        raise ValueError(
            f"state_dict has state for parameters {sorted(unknown, key=str)}, which are in none of its groups"
        )
    return {"state": new_state, "param_groups": new_groups}


def _translate_group(optimizer: Optimizer, saved: Group, layout: Layout) -> Group:
    check_fixed(layout, saved)
    dropped = set(_HOW_TORCH_RUNS) | set(layout.fixed)
    group = {key: value for key, value in saved.items() if key not in dropped}
    for key, value in optimizer.defaults.items():
        if key in layout.options or key in layout.fixed:
            if key not in group and not isinstance(value, bool):
                raise ValueError(f"group option {key!r} is missing; the group has {sorted(group)}")
            group.setdefault(key, value)  # a flag may be younger than the file
    check_options(layout, group)
    return group


def _translate_state(
    where: str, saved: Mapping[str, Any], theta: Tensor, layout: Layout, needed: Sequence[str]
) -> dict[str, Any]:
    state: dict[str, Any] = {}
    ours = [name for name in layout.torch_names.values() if name is not None]
    for key, value in saved.items():
        if key not in layout.torch_names and key not in ours:
            raise ValueError(
                f"{where}: key {key!r} is not known; known are {ours} and torch's {list(layout.torch_names)}"
            )
        name = key if key in ours else layout.torch_names[key]
        if name is None or value is None:  # torch saves None for a buffer not yet used
            continue
        if name == "t":
            count = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value  # torch's is a tensor
            if not isinstance(count, Real) or not float(count).is_integer() or count < 0:
                raise ValueError(f"{where}: key {key!r} must be a whole number >= 0, got {count!r}")
            state[name] = int(float(count))
        elif not isinstance(value, Tensor) or value.shape != theta.shape or not value.is_floating_point():
            shown = f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"{where}: key {key!r} must be a real tensor of shape {tuple(theta.shape)}, got {shown}")
        else:
            state[name] = value.detach().clone()
    for name in needed if state else ():
        if name not in state:
            torch_name = next(key for key, ours_name in layout.torch_names.items() if ours_name == name)
            raise ValueError(f"{where}: key {name!r} (torch's {torch_name!r}) is missing; found {list(saved)}")
    return state
