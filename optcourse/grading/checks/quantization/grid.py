"""Scale and zero-point of a range: where learners go wrong."""

import math
from collections.abc import Callable, Sequence

from optcourse.grading.definitions import Case, Tolerance, Variant, VariantError
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, facts
from optcourse.grading.kinds import function_check

ADVICE = "Two conditions make the grid: quant_min stands for the least number, quant_max for the greatest."
ZERO_ADVICE = (
    "The integer z must stand for the number 0. Solve (quant_min - z) · scale = low for z, then take the nearest one."
)
STEP_ADVICE = "256 integers have 255 steps between them."


def grid(low: float, high: float, quant_min: int, quant_max: int, **switches: str) -> tuple[float, float]:
    """(scale, zero_point); the switches say which mistake is made at each place."""
    if switches.get("limits") == "always 0 to 255":
        quant_min, quant_max = 0, 255
    swapped = switches.get("order", "scale first")
    if low == high and switches.get("empty") == "before widening":
        return 1.0, quant_min
    widening = switches.get("widening", "both")
    if widening in ("both", "low"):
        low = min(low, 0.0)
    if widening in ("both", "high"):
        high = max(high, 0.0)
    if low == high:
        scale, z = _of_nothing(quant_min, switches.get("empty", "one"))
        return (z, scale) if swapped == "zero-point first" else (scale, z)
    span = {
        "range": high - low,
        "high": high,
        "largest": max(abs(low), abs(high)),
        "symmetric": 2 * max(abs(low), abs(high)),
        "sum": high + low,
    }[switches.get("span", "range")]
    steps = {
        "between": quant_max - quant_min,
        "integers": quant_max - quant_min + 1,
        "quant_max": quant_max,
        "bytes": 255,
    }[switches.get("steps", "between")]
    if span == 0:
        raise VariantError("ZeroDivisionError")
    scale = span / steps
    if switches.get("scale") == "inverted":
        scale = steps / span
    z = _zero_point(low, scale, quant_min, switches)
    if switches.get("clamp") == "yes":
        z = min(max(z, quant_min), quant_max)
    returned = 1 / scale if switches.get("scale") == "reciprocal" else scale
    return (returned, z) if swapped == "scale first" else (z, returned)


def _of_nothing(quant_min: int, kind: str) -> tuple[float, float]:
    if kind == "raises":
        raise VariantError("ZeroDivisionError")
    return {
        "one": (1.0, quant_min),
        "before widening": (1.0, quant_min),
        "zero": (0.0, quant_min),
        "nan": (0.0, math.nan),
        "zero-point 0": (1.0, 0),
    }[kind]


def _zero_point(low: float, scale: float, quant_min: int, switches: dict[str, str]) -> float:
    start = {"quant_min": quant_min, "forgotten": 0, "subtracted": -quant_min}[switches.get("start", "quant_min")]
    z = (
        start
        + {
            "minus": lambda: -low / scale,
            "plus": lambda: low / scale,
            "not divided": lambda: -low,
            "multiplied": lambda: -low * scale,
        }[switches.get("shift", "minus")]()
    )
    roundings: dict[str, Callable[[float], float]] = {
        "nearest": round,
        "down": math.floor,
        "up": math.ceil,
        "cut": int,
        "none": float,
    }
    return roundings[switches.get("rounding", "nearest")](z)


WIDENED_ON_ONE_SIDE = tuple(
    Variant(
        "widened_on_one_side",
        {"widening": side},
        f"Only `{side}` is moved to 0 where the range does not hold it; the other end may lie beyond 0 as well.",
        "A range may be all positive, or all negative.",
    )
    for side in ("low", "high")
)

