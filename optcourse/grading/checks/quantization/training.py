"""One step of quantization-aware training: where learners go wrong."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from optcourse.grading.definitions import CONVENTION, Case, Tolerance, Variant
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, facts
from optcourse.grading.kinds import function_check
from optcourse.grading.untouched import leaving_alone

MASK_ADVICE = (
    "The gradient of the rounded weights goes to `weight` unchanged where nothing was clamped, and is 0 elsewhere."
)
LOSS_ADVICE = "The loss is the mean over all outputs of all examples."
FORWARD_ADVICE = "Forward: w_hat = clamp(round(weight / scale), -quant_max, quant_max) · scale"
STORED_ADVICE = (
    "The update goes to the float weights: small steps add up there until a weight jumps to the next integer."
)


def qat_step(
    weight: Tensor, x: Tensor, target: Tensor, scale: float, quant_max: int, lr: float, **switches: str
) -> Tensor:
    """The new weight; the switches say which mistake is made at each place."""
    steps = weight / scale
    roundings: dict[str, Callable[[Tensor], Tensor]] = {
        "nearest": torch.round,
        "down": torch.floor,
        "cut": torch.trunc,
        "none": lambda t: t,
    }
    q = roundings[switches.get("rounding", "nearest")](steps)
    low = -quant_max - 1 if switches.get("limits") == "two's complement" else -quant_max
    clamped = q if switches.get("limits") == "none" else q.clamp(low, quant_max)
    rounded = clamped * scale
    forward = weight if switches.get("forward") == "float" else rounded
    error = x @ forward.T - target
    examples, outputs = error.shape
    count = {
        "mean": examples * outputs,
        "sum": 1,
        "over examples": examples,
        "over outputs": outputs,
        "halved": 2 * examples * outputs,
        "halved sum": 2,
        "halved over examples": 2 * examples,
    }[switches.get("loss", "mean")]
    gradient = 2 / count * error.T @ x
    inside = {
        "rounded": (q >= low) & (q <= quant_max),
        "everywhere": torch.ones_like(q, dtype=torch.bool),
        "nowhere": torch.zeros_like(q, dtype=torch.bool),
        "outside": (q < low) | (q > quant_max),
        "by the number": (steps >= low) & (steps <= quant_max),
        "open ends": (q > low) & (q < quant_max),
        "one side": q <= quant_max,
    }[switches.get("passes", "rounded")]
    factor = {"one": 1.0, "scale": scale, "reciprocal": 1 / scale}[switches.get("factor", "one")]
    rate = {"lr": lr, "none": 1.0, "up": -lr}[switches.get("rate", "lr")]
    start = {"float": weight, "rounded": rounded}[switches.get("start", "float")]
    return _kept(start - rate * factor * gradient * inside, scale, quant_max, switches.get("end", "float"))


def _kept(new: Tensor, scale: float, quant_max: int, kind: str) -> Tensor:
    if kind == "rounded":
        return (new / scale).round().clamp(-quant_max, quant_max) * scale
    if kind == "clamped":
        return new.clamp(-quant_max * scale, quant_max * scale)
    return new


VARIANTS = (
    Variant(
        "no_gradient_passes",
        {"passes": "nowhere"},
        "The weight did not move: rounding has the gradient 0, and nothing bridges it.",
        "`weight + (w_hat - weight).detach()` has the value of w_hat and the gradient of weight.",
    ),
    Variant(
        "passes_outside",
        {"passes": "everywhere"},
        "The gradient passes where weights were clamped too. Out there no small change is seen, and the gradient may "
        "drive them ever further out.",
        MASK_ADVICE,
    ),
    Variant(
        "passes_outside",
        {"passes": "outside"},
        "The gradient passes where weights were clamped, and there alone: the mask is turned round.",
        MASK_ADVICE,
    ),
    Variant(
        "passes_on_one_side",
        {"passes": "one side"},
        "The gradient is kept from weights above the grid, but not from those below.",
        MASK_ADVICE,
    ),
    Variant(
        "ends_shut",
        {"passes": "open ends"},
        "The gradient is kept from weights that are rounded to the ends themselves. These are inside.",
        "`<=`, not `<`.",
    ),
    Variant(
        "inside_by_the_number",
        {"passes": "by the number"},
        "Right in the form of learned step size quantization (Esser et al. 2020), which looks at weight / scale before "
        "rounding. Here what was clamped after rounding counts; the two are equal unless a weight lies within half a "
        "step beyond an end.",
        MASK_ADVICE,
        kind=CONVENTION,
    ),
    *(
        Variant(
            "gradient_scaled",
            {"factor": kind},
            f"The gradient is {what} on its way through rounding; it passes unchanged.",
            "Dividing by the scale and multiplying with it cancel.",
        )
        for kind, what in (("scale", "multiplied by the scale"), ("reciprocal", "divided by the scale"))
    ),
    Variant(
        "float_weight_lost",
        {"start": "rounded"},
        "The update starts from the rounded weights, so the float ones are lost. Steps smaller than half a step of the "
        "grid then never add up.",
        STORED_ADVICE,
    ),
    Variant(
        "result_rounded",
        {"end": "rounded"},
        "The new weight is rounded to the grid. Steps smaller than half a step of the grid then have no effect at all.",
        STORED_ADVICE,
    ),
    Variant(
        "result_clamped",
        {"end": "clamped"},
        "The new weight is clamped to the grid's ends. Only the forward pass clamps here.",
        STORED_ADVICE,
    ),
    Variant(
        "forward_not_quantized",
        {"forward": "float"},
        "The loss is that of the float weights: the net never feels its rounding.",
        FORWARD_ADVICE,
    ),
    *(
        Variant("floor_for_round", {"rounding": kind}, f"Weights are {what}, not to the nearest one.", FORWARD_ADVICE)
        for kind, what in (("down", "rounded down"), ("cut", "cut off toward 0"))
    ),
    Variant(
        "not_rounded", {"rounding": "none"}, "Weights are clamped but not rounded in the forward pass.", FORWARD_ADVICE
    ),
    Variant(
        "forward_not_clamped",
        {"limits": "none", "passes": "everywhere"},
        "Weights are not clamped in the forward pass, so some are rounded to integers that do not exist.",
        FORWARD_ADVICE,
    ),
    Variant(
        "uses_least_integer",
        {"limits": "two's complement"},
        "The clamp goes down to -quant_max - 1. The exercise's grid is symmetric, from -quant_max to quant_max.",
        FORWARD_ADVICE,
    ),
    *(
        Variant("another_loss", {"loss": kind}, f"The loss is {what}.", LOSS_ADVICE)
        for kind, what in (
            ("sum", "summed; asked for is the mean"),
            ("over examples", "averaged over examples, but summed over outputs"),
            ("over outputs", "averaged over outputs, but summed over examples"),
            ("halved", "half the mean square; the 2 of its derivative is missing"),
            ("halved sum", "half the sum of squares; asked for is the mean"),
            ("halved over examples", "half the sum of squares, averaged over examples"),
        )
    ),
    Variant("step_uphill", {"rate": "up"}, "The step goes up the gradient; descent takes it off.", LOSS_ADVICE),
    Variant("lr_forgotten", {"rate": "none"}, "The gradient is taken off without the learning rate.", LOSS_ADVICE),
)


def cases(seed: int) -> Sequence[Case]:
    """Weights inside the grid, at its ends, within half a step beyond them, and far beyond."""
    numbers = Numbers("quantization.qat_step", seed)

    def problem(integers: list[list[float]], quant_max: int) -> tuple:
        steps = torch.tensor(integers, dtype=torch.float64)
        outputs, inputs = steps.shape
        examples = numbers.distinct(1, (5, 7, 8))[0]
        scale = numbers.between(0.2, 0.35)
        weight = (steps + 0.1 * (numbers.uniform(outputs, inputs) - 0.5)) * scale
        x = numbers.normal(examples, inputs)
        target = 3 * numbers.normal(examples, outputs)
        return weight, x, target, scale, quant_max, numbers.between(0.1, 0.3)

    inside = [[-2.3, 1.7, 0.7, -1.3], [2.3, -0.7, 1.3, 0.3], [0.6, 2.7, -2.7, -0.4]]
    ends = [[-6.7, 7.3, 2.3], [6.7, -7.3, -1.7], [0.7, 7.3, -6.7], [-7.3, 3.3, 6.7]]
    beyond = [[-9.3, 2.7, 0.3], [11.7, -1.3, -8.3]]
    return (
        Case("weights inside the grid", problem(inside, 7)),
        Case("weights beyond its ends", problem(beyond, 7)),
        Case("weights at its ends", problem(ends, 7)),
        Case("a grid of three integers", problem([[-0.3, 1.3, -2.7, 0.7], [1.7, 0.3, -1.3, 2.3]], 1)),
    )


QAT_STEP = leaving_alone(
    function_check(
        "quantization.qat_step",
        cases,
        qat_step,
        variants=VARIANTS,
        behaviours=(NOTHING_RETURNED,),
        facts=facts(qat_step),
        tolerance=Tolerance(1e-5, 1e-7),
        look_next=MASK_ADVICE,
        praise="Right: the net feels its rounding, and its float weights learn to live with it.",
    ),
    "weight",
    "x",
    "target",
    because="Asked for is a new weight; the old one stays, so that the two can be compared.",
)
