"""He's normal weights from given noise: where learners go wrong."""

import math
from collections.abc import Sequence

from torch import Tensor

from optcourse.grading.checks.initialization.scaling import scaling_check, standardized
from optcourse.grading.definitions import Case, Variant
from optcourse.grading.drawing import Numbers

STD_ADVICE = "Write the variance first: gain² / fan, where gain² = 2 / (1 + slope²). Its root multiplies the noise."
MODE_ADVICE = '"fan_in" keeps the variance on the way forward, "fan_out" on the way back.'


def he_normal(noise: Tensor, fan_in: int, fan_out: int, mode: str, slope: float, **switches: str) -> Tensor:
    """Normal weights of variance 2 / ((1 + slope²) fan); the switches say which mistake is made at each place."""
    fan = {
        "chosen": fan_in if mode == "fan_in" else fan_out,
        "swapped": fan_out if mode == "fan_in" else fan_in,
        "in": fan_in,
        "out": fan_out,
        "mean": (fan_in + fan_out) / 2,
        "sum": fan_in + fan_out,
        "of the shape": noise.shape[1 if mode == "fan_in" else 0],
    }[switches.get("fan", "chosen")]
    leak = {
        "squared": slope**2,
        "ignored": 0.0,
        "plain": slope,
        "negative": -(slope**2),
        "sum squared": (1 + slope) ** 2 - 1,
    }[switches.get("leak", "squared")]
    of_relu = {"two": 2.0, "one": 1.0, "half": 0.5, "four": 4.0, "six": 6.0}[switches.get("gain", "two")]
    squared_gain = {
        "under the root": of_relu / (1 + leak),
        "multiplied": of_relu * (1 + leak),
        "outside the root": of_relu / (1 + leak) ** 2,
        "beside the fraction": of_relu + leak,
    }[switches.get("leak place", "under the root")]
    std = {
        "of all": lambda: math.sqrt(squared_gain / fan),
        "forgotten": lambda: squared_gain / fan,
        "of fan": lambda: squared_gain / math.sqrt(fan),
        "of gain": lambda: math.sqrt(squared_gain) / fan,
        "fan forgotten": lambda: math.sqrt(squared_gain),
        "inverted": lambda: math.sqrt(fan / squared_gain),
        "fan multiplied": lambda: math.sqrt(squared_gain * fan),
        "fan below the slope": lambda: math.sqrt(of_relu + leak / fan),
    }[switches.get("root", "of all")]()
    return standardized(noise, switches.get("sample", "as given")) * std


