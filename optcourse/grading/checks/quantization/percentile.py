"""The range of a percentile observer: where learners go wrong."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.checks.quantization.percentile_mistakes import (
    COUNT_ADVICE,
    FLAT_ADVICE,
    PERCENT_ADVICE,
    VARIANTS,
)
from optcourse.grading.checks.quantization.raising import raises
from optcourse.grading.definitions import RESULT, Behaviour, Case, Result, Tolerance, VariantError
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, array, facts
from optcourse.grading.kinds import function_check
from optcourse.grading.untouched import leaving_alone


def percentile_range(batches: Sequence[Tensor], percent: float, **switches: str) -> tuple[float, float]:
    """(low, high); the switches say which mistake is made at each place."""
    parts = [np.ravel(array(batch)) for batch in batches]
    groups = {"all": [np.concatenate(parts)], "first": parts[:1], "last": parts[-1:]}.get(
        switches.get("pooled", "all"), parts
    )
    ranges = np.array([_range(numbers, percent, switches) for numbers in groups])
    lows, highs = ranges.T
    low, high = (lows.min(), highs.max()) if switches.get("pooled") == "widest" else (lows.mean(), highs.mean())
    if switches.get("ends") == "made symmetric":
        low, high = -max(abs(low), abs(high)), max(abs(low), abs(high))
    widening = switches.get("widening", "both")
    if widening in ("both", "low"):
        low = min(low, 0.0)
    if widening in ("both", "high"):
        high = max(high, 0.0)
    return (high, low) if switches.get("order") == "high first" else (low, high)


def _range(numbers: np.ndarray, percent: float, switches: dict[str, str]) -> tuple[float, float]:
    outside = (100 - percent) / 100
    share = {"half": outside / 2, "whole": outside, "none": 0.0}[switches.get("share", "half")]
    kind = switches.get("of", "numbers")
    if kind == "distinct numbers":
        numbers = np.unique(numbers)
    least, greatest = numbers.min(), numbers.max()
    if kind == "the range":
        return least + share * (greatest - least), greatest - share * (greatest - least)
    if kind == "the ends":
        return least * percent / 100, greatest * percent / 100
    ends = switches.get("ends", "both")
    if ends == "sizes":
        size = _ends(np.sort(abs(numbers)), share, switches)[1]
        return -size, size
    low, high = _ends(np.sort(numbers), share, switches)
    return (low if ends != "upper" else least), (high if ends != "lower" else greatest)


def _ends(numbers: np.ndarray, share: float, switches: dict[str, str]) -> tuple[float, float]:
    """Of sorted numbers, what stands behind this share of them at either end."""
    n = len(numbers)
    places: dict[str, Callable[[], tuple[float, float]]] = {
        "quantile": lambda: ((n - 1) * share, (n - 1) * (1 - share)),
        "hundredth": lambda: ((n - 1) * share / 100, (n - 1) * (1 - share) / 100),
    }
    kind, _, between = switches.get("method", "count").partition(", ")
    if kind in places:
        low, high = (_between(numbers, place, between) for place in places[kind]())
        return low, high
    roundings: dict[str, Callable[[float], int]] = {"down": math.floor, "nearest": round, "up": math.ceil}
    k = roundings[switches.get("count", "down")]((n - 1 if switches.get("total") == "n - 1" else n) * share)
    return _first(numbers, k, switches.get("low", "k")), _last(numbers, k, switches.get("high", "-1-k"))


def _between(numbers: np.ndarray, place: float, kind: str) -> float:
    below, above = numbers[math.floor(place)], numbers[math.ceil(place)]
    return {
        "linear": below + (above - below) * (place % 1),
        "lower": below,
        "higher": above,
        "nearest": numbers[round(place)],
        "midpoint": (below + above) / 2,
    }[kind]


def _first(numbers: np.ndarray, k: int, kind: str) -> float:
    if kind == "kthvalue" and k == 0:
        raise VariantError("RuntimeError")
    return numbers[{"k": k, "k+1": k + 1}.get(kind, k - 1)]


def _last(numbers: np.ndarray, k: int, kind: str) -> float:
    if kind == "n-k" and k == 0:
        raise VariantError("IndexError")
    return numbers[{"-1-k": -1 - k, "-2-k": -2 - k}.get(kind, -k)]


def _left_out(problem: tuple) -> int:
    batches, percent = problem
    return math.floor(sum(batch.numel() for batch in batches) * (100 - percent) / 200)


def _stops_at_none(results: Sequence[Result]) -> str | None:
    """Right wherever k > 0, and an exception wherever k = 0."""
    for result in results:
        none = _left_out(result.case.problem) == 0
        if (result.fault is not None, result.passed) != (none, not none):
            return None
    return "In all other cases your range is right."


EMPTY_SLICE = Behaviour(
    "stops_where_none_is_left_out",
    _stops_at_none,
    "Your code stops where k is 0. `numbers[k:-k]` is empty then, because -0 is 0 and not the end.",
    "`numbers[k : len(numbers) - k]` holds all of them where k is 0.",
)

_OTHER_SIZES = (
    "Sizes of tensors must match",
    "equal size",
    "same number of dimensions",
    "must match exactly",
    "inhomogeneous",
    "more than one value is ambiguous",
)


def _kept_apart(results: Sequence[Result]) -> str | None:
    for result in results:
        deviation = result.deviations.get(RESULT)
        if deviation is not None and deviation.kind == "shape" and deviation.observed is not None:
            shape = np.shape(deviation.observed.value)
            return f'In the case "{result.case.name}", {deviation.observed.place} has the shape {shape}.'
    return None


_APART = "Rows, features or batches are kept apart. One range serves them all: their numbers belong into one row."
NOT_FLATTENED = (
    raises("not_flattened", _OTHER_SIZES, _APART, FLAT_ADVICE),
    Behaviour("not_flattened", _kept_apart, _APART, FLAT_ADVICE, explains_numbers=True),
)


def _far_outside(results: Sequence[Result]) -> str | None:
    for result in results:
        message = "" if result.fault is None else result.fault.message
        # Bounded: the message may come from a stranger's process, and `int` refuses thousands of digits.
        index = re.search(r"index (-?\d{1,9}) is out of bounds .* with size (\d{1,9})", message)
        if "must be in the range [0, 1]" in message or (index and abs(int(index[1])) > 2 * int(index[2])):
            return f'It stops in the case "{result.case.name}".'
    return None


PERCENT_FOR_SHARE = Behaviour(
    "percent_for_share",
    _far_outside,
    "Percent are taken for a share: 90 percent are 0.9 of the numbers.",
    PERCENT_ADVICE,
)


def _values(results: Sequence[Result]) -> str | None:
    for result in results:
        batches = result.case.problem[0]
        shapes = [tuple(batch.shape) for batch in batches]
        parts = [np.shape(seen.value) for seen in result.observed if seen.place.startswith("the result")]
        if parts in (shapes, [(sum(batch.numel() for batch in batches),)]):
            return f'It happened in the case "{result.case.name}".'
    return None


VALUES = Behaviour(
    "values_instead_of_range",
    _values,
    "You return the numbers, clipped or not. An observer only chooses the range; what lies beyond it is clamped when "
    "numbers are quantized.",
    "Return two numbers: `(low, high)`.",
    explains_numbers=True,
)


def cases(seed: int) -> Sequence[Case]:
    """Numbers that lie apart, more above 0 than below, with outliers on both sides; k is never near to another one."""
    numbers = Numbers("quantization.percentile", seed)

    def spread(count: int, below: float = 0.35) -> Tensor:
        """In ascending order."""
        gaps = 0.05 + 0.1 * numbers.uniform(count)
        gaps[1], gaps[-2:] = 2.5, torch.tensor([1.5, 4.0])
        values = gaps.cumsum(0)
        return values - values[round(below * count)] + 0.02

    def cut(values: Tensor, *shapes: tuple[int, ...]) -> list[Tensor]:
        order = numbers.generator.permutation(len(values))
        if len(shapes) > 1:  # the greatest are in the first batch, the least in the last
            late = (order < 4).astype(int) - (order >= len(values) - 4)
            order = order[np.argsort(late, kind="stable")]
        values = values[torch.from_numpy(order)].float()
        parts = values.split([math.prod(shape) for shape in shapes])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def leaving_out(count: int, k: float) -> float:
        """Percent for which k of so many numbers would be left out at each end."""
        return round(100 - 200 * k / count, 1)

    rows, columns = numbers.distinct(2, (5, 7, 8))
    wide = numbers.distinct(1, (5, 7, 8))[0]
    several = (4, wide), (3, wide), (6, wide)
    total = 13 * wide
    other = (7,), (3, 4), (2, 3, 5)
    ends = numbers.between(1.0, 2.0)
    repeats = torch.tensor(numbers.distinct(14, range(2, 16))) % 4 + 1
    repeats[0] = 6  # more than are left out
    tied = spread(14).repeat_interleave(repeats)
    return (
        Case("one batch", (cut(spread(rows * columns), (rows, columns)), leaving_out(rows * columns, 2.3))),
        Case("several batches", (cut(spread(total), *several), leaving_out(total, 3.7))),
        Case("batches of other shapes", (cut(spread(49), *other), leaving_out(49, 8.3))),
        Case("equal numbers", (cut(tied, (len(tied),)), leaving_out(len(tied), 4.6))),
        Case("positive numbers alone", (cut(spread(38, 0.0) + ends, (2, 19)), leaving_out(38, 2.3))),
        Case("negative numbers alone", (cut(-ends - spread(38, 0.0), (19, 2)), leaving_out(38, 6.6))),
        Case("all numbers", (cut(spread(230), (23, 10)), 100)),
        Case("too few to leave one out", (cut(spread(7), (7,)), 90)),
        Case("a whole number left out", (cut(spread(32), (4, 8)), 87.5)),
    )


def _pair(result: Any) -> Any:
    """Two numbers in any form as a list of them."""
    parts = list(result) if isinstance(result, Tensor) and result.shape[:1] == (2,) else result
    if not isinstance(parts, (list, tuple)):
        return result
    return [part.reshape(()) if isinstance(part, Tensor) and part.numel() == 1 else part for part in parts]


PERCENTILE = leaving_alone(
    function_check(
        "quantization.percentile",
        cases,
        percentile_range,
        variants=VARIANTS,
        behaviours=(NOTHING_RETURNED, VALUES, *NOT_FLATTENED, PERCENT_FOR_SHARE, EMPTY_SLICE),
        facts=facts(percentile_range),
        tolerance=Tolerance(1e-5, 1e-6),
        look_next=COUNT_ADVICE,
        praise="Right: a few outliers no longer widen the steps of all other numbers.",
    ),
    "batches",
    because="Calibration data are looked at by one observer after another.",
    read=_pair,
)
