"""Generalized advantage estimation over steps of several environments."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.candidate import Candidate
from optcourse.grading.checks.reinforcement.gae_mistakes import ERROR_ADVICE, VARIANTS
from optcourse.grading.checks.reinforcement.shared import FLAGS_AS_TENSORS, as_numbers, flags, survives, target
from optcourse.grading.definitions import RESULT, Behaviour, Case, Observation, Result, Tolerance, observe
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, array, facts
from optcourse.grading.kinds import function_check

_ARGUMENTS = ("reward", "value", "next_value", "terminated", "truncated")
_ARGUMENT, _TYPE = "arguments", "type"  # channels of what is seen beside the result
_KEPT, _ROUNDED, _WHOLE = "kept", "rounded", "whole"


def gae(
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    lam: float,
    **switches: str,
) -> np.ndarray:
    """The advantages, shape (T, N); the switches say which mistake is made at each place."""
    r, v, following = array(reward), array(value), array(next_value)
    over, cut = terminated.numpy(), truncated.numpy()
    if "flags" in switches:
        last = slice(-1, None) if switches["flags"] == "one late, the last its own" else slice(0, 0)
        over, cut = (np.concatenate([flag[1:], flag[last], np.zeros_like(flag[:1])])[: len(r)] for flag in (over, cut))
    future = _future(v, following, switches.get("next", "of the step"))
    y = target(r, future, over, cut, lam if switches.get("rate") == "lam" else gamma, switches)
    if switches.get("removed") == "times 0":
        y = np.where(np.isnan(future), np.nan, y)
    weight = {"1": 1.0, "lam": lam, "1 - lam": 1 - lam}[switches.get("weight", "1")]
    error = weight * {"y - v": y - v, "y": y, "v - y": v - y}[switches.get("error", "y - v")]
    decay = {"both": gamma * lam, "gamma": gamma, "lam": lam, "1": 1.0, "0": 0.0}[switches.get("decay", "both")]
    goes_on = _goes_on(over, cut, switches.get("chain", "no end"))
    start = {"0": np.zeros_like(r[0]), "next value": following[-1], "value": v[-1]}[switches.get("start", "0")]
    order = switches.get("order", "backward")
    if order == "along environments":
        advantage = _summed(error.T, decay, goes_on.T, np.zeros(len(error)), "backward").T
    else:
        advantage = _summed(error, decay, goes_on, start, order)
    return _returned(advantage, v, switches.get("returned", "advantages"))


def _future(value: np.ndarray, next_value: np.ndarray, kind: str) -> np.ndarray:
    """What stands for the value of the next state."""
    below, last = value[1:], next_value[-1:]
    return {
        "of the step": lambda: next_value,
        "below": lambda: np.concatenate([below, last]),
        "below, none at the end": lambda: np.concatenate([below, 0 * value[:1]]),
        "below, the first at the end": lambda: np.concatenate([below, value[:1]]),
        "below, the last twice": lambda: np.concatenate([below, value[-1:]]),
        "of this state": lambda: value,
        "none at the end": lambda: np.concatenate([next_value[:-1], 0 * value[:1]]),
    }[kind]()


def _goes_on(over: np.ndarray, cut: np.ndarray, kind: str) -> np.ndarray:
    """Where the sum of a row takes in that of the row below."""
    ended = over | cut
    if kind == "one late":
        return np.concatenate([~ended[1:], ~ended[-1:]])
    if kind == "nowhere ended":
        return np.broadcast_to(~ended.any(axis=1, keepdims=True), ended.shape)
    return ended if kind == "ended" else survives(over, cut, kind)


def _summed(error: np.ndarray, decay: float, goes_on: np.ndarray, start: np.ndarray, order: str) -> np.ndarray:
    """A_t = error_t + decay [goes on at t] A_{t+1}, in this or a mistaken order."""
    rows = range(len(error))
    backward: dict[str, Sequence[int]] = {
        "backward": rows[::-1],
        "without the last row": rows[-2::-1] if len(rows) > 1 else (),
        "without the first row": rows[:0:-1],
    }
    flag = np.roll(goes_on, 1, axis=0) if order == "forward, ends of the row before" else goes_on
    advantage, carried = np.zeros_like(error), start
    for t in backward.get(order, rows):
        carried = error[t] + np.where(flag[t], decay * carried, 0.0)
        advantage[t] = carried
    return advantage


def _returned(advantage: np.ndarray, value: np.ndarray, kind: str) -> np.ndarray:
    made: dict[str, Callable[[], np.ndarray]] = {
        "advantages": lambda: advantage,
        "returns": lambda: advantage + value,
        "transposed": lambda: advantage.T,
        "centered": lambda: advantage - advantage.mean(),
        "normalized": lambda: _normalized(advantage, None, 1),
        "normalized, by n": lambda: _normalized(advantage, None, 0),
        "normalized by column": lambda: _normalized(advantage, 0, 1),
        "normalized by column, by n": lambda: _normalized(advantage, 0, 0),
    }
    return made[kind]()


def _normalized(advantage: np.ndarray, axis: int | None, removed: int) -> np.ndarray:
    """Mean 0 and standard deviation 1 over all rows, or column by column; as torch has it, NaN for a single number."""
    centered = advantage - advantage.mean(axis=axis, keepdims=True)
    count = advantage.size if axis is None else len(advantage)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (centered**2).sum(axis=axis, keepdims=True) / np.float64(count - removed)
        return centered / (np.sqrt(variance) + 1e-8)


def cases(seed: int) -> Sequence[Case]:
    """From one step to ends of every kind; behind a step that goes on stands the value of the state of the next row."""
    numbers = Numbers("reinforcement.gae", seed)

    def problem(steps: int, environments: int, ends: Sequence[str] = (), *, gamma: float = 0.0) -> tuple:
        over, cut = (torch.zeros(steps, environments, dtype=torch.bool) for _ in range(2))
        drawn = flags(numbers, (steps - 1) * environments, ends)
        over[:-1], cut[:-1] = (flag.reshape(steps - 1, environments) for flag in drawn)
        value, behind = (numbers.normal(steps, environments) * 2 + 3.0 for _ in range(2))
        behind[:-1] = torch.where((over | cut)[:-1], behind[:-1], value[1:])
        rates = gamma or numbers.between(0.86, 0.96), numbers.between(0.6, 0.8)
        return numbers.uniform(steps, environments) * 2 + 0.4, value, behind, over, cut, *rates

    every = ("terminated", "truncated", "both", "truncated", "terminated")
    reward, value, behind, over, cut, *rates = problem(9, 4, every)
    over[-1], cut[-1] = torch.tensor([[True, False, True, False], [False, True, True, False]])
    to_the_last_row = reward, value, behind, over, cut, *rates
    unknown = problem(6, 3, ("terminated",) * 4)
    ended = unknown[3].cumsum(dim=0)
    unknown[2][unknown[3] & (ended == 1)] = torch.nan  # nothing before it is another episode's
    halved = problem(8, 3, every)
    single = (*(tensor.float() if tensor.is_floating_point() else tensor for tensor in halved[:5]), *halved[5:])
    return (
        Case("one step", problem(1, 3)),
        Case("one environment", problem(5, 1, gamma=numbers.between(0.5, 0.58))),
        Case("several environments", problem(6, 4)),
        Case("terminated steps", problem(7, 3, ("terminated",) * 4)),
        Case("truncated steps", problem(6, 4, ("truncated",) * 5)),
        Case("ends of every kind, in the last row too", to_the_last_row),
        Case("NaN behind terminated steps", unknown),
        Case("in float32", single),
    )


def _drive(candidate: Candidate, problem: tuple) -> Iterator[Observation]:
    *tensors, gamma, lam = problem
    seen = candidate.examine(*tensors, gamma=gamma, lam=lam)
    yield from observe("the result", as_numbers(seen.result))
    yield Observation("the type of the numbers", _kept(seen.result, tensors[0].dtype), _TYPE)
    yield from _arguments(seen.arguments)


def _kept(result: Any, given: torch.dtype) -> str:
    """What the type of a result makes of the numbers; lists hold Python's own, as wide as float64."""
    if not isinstance(result, Tensor) or result.is_complex():
        return _KEPT
    if not result.is_floating_point():
        return _WHOLE
    return _ROUNDED if torch.finfo(result.dtype).eps > torch.finfo(given).eps else _KEPT