VARIANTS = (
    Variant(
        "range_not_widened",
        {"widening": "none"},
        "The range is used as it is. Where it lies on one side of 0, the zero-point falls off the integers, and 0 "
        "(padding, the output of ReLU) can no longer be stored.",
        "low = min(low, 0), high = max(high, 0)",
    ),
    Variant(
        "range_not_widened",
        {"widening": "none", "clamp": "yes"},
        "The range is not widened to hold 0. The clamp then moves the zero-point, and with it the whole grid: the "
        "range is no longer the one you wanted.",
        "low = min(low, 0), high = max(high, 0)",
    ),
    *WIDENED_ON_ONE_SIDE,
    Variant(
        "integers_for_steps",
        {"steps": "integers"},
        "The range is divided by the number of integers. Between them there is one step less.",
        STEP_ADVICE,
    ),
    Variant(
        "quant_min_forgotten_in_steps",
        {"steps": "quant_max"},
        "The range is divided by quant_max. That is the number of steps only where quant_min is 0.",
        "From -128 to 127 there are 255 steps.",
    ),
    Variant(
        "always_8_bits",
        {"steps": "bytes"},
        "The range is divided by 255, whatever quant_min and quant_max are.",
        "From -8 to 7 there are 15 steps.",
    ),
    Variant(
        "always_8_bits",
        {"limits": "always 0 to 255"},
        "quant_min and quant_max have no effect: the grid is that of 0 to 255.",
        "The limits are arguments of your function.",
    ),
    Variant(
        "scale_from_maximum",
        {"span": "high"},
        "The scale is made from the greatest number instead of the whole range; what is below 0 will not fit.",
        ADVICE,
    ),
    Variant(
        "scale_from_maximum",
        {"span": "largest"},
        "The scale is made from the largest size instead of the whole range. That is half of a symmetric grid.",
        ADVICE,
    ),
    Variant(
        "symmetric_scale",
        {"span": "symmetric"},
        "The range is made symmetric. That wastes integers; the zero-point is there so that the ends may differ.",
        ADVICE,
    ),
    Variant("ends_added", {"span": "sum"}, "The ends are added; the range is high - low.", ADVICE),
    *(
        Variant(
            "scale_inverted",
            {"scale": kind},
            "The scale is upside down: it is the size of a step in units of x, not steps per unit.",
            "scale = (high - low) / (number of steps)",
        )
        for kind in ("inverted", "reciprocal")
    ),
    Variant(
        "zero_point_sign",
        {"shift": "plus"},
        "The zero-point goes the wrong way: low / scale is added instead of taken off.",
        ZERO_ADVICE,
    ),
    Variant(
        "zero_point_not_divided",
        {"shift": "not divided"},
        "`low` is used as it is in the zero-point. It is a number in units of x; integers count steps of the scale.",
        ZERO_ADVICE,
    ),
    Variant(
        "zero_point_not_divided",
        {"shift": "multiplied"},
        "`low` is multiplied by the scale in the zero-point; dividing by it counts the steps.",
        ZERO_ADVICE,
    ),
    Variant(
        "quant_min_forgotten",
        {"start": "forgotten"},
        "The zero-point is counted from 0. It is counted from quant_min, which is -128 for int8.",
        ZERO_ADVICE,
    ),
    Variant(
        "quant_min_forgotten",
        {"start": "subtracted"},
        "quant_min is taken off the zero-point; it is where counting begins.",
        ZERO_ADVICE,
    ),
    Variant(
        "zero_point_not_rounded",
        {"rounding": "none"},
        "The zero-point is no integer. No stored number would stand for 0 then.",
        "Round it to the nearest integer.",
    ),
    *(
        Variant(
            "zero_point_cut_off",
            {"rounding": kind},
            f"The zero-point is {what} instead of to the nearest integer.",
            "`round`, not `int`, `floor` or `//`.",
        )
        for kind, what in (("down", "rounded down"), ("cut", "cut off toward 0"), ("up", "rounded up"))
    ),
    *(
        Variant(
            "empty_range",
            {"empty": kind},
            f"Where all numbers are 0 the range is empty, and {what}.",
            "An empty range gets scale 1: any would do, and nothing is divided by 0.",
        )
        for kind, what in (
            ("raises", "dividing by the scale raises ZeroDivisionError"),
            ("nan", "the zero-point becomes NaN"),
            ("zero", "a scale of 0 makes every later division fail"),
        )
    ),
    Variant(
        "empty_range",
        {"empty": "zero-point 0"},
        "Where all numbers are 0 your zero-point is 0; asked for is quant_min.",
        "return 1, quant_min",
    ),
    Variant(
        "empty_range",
        {"empty": "before widening"},
        "You look for an empty range before you widen it. Where all numbers are the same, but not 0, the range from 0 "
        "to that number is not empty.",
        "First low = min(low, 0), high = max(high, 0); then compare the two.",
    ),
    *(
        Variant("order_swapped", {"order": order}, "You return the zero-point first.", "(scale, zero_point)")
        for order in ("zero-point first", "zero-point first unless empty")
    ),
)


def cases(seed: int) -> Sequence[Case]:
    """Ranges around 0 and on either side of it, whose exact zero-point lies well between two integers."""
    numbers = Numbers("quantization.grid", seed)

    def around(quant_min: int, quant_max: int, fraction: float) -> tuple[float, float, int, int]:
        """A range whose exact zero-point lies in the middle half of the integers, and this far above one."""
        steps = quant_max - quant_min
        # Not in the middle, where the grid of a symmetric range would be the same.
        offset = numbers.distinct(1, range(steps // 4, 2 * steps // 5))[0] + fraction
        scale = numbers.between(1.2, 4.0) / steps
        return -offset * scale, (steps - offset) * scale, quant_min, quant_max

    near, far = sorted(numbers.distinct(2, range(11, 60)))
    return (
        Case("0 to 255", around(0, 255, 0.3)),
        Case("0 to 255, another range", around(0, 255, 0.7)),
        Case("-128 to 127", around(-128, 127, 0.3)),
        Case("-128 to 127, another range", around(-128, 127, 0.7)),
        Case("4 bits, -8 to 7", around(-8, 7, 0.3)),
        Case("4 bits, 0 to 15", around(0, 15, 0.7)),
        Case("positive numbers alone", (near / 10, far / 10, -128, 127)),
        Case("negative numbers alone", (-far / 10, -near / 10, 0, 255)),
        Case("all numbers are 0", (0.0, 0.0, -128, 127)),
        Case("all numbers are the same", (far / 10, far / 10, -128, 127)),
    )


GRID = function_check(
    "quantization.grid",
    cases,
    grid,
    variants=VARIANTS,
    behaviours=(NOTHING_RETURNED,),
    facts=facts(grid),
    tolerance=Tolerance(1e-6, 1e-9),
    look_next=ADVICE,
    praise="Right: your grid holds 0 exactly, for any range and any integers.",
)
