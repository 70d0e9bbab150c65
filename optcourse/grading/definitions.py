"""What a check is made of: small declarative objects, filled in by `checks/<slug>.py` and run by `engine`."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from optcourse.grading.candidate import Candidate
from optcourse.grading.limits import Fault

MISCONCEPTION, CONVENTION = "misconception", "convention"
RESULT = "result"  # the channel that models predict; other channels hold what must stay as it was


@dataclass(frozen=True)
class Observation:
    """One thing seen of an answer, or foretold by a model.

    Attributes:
        place: where, as a learner reads it: "step 3, parameter 1".
        value: float64 array, string, bool or None; an array is compared by tolerance, anything else exactly.
        channel: `RESULT`, or a name of its own for what only behaviours judge ("gradients").
    """

    place: str
    value: Any
    channel: str = RESULT


@dataclass(frozen=True)
class Tolerance:
    """Accepts |yours - expected| <= absolute + relative * |expected|; NaN equals NaN and inf equals inf."""

    relative: float = 1e-4
    absolute: float = 1e-5

    def differs(self, yours: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Element by element; shapes are equal."""
        with np.errstate(all="ignore"):
            same = (yours == expected) | (np.isnan(yours) & np.isnan(expected))
            near = np.abs(yours - expected) <= self.absolute + self.relative * np.abs(expected)
            near &= np.isfinite(yours) & np.isfinite(expected)
        return ~(same | near)


@dataclass(frozen=True)
class Case:
    """One rung of the ladder from simple to hard.

    Attributes:
        name: completes "right for ..." and "first number that differs: ...", as in "several steps".
        problem: whatever the check's `drive` and `model` read.
        tags: what this case exercises, for behaviours ("none", "groups").
    """

    name: str
    problem: Any
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Deviation:
    """Where an answer first differs from what was expected.

    Attributes:
        observed, expected: None when one of the two ended before the other.
        element: index into the array; () for a 0-d one or no array.
    """

    observed: Observation | None
    expected: Observation | None
    kind: str  # value, shape, type or missing
    element: tuple[int, ...] = ()


@dataclass(frozen=True)
class Result:
    """What an answer did on one case."""

    case: Case
    observed: tuple[Observation, ...]
    fault: Fault | None
    deviations: Mapping[str, Deviation] = field(default_factory=dict)  # by channel

    @property
    def passed(self) -> bool:
        """No fault and nothing that differs."""
        return self.fault is None and not self.deviations


class VariantError(Exception):
    """Raised by a model where the code of that variant raises an exception too; its text is the type of that one."""


Ask = Callable[[Case], Result]  # runs the answer on one more case


@dataclass(frozen=True)
class Variant:
    """A mistake (or another convention) that can be computed: the model with other switches.

    Attributes:
        id: stable name of the misconception; several variants may share one.
        switches: what the model is told, apart from nothing for the right answer.
        message: what the learner did, and why it is wrong; for a convention in whose form it is right and when the
            two are equal.
        look_next: what to look at next.
        kind: `MISCONCEPTION` or `CONVENTION`.
        fit: for a variant with an unknown number in it (a bound): asks the answer more, and returns the variant with
            switches and message filled in, or None when it cannot be this one.
    """

    id: str
    switches: Mapping[str, Any]
    message: str
    look_next: str = ""
    kind: str = MISCONCEPTION
    fit: Callable[[Ask], "Variant | None"] | None = None


@dataclass(frozen=True)
class Behaviour:
    """A mistake that is seen, not computed: the gradient was mutated, it raised on None.

    Attributes:
        found: evidence in the results as a sentence ("in step 2 ..."), or None.
        fallback: named only when no variant and no other behaviour is.
        explains_numbers: what differs follows from it, whatever the numbers; no variant is looked for.
        explains_timeout: an answer that was out of time is asked for it; others are not looked at then.
    """

    id: str
    found: Callable[[Sequence[Result]], str | None]
    message: str
    look_next: str = ""
    fallback: bool = False
    explains_numbers: bool = False
    explains_timeout: bool = False


@dataclass(frozen=True)
class Check:
    """Everything about one exercise.

    Attributes:
        exercise: id in the catalogue.
        cases: seed -> the ladder, simple to hard.
        drive: asks the candidate and yields what is seen.
        model: what the right answer (no switches) or a variant shows in the `RESULT` channel, lazily.
        expected: further channels, such as the gradients as they were given; None when there are none.
        facts: certain observations about a failed answer, worth saying when its mistake is not listed.
        accepts: reads `Candidate.describe()`; a sentence of complaint when the answer is of another kind, else None.
        reveals: whether a card may show what was expected (of a value or a choice it would be the solution).
        look_next: advice when nothing else is known.
        praise: said on the card of a passed answer.
        implementations: what a learner's test is run against, by name.
    """

    exercise: str
    cases: Callable[[int], Sequence[Case]]
    drive: Callable[[Candidate, Any], Iterator[Observation]]
    model: Callable[[Any, Mapping[str, Any]], Iterator[Observation]]
    variants: Sequence[Variant] = ()
    behaviours: Sequence[Behaviour] = ()
    expected: Callable[[Any], Iterator[Observation]] | None = None
    facts: Callable[[Sequence[Result]], Sequence[str]] = lambda results: ()
    accepts: Callable[[Mapping[str, Any]], str | None] = lambda description: None
    reveals: bool = True
    tolerance: Tolerance = field(default_factory=Tolerance)
    look_next: str = ""
    praise: str = ""
    implementations: Mapping[str, Any] = field(default_factory=dict)


def observe(place: str, value: Any, channel: str = RESULT) -> Iterator[Observation]:
    """Observations of a plain value: numbers and tensors as arrays, lists and dicts entry by entry."""
    if isinstance(value, torch.Tensor):
        yield Observation(place, value.to(torch.float64).numpy() if not value.is_complex() else value.numpy(), channel)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield Observation(place, np.asarray(_as_float(value)), channel)
    elif isinstance(value, (list, tuple)):
        yield Observation(f"length of {place}", np.asarray(float(len(value))), channel)
        for index, item in enumerate(value):
            yield from observe(f"{place}[{index}]", item, channel)
    elif isinstance(value, dict):
        yield Observation(f"keys of {place}", ", ".join(sorted(value)), channel)
        for key in sorted(value):
            yield from observe(f"{place}[{key!r}]", value[key], channel)
    else:
        yield Observation(place, value, channel)


def _as_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def compare(observed: Observation | None, expected: Observation | None, tolerance: Tolerance) -> Deviation | None:
    """How two observations differ, or None."""
    if observed is None or expected is None:
        return Deviation(observed, expected, "missing") if observed is not expected else None
    if observed.place != expected.place:
        return Deviation(observed, expected, "missing")
    yours, right = observed.value, expected.value
    if isinstance(right, np.ndarray) and isinstance(yours, np.ndarray):
        if yours.shape != right.shape:
            return Deviation(observed, expected, "shape")
        wrong = tolerance.differs(yours, right)
        if not wrong.any():
            return None
        element = tuple(int(axis[0]) for axis in np.nonzero(np.atleast_1d(wrong))) if wrong.ndim else ()
        return Deviation(observed, expected, "value", element)
    if type(yours) is not type(right):
        return Deviation(observed, expected, "type")
    return None if yours == right else Deviation(observed, expected, "value")
