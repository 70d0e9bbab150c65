"""Xavier's uniform weights from given noise: where learners go wrong."""

import math
from collections.abc import Sequence

from torch import Tensor

from optcourse.grading.checks.initialization.scaling import scaling_check, standardized
from optcourse.grading.definitions import CONVENTION, Case, Variant
from optcourse.grading.drawing import Numbers

BOUND_ADVICE = (
    "A uniform number on [-b, b] has the variance b²/3. Set it equal to 2 / (fan_in + fan_out), and solve for b."
)
CENTER_ADVICE = "`noise` lies in [0, 1). Which straight line takes 0 to -b and 1 to b?"


def xavier_uniform(noise: Tensor, fan_in: int, fan_out: int, **switches: str) -> Tensor:
    """Uniform weights of variance 2 / (fan_in + fan_out); the switches say which mistake is made at each place."""
    variance = {
        "sum": 2 / (fan_in + fan_out),
        "in": 1 / fan_in,
        "out": 1 / fan_out,
        "he": 2 / fan_in,
        "two forgotten": 1 / (fan_in + fan_out),
        "product": 2 / (fan_in * fan_out),
        "root of product": 1 / math.sqrt(fan_in * fan_out),
        "harmonic": (1 / fan_in + 1 / fan_out) / 2,
        "of the shape": 2 / (noise.shape[0] + noise.shape[1]),
        "sum outside": 2 / fan_in + fan_out,
        "sum outside the six": 2 / fan_in + fan_out / 3,
    }[switches.get("fans", "sum")]
    std = variance if switches.get("root") == "forgotten" else math.sqrt(variance)
    std *= math.sqrt(2) if switches.get("gain") == "he" else 1
    bound = (
        std
        * {
            "root of three": math.sqrt(3),
            "one": 1,
            "inverted": 1 / math.sqrt(3),
            "three": 3,
            "root of twelve": math.sqrt(12),
            "squared": 3 * std,
        }[switches.get("bound", "root of three")]
    )
    return {
        "both sides": lambda: (2 * noise - 1) * bound,
        "half": lambda: (noise - 0.5) * bound,
        "positive": lambda: noise * bound,
        "shifted up": lambda: 2 * noise * bound,
        "shifted down": lambda: noise * bound - bound,
        "shifted to the right": lambda: 2 * noise * bound - 1,
        "shifted by one": lambda: noise * bound - 1,
        "shifted the wrong way": lambda: 2 * noise * bound + bound,
        "bound at the one": lambda: 2 * noise - bound,
        "mirrored": lambda: (1 - 2 * noise) * bound,
        "standardized": lambda: standardized(noise, "standardized") * std,
    }[switches.get("range", "both sides")]()