VARIANTS = (
    Variant(
        "variance_as_std",
        {"root": "forgotten"},
        "The noise is multiplied by the variance, not by its root.",
        STD_ADVICE,
    ),
    Variant(
        "gain_forgotten",
        {"gain": "one"},
        "The 2 is missing: ReLU sets half of its inputs to 0, so the variance would halve in every layer.",
        STD_ADVICE,
    ),
    Variant("gain_inverted", {"gain": "half"}, "ReLU's gain is turned round: 1/2 instead of 2.", STD_ADVICE),
    Variant("gain_squared", {"gain": "four"}, "The gain enters twice: 4 instead of 2 under the root.", STD_ADVICE),
    Variant(
        "gain_squared",
        {"root": "of fan"},
        "The squared gain stands outside the root: only the fan is under it.",
        STD_ADVICE,
    ),
    Variant(
        "root_of_fan_forgotten",
        {"root": "of gain"},
        "The gain is divided by the fan instead of by its root.",
        STD_ADVICE,
    ),
    Variant("fan_forgotten", {"root": "fan forgotten"}, "No fan is used: only the gain scales the noise.", STD_ADVICE),
    *(
        Variant(
            "fan_multiplied", {"root": kind}, message, "The more inputs are summed, the smaller each weight must be."
        )
        for kind, message in (
            ("inverted", "The fraction is upside down: weights grow with the fan."),
            ("fan multiplied", "The fan multiplies instead of dividing."),
        )
    ),
    Variant("modes_swapped", {"fan": "swapped"}, 'mode "fan_in" uses fan_out, and the other way round.', MODE_ADVICE),
    *(
        Variant("mode_ignored", {"fan": kind}, f"fan_{kind} is used whatever `mode` says.", MODE_ADVICE)
        for kind in ("in", "out")
    ),
    *(
        Variant(
            "xavier_instead_of_he", {"fan": kind}, f"The {kind} of the two fans is used, as Xavier does.", MODE_ADVICE
        )
        for kind in ("mean", "sum")
    ),
    Variant(
        "fans_of_the_shape",
        {"fan": "of the shape"},
        "The fan is read from the shape of the noise. A convolution has a kernel area too: use the arguments.",
        "`fan_in` and `fan_out` are given.",
    ),
    Variant(
        "bound_for_std",
        {"gain": "six"},
        "A root of 3 too much: it makes a bound of a standard deviation, for uniform numbers. The noise is normal.",
        STD_ADVICE,
    ),
    Variant(
        "slope_beside_fraction",
        {"leak place": "beside the fraction"},
        "The squared gain is 2 + slope², as `2 / 1 + slope**2` computes it: parentheses are missing.",
        "`2 / (1 + slope**2)`",
    ),
    Variant(
        "slope_beside_fraction",
        {"root": "fan below the slope"},
        "`2 / 1 + slope**2 / fan` divides slope² alone by the fan, and leaves the 2 as it is: parentheses.",
        "`2 / ((1 + slope**2) * fan)`",
    ),
    Variant(
        "slope_outside_root",
        {"leak place": "outside the root"},
        "1 + slope² stands outside the root; it belongs to the variance.",
        STD_ADVICE,
    ),
    Variant("slope_ignored", {"leak": "ignored"}, "`slope` has no effect: the gain is that of ReLU.", STD_ADVICE),
    Variant("slope_not_squared", {"leak": "plain"}, "1 + slope stands where 1 + slope² belongs.", STD_ADVICE),
    Variant(
        "slope_not_squared",
        {"leak": "sum squared"},
        "(1 + slope)² stands where 1 + slope² belongs.",
        STD_ADVICE,
    ),
    Variant("slope_sign", {"leak": "negative"}, "1 - slope² stands where 1 + slope² belongs.", STD_ADVICE),
    Variant(
        "slope_multiplied",
        {"leak place": "multiplied"},
        "1 + slope² multiplies the variance. A leak lets more through, so the weights must be smaller.",
        STD_ADVICE,
    ),
    *(
        Variant("noise_standardized", {"sample": kind}, message, "Multiply the noise as it is by one number.")
        for kind, message in (
            ("standardized", "The noise is given mean 0 and standard deviation 1 first; it has them in expectation."),
            ("standardized without correction", "The noise is given mean 0 and variance 1 first; leave it as it is."),
            ("centered", "The mean of the noise is subtracted first; leave it as it is."),
            ("divided", "The noise is divided by its own standard deviation first; leave it as it is."),
        )
    ),
    Variant(
        "noise_cut",
        {"sample": "cut"},
        "The noise is cut to [-2, 2]: that makes its variance smaller than 1.",
        "Multiply the noise as it is by one number.",
    ),
)


def _cases(seed: int) -> Sequence[Case]:
    numbers = Numbers("initialization.he_normal", seed)
    few, many = sorted(numbers.distinct(2, (3, 6, 10, 15)))
    slope, steep = numbers.between(0.2, 0.45), numbers.between(0.6, 0.9)

    def noise(*shape: int) -> Tensor:
        values = numbers.normal(*shape)
        values.view(-1)[:2] = values.new_tensor([2.6, 3.1])  # so that its mean, its size and a cut can be seen
        return values

    return (
        Case("ReLU, mode fan_in", (noise(many, few), few, many, "fan_in", 0.0)),
        Case("ReLU, mode fan_out", (noise(few, many), many, few, "fan_out", 0.0)),
        Case(f"leaky ReLU of slope {slope:g}, mode fan_in", (noise(few, many), many, few, "fan_in", slope)),
        Case(f"leaky ReLU of slope {steep:g}, mode fan_out", (noise(many, few), few, many, "fan_out", steep)),
        Case("a convolution", (noise(4, 3, 2, 2), 12, 16, "fan_in", slope)),
        Case("a second convolution of the same sizes", (noise(4, 3, 2, 2), 12, 16, "fan_in", slope)),
    )


HE = scaling_check(
    "initialization.he_normal",
    _cases,
    he_normal,
    variants=VARIANTS,
    look_next=STD_ADVICE,
    praise="Right: your weights keep the variance, forward or backward, for any slope.",
)
