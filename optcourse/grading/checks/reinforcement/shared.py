"""What the checks of this lesson share: ends and discounts of targets, and results in any form learners choose."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.candidate import Candidate
from optcourse.grading.definitions import Behaviour, Case, Check, Observation, Result, Tolerance, Variant, observe
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, facts
from optcourse.grading.kinds import function_check

END_ADVICE = (
    "Ask of each end: would more reward have come? Terminated: no, so the value behind it is 0. Truncated: yes, "
    "somebody only stopped looking, so the value counts. Where both are true, the task is over."
)
GAMMA_ADVICE = "gamma discounts what comes one step later: the value of the next state, and nothing of this step."


def survives(terminated: Any, truncated: Any, kind: str) -> np.ndarray:
    """Where the value of the next state is added; every kind but "not terminated" is a mistake."""
    terminated, truncated = np.asarray(terminated, dtype=bool), np.asarray(truncated, dtype=bool)
    return {
        "not terminated": ~terminated,
        "always": np.ones_like(terminated),
        "no end": ~(terminated | truncated),
        "not truncated": ~truncated,
        "not both": ~(terminated & truncated),
        "not terminated early": ~terminated | truncated,
        "terminated": terminated,
    }[kind]


def target(
    reward: Any, future: Any, terminated: Any, truncated: Any, gamma: float, switches: Mapping[str, str]
) -> np.ndarray:
    """r + gamma [not terminated] future; the switches say which mistake is made at each place."""
    counts = survives(terminated, truncated, switches.get("ends", "not terminated"))
    reward = np.asarray(reward, dtype=np.float64)
    if switches.get("lost") == "reward":
        reward = np.where(counts, reward, 0.0)
    future = np.where(counts, future, 0.0)
    return {
        "of the future": lambda: reward + gamma * future,
        "forgotten": lambda: reward + future,
        "of the reward": lambda: gamma * reward + future,
        "of both": lambda: gamma * (reward + future),
    }[switches.get("discounted", "of the future")]()


ENDS = (
    Variant(
        "bootstraps_on_terminated",
        {"ends": "always"},
        "The value of the next state is added even where the task terminated. Nothing comes after that: its value "
        "is 0, whatever the network says of it.",
        END_ADVICE,
    ),
    Variant(
        "stops_at_truncated",
        {"ends": "no end"},
        "Truncated steps are treated like terminated ones, as one `done` would. A time limit is no end of the task: "
        "the value of the next state still counts.",
        END_ADVICE,
    ),
    Variant(
        "flags_exchanged",
        {"ends": "not truncated"},
        "The value is left out where the step was truncated, and added where it terminated: it is the other way round.",
        END_ADVICE,
    ),
    Variant(
        "ends_when_both",
        {"ends": "not both"},
        "The value is left out only where both flags are true. `terminated` alone decides.",
        END_ADVICE,
    ),
    Variant(
        "bootstraps_at_the_time_limit",
        {"ends": "not terminated early"},
        "The value is added where both flags are true. The task is over there: `terminated` alone decides.",
        END_ADVICE,
    ),
    Variant(
        "flag_turned_round",
        {"ends": "terminated"},
        "The value of the next state is added where the task terminated, and left out where it goes on.",
        END_ADVICE,
    ),
)

REWARD_LOST = Variant(
    "reward_lost_at_the_end",
    {"lost": "reward"},
    "Where the task ends, the reward of that step is lost along with the value behind it. It was earned: it counts.",
    "Only the second term is multiplied by [not terminated].",
)

GAMMAS = (
    Variant(
        "gamma_forgotten", {"discounted": "forgotten"}, "The value of the next state is not discounted.", GAMMA_ADVICE
    ),
    *(
        Variant("gamma_on_the_reward", {"discounted": kind}, message, GAMMA_ADVICE)
        for kind, message in (
            ("of the reward", "gamma multiplies the reward of this step instead of the value of the next state."),
            ("of both", "gamma multiplies the reward too. It came in this step, so it counts in full."),
        )
    ),
)


def as_numbers(value: Any) -> Any:
    """Lists of numbers, however deep, as tensors where they are even; anything else as it is."""
    if not isinstance(value, (list, tuple)) or not value:
        return value
    items = [as_numbers(item) for item in value]
    if not all(
        isinstance(item, (int, float)) or (isinstance(item, Tensor) and not item.is_complex()) for item in items
    ):
        return items
    try:
        return torch.stack([torch.as_tensor(item, dtype=torch.float64) for item in items])
    except (OverflowError, RuntimeError):
        return items


def fault_with(words: Sequence[str]) -> Callable[[Sequence[Result]], str | None]:
    """Evidence for a `Behaviour`: a case that stopped with one of these words in its message."""

    def found(results: Sequence[Result]) -> str | None:
        for result in results:
            if result.fault is not None and any(word in result.fault.message for word in words):
                return f'It happened in the case "{result.case.name}".'
        return None

    return found


FLAGS_AS_TENSORS = (
    Behaviour(
        "subtracts_flags",
        fault_with(("with a bool tensor is not supported",)),
        "`1 - terminated` does not work with a tensor of truth values.",
        "Write `~terminated`: times a number it counts as 0 or 1. Or make numbers of it first: `terminated.double()`.",
    ),
    Behaviour(
        "asks_all_flags_at_once",
        fault_with(("Boolean value of Tensor with more than one value",)),
        "A whole tensor of flags cannot stand in an `if`: some rows ended and others did not.",
        "Multiply by `~terminated`, or choose row by row with `torch.where`.",
    ),
)


MAX_AS_A_PAIR = Behaviour(
    "max_as_a_pair",
    fault_with(("return_types.max", "only integer tensors of a single element", "can't multiply sequence")),
    "`max(dim=1)` gives two tensors at once, the largest values and their places. You use the pair like a tensor.",
    "`.max(dim=1).values`, or `.amax(dim=1)`",
)


def numbers_check(
    exercise: str,
    cases: Callable[[int], Sequence[Case]],
    solution: Callable[..., Any],
    *,
    parts: bool = False,
    **further: Any,
) -> Check:
    """A function that returns numbers: as tensor, array, or lists of them.

    Args:
        cases, solution, further: as for `kinds.function_check`.
        parts: whether it returns several such things, as a list or tuple.
    """

    def drive(candidate: Candidate, problem: tuple) -> Iterator[Observation]:
        value = candidate.call("", *problem)
        several = parts and isinstance(value, (list, tuple))
        yield from observe("the result", list(map(as_numbers, value)) if several else as_numbers(value))

    behaviours = (*further.pop("behaviours", ()), NOTHING_RETURNED)
    further |= {"behaviours": behaviours, "facts": facts(solution)}
    check = function_check(exercise, cases, solution, tolerance=Tolerance(1e-5, 1e-6), **further)
    return dataclasses.replace(check, drive=drive)


def flags(numbers: Numbers, rows: int, ends: Sequence[str]) -> tuple[Tensor, Tensor]:
    """terminated and truncated of some rows, at random places.

    Args:
        ends: how many rows end and how: "terminated", "truncated" or "both" for each.
    """
    terminated, truncated = (torch.zeros(rows, dtype=torch.bool) for _ in range(2))
    for row, end in zip(numbers.distinct(len(ends), range(rows)), ends, strict=True):
        terminated[row] = end != "truncated"
        truncated[row] = end != "terminated"
    return terminated, truncated
