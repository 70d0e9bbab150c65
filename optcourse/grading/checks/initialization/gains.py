"""The gain of an activation by integration: where learners go wrong."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.definitions import Case, Tolerance, Variant
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, array, facts
from optcourse.grading.kinds import function_check
from optcourse.grading.untouched import leaving_alone

ADVICE = "Write the integral as a sum over the grid of f(z)², times the density of z, times the width of a step."
DENSITY_ADVICE = "The density of a standard normal number is exp(-z²/2) / sqrt(2π). It sums to 1 with the step's width."
FIRST_STEP = 0.005  # of most grids
MOMENT_ADVICE = "The next layer multiplies f(z) by weights of mean 0: only the mean of f(z)² counts there."


def gain(z: Tensor, f: Tensor, **switches: str) -> float:
    """1 / sqrt(E[f(z)²]) from values on a grid; the switches say which mistake is made at each place."""
    nodes, values = array(z), array(f)
    width = nodes[1] - nodes[0]
    kind = switches.get("density", "normal")
    density = _density(values if kind == "of values" else nodes, kind)
    step = {"width": width, "none": 1.0, "mean": 1 / nodes.size, "fixed": FIRST_STEP}[switches.get("step", "width")]

    def mean(of: np.ndarray) -> float:
        return float(np.sum((of * density)[nodes > 0 if switches.get("axis") == "half" else slice(None)]) * step)

    moment = {
        "second": lambda: mean(values**2),
        "centered": lambda: mean(values**2) - mean(values) ** 2,
        "centered by sample": lambda: mean((values - values.mean()) ** 2),
        "first": lambda: mean(values),
        "absolute": lambda: mean(np.abs(values)),
        "square of mean": lambda: mean(values) ** 2,
        "density squared": lambda: mean(values**2 * density),
        "derivative": lambda: mean(np.gradient(values, width) ** 2),
        "differences": lambda: mean(np.append(np.diff(values) / width, 0.0) ** 2),
        "derivative unsquared": lambda: mean(np.gradient(values, width)),
        "of ReLU": lambda: 0.5,
        "with input": lambda: mean((nodes * values) ** 2),
    }[switches.get("moment", "second")]()
    with np.errstate(all="ignore"):
        size = np.float64(moment) if switches.get("root") == "forgotten" else np.sqrt(moment)
        return float(size if switches.get("fraction") == "inverted" else 1 / size)


def _density(nodes: np.ndarray, kind: str) -> np.ndarray:
    bell = np.exp(-(nodes**2) / 2)
    return {
        "normal": bell / math.sqrt(2 * math.pi),
        "of values": bell / math.sqrt(2 * math.pi),
        "none": np.ones_like(nodes),
        "not normalized": bell,
        "root forgotten": bell / (2 * math.pi),
        "two forgotten": bell / math.sqrt(math.pi),
        "too narrow": np.exp(-(nodes**2)) / math.sqrt(2 * math.pi),
        "too narrow, normalized": np.exp(-(nodes**2)) / math.sqrt(math.pi),
        "not squared": np.exp(-np.abs(nodes) / 2) / math.sqrt(2 * math.pi),
    }[kind]


VARIANTS = (
    Variant(
        "root_forgotten",
        {"root": "forgotten"},
        "The root is missing: the gain multiplies a standard deviation, and E[f(z)²] is a variance.",
        "The gain of ReLU is sqrt(2), not 2.",
    ),
    Variant(
        "inverted",
        {"fraction": "inverted"},
        "That is the size of f(z) itself. The gain makes up for it: one divided by it.",
        "An activation that shrinks its input needs a gain above 1.",
    ),
    *(
        Variant("centered_moment", {"moment": kind}, message, MOMENT_ADVICE)
        for kind, message in (
            (
                "centered",
                "That takes the standard deviation of f(z), its mean subtracted. ReLU's outputs have a mean above 0, "
                "and that mean reaches the next layer too: the second moment counts.",
            ),
            ("centered by sample", "The mean of f over the grid is subtracted first; nothing is to be subtracted."),
        )
    ),
    Variant(
        "not_squared",
        {"moment": "first"},
        "That averages f(z) instead of its square.",
        MOMENT_ADVICE,
    ),
    Variant("not_squared", {"moment": "absolute"}, "That averages |f(z)| instead of f(z)².", MOMENT_ADVICE),
    Variant(
        "mean_before_square",
        {"moment": "square of mean"},
        "That is one divided by the mean of f(z), or by the root of its square: the square comes before the mean.",
        MOMENT_ADVICE,
    ),
    *(
        Variant(
            "backward_gain",
            {"moment": kind},
            "That is the backward gain, 1 / sqrt(E[f'(z)²]), from the derivative of f. Asked for is the forward one, "
            "from f itself. For ReLU and leaky ReLU the two are equal.",
            MOMENT_ADVICE,
        )
        for kind in ("derivative", "differences")
    ),
    Variant(
        "backward_gain",
        {"moment": "derivative unsquared"},
        "That averages the derivative of f, or z f(z), which comes to the same; asked for is the mean of f(z)².",
        MOMENT_ADVICE,
    ),
    Variant(
        "gain_of_relu",
        {"moment": "of ReLU"},
        "That is sqrt(2), ReLU's gain, whatever the activation. Work it out from the values in `f`.",
        ADVICE,
    ),
    Variant(
        "input_multiplied",
        {"moment": "with input"},
        "f(z) is multiplied by z before it is squared: z enters through its density alone.",
        ADVICE,
    ),
    Variant(
        "density_forgotten",
        {"density": "none"},
        "Every z counts alike: the density of z is missing, so that rare values far out decide.",
        DENSITY_ADVICE,
    ),
    Variant(
        "density_forgotten",
        {"density": "none", "step": "mean"},
        "That is the plain mean over the grid: every z counts alike. Values of z near 0 are the frequent ones.",
        DENSITY_ADVICE,
    ),
    Variant(
        "density_forgotten",
        {"step": "mean"},
        "The mean over the grid replaces the sum times the step's width.",
        ADVICE,
    ),
    Variant(
        "density_not_normalized",
        {"density": "not normalized"},
        "The density lacks its factor 1/sqrt(2π): it sums to 2.5 instead of 1.",
        DENSITY_ADVICE,
    ),
    *(
        Variant("density_not_normalized", {"density": kind}, f"The density is divided by {by}.", DENSITY_ADVICE)
        for kind, by in (("root forgotten", "2π instead of its root"), ("two forgotten", "sqrt(π) instead of sqrt(2π)"))
    ),
    *(
        Variant("density_too_narrow", {"density": kind}, "The exponent is -z²; it should be -z²/2.", DENSITY_ADVICE)
        for kind in ("too narrow", "too narrow, normalized")
    ),
    Variant("density_wrong_shape", {"density": "not squared"}, "The exponent has |z| instead of z².", DENSITY_ADVICE),
    Variant(
        "density_squared",
        {"moment": "density squared"},
        "The density is squared along with f: only f(z) is squared.",
        DENSITY_ADVICE,
    ),
    Variant(
        "step_forgotten",
        {"step": "none"},
        "The sum is not multiplied by the width of a step, so it grows with the number of points.",
        ADVICE,
    ),
    Variant(
        "step_fixed",
        {"step": "fixed"},
        f"The step's width is taken to be {FIRST_STEP:g}, whatever the grid. Read it from `z`.",
        "`z[1] - z[0]`",
    ),
    Variant(
        "density_of_values",
        {"density": "of values"},
        "The density is that of f(z): z is normal, not f(z).",
        DENSITY_ADVICE,
    ),
    Variant(
        "half_axis",
        {"axis": "half"},
        "Only z > 0 is summed. That is right for ReLU, and not for what answers to negative z too.",
        ADVICE,
    ),
)


def cases(seed: int) -> Sequence[Case]:
    """From ReLU to an activation without a name; no grid like another."""
    numbers = Numbers("initialization.gain", seed)
    slope, shift = numbers.between(0.3, 0.6), numbers.between(0.4, 0.8)
    height, speed, lift = numbers.between(0.6, 1.4), numbers.between(1.2, 1.8), numbers.between(0.3, 0.6)
    functions: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
        ("ReLU", torch.relu),
        (f"leaky ReLU with slope {slope:g}", lambda z: torch.where(z > 0, z, slope * z)),
        (f"tanh(z + {shift:g})", lambda z: torch.tanh(z + shift)),
        ("softplus", torch.nn.functional.softplus),
        (f"{height:g} sin({speed:g} z) + {lift:g}", lambda z: height * torch.sin(speed * z) + lift),
    )
    grids = [torch.linspace(-reach, reach, 400 * reach + 1, dtype=torch.float64) for reach in (8, 9, 10, 8, 9)]
    grids[3] = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    return tuple(Case(name, (z, function(z))) for (name, function), z in zip(functions, grids, strict=True))


GAIN = leaving_alone(
    function_check(
        "initialization.gain",
        cases,
        gain,
        variants=VARIANTS,
        behaviours=(NOTHING_RETURNED,),
        facts=facts(gain),
        tolerance=Tolerance(5e-4, 1e-6),
        look_next=ADVICE,
        praise="Right: your gain keeps the mean square of any activation at 1.",
    ),
    "z",
    "f",
    because="The same grid serves the next activation, and f is still to be drawn over z.",
)
