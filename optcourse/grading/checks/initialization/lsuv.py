"""Layer-sequential unit variance: where learners go wrong."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.definitions import CONVENTION, Behaviour, Case, Result, Tolerance, Variant, VariantError
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, array, facts
from optcourse.grading.kinds import function_check
from optcourse.grading.untouched import leaving_alone

SCALE_ADVICE = "Scaling a weight by c scales what it adds to the variance by c²: which c brings a variance v to 1?"
ORDER_ADVICE = (
    "Layer by layer: mend the weight until the outputs have variance 1, then compute the outputs anew, apply ReLU, and "
    "hand the result to the next layer."
)
ROUND_ADVICE = "`for _ in range(max_rounds)` around: outputs, variance, leave the loop when it is right, divide."


def lsuv(
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    batch: Tensor,
    tolerance: float,
    max_rounds: int,
    **switches: str,
) -> list[Tensor]:
    """The rescaled weights; the switches say which mistake is made at each place."""
    x = first = array(batch)
    mended = []
    with np.errstate(all="ignore"):
        for given, given_bias in zip(weights, biases, strict=True):
            weight, bias = array(given), array(given_bias)
            measured_on = first if switches.get("input") == "batch" else x
            if measured_on.shape[1] != weight.shape[1]:
                raise VariantError("RuntimeError")
            weight, bias, measured = _mended(weight, bias, measured_on, tolerance, max_rounds, switches)
            mended.append(torch.from_numpy(weight if switches.get("returned") != "as given" else array(given)))
            last = measured if switches.get("handed on") == "last measured" else None
            x = np.maximum(last, 0) if last is not None else _handed_on(x, weight, bias, array(given), switches)
    return mended


def _handed_on(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, given: np.ndarray, switches: Mapping[str, Any]):
    kind = switches.get("handed on", "after ReLU")
    outputs = x @ (given if kind == "before mending" else weight).T + (
        0 if switches.get("bias") == "forgotten" else bias
    )
    if kind == "bias after ReLU":
        return np.maximum(x @ weight.T, 0) + bias
    return outputs if kind == "without ReLU" else np.maximum(outputs, 0)


_EXPONENTS = {
    "divided by std": -0.5,
    "divided by variance": -1.0,
    "multiplied by std": 0.5,
    "multiplied by variance": 1.0,
    "divided by root of std": -0.25,
}


def _mended(weight, bias, x, tolerance: float, max_rounds: int, switches: Mapping[str, Any]):
    rounds = {"bounded": max_rounds, "one": 1, "one fewer": max_rounds - 1, "one more": max_rounds + 1}
    limit = rounds[switches.get("rounds", "bounded")]
    outputs = variance = None
    for _ in range(limit):
        if variance is None or switches.get("measured") != "once":
            outputs = x @ weight.T + (0 if switches.get("bias") in ("forgotten", "not measured") else bias)
            seen = np.maximum(outputs, 0) if switches.get("measured") == "after ReLU" else outputs
            variance = _variance(seen, switches.get("variance", "of all"))
        if np.all(variance == 0) and switches.get("dead") != "divided":
            break
        wrong = (np.sqrt(variance) if switches.get("compared") == "std" else variance) - 1
        right = np.all((wrong if switches.get("compared") == "without bars" else np.abs(wrong)) <= tolerance)
        if right and switches.get("stops") not in ("never", "late"):
            break
        scale = variance ** _EXPONENTS[switches.get("scale", "divided by std")]
        weight = weight * np.reshape(scale, (-1, 1)) if np.ndim(scale) else weight * scale
        if switches.get("bias") == "scaled":
            bias = bias * np.reshape(scale, -1)
        if right and switches.get("stops") == "late":
            break
    return weight, bias, outputs


def _variance(outputs: np.ndarray, kind: str) -> Any:
    return {
        "of all": lambda: outputs.var(),
        "unbiased": lambda: outputs.var(ddof=1),
        "second moment": lambda: (outputs**2).mean(),
        "of each unit": lambda: outputs.var(axis=0),
        "of each unit, unbiased": lambda: outputs.var(axis=0, ddof=1),
        "mean over units": lambda: outputs.var(axis=0).mean(),
        "mean over units, unbiased": lambda: outputs.var(axis=0, ddof=1).mean(),
        "mean over examples": lambda: outputs.var(axis=1).mean(),
        "mean over examples, unbiased": lambda: outputs.var(axis=1, ddof=1).mean(),
    }[kind]()


VARIANTS = (
    Variant(
        "divides_by_variance",
        {"scale": "divided by variance"},
        "The weight is divided by the variance of the outputs instead of its root: it overshoots, to and fro.",
        SCALE_ADVICE,
    ),
    *(
        Variant(
            "scales_the_wrong_way",
            {"scale": f"multiplied by {by}"},
            f"The weight is multiplied by the {name}.",
            SCALE_ADVICE,
        )
        for by, name in (("std", "standard deviation"), ("variance", "variance"))
    ),
    Variant(
        "root_twice",
        {"scale": "divided by root of std"},
        "The weight is divided by the root of the standard deviation.",
        SCALE_ADVICE,
    ),
    Variant(
        "weights_unchanged",
        {"returned": "as given"},
        "The weights come back as they were. Outputs may be rescaled on the way, but a net keeps its weights alone.",
        "Return the rescaled weights, one a layer.",
    ),
    Variant(
        "activation_forgotten",
        {"handed on": "without ReLU"},
        "The next layer gets the outputs themselves; in the net it gets what ReLU leaves of them.",
        ORDER_ADVICE,
    ),
    Variant(
        "bias_after_activation",
        {"handed on": "bias after ReLU"},
        "The bias is added after ReLU; it belongs to what ReLU is applied to.",
        ORDER_ADVICE,
    ),
    Variant(
        "stale_outputs",
        {"handed on": "before mending"},
        "The next layer is measured on outputs of the weight as it was before it was mended.",
        ORDER_ADVICE,
    ),
    Variant(
        "stale_outputs",
        {"handed on": "last measured"},
        "The next layer gets the outputs that were measured last. Where `max_rounds` ends the rounds, the weight was "
        "divided once more after that.",
        ORDER_ADVICE,
    ),
    Variant(
        "measured_once",
        {"measured": "once"},
        "The outputs are computed once a layer, before its rounds, so that every round divides by the same number.",
        ROUND_ADVICE,
    ),
    Variant(
        "every_layer_sees_the_batch",
        {"input": "batch"},
        "Every layer is measured on the batch itself instead of on what the layers before it make of it.",
        ORDER_ADVICE,
    ),
    Variant(
        "measures_after_activation",
        {"measured": "after ReLU"},
        "The variance is measured after ReLU; asked for is that of the outputs before it.",
        ORDER_ADVICE,
    ),
    Variant(
        "bias_scaled",
        {"bias": "scaled"},
        "The bias is scaled along with the weight. It stays as it is: only weights are returned.",
        ORDER_ADVICE,
    ),
    Variant("bias_forgotten", {"bias": "forgotten"}, "The bias is not added to the outputs.", ORDER_ADVICE),
    Variant(
        "bias_forgotten",
        {"bias": "not measured"},
        "The variance is measured of x @ W.T, without the bias. Asked for is that of the outputs, bias included.",
        ORDER_ADVICE,
    ),
    Variant(
        "one_round",
        {"rounds": "one"},
        "The weight is divided once. With a bias that is not enough: the bias keeps its variance. Measure again.",
        ROUND_ADVICE,
    ),
    *(
        Variant(
            "rounds_off_by_one",
            {"rounds": f"one {which}"},
            f"A layer gets one round {which} than max_rounds.",
            ROUND_ADVICE,
        )
        for which in ("fewer", "more")
    ),
    Variant(
        "tolerance_ignored",
        {"stops": "never"},
        "Every layer gets all max_rounds rounds, also when its variance is right already.",
        ROUND_ADVICE,
    ),
    Variant(
        "tolerance_checked_late",
        {"stops": "late"},
        "The weight is divided first, and only then it is asked whether the variance was right already.",
        ROUND_ADVICE,
    ),
    Variant(
        "tolerance_of_std",
        {"compared": "std"},
        "`tolerance` is compared with the error of the standard deviation; it is meant for that of the variance.",
        ROUND_ADVICE,
    ),
    Variant(
        "small_variance_left",
        {"compared": "without bars"},
        "A layer of small variance is left as it is: it has to grow as one of large variance has to shrink. Without "
        "its bars v - 1 is negative there, and below any tolerance; and only a variance of exactly 0 is hopeless.",
        "`abs(v - 1) <= tolerance`",
    ),
    Variant(
        "divides_by_zero",
        {"dead": "divided"},
        "A layer whose outputs are all equal has variance 0, and its weight is divided by it.",
        "Leave such a layer as it is: no scale can mend it.",
    ),
    Variant(
        "second_moment_for_variance",
        {"variance": "second moment"},
        "The mean of the squares is used; subtract the square of the mean for the variance.",
        "`outputs.var(correction=0)`",
    ),
    *(
        Variant("unit_by_unit", {"variance": kind}, message, "One variance a layer: over all examples and all units.")
        for kind, message in (
            ("of each unit", "Each unit is scaled by its own variance. LSUV has one number a layer."),
            ("of each unit, unbiased", "Each unit is scaled by its own variance. LSUV has one number a layer."),
            ("mean over units", "The variances of the units are averaged: differences between units are left out."),
            (
                "mean over units, unbiased",
                "The variances of the units are averaged: what differs between them is lost.",
            ),
            ("mean over examples", "The variances within each example are averaged; take one over everything."),
            ("mean over examples, unbiased", "The variances within each example are averaged; take one over all."),
        )
    ),
    Variant(
        "unbiased_variance",
        {"variance": "unbiased"},
        "Right with Bessel's correction, which `var` and `std` apply unless told otherwise. Asked for is the plain "
        "mean of the squared distances. The two are nearly equal for a large batch.",
        "`outputs.var(correction=0)`",
        kind=CONVENTION,
    ),
)


def _loops(results: Sequence[Result]) -> str | None:
    last = results[-1]
    if last.fault and last.fault.kind == "timeout" and "no scale mends it" in last.case.tags:
        return "It happened where no scale brings the variance to 1."
    return None


BEHAVIOURS = (
    Behaviour(
        "rounds_unbounded",
        _loops,
        "The loop ends only when the variance is right, and for some layers it never is.",
        ROUND_ADVICE,
        explains_timeout=True,
    ),
    NOTHING_RETURNED,
)


Problem = tuple[list[Tensor], list[Tensor], Tensor, float, int]


def cases(seed: int) -> Sequence[Case]:
    """From one layer without bias to layers that no scale can mend."""
    numbers = Numbers("initialization.lsuv", seed)

    def problem(
        widths: Sequence[int], tolerance: float, rounds: int, *, bias: float = 0.0, scale: float = 1.0
    ) -> Problem:
        sizes = list(pairwise(widths))
        weights = [numbers.normal(out, into) * numbers.between(0.8, 1.6) * scale for into, out in sizes]
        biases = [(numbers.uniform(out) - 0.4) * bias for _, out in sizes]
        return weights, biases, numbers.normal(10, widths[0]) + 0.5, tolerance, rounds

    unmendable = frozenset({"no scale mends it"})
    return (
        Case("one layer", problem((6, 4), 0.01, 5)),
        Case("one layer with a bias", problem((5, 6), 0.4, 8, bias=2.2)),
        Case("three layers", problem((7, 4, 6, 3), 0.2, 6, bias=1.5)),
        Case("three layers and two rounds at most", problem((5, 5, 5, 5), 0.01, 2, bias=1.5)),
        Case("a layer within the tolerance after one that is not", _nearly_right(problem((4, 6, 5), 0.2, 5))),
        Case("a layer with a large bias", _large_bias(problem((5, 3), 0.01, 3)), unmendable),
        Case("a layer whose outputs are all 0", _dead(problem((5, 4, 3), 0.01, 4)), unmendable),
        Case("two layers of small weights", problem((6, 5, 4), 0.05, 6, scale=0.01)),
    )


def _nearly_right(problem: Problem) -> Problem:
    """The same with variances 1.3 of the first layer and, once that one is mended, 1.1 of the second."""
    (first, second), biases, batch, tolerance, rounds = problem
    first = first / (batch @ first.T).std(correction=0)
    after = torch.relu(batch @ first.T)
    second = second / (after @ second.T).std(correction=0)
    return [first * 1.3**0.5, second * 1.1**0.5], biases, batch, tolerance, rounds


def _large_bias(problem: Problem) -> Problem:
    """The same with a bias whose variance alone is above 1."""
    weights, _, batch, tolerance, rounds = problem
    biases = [torch.linspace(-3, 3, len(weight), dtype=torch.float64) for weight in weights]
    return weights, biases, batch, tolerance, rounds


def _dead(problem: Problem) -> Problem:
    """The same with a last layer of weights 0."""
    (first, second), biases, batch, tolerance, rounds = problem
    return [first, torch.zeros_like(second)], biases, batch, tolerance, rounds


LSUV = leaving_alone(
    function_check(
        "initialization.lsuv",
        cases,
        lsuv,
        variants=VARIANTS,
        behaviours=BEHAVIOURS,
        facts=facts(lsuv),
        tolerance=Tolerance(1e-5, 1e-6),
        look_next=ORDER_ADVICE,
        praise="Right: every layer that can be mended has outputs of variance 1, and the loop always ends.",
    ),
    "weights",
    "biases",
    "batch",
    because="Who calls it compares the net before and after, and needs both sets of weights.",
)