VARIANTS = (
    Variant(
        "std_as_bound",
        {"bound": "one"},
        "The standard deviation is used as the bound: the weights come out too small by a factor sqrt(3).",
        BOUND_ADVICE,
    ),
    Variant(
        "noise_taken_for_normal",
        {"bound": "one", "range": "positive"},
        "The noise is multiplied by the standard deviation. That is right for normal noise; this noise is uniform on "
        "[0, 1), so all weights are positive, and too small.",
        CENTER_ADVICE,
    ),
    Variant(
        "root_of_three_inverted",
        {"bound": "inverted"},
        "The standard deviation is divided by sqrt(3) instead of multiplied.",
        BOUND_ADVICE,
    ),
    *(
        Variant("wrong_factor_of_bound", {"bound": kind}, message, BOUND_ADVICE)
        for kind, message in (
            ("three", "The standard deviation is multiplied by 3 instead of its root."),
            ("root of twelve", "sqrt(12) times the standard deviation is the whole width 2b, not the bound b."),
        )
    ),
    Variant(
        "variance_as_std",
        {"root": "forgotten"},
        "A root is missing: 2 / (fan_in + fan_out) is the variance, not the standard deviation.",
        BOUND_ADVICE,
    ),
    Variant(
        "variance_as_std",
        {"bound": "squared"},
        "The root is missing: 6 / (fan_in + fan_out) is the bound squared.",
        BOUND_ADVICE,
    ),
    Variant(
        "one_fan",
        {"fans": "in"},
        "Only fan_in is used: that is LeCun's variance, 1 / fan_in.",
        "Xavier takes the mean of the two fans.",
    ),
    Variant(
        "one_fan", {"fans": "out"}, "Only fan_out is used: variance 1 / fan_out.", "Xavier takes the mean of both fans."
    ),
    Variant(
        "he_instead_of_xavier",
        {"fans": "he"},
        "That is He's variance, 2 / fan_in, made for ReLU.",
        "Xavier takes the mean of the two fans, and no gain.",
    ),
    Variant(
        "he_instead_of_xavier",
        {"gain": "he"},
        "The bound is sqrt(2) times too large, as if it had ReLU's gain. It is not asked for here.",
        "Xavier's variance is 2 / (fan_in + fan_out).",
    ),
    Variant(
        "sum_for_mean",
        {"fans": "two forgotten"},
        "The 2 is missing: the variance is one divided by the mean of the fans, not by their sum.",
        BOUND_ADVICE,
    ),
    *(
        Variant("fans_combined_wrongly", {"fans": kind}, message, "Xavier takes the arithmetic mean of the two fans.")
        for kind, message in (
            ("product", "The fans are multiplied; they should be added."),
            ("root of product", "The fans are combined by their geometric mean, the root of the product."),
            ("harmonic", "That averages 1 / fan_in and 1 / fan_out. Average the fans, then divide."),
        )
    ),
    *(
        Variant(
            "fans_outside_fraction",
            {"fans": kind},
            f"`{top} / fan_in + fan_out` divides by fan_in alone, and adds fan_out after it: parentheses.",
            f"`{top} / (fan_in + fan_out)`",
        )
        for kind, top in (("sum outside", 2), ("sum outside the six", 6))
    ),
    Variant(
        "half_the_range",
        {"range": "half"},
        "The weights span b in all, from -b/2 to b/2. They should span 2b, from -b to b.",
        CENTER_ADVICE,
    ),
    *(
        Variant("not_centered", {"range": kind}, message, CENTER_ADVICE)
        for kind, message in (
            ("positive", "All weights are positive, from 0 to b. Their mean should be 0."),
            ("shifted up", "All weights are positive, from 0 to 2b. Their mean should be 0."),
            ("shifted down", "All weights are negative, from -b to 0. Their mean should be 0."),
            ("shifted to the right", "1 is subtracted after scaling; the bound b belongs there: parentheses."),
            ("shifted by one", "1 is subtracted after scaling; the bound b belongs there."),
            ("shifted the wrong way", "b is added where it should be subtracted: the weights lie between b and 3b."),
            ("bound at the one", "b multiplies the 1 alone, and the noise is only doubled: parentheses."),
        )
    ),
    Variant(
        "fans_of_the_shape",
        {"fans": "of the shape"},
        "The fans are read from the shape of the noise. A convolution has a kernel area too: use the arguments.",
        "`fan_in` and `fan_out` are given.",
    ),
    Variant(
        "noise_standardized",
        {"range": "standardized"},
        "The noise is given mean 0 and standard deviation 1 first; it has its mean and its range in expectation.",
        CENTER_ADVICE,
    ),
    Variant(
        "mirrored",
        {"range": "mirrored"},
        "Right with the range the other way round: noise 0 becomes b. Asked for is that it becomes -b. The two have "
        "equal distributions, and every sign turned.",
        CENTER_ADVICE,
        kind=CONVENTION,
    ),
)


def _cases(seed: int) -> Sequence[Case]:
    numbers = Numbers("initialization.xavier_uniform", seed)
    square, (few, many) = numbers.distinct(1, (4, 5, 6))[0], numbers.distinct(2, (3, 7, 12))
    area = 6
    return (
        Case("a square layer", (numbers.uniform(square, square), square, square)),
        Case("a layer of other width", (numbers.uniform(many, few), few, many)),
        Case("a convolution", (numbers.uniform(4, 3, 2, 3), 3 * area, 4 * area)),
        Case("a second layer of the same sizes", (numbers.uniform(many, few), few, many)),
    )


XAVIER = scaling_check(
    "initialization.xavier_uniform",
    _cases,
    xavier_uniform,
    variants=VARIANTS,
    look_next=BOUND_ADVICE,
    praise="Right: the bound is sqrt(3) standard deviations, and the variance is Xavier's.",
)
