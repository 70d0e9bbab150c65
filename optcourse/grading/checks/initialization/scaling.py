"""What the exercises that scale given noise have in common."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.candidate import Candidate
from optcourse.grading.definitions import Behaviour, Check, Observation, Result, observe
from optcourse.grading.drawing import NOTHING_RETURNED, facts
from optcourse.grading.kinds import function_check

SAME = "the same weights for the same noise (1 is yes)"


def _own_numbers(results: Sequence[Result]) -> str | None:
    for result in results:
        if any(item.place == SAME and not item.value for item in result.observed):
            return f'It happened in the case "{result.case.name}".'
    return None


BEHAVIOURS = (
    Behaviour(
        "noise_ignored",
        _own_numbers,
        "The same noise gives other weights each time: your function draws numbers of its own.",
        "The weights are the given noise, shifted and scaled.",
        explains_numbers=True,
    ),
    NOTHING_RETURNED,
)


def scaling_check(exercise: str, cases: Callable, solution: Callable[..., Tensor], **further: Any) -> Check:
    """A function of noise, asked twice for the same, so that random numbers of its own are seen."""

    def drive(candidate: Candidate, problem: tuple) -> Iterator[Observation]:
        first, second = (candidate.call("", *problem) for _ in range(2))
        yield from observe("the result", first)
        if isinstance(first, Tensor) and isinstance(second, Tensor):
            same = first.shape == second.shape and torch.allclose(first, second, equal_nan=True)
            yield Observation(SAME, np.asarray(float(same)))

    def model(problem: tuple, switches: Mapping[str, Any]) -> Iterator[Observation]:
        yield from observe("the result", solution(*problem, **switches))
        yield Observation(SAME, np.asarray(1.0))

    plain = function_check(exercise, cases, solution, facts=facts(solution), behaviours=BEHAVIOURS, **further)
    return dataclasses.replace(plain, drive=drive, model=model)


def standardized(noise: Tensor, kind: str) -> Tensor:
    """The noise, as those change it who do not take it as it is."""
    centered = noise - noise.mean()
    return {
        "as given": noise,
        "standardized": centered / noise.std(),
        "standardized without correction": centered / noise.std(correction=0),
        "centered": centered,
        "divided": noise / noise.std(),
        "cut": noise.clamp(-2, 2),
    }[kind]
