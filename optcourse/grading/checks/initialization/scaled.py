"""Xavier's uniform and He's normal weights from given noise: where learners go wrong."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.candidate import Candidate
from optcourse.grading.checks.initialization.drawing import NOTHING_RETURNED, Numbers, facts
from optcourse.grading.definitions import CONVENTION, Behaviour, Case, Check, Observation, Result, Variant, observe
from optcourse.grading.kinds import function_check

BOUND_ADVICE = (
    "A uniform number on [-b, b] has the variance b²/3. Set it equal to 2 / (fan_in + fan_out), and solve for b."
)
CENTER_ADVICE = "`noise` lies in [0, 1). Which straight line takes 0 to -b and 1 to b?"
STD_ADVICE = "Write the variance first: gain² / fan, where gain² = 2 / (1 + slope²). Its root multiplies the noise."
MODE_ADVICE = '"fan_in" keeps the variance on the way forward, "fan_out" on the way back.'


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
        "mirrored": lambda: (1 - 2 * noise) * bound,
        "standardized": lambda: _standardized(noise, "standardized") * std,
    }[switches.get("range", "both sides")]()


XAVIER_VARIANTS = (
    Variant(
        "std_as_bound",
        {"bound": "one"},
        "The standard deviation is used as the bound: the weights come out too small by a factor sqrt(3).",
        BOUND_ADVICE,
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
    squared_gain = {"two": 2.0, "one": 1.0, "half": 0.5, "four": 4.0}[switches.get("gain", "two")]
    squared_gain *= {
        "under the root": 1 / (1 + leak),
        "multiplied": 1 + leak,
        "outside the root": 1 / (1 + leak) ** 2,
    }[switches.get("leak place", "under the root")]
    std = {
        "of all": lambda: math.sqrt(squared_gain / fan),
        "forgotten": lambda: squared_gain / fan,
        "of fan": lambda: squared_gain / math.sqrt(fan),
        "of gain": lambda: math.sqrt(squared_gain) / fan,
        "fan forgotten": lambda: math.sqrt(squared_gain),
        "inverted": lambda: math.sqrt(fan / squared_gain),
        "fan multiplied": lambda: math.sqrt(squared_gain * fan),
    }[switches.get("root", "of all")]()
    return _standardized(noise, switches.get("sample", "as given")) * std


def _standardized(noise: Tensor, kind: str) -> Tensor:
    centered = noise - noise.mean()
    return {
        "as given": noise,
        "standardized": centered / noise.std(),
        "standardized without correction": centered / noise.std(correction=0),
        "centered": centered,
        "divided": noise / noise.std(),
        "cut": noise.clamp(-2, 2),
    }[kind]


HE_VARIANTS = (
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


def _xavier_cases(seed: int) -> Sequence[Case]:
    numbers = Numbers("initialization.xavier_uniform", seed)
    square, (few, many) = numbers.distinct(1, (4, 5, 6))[0], numbers.distinct(2, (3, 7, 12))
    area = 6
    return (
        Case("a square layer", (numbers.uniform(square, square), square, square)),
        Case("a layer of other width", (numbers.uniform(many, few), few, many)),
        Case("a convolution", (numbers.uniform(4, 3, 2, 3), 3 * area, 4 * area)),
    )


def _he_cases(seed: int) -> Sequence[Case]:
    numbers = Numbers("initialization.he_normal", seed)
    few, many = sorted(numbers.distinct(2, (3, 6, 10, 15)))
    slope, steep = numbers.between(0.2, 0.45), numbers.between(0.6, 0.9)

    def noise(*shape: int) -> Tensor:
        values = numbers.normal(*shape)
        values.view(-1)[:2] = values.new_tensor([2.6, 3.1])  # so that its mean, its size and a cut can be seen
        return values

    return (
        Case('ReLU, mode "fan_in"', (noise(many, few), few, many, "fan_in", 0.0)),
        Case('ReLU, mode "fan_out"', (noise(few, many), many, few, "fan_out", 0.0)),
        Case(f'leaky ReLU of slope {slope:g}, mode "fan_in"', (noise(few, many), many, few, "fan_in", slope)),
        Case(f'leaky ReLU of slope {steep:g}, mode "fan_out"', (noise(many, few), few, many, "fan_out", steep)),
        Case("a convolution", (noise(4, 3, 2, 2), 12, 16, "fan_in", slope)),
    )


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


def _scaling_check(exercise: str, cases: Callable, solution: Callable[..., Tensor], **further: Any) -> Check:
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


XAVIER = _scaling_check(
    "initialization.xavier_uniform",
    _xavier_cases,
    xavier_uniform,
    variants=XAVIER_VARIANTS,
    look_next=BOUND_ADVICE,
    praise="Right: the bound is sqrt(3) standard deviations, and the variance is Xavier's.",
)

HE = _scaling_check(
    "initialization.he_normal",
    _he_cases,
    he_normal,
    variants=HE_VARIANTS,
    look_next=STD_ADVICE,
    praise="Right: your weights keep the variance, forward or backward, for any slope.",
)
