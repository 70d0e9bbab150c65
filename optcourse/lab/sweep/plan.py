"""Which runs of a sweep are stacked, which go one by one, and where: the rule behind `backend="auto"`."""

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from optcourse.lab.data import Data
from optcourse.lab.models import parameter_count
from optcourse.lab.sweep.members import Member, Settings
from optcourse.lab.sweep.stack import is_perceptron, stack_parameters, stacked_forward, stacked_loss
from optcourse.lab.sweep.update import kind
from optcourse.lab.sweep.workers import Part, obstacle

Backend = Literal["auto", "batched", "threads", "processes", "serial"]
BACKENDS: tuple[Backend, ...] = ("auto", "batched", "threads", "processes", "serial")

# Measured by benchmarks/sweep.py. The numbers do not depend on the machine's cores, so that results do not either.
LARGEST_STACKED = 200_000  # parameters of a model; larger ones are limited by memory, stacked or not
_STACK_PARAMETERS = 2**18  # parameters of a stack: what stays in a core's cache
_NARROWEST, _WIDEST = 8, 64  # models in a stack
# Below so many parameters a model keeps Python busier than torch, and threads wait for each other instead of working.
_LIGHT_IN_STACK, _LIGHT_ALONE = 2048, 10_000


@dataclass(frozen=True)
class Plan:
    """The parts, where they are computed, and why in words; in this process on one thread, or on several."""

    parts: list[Part]
    backend: Backend
    reason: str
    several_threads: bool


def make_plan(
    members: Sequence[Member],
    data: Data,
    settings: Settings,
    backend: Backend,
    workers: int,
    executor: Executor | None = None,
) -> Plan:
    """Divide the members into parts.

    Raises:
        ValueError: when the backend asked for cannot take these members.
    """
    random = any(draws_random_numbers(member.model) for member in members)
    if random and (backend == "threads" or isinstance(executor, ThreadPoolExecutor)):
        raise ValueError(
            "models with random layers share one generator, which threads would draw from in any order; "
            "use backend='processes' or 'serial'"
        )
    stacks: list[list[int]] = []
    alone, reasons = list(range(len(members))), ["as asked"]
    if backend in ("auto", "batched"):
        stacks, alone, reasons = _stack(members, data, settings, forced=backend == "batched")
    if stacks and not alone:
        backend = "batched"
    elif backend == "auto":
        if executor is not None or (random and not obstacle(members, settings)):
            backend = "processes"
        elif stacks:
            backend = "batched"
        else:
            backend = "serial" if random or _is_light(members[0].model, stacked=False) else "threads"
    a_part = -(-len(alone) // (4 * workers)) if backend == "processes" else 1  # each part carries the data
    chunks = [alone[start : start + a_part] for start in range(0, len(alone), a_part)]
    parts = [Part(places, [members[i] for i in places], stacked=True) for places in stacks]
    parts += [Part(places, [members[i] for i in places], stacked=False, own_random=random) for places in chunks]
    words = [f"{_count(len(stacks), 'stack')} of up to {_count(max(map(len, stacks)), 'model')}"] if stacks else []
    words += [f"{_count(len(alone), 'run')} one by one"] if alone else []
    light = all(_is_light(part.members[0].model, part.stacked) for part in parts)
    several = backend == "threads" or (backend == "batched" and not light)
    return Plan(parts, backend, f"{' and '.join(words)}, {'; '.join(reasons)}", several)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def structure(member: Member, data: Data) -> tuple[Any, ...]:
    """What two models must share to be stacked. What the text of a known layer does not show cannot differ."""
    model = member.model
    shapes = tuple((name, parameter.shape) for name, parameter in model.named_parameters())
    return repr(model), shapes, None if is_perceptron(model, data.x_train) else repr(member.model_options)


def draws_random_numbers(model: nn.Module) -> bool:
    """Whether training this model draws from the global generator, as far as its layers tell: dropout and RReLU."""
    return any(
        isinstance(layer, (nn.modules.dropout._DropoutNd, nn.RReLU)) or bool(getattr(layer, "dropout", 0.0))
        for layer in model.modules()
    )


def _stack(
    members: Sequence[Member], data: Data, settings: Settings, forced: bool
) -> tuple[list[list[int]], list[int], list[str]]:
    """Places of the members of each stack, places of the others, and the reasons."""
    groups: dict[Any, list[int]] = {}
    for i, member in enumerate(members):
        groups.setdefault((structure(member, data), kind(member.make_optimizer([torch.zeros(1)]))), []).append(i)
    stacks, alone, reasons = [], [], []
    for (_, how), places in groups.items():
        member = members[places[0]]
        problem = _not_stackable(member, data, settings, how, forced)
        if problem is None and len(places) == 1 and not forced:
            problem = "no other run is of its kind"
        if problem is None:
            stacks += _divide(places, _width(len(places), parameter_count(member.model), data))
            continue
        if forced:
            raise ValueError(f"backend='batched' cannot take {dict(member.config)}: {problem}; use backend='auto'")
        alone += places
        reasons.append(problem)
    return stacks, alone, list(dict.fromkeys(reasons)) or ["of one structure and optimizer each"]


def _not_stackable(
    member: Member, data: Data, settings: Settings, how: tuple[Any, ...] | None, forced: bool
) -> str | None:
    """Why models like this one are not stacked, or None."""
    model = member.model
    if how is None:
        return f"{member.config['optimizer']} looks at more than each number by itself"
    if draws_random_numbers(model):
        return "the model draws random numbers"
    if any(True for _ in model.buffers()):
        return "the model keeps buffers"
    if not all(parameter.requires_grad for parameter in model.parameters()):
        return "the model has frozen parameters"
    if not forced and any(parameter.dim() > 2 for parameter in model.parameters()):
        return "stacked convolutions are no quicker"
    if not forced and parameter_count(model) > LARGEST_STACKED:
        return f"a stack of models with more than {LARGEST_STACKED:,} parameters is no quicker"
    try:
        _, parameters = stack_parameters([model, model])
        x, y = (tensor[:2].expand(2, *tensor[:2].shape) for tensor in (data.x_train, data.y_train))
        stacked_loss(settings.loss, stacked_forward(model, data.x_train)(parameters, x), y).sum().backward()
    except Exception as error:  # torch.func refuses in many ways: in-place writes, .item(), layers without a rule
        return f"torch.func.vmap cannot run it ({str(error).splitlines()[0]})"
    return None


def _is_light(model: nn.Module, stacked: bool) -> bool:
    if any(parameter.dim() > 2 for parameter in model.parameters()):
        return False  # convolutions make much of few parameters
    return parameter_count(model) < (_LIGHT_IN_STACK if stacked else _LIGHT_ALONE)


def _width(runs: int, parameters: int, data: Data) -> int:
    """Models in one stack."""
    if data.device.type != "cpu":
        return runs
    width = min(max(_STACK_PARAMETERS // parameters, _NARROWEST), _WIDEST)
    return width if parameters < _LIGHT_IN_STACK else min(width, -(-runs // 2))


def _divide(places: Sequence[int], width: int) -> list[list[int]]:
    """Cut into as few pieces as the width allows, of nearly equal length."""
    pieces = -(-len(places) // width)
    return [list(places[i * len(places) // pieces : (i + 1) * len(places) // pieces]) for i in range(pieces)]
