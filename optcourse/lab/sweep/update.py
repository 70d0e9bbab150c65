"""One optimizer step for N runs whose parameters are the rows of a table.

Either through the reference twins, on the whole table with hyper-parameters of shape (N, 1): few calls, but each
formula allocates its intermediate results. Or row by row through the optimizer classes, in place: more calls, less
memory traffic. Small models want the first, larger ones the second.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from optcourse.lab.sweep.members import Member
from optcourse.optimizers import (
    SAM,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    RMSprop,
    adagrad_reference,
    adam_reference,
    adamw_reference,
    momentum_reference,
    nesterov_reference,
    rmsprop_reference,
    sam_reference,
    sgd_reference,
)

# Methods that treat each number by itself, so that a whole model may be given to them as one vector. A method that
# looks at the shape or the norm of a tensor must not be added; it is trained one by one instead.
ELEMENTWISE: dict[type[torch.optim.Optimizer], Callable[..., tuple[Tensor, ...]]] = {
    SGD: sgd_reference,
    Momentum: momentum_reference,
    Nesterov: nesterov_reference,
    Adagrad: adagrad_reference,
    RMSprop: rmsprop_reference,
    Adam: adam_reference,
    AdamW: adamw_reference,
}

LARGEST_IN_TABLE = 8192  # parameters; above, the optimizer classes are quicker (benchmarks/sweep.py)

Update = Callable[[Tensor], None]  # gradients (N, D); changes the table


def base(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer whose step is taken: SAM's base, any other itself."""
    return optimizer.base if isinstance(optimizer, SAM) else optimizer


def kind(optimizer: torch.optim.Optimizer) -> tuple[Any, ...] | None:
    """What two optimizers must share to be stepped together; None when this one must be stepped by itself."""
    stepping: Any = base(optimizer)
    group = optimizer.param_groups[0]
    if type(stepping) not in ELEMENTWISE:
        return None
    return type(optimizer), type(stepping), stepping.LAYOUT.state(group), group["maximize"]


def stacked_optimizer(members: Sequence[Member], table: Tensor) -> torch.optim.Optimizer:
    """One optimizer for members of one kind: each row of the table is a parameter group, with the member's options."""
    options = [dict(member.options) for member in members]
    bases = [each.pop("base") for each in options if "base" in each]  # of SAM; no group option, and the same for all
    groups = [{"params": [row], **each} for row, each in zip(table, options, strict=True)]
    make: Any = members[0].optimizer
    return make(groups, base=bases[0]) if bases else make(groups)


def stacked_update(optimizer: torch.optim.Optimizer, table: Tensor) -> Update:
    """The quicker way to step a `stacked_optimizer`."""
    if table.shape[1] <= LARGEST_IN_TABLE:
        return table_update(optimizer, table)
    return row_update(optimizer)


def row_update(optimizer: torch.optim.Optimizer) -> Update:
    """Let the optimizer step one row after the other."""
    stepping = base(optimizer)
    rows = [group["params"][0] for group in stepping.param_groups]

    def update(gs: Tensor) -> None:
        for row, g in zip(rows, gs.unbind(0), strict=True):
            row.grad = g
        stepping.step()

    return update


def table_update(optimizer: torch.optim.Optimizer, table: Tensor) -> Update:
    """Step all rows at once through the reference twin."""
    stepping: Any = base(optimizer)
    groups = stepping.param_groups
    reference = ELEMENTWISE[type(stepping)]
    arguments = list(inspect.signature(reference).parameters)[2:]  # after theta and g
    state = {
        name: torch.empty_like(table).copy_(_column([g.get("initial_accumulator_value", 0.0) for g in groups], table))
        for name in arguments
        if name in stepping.LAYOUT.state(groups[0]) and name != "t"
    }
    options = {name: [_option(group, name) for group in groups] for name in arguments if _has(groups[0], name)}
    constant = {name: _hyperparameter(values, table) for name, values in options.items() if name != "lr"}
    steps = 0

    @torch.no_grad()
    def update(gs: Tensor) -> None:
        nonlocal steps
        steps += 1
        given = {**constant, **state, "t": steps, "lr": _hyperparameter([group["lr"] for group in groups], table)}
        if groups[0]["maximize"]:
            gs = -gs
        theta, *new = reference(table, gs, **{name: given[name] for name in arguments if name in given})
        table.copy_(theta)
        state.update(zip(state, new, strict=True))

    return update


def climb(optimizer: SAM, table: Tensor, gs: Tensor) -> Tensor:
    """SAM's worst points nearby, one a row, through its reference twin."""
    rhos = _column([group["rho"] for group in optimizer.param_groups], table).squeeze(1)
    return torch.vmap(lambda theta, g, rho: sam_reference([theta], [g], rho=rho)[0])(table, gs, rhos)


def _has(group: Mapping[str, Any], name: str) -> bool:
    return name in group or (name in ("beta1", "beta2") and "betas" in group)


def _option(group: Mapping[str, Any], name: str) -> float:
    return group["betas"][int(name[-1]) - 1] if name in ("beta1", "beta2") else group[name]


def _hyperparameter(values: Sequence[float], table: Tensor) -> float | Tensor:
    """One number where all agree, which costs and rounds less than a column of them."""
    return values[0] if len(set(values)) == 1 else _column(values, table)


def _column(values: Sequence[float], table: Tensor) -> Tensor:
    return torch.tensor(values, dtype=table.dtype, device=table.device).unsqueeze(1)
