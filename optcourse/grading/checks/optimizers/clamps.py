"""Bounds that nobody asked for: the answer is probed until the bound is known, then held against every case."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from optcourse.grading.checks.optimizers.problems import probe
from optcourse.grading.checks.optimizers.rules import Update, train
from optcourse.grading.definitions import RESULT, Ask, Variant

ADVICE = "Look for `clamp`, `clip_grad_norm_`, `clip_grad_value_`, `minimum`, `min` or `max` in your code."
_HUGE = 1e4  # the gradient probed with
_KINDS = {
    "gradient": "each element of a gradient is cut to ±{}",
    "gradient norm": "the gradient of each parameter is shortened to a norm of {}",
    "gradient norm of all": "the gradients together are shortened to a norm of {}",
    "update": "each element of an update is cut to ±{}",
    "quotient": "each element of the update is cut to ±{} before lr multiplies it",
    "update without decay": "each element of the update beside the decay is cut to ±{}",
    "parameter": "the parameters are kept in {}",
}


def clamps(update: Update, options: Mapping[str, Any]) -> tuple[Variant, ...]:
    """One variant a kind of bound.

    Args:
        options: hyper-parameters under which one step shows how large a gradient it was made from (large lr and eps).
    """
    return tuple(
        Variant("hidden_clamp", {}, "A bound that the formula does not have.", ADVICE, fit=_fit(kind, update, options))
        for kind in _KINDS
        if (kind != "update without decay" or "weight_decay" in options) and (kind != "quotient" or "eps" in options)
    )


def _fit(kind: str, update: Update, options: Mapping[str, Any]) -> Callable[[Ask], Variant | None]:
    def fit(ask: Ask) -> Variant | None:
        if kind == "parameter":
            lower, upper = _reached(ask, options, _HUGE), _reached(ask, options, -_HUGE)
            if lower is None and upper is None:
                return None
            bound: Any = (-math.inf if lower is None else lower, math.inf if upper is None else upper)
            text = f"[{bound[0]:.4g}, {bound[1]:.4g}]"
        else:
            reached = _reached(ask, options, _HUGE)
            if reached is None:
                return None
            bound = _bound(kind, update, options, reached)
            text = f"{bound:.4g}"
        message = f"Your optimizer bounds what its formula leaves free: {_KINDS[kind].format(text)}."
        return Variant("hidden_clamp", {"clamp": (kind, bound)}, message, ADVICE)

    return fit


def _reached(ask: Ask, options: Mapping[str, Any], gradient: float) -> float | None:
    """Where one step with a huge gradient ends; None when that is where the formula ends."""
    result = ask(probe(options, gradient))
    seen = [item for item in result.observed if item.channel == RESULT]
    return None if result.passed or len(seen) < 2 else float(seen[1].value.flat[0])


def _bound(kind: str, update: Update, options: Mapping[str, Any], reached: float) -> float:
    """The bound under which one step ends where the answer's did, by bisection: looser bounds end lower."""
    problem = probe(options, _HUGE).problem
    model = train(update)
    low, high = -9.0, 9.0  # exponents of ten
    for _ in range(60):
        middle = (low + high) / 2
        ended = list(model(problem, {"clamp": (kind, 10.0**middle)}))[1].value.flat[0]
        low, high = (middle, high) if reached < ended else (low, middle)
    return float(f"{10.0**low:.9g}")
