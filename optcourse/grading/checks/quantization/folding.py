"""Batch normalization folded into the layer before it: where learners go wrong."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from optcourse.grading.checks.quantization.raising import BROADCASTING, raises
from optcourse.grading.definitions import RESULT, Behaviour, Case, Result, Variant, VariantError
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, facts
from optcourse.grading.kinds import function_check
from optcourse.grading.untouched import leaving_alone

ADVICE = (
    "Write out what the two do together, (W x + b - mean) · gamma / sqrt(variance + eps) + beta, and collect what "
    "multiplies x, and the rest."
)
ROOT_ADVICE = "factor = gamma / sqrt(variance + eps), one number for each output channel."
BIAS_ADVICE = "b' = (b - mean) · factor + beta"
SEQUENCES = "a convolution of sequences"
BIAS_OF_NONE = "A missing bias counts as 0, and the folded layer has one all the same."


def fold(
    weight: Tensor,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    gamma: Tensor,
    beta: Tensor,
    eps: float,
    **switches: str,
) -> tuple[Tensor, Tensor]:
    """(weight, bias) of the layer that does both; the switches say which mistake is made at each place."""
    spread = {
        "inside": lambda: (variance + eps).sqrt(),
        "forgotten": lambda: variance.sqrt(),
        "outside": lambda: variance.sqrt() + eps,
        "squared": lambda: (variance + eps**2).sqrt(),
        "subtracted": lambda: (variance - eps).sqrt(),
    }[switches.get("epsilon", "inside")]()
    spread = {"root": spread, "forgotten": spread**2, "squared": spread**4}[switches.get("root", "root")]
    factor = {
        "divided": lambda: gamma / spread,
        "gamma forgotten": lambda: 1 / spread,
        "multiplied": lambda: gamma * spread,
        "inverted": lambda: spread / gamma,
        "spread forgotten": lambda: gamma,
    }[switches.get("factor", "divided")]()
    scaled = weight if switches.get("scaling") == "none" else weight * factor.view(-1, *[1] * (weight.dim() - 1))
    return scaled, _bias(bias, mean, spread, factor, beta, switches)


def _bias(
    bias: Tensor | None, mean: Tensor, spread: Tensor, factor: Tensor, beta: Tensor, switches: dict[str, str]
) -> Tensor:
    if bias is None:
        missing = switches.get("missing", "zero")
        if missing == "raises":
            raise VariantError("TypeError")
        if missing == "beta alone":
            return beta
        bias = torch.zeros_like(mean)
    shifts: dict[str, Callable[[], Tensor]] = {
        "folded": lambda: (bias - mean) * factor + beta,
        "kept": lambda: bias,
        "not scaled": lambda: bias - mean * factor + beta,
        "mean not scaled": lambda: bias * factor - mean + beta,
        "neither scaled": lambda: bias - mean + beta,
        "mean forgotten": lambda: bias * factor + beta,
        "mean added": lambda: (bias + mean) * factor + beta,
        "beta forgotten": lambda: (bias - mean) * factor,
        "beta scaled": lambda: (bias - mean + beta) * factor,
        "beta subtracted": lambda: (bias - mean) * factor - beta,
        "beta replaces": lambda: beta - mean * factor,
        "gamma forgotten": lambda: (bias - mean) / spread + beta,
    }
    return shifts[switches.get("shift", "folded")]()


VARIANTS = (
    Variant(
        "eps_forgotten",
        {"epsilon": "forgotten"},
        "eps is missing under the root. A channel that hardly varies then gets a huge factor.",
        ROOT_ADVICE,
    ),
    *(
        Variant("eps_misplaced", {"epsilon": kind}, message, ROOT_ADVICE)
        for kind, message in (
            ("outside", "eps is added to the root; it belongs under it, to the variance."),
            ("squared", "eps enters squared; it is added to the variance as it is."),
            ("subtracted", "eps is taken off the variance; it is added to it."),
        )
    ),
    Variant(
        "variance_for_std",
        {"root": "forgotten"},
        "The factor divides by the variance, not by its root.",
        ROOT_ADVICE,
    ),
    Variant(
        "variance_for_std",
        {"root": "squared"},
        "The variance is squared; it is a squared spread already, and its root is asked for.",
        ROOT_ADVICE,
    ),
    Variant(
        "gamma_forgotten",
        {"factor": "gamma forgotten"},
        "gamma is missing: it multiplies what is normalized.",
        ROOT_ADVICE,
    ),
    Variant(
        "gamma_forgotten",
        {"shift": "gamma forgotten"},
        "gamma multiplies the weight, but not the bias.",
        BIAS_ADVICE,
    ),
    *(
        Variant("factor_inverted", {"factor": kind}, message, ROOT_ADVICE)
        for kind, message in (
            ("multiplied", "The root multiplies; normalization divides by it."),
            ("inverted", "The factor is upside down."),
        )
    ),
    Variant(
        "spread_forgotten",
        {"factor": "spread forgotten"},
        "Nothing is divided by the root of the variance: the factor is gamma alone.",
        ROOT_ADVICE,
    ),
    Variant(
        "weight_not_folded",
        {"scaling": "none"},
        "The weight stays as it was; it is scaled as well as the bias.",
        ADVICE,
    ),
    Variant(
        "bias_not_folded",
        {"shift": "kept"},
        "The bias stays as it was. mean and beta shift every output, and only the bias can.",
        BIAS_ADVICE,
    ),
    Variant(
        "bias_not_scaled",
        {"shift": "not scaled"},
        "The layer's own bias is not scaled. It passes through the normalization like all the rest.",
        BIAS_ADVICE,
    ),
    Variant(
        "bias_not_scaled",
        {"shift": "neither scaled"},
        "Neither bias nor mean is scaled. Both pass through the normalization; only beta comes after it.",
        BIAS_ADVICE,
    ),
    Variant(
        "mean_not_scaled",
        {"shift": "mean not scaled"},
        "The mean is not scaled. It is taken off before the division.",
        BIAS_ADVICE,
    ),
    Variant("mean_forgotten", {"shift": "mean forgotten"}, "The running mean is not taken off.", BIAS_ADVICE),
    Variant(
        "mean_sign", {"shift": "mean added"}, "The running mean is added; normalization takes it off.", BIAS_ADVICE
    ),
    Variant("beta_forgotten", {"shift": "beta forgotten"}, "beta is missing in the bias.", BIAS_ADVICE),
    Variant(
        "beta_scaled",
        {"shift": "beta scaled"},
        "beta is scaled too. It is added at the very end, after the scaling.",
        BIAS_ADVICE,
    ),
    Variant("beta_sign", {"shift": "beta subtracted"}, "beta is taken off; it is added.", BIAS_ADVICE),
    Variant(
        "bias_lost",
        {"shift": "beta replaces"},
        "The layer's own bias is lost: the new one is made from mean and beta alone.",
        BIAS_ADVICE,
    ),
    *(
        Variant(
            "missing_bias",
            {"missing": kind},
            f"Where the layer has no bias (None) {what}.",
            BIAS_OF_NONE,
        )
        for kind, what in (
            ("raises", "your code stops with TypeError"),
            ("beta alone", "the folded one is beta alone; the mean is lost"),
        )
    ),
)


def _no_bias(results: Sequence[Result]) -> str | None:
    for result in results:
        if any(item.place == "the result[1]" and item.value is None for item in result.observed):
            return f'It happened in the case "{result.case.name}".'
    return None


BIAS_STAYS_MISSING = Behaviour(
    "bias_stays_missing",
    _no_bias,
    "You returned no bias where the layer had none. The mean and beta are lost then.",
    BIAS_OF_NONE,
    explains_numbers=True,
)


FACTOR_ALONG_INPUTS = raises(
    "factor_along_inputs",
    BROADCASTING,
    "The factor is multiplied into the last axis of the weight, as broadcasting does it. It has one number for "
    "each output, and outputs are the first axis.",
    "`factor.view(-1, 1)` for a matrix, with more ones for a convolution.",
)


def _one_axis_too_many(results: Sequence[Result]) -> str | None:
    failed = [result for result in results if not result.passed]
    if [result.case.name for result in failed] != [SEQUENCES]:
        return None
    deviation = failed[0].deviations.get(RESULT)
    return "It has one axis too many there." if deviation is not None and deviation.kind == "shape" else None


NUMBER_OF_AXES = Behaviour(
    "number_of_axes_fixed",
    _one_axis_too_many,
    "Your weight is right for a matrix and for a convolution of images, but that of a convolution of sequences has "
    "the shape (out, in, size).",
    "`factor.view(-1, *[1] * (weight.dim() - 1))` fits any number of axes.",
    explains_numbers=True,
)


def cases(seed: int) -> Sequence[Case]:
    """Linear and convolutional layers, with and without bias; eps is large enough to be seen."""
    numbers = Numbers("quantization.fold", seed)

    def layer(*shape: int, bias: bool = True) -> tuple:
        channels = shape[0]
        return (
            numbers.normal(*shape),
            0.5 + numbers.uniform(channels) if bias else None,
            0.4 + numbers.normal(channels),
            0.2 + 2 * numbers.uniform(channels),
            1.3 + numbers.uniform(channels),
            -0.6 + 0.3 * numbers.normal(channels),
            numbers.between(0.05, 0.15),
        )

    outputs, inputs = numbers.distinct(2, (3, 5, 7))
    channels, of_input, height, width = numbers.distinct(4, (2, 3, 4, 5))
    return (
        Case("a linear layer", layer(outputs, inputs)),
        Case("a linear layer of other sizes", layer(inputs, outputs)),
        Case("a convolution of images", layer(channels, of_input, height, width)),
        Case(SEQUENCES, layer(of_input, channels, width)),
        Case("a linear layer without bias", layer(outputs, inputs, bias=False)),
        Case("a convolution without bias", layer(channels, of_input, width, height, bias=False)),
    )


FOLD = leaving_alone(
    function_check(
        "quantization.fold",
        cases,
        fold,
        variants=VARIANTS,
        behaviours=(NOTHING_RETURNED, BIAS_STAYS_MISSING, NUMBER_OF_AXES, FACTOR_ALONG_INPUTS),
        facts=facts(fold),
        look_next=ADVICE,
        praise="Right: one layer does what two did, and there is one less to quantize.",
    ),
    "weight",
    "bias",
    "mean",
    "variance",
    "gamma",
    "beta",
    because="They are the tensors of a net; folded a second time, they would be scaled twice.",
)
