"""Methods side by side, each with the same number of settings to try."""

from collections.abc import Callable, Sequence
from functools import cache, partial

from optcourse.experiments import record_path
from optcourse.experiments.recorded_runs import load_runs
from optcourse.lab.claims import Claim, at_least, within
from optcourse.lab.data import load
from optcourse.lab.models import mlp
from optcourse.lab.records import Run
from optcourse.lab.sweep import sweep

LEARNING_RATES = [float(f"{10 ** (-4 + i / 2):.3g}") for i in range(10)]
"""From 0.0001 to 3.16, half a power of ten apart; every method is best inside."""

METHODS: dict[str, dict] = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9},
    "adagrad": {},
    "rmsprop": {},
    "adam": {},
    "adamw": {"weight_decay": 0.01},
}

SETTINGS: dict[str, dict] = {
    "mnist1d": {"sizes": (40, 100, 100, 10), "steps": 500},
    "fashion_mnist": {"sizes": (784, 64, 10), "steps": 300},
}

Choice = tuple[str, float]  # a method and its learning rate


@cache
def train_mlp(dataset: str, seed: int, choices: tuple[Choice, ...]) -> tuple[Run, ...]:
    """An MLP trained with each choice of method and learning rate, batches of 100, constant lr.

    Args:
        dataset: "mnist1d" (40-100-100-10, 500 steps) or "fashion_mnist" (784-64-10, 300 steps).
        seed: of the initial values and of the order of the batches.
        choices: methods are keys of `METHODS`.
    """
    setting = SETTINGS[dataset]
    configs = [{"optimizer": name, "lr": lr, "seed": seed, **METHODS[name]} for name, lr in choices]
    model = partial(mlp, setting["sizes"])
    return tuple(sweep(model, load(dataset), configs, steps=setting["steps"], batch_size=100))


def tuning_runs(dataset: str, seed: int, methods: tuple[str, ...] = tuple(METHODS)) -> tuple[Run, ...]:
    """`train_mlp` by each method at each of `LEARNING_RATES`."""
    return train_mlp(dataset, seed, tuple((name, lr) for name in methods for lr in LEARNING_RATES))


def winners(dataset: str, seed: int, methods: Sequence[str]) -> tuple[Choice, ...]:
    """Each method with the rate that was best for it in recorded trainings, so that one seed is soon trained again."""
    runs = [run for run in load_runs(record_path(f"optimizers.tuning_{dataset}")) if run.config["seed"] == seed]
    return tuple((name, _best_run(runs, name).config["lr"]) for name in methods)


def _best_run(runs: Sequence[Run], method: str) -> Run:
    return max((run for run in runs if run.config["optimizer"] == method), key=_accuracy)


def _accuracy(run: Run) -> float:
    return 0.0 if run.diverged else 100 * run.final()


def best(runs: Sequence[Run], method: str) -> float:
    """Best final test accuracy of a method over its settings, in percent; a diverged run counts as 0."""
    return _accuracy(_best_run(runs, method))


def gain(runs: Sequence[Run], method: str, other: str) -> float:
    """Best of a method minus best of another, in points of accuracy."""
    return best(runs, method) - best(runs, other)


ON_MNIST1D = ("sgd", "adam")
ON_FASHION = ("sgd", "momentum", "adam")


def untuned_gap(seed: int) -> float:
    """Adam minus SGD on MNIST-1D, both at the learning rate 0.001."""
    return gain(train_mlp("mnist1d", seed, (("sgd", 0.001), ("adam", 0.001))), "adam", "sgd")


def lead_lost_by_tuning(seed: int) -> float:
    """`untuned_gap` minus the same of each method's best rate."""
    return untuned_gap(seed) - gain(tuning_runs("mnist1d", seed, ON_MNIST1D), "adam", "sgd")


def lead_lost_by_tuning_again(seed: int) -> float:
    """The same from the winning rates alone."""
    return untuned_gap(seed) - gain(train_mlp("mnist1d", seed, winners("mnist1d", seed, ON_MNIST1D)), "adam", "sgd")


def fashion_over_momentum(seed: int) -> float:
    """Best of Adam minus best of momentum on Fashion-MNIST."""
    return gain(tuning_runs("fashion_mnist", seed, ON_FASHION), "adam", "momentum")


def fashion_over_momentum_again(seed: int) -> float:
    """`fashion_over_momentum` from the winning rates alone."""
    return gain(train_mlp("fashion_mnist", seed, winners("fashion_mnist", seed, ON_FASHION)), "adam", "momentum")


def fashion_over_sgd(seed: int) -> float:
    """Best of Adam minus best of SGD on Fashion-MNIST."""
    return gain(tuning_runs("fashion_mnist", seed, ON_FASHION), "adam", "sgd")


def fashion_over_sgd_again(seed: int) -> float:
    """`fashion_over_sgd` from the winning rates alone."""
    return gain(train_mlp("fashion_mnist", seed, winners("fashion_mnist", seed, ON_FASHION)), "adam", "sgd")


SWEEPS: dict[str, Callable[[int], tuple[Run, ...]]] = {
    "tuning_mnist1d": partial(tuning_runs, "mnist1d"),
    "tuning_fashion_mnist": partial(tuning_runs, "fashion_mnist"),
}
"""Trainings that ship as records, for the figures: seed -> runs."""


CLAIMS = (
    Claim(
        "optimizers.untuned_gap",
        "At one learning rate for both, 0.001, Adam leads SGD on MNIST-1D by a wide margin.",
        at_least(20),
        untuned_gap,
        unit="points of accuracy",
        kind="recorded",
        tolerance=8.0,
        data="mnist1d",
    ),
    Claim(
        "optimizers.tuned_gap",
        "Let each try ten learning rates, and at least 20 points of that lead are gone.",
        at_least(20),
        lead_lost_by_tuning,
        recheck=lead_lost_by_tuning_again,
        unit="points of accuracy",
        paper="tuned SGD is level with adaptive methods (Wilson et al. 2017)",
        kind="recorded",
        tolerance=8.0,
        data="mnist1d",
    ),
    Claim(
        "optimizers.momentum_fashion",
        "On Fashion-MNIST, tuned Adam and tuned momentum are less than six points apart.",
        within(-6, 6),
        fashion_over_momentum,
        recheck=fashion_over_momentum_again,
        unit="points of accuracy",
        kind="recorded",
        tolerance=4.0,
        data="fashion_mnist",
    ),
    Claim(
        "optimizers.adam_fashion",
        "On Fashion-MNIST tuned Adam ends above tuned SGD without momentum.",
        at_least(0),
        fashion_over_sgd,
        recheck=fashion_over_sgd_again,
        unit="points of accuracy",
        kind="recorded",
        tolerance=8.0,  # plain SGD is best close to where it breaks: its last accuracy swings by points
        expected="undecided",
        reason="every seed says so, by a lead that changes as much from seed to seed as it is large",
        data="fashion_mnist",
    ),
)
