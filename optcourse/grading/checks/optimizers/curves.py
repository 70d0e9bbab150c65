"""The diagnosis exercise: four trainings, each with another bug in its AdamW, and one without."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from optcourse.grading.checks.optimizers.rules import adam
from optcourse.grading.definitions import Variant
from optcourse.grading.kinds import choice_check
from optcourse.lab.records import Record, Run

STEPS, DROP = 400, 250  # updates in all; from DROP on the learning rate is a tenth
_OPTIONS = {"lr": 0.1, "betas": (0.9, 0.998), "eps": 1e-8, "weight_decay": 0.01}
_BUGS: Mapping[str, Mapping[str, Any]] = {
    "no_bias_correction": {"correction": "none"},
    "ignores_groups": {"options": "constructor"},
    "hidden_clamp": {"clamp": ("parameter", (-0.5, 0.5))},
    "decay_not_scaled_by_lr": {"decay": "unscaled"},
}
_DRAWN_BY = {"A": "hidden_clamp", "B": "no_bias_correction", "C": "decay_not_scaled_by_lr", "D": "ignores_groups"}

_WHEN_ADVICE = "Ask of each curve when it first leaves the right one, and what its parameters do then."

BUGS = (*sorted(_BUGS), "sign_flipped", "step_count_off_by_one")


def diagnosis_curves(seed: int = 0) -> list[Run]:
    """Train a linear regression of 20 features five times: curves A to D with a bug each, and "right" without.

    Mini-batches of 4 out of 512 noisy examples; AdamW with lr 0.1, a tenth of it from update 250 on, and
    weight_decay 0.01.  All five see the same batches.

    Args:
        seed: of the data and the order of batches.

    Returns:
        Runs whose config holds their "curve"; each record has the loss on all examples (mean squared error), lr, and
        the value "largest parameter", max |theta|.
    """
    return [_run(label, _BUGS.get(bug, {}), seed) for label, bug in {"right": "", **_DRAWN_BY}.items()]


def _run(label: str, switches: Mapping[str, Any], seed: int) -> Run:
    numbers = np.random.default_rng(seed)
    inputs = numbers.normal(size=(512, 20))
    truth = numbers.choice([-1.0, 1.0], 20) * numbers.uniform(0.5, 2.0, 20)
    targets = inputs @ truth + numbers.normal(size=512)
    theta = np.zeros(20)
    state: dict[str, Any] = {}
    records = []
    for step in range(STEPS + 1):
        lr = _OPTIONS["lr"] * (0.1 if step > DROP else 1.0)  # type: ignore[operator]
        if step:
            options = {**_OPTIONS, "lr": _OPTIONS["lr"] if switches.get("options") else lr}
            batch = numbers.integers(0, 512, 4)
            gradient = inputs[batch].T @ (inputs[batch] @ theta - targets[batch]) * (2 / 4)
            theta = adam(theta, gradient, state, step, options, switches)
            kind, bound = switches.get("clamp", ("", ()))
            theta = np.clip(theta, *bound) if kind else theta
        if step % 5 == 0:
            loss = float(np.mean((inputs @ theta - targets) ** 2))
            values = {"largest parameter": float(np.abs(theta).max())}
            records.append(Record(step, step * 4 / 512, loss, lr, values=values))
    return Run({"curve": label, "seed": seed}, tuple(records), "linear regression, 512 x 20, generated")


def _confusions() -> list[Variant]:
    """Two curves exchanged: what tells one from the other."""
    hints = {
        frozenset({"hidden_clamp", "decay_not_scaled_by_lr"}): "Both stay far above the others. Look at the largest "
        "parameter: one rises to a value and stays exactly there, the other is pulled down.",
        frozenset({"no_bias_correction", "ignores_groups"}): "One is wrong in the first updates, the other from update "
        f"{DROP} on. What happens at each of the two?",
    }
    return [
        Variant(
            f"confuses_{min(first, second)}_with_{max(first, second)}",
            {one: second, other: first},
            f"The curves of `{min(first, second)}` and `{max(first, second)}` are exchanged; the others are right.",
            hints.get(frozenset({first, second}), _WHEN_ADVICE),
        )
        for (one, first), (other, second) in combinations(_DRAWN_BY.items(), 2)
    ]


def _without_a_curve() -> list[Variant]:
    """One of the two that drew none, taken for a curve."""
    never = {
        "sign_flipped": "Moving up the gradient, the loss would grow from the first update on; all four fall at first.",
        "step_count_off_by_one": "With t = 0 the first update divides by 1 - beta^0, which is 0: all is NaN from "
        "there on, and nothing would be drawn.",
    }
    return [
        Variant(f"takes_{bug}_for_a_curve", {curve: bug}, f"`{bug}` drew none of the curves. {why}", _WHEN_ADVICE)
        for bug, why in never.items()
        for curve in _DRAWN_BY
    ]


DIAGNOSIS = choice_check(
    "optimizers.diagnosis",
    _DRAWN_BY,
    BUGS,
    variants=(*_confusions(), *_without_a_curve()),
    look_next=_WHEN_ADVICE,
    praise="Right: you read four bugs from their curves.",
)
