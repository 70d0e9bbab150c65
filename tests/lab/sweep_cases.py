"""A small net, its data, and the runs that a sweep is held to."""

from functools import partial

import pytest
import torch

from optcourse.lab.data import Data
from optcourse.lab.models import mlp
from optcourse.lab.records import Run
from optcourse.lab.train import run
from optcourse.optimizers import OPTIMIZERS

TOY = partial(mlp, (3, 8, 6, 4))
GOOD = {"optimizer": "sgd", "lr": 0.1, "seed": 0}
ARGUMENTS = {"steps": 10, "batch_size": 8, "evaluate_every": 5}

# One configuration for each method and for each option that changes what a method keeps or does.
METHODS = [
    {"optimizer": "sgd", "lr": 0.1},
    {"optimizer": "sgd", "lr": 0.1, "weight_decay": 0.1},
    {"optimizer": "momentum", "lr": 0.05, "momentum": 0.9},
    {"optimizer": "nesterov", "lr": 0.05, "momentum": 0.8, "weight_decay": 0.01},
    {"optimizer": "adagrad", "lr": 0.1},
    {"optimizer": "adagrad", "lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3},
    {"optimizer": "rmsprop", "lr": 0.01},
    {"optimizer": "rmsprop", "lr": 0.01, "alpha": 0.9, "momentum": 0.5},
    {"optimizer": "rmsprop", "lr": 0.01, "eps": 1e-3, "centered": True},
    {"optimizer": "adam", "lr": 0.01},
    {"optimizer": "adam", "lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "amsgrad": True},
    {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.3},
    {"optimizer": "sam", "lr": 0.1, "rho": 0.1},
    {"optimizer": "sam", "base": "adam", "lr": 0.01, "rho": 0.02, "betas": (0.8, 0.9)},
]


def make_data(dtype: torch.dtype = torch.float64) -> Data:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, generator=random, dtype=dtype)
    y = (x @ torch.randn(3, 4, generator=random, dtype=dtype)).argmax(1)
    return Data("toy", x, y, x[:13] * 1.1, y[:13])


def one_by_one(make_model, data: Data, configs, **arguments) -> list[Run]:
    """The runs as `run` gives them: what every backend is held to."""
    runs = []
    for config in configs:
        options = {name: value for name, value in config.items() if name not in ("optimizer", "seed", "schedule")}
        if "base" in options:
            options["base"] = OPTIMIZERS[options["base"]]
        model = make_model(seed=config["seed"]).to(data.x_train)
        optimizer = OPTIMIZERS[config["optimizer"]](model.parameters(), **options)
        schedule = config.get("schedule")
        runs.append(run(model, data, optimizer, seed=config["seed"], config=config, schedule=schedule, **arguments))
    return runs


def assert_same(runs: list[Run], others: list[Run], rtol: float) -> None:
    assert [r.config for r in runs] == [r.config for r in others]
    for ours, theirs in zip(runs, others, strict=True):
        assert (ours.data, ours.diverged) == (theirs.data, theirs.diverged)
        assert [r.step for r in ours.records] == [r.step for r in theirs.records]
        for a, b in zip(ours.records, theirs.records, strict=True):
            assert (a.epoch, a.lr, a.values) == (b.epoch, b.lr, b.values)
            assert a.loss == pytest.approx(b.loss, rel=rtol, nan_ok=True)
            assert (a.test_loss is None) == (b.test_loss is None)
            if a.test_loss is not None:
                assert a.test_loss == pytest.approx(b.test_loss, rel=rtol)
                assert a.test_accuracy == b.test_accuracy
