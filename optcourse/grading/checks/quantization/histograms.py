"""The diagnosis exercise: how the integers of one tensor are spread, under four faults of its grid."""

import math
from itertools import combinations

import numpy as np

from optcourse.grading.definitions import Variant
from optcourse.grading.kinds import choice_check
from optcourse.lab.records import Record, Run

NUMBERS = 20_000
BIN = 4  # integers that are counted together
FAULTS = ("calibrated_on_small", "from_4_bits", "outlier", "right", "symmetric", "zero_point_0")
_DRAWN_BY = {"A": "zero_point_0", "B": "outlier", "C": "from_4_bits", "D": "calibrated_on_small"}


def diagnosis_histograms(seed: int = 0) -> list[Run]:
    """The same numbers, normal with mean 1 and standard deviation 1, quantized to uint8 four times.

    Returns:
        A run for each panel A to D, named in its config, with a record for every four neighboring integers. Its
        values are "integer", the first of them, and "share", which share of all numbers got one of the four.
    """
    x = 1 + np.random.default_rng(seed).standard_normal(NUMBERS)
    return [_run(panel, integers(x, fault), seed) for panel, fault in _DRAWN_BY.items()]


def integers(x: np.ndarray, fault: str) -> np.ndarray:
    """What stands for the numbers x in 0 to 255, under one of `FAULTS`."""
    low, high = float(x.min()), float(x.max())
    if fault == "from_4_bits":
        step = (high - low) / 15
        x = low + np.round((x - low) / step) * step
    if fault == "outlier":
        high = 8 * high
    if fault == "calibrated_on_small":
        low, high = 0.25 * low, 0.45 * high
    if fault == "symmetric":
        low = -high
    scale = (high - low) / 255
    zero_point = 0 if fault == "zero_point_0" else round(-low / scale)
    return np.clip(np.round(x / scale) + zero_point, 0, 255)


def _run(panel: str, q: np.ndarray, seed: int) -> Run:
    counts = np.histogram(q, bins=256 // BIN, range=(0, 256))[0] / q.size
    records = tuple(
        Record(index, 0.0, math.nan, math.nan, values={"integer": float(index * BIN), "share": float(share)})
        for index, share in enumerate(counts)
    )
    return Run({"panel": panel, "seed": seed}, records, f"{NUMBERS} normal numbers, generated")


_ENDS_ADVICE = "Look at both ends: a peak at one integer holds all that was clamped to it, and tells from which side."
_GAPS_ADVICE = "Count the integers that are used at all, and ask why the others are not."


def _confusions() -> list[Variant]:
    """Two panels exchanged, and one of those that drew none in the place of a panel."""
    exchanged = [
        Variant(
            f"confuses_{min(first, second)}_with_{max(first, second)}",
            {one: second, other: first},
            f"The panels of `{min(first, second)}` and `{max(first, second)}` are exchanged; the others are right.",
            _ENDS_ADVICE if {first, second} == {"calibrated_on_small", "zero_point_0"} else _GAPS_ADVICE,
        )
        for (one, first), (other, second) in combinations(_DRAWN_BY.items(), 2)
    ]
    return [
        *exchanged,
        Variant(
            "takes_outlier_for_right",
            {"B": "right"},
            "B uses a narrow band of the integers and leaves the rest to a single number far away: its steps are many "
            "times too wide. A right grid would use nearly all of them.",
            _GAPS_ADVICE,
        ),
        Variant(
            "takes_outlier_for_symmetric",
            {"B": "symmetric"},
            "B uses a narrow band of the integers. A symmetric range wastes those that stand for numbers below the "
            "least one, a fifth of them here; most would still be used.",
            _GAPS_ADVICE,
        ),
        Variant(
            "takes_zero_point_0_for_symmetric",
            {"A": "symmetric"},
            "A has a peak at 0: all negative numbers ended there. A symmetric range holds them, and clamps nothing.",
            _ENDS_ADVICE,
        ),
        Variant(
            "takes_clipping_for_right",
            {"D": "right"},
            "D has a peak at each end: what lies beyond the range is clamped there. A right grid holds all numbers.",
            _ENDS_ADVICE,
        ),
    ]


DIAGNOSIS = choice_check(
    "quantization.diagnosis",
    _DRAWN_BY,
    FAULTS,
    variants=_confusions(),
    look_next="Say for each name what it does to the ends, to the gaps, and to the width that is used.",
    praise="Right: you read four broken grids from their integers. Look at such a histogram before you blame the bits.",
)
