"""Fresh numbers for the cases, and what holds for certain of a wrong result whose mistake is not listed."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.definitions import RESULT, Behaviour, Deviation, Result, observe


def _nothing(results: Sequence[Result]) -> str | None:
    for result in results:
        if result.observed and result.observed[0].value is None:
            return f'It happened in the case "{result.case.name}".'
    return None


NOTHING_RETURNED = Behaviour(
    "nothing_returned",
    _nothing,
    "Your function returned nothing (None).",
    "Does every way through it end in a `return`? Is each `if` true where you mean it to be?",
    explains_numbers=True,
)


class Numbers:
    """Numbers of one exercise and one seed."""

    def __init__(self, exercise: str, seed: int) -> None:
        self.generator = np.random.default_rng([seed, zlib.crc32(exercise.encode())])

    def normal(self, *shape: int) -> Tensor:
        """Standard normal, float64."""
        return torch.from_numpy(self.generator.standard_normal(shape))

    def uniform(self, *shape: int) -> Tensor:
        """Uniform in [0, 1), float64."""
        return torch.from_numpy(self.generator.uniform(size=shape))

    def between(self, low: float, high: float) -> float:
        """One number, rounded so that a card shows it whole."""
        return round(float(self.generator.uniform(low, high)), 2)

    def distinct(self, count: int, choices: Sequence[int]) -> tuple[int, ...]:
        """Whole numbers, no two of them equal."""
        return tuple(int(number) for number in self.generator.choice(choices, count, replace=False))


def facts(solution: Callable[..., Any]) -> Callable[[Sequence[Result]], Sequence[str]]:
    """Facts of a function's first wrong result: how many numbers are right, and the factor between yours and expected.

    Args:
        solution: as for `kinds.function_check`.
    """

    def describe(results: Sequence[Result]) -> Sequence[str]:
        result = next((result for result in results if RESULT in result.deviations), None)
        if result is None:
            return ()
        deviation = result.deviations[RESULT]
        if deviation.kind != "value" or _counts(deviation.observed):
            return (_of_another_kind(deviation),)
        expected = observe("the result", solution(*result.case.problem))
        pairs = [
            (yours.value, right.value)
            for yours, right in zip(result.observed, expected, strict=False)
            if not _counts(right) and _are_numbers(yours.value, right.value)
        ]
        yours, right = (np.concatenate([np.ravel(pair[side]) for pair in pairs]) for side in (0, 1))
        return tuple(_compared(yours, right))

    return describe


def _counts(observation: Any) -> bool:
    """Whether it holds a number of entries, or their keys, rather than a part of the answer."""
    return observation is not None and observation.place.startswith(("length of", "keys of"))


def _are_numbers(yours: Any, right: Any) -> bool:
    arrays = isinstance(yours, np.ndarray) and isinstance(right, np.ndarray)
    return arrays and yours.shape == right.shape


def _of_another_kind(deviation: Deviation) -> str:
    if deviation.kind == "shape":
        return "What you returned has another shape than what was asked for."
    return f"What you returned is {described(deviation.observed)}; asked for is {described(deviation.expected)}."


def described(observation: Any) -> str:
    """What kind of thing was returned, as a learner reads it."""
    value = None if observation is None else observation.value
    if _counts(observation):
        return f"a list or tuple of {value:g}" if isinstance(value, np.ndarray) else "a dict"
    if isinstance(value, np.ndarray):
        return f"a tensor of shape {value.shape}" if value.shape else "a number"
    return "nothing" if value is None else f"a {type(value).__name__}"


def _compared(yours: np.ndarray, expected: np.ndarray) -> Sequence[str]:
    if not np.isfinite(yours).all():
        what = "NaN" if np.isnan(yours).any() else "infinite"
        return (f"Your numbers became {what}: look for a division by zero or the root of a negative number.",)
    found = []
    right = np.isclose(yours, expected, rtol=1e-4, atol=1e-5)
    if right.any() and not right.all():
        found.append(f"{int(right.sum())} of {right.size} numbers of this case are right.")
    free = np.abs(expected) > 1e-9
    ratio = yours[free] / expected[free]
    if ratio.size and np.allclose(ratio, 1.0, rtol=2e-3):
        found.append("In this case yours is less than 0.3 % from what is expected.")
    elif ratio.size and np.allclose(ratio, np.median(ratio), rtol=2e-3):
        found.append(f"In this case yours is {float(np.median(ratio)):.4g} times what is expected.")
    elif ratio.size:
        found.append(f"In this case yours is between {ratio.min():.4g} and {ratio.max():.4g} times what is expected.")
    return found


def array(tensor: Tensor) -> np.ndarray:
    """As float64."""
    return tensor.to(torch.float64).numpy()