def _expected(problem: tuple) -> Iterator[Observation]:
    yield Observation("the type of the numbers", _KEPT, _TYPE)
    yield from _arguments(problem[:5])


def _arguments(tensors: Sequence[Tensor]) -> Iterator[Observation]:
    for name, tensor in zip(_ARGUMENTS, tensors, strict=True):
        yield from observe(name, tensor, _ARGUMENT)


def _mutated(results: Sequence[Result]) -> str | None:
    for result in results:
        changed = result.deviations.get(_ARGUMENT)
        if changed and changed.expected:
            return f'In the case "{result.case.name}", `{changed.expected.place}` holds other numbers after the call.'
    return None


def _of_type(kind: str) -> Callable[[Sequence[Result]], str | None]:
    def found(results: Sequence[Result]) -> str | None:
        for result in results:
            seen = result.deviations.get(_TYPE)
            other_shape = RESULT in result.deviations and result.deviations[RESULT].kind != "value"
            if seen and seen.observed and seen.observed.value == kind and not other_shape:
                return f'It happened in the case "{result.case.name}".'
        return None

    return found


TYPE_ADVICE = "`torch.zeros_like(reward)` has the type of the rewards."
_BEHAVIOURS = (
    Behaviour(
        "mutates_arguments",
        _mutated,
        "Your function changes what it was given. The training loop still needs those numbers, for the loss of the "
        "values, and finds others.",
        "Make new tensors: `x = x + y` instead of `x += y`, and `torch.zeros_like(x)` for a place to write into.",
    ),
    Behaviour(
        "whole_numbers",
        _of_type(_WHOLE),
        "What you return holds whole numbers or truth values: every fraction is cut off when it is written there.",
        TYPE_ADVICE,
        explains_numbers=True,
    ),
    Behaviour(
        "precision_lost",
        _of_type(_ROUNDED),
        "You were given float64 and return a narrower type: half of the digits are lost.",
        TYPE_ADVICE,
    ),
)


GAE = dataclasses.replace(
    function_check(
        "reinforcement.gae",
        cases,
        gae,
        variants=VARIANTS,
        behaviours=(*_BEHAVIOURS, *FLAGS_AS_TENSORS, NOTHING_RETURNED),
        facts=facts(gae),
        expected=_expected,
        tolerance=Tolerance(1e-5, 1e-5),
        look_next=ERROR_ADVICE,
        praise="Right: each error reaches back as far as its episode, and values count wherever the task went on.",
    ),
    drive=_drive,
)
