"""The diagnosis exercise: mean squares of outputs and gradients by layer, under four initializers."""

import math
from collections.abc import Callable, Mapping
from itertools import combinations, pairwise

import numpy as np

from optcourse.grading.definitions import Variant
from optcourse.grading.kinds import choice_check
from optcourse.lab.records import Record, Run

WIDTHS = tuple(round(512 / 16 ** (layer / 16)) for layer in range(17))  # each layer narrower than the one before
_EXAMPLES = 256
# The variance that each gives to the weights of a layer.
_VARIANCES: Mapping[str, Callable[[int, int], float]] = {
    "gain_squared": lambda fan_in, fan_out: 4 / fan_in,
    "he_fan_in": lambda fan_in, fan_out: 2 / fan_in,
    "he_fan_out": lambda fan_in, fan_out: 2 / fan_out,
    "xavier": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
}
_DRAWN_BY = {"A": "he_fan_out", "B": "xavier", "C": "gain_squared", "D": "he_fan_in"}

INITIALIZERS = (*_VARIANCES, "std_as_bound", "variance_as_std")


def diagnosis_layers(seed: int = 0) -> list[Run]:
    """One pass forward and one back through a ReLU net of 16 layers, 512 wide at first and 32 at last.

    Args:
        seed: of inputs, weights and the gradient at the last layer, all normal.

    Returns:
        A run for each curve A to D, named in its config, with a record a layer (1 to 16).  Its values are "layer",
        "forward": the mean square of the layer's outputs before ReLU, as a share of that of the first layer; and
        "backward": that of the gradient with respect to those outputs, as a share of that of the last layer.
    """
    return [_run(curve, _VARIANCES[name], seed) for curve, name in _DRAWN_BY.items()]


def _run(curve: str, variance: Callable[[int, int], float], seed: int) -> Run:
    numbers = np.random.default_rng(seed)
    x = numbers.standard_normal((_EXAMPLES, WIDTHS[0]))
    weights, outputs = [], []
    for fan_in, fan_out in pairwise(WIDTHS):
        weights.append(numbers.standard_normal((fan_out, fan_in)) * math.sqrt(variance(fan_in, fan_out)))
        outputs.append(x @ weights[-1].T)
        x = np.maximum(outputs[-1], 0)
    gradients = [numbers.standard_normal(outputs[-1].shape)]
    for weight, before in zip(weights[:0:-1], outputs[-2::-1], strict=True):
        gradients.insert(0, (gradients[0] @ weight) * (before > 0))
    forward, backward = ([float(np.mean(values**2)) for values in side] for side in (outputs, gradients))
    records = tuple(
        Record(
            layer,
            0.0,
            math.nan,
            math.nan,
            values={
                "layer": float(layer),
                "forward": forward[layer - 1] / forward[0],
                "backward": backward[layer - 1] / backward[-1],
            },
        )
        for layer in range(1, len(outputs) + 1)
    )
    return Run({"curve": curve, "seed": seed}, records, f"{_EXAMPLES} normal inputs, generated")


_FACTOR_ADVICE = "By which factor does a layer change the mean square? He's weights double what Xavier's would keep."
_PANEL_ADVICE = (
    "Look at both panels: dividing by fan_in keeps the outputs level, dividing by fan_out the gradients. The layers "
    "get narrower, so fan_in is the larger of the two."
)


def _confusions() -> list[Variant]:
    """Two curves exchanged, and one of those that drew none in the place of a curve."""
    exchanged = [
        Variant(
            f"confuses_{min(first, second)}_with_{max(first, second)}",
            {one: second, other: first},
            f"The curves of `{min(first, second)}` and `{max(first, second)}` are exchanged; the others are right.",
            _PANEL_ADVICE if {first, second} == {"he_fan_in", "he_fan_out"} else _FACTOR_ADVICE,
        )
        for (one, first), (other, second) in combinations(_DRAWN_BY.items(), 2)
    ]
    return [
        *exchanged,
        Variant(
            "takes_xavier_for_std_as_bound",
            {"B": "std_as_bound"},
            "B shrinks to about a half in each layer. A bound in the place of the standard deviation leaves a third of "
            "He's variance: a third in each layer, 15 layers on less than a ten-millionth.",
            _FACTOR_ADVICE,
        ),
        Variant(
            "takes_xavier_for_variance_as_std",
            {"B": "variance_as_std"},
            "B shrinks to about a half in each layer. With the variance in the place of the standard deviation, the "
            "first layer of 512 inputs would leave a 256th.",
            _FACTOR_ADVICE,
        ),
    ]


DIAGNOSIS = choice_check(
    "initialization.diagnosis",
    _DRAWN_BY,
    INITIALIZERS,
    variants=_confusions(),
    look_next="Work out for each name by which factor a layer changes the mean square of outputs, and of gradients.",
    praise="Right: you read four initializers from what they do to outputs and gradients.",
)
