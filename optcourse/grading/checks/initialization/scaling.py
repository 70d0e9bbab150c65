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
from optcourse.grading.untouched import ARGUMENTS, mutates_arguments

NOISE_IS_NEEDED = "Who compares two initializers gives both the same noise."
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
    mutates_arguments(NOISE_IS_NEEDED),
    NOTHING_RETURNED,
)


def scaling_check(exercise: str, cases: Callable, solution: Callable[..., Tensor], **further: Any) -> Check:
    """A function of noise, asked twice for the same, so that random numbers of its own are seen.

    What becomes of the noise is looked at after the first call.
    """

    def drive(candidate: Candidate, problem: tuple) -> Iterator[Observation]:
        seen = candidate.examine(*problem)
        first, second = seen.result, candidate.call("", *problem)
        yield from observe("the result", first)
        yield from observe("noise", seen.arguments[0], ARGUMENTS)
        if isinstance(first, Tensor) and isinstance(second, Tensor):
            same = first.shape == second.shape and torch.allclose(first, second, equal_nan=True)
            yield Observation(SAME, np.asarray(float(same)))

    def model(problem: tuple, switches: Mapping[str, Any]) -> Iterator[Observation]:
        yield from observe("the result", solution(*problem, **switches))
        yield Observation(SAME, np.asarray(1.0))

    def noise_as_given(problem: tuple) -> Iterator[Observation]:
        yield from observe("noise", problem[0], ARGUMENTS)

    plain = function_check(exercise, cases, solution, facts=facts(solution), behaviours=BEHAVIOURS, **further)
    return dataclasses.replace(plain, drive=drive, model=model, expected=noise_as_given)


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
