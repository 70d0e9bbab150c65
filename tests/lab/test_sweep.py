"""Sweeps: the same numbers as one by one; neighbours that do not feel each other."""

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from optcourse.lab.data import Data
from optcourse.lab.models import mlp
from optcourse.lab.sweep import grid, sweep
from optcourse.lab.sweep import update as updating
from tests.lab.sweep_cases import ARGUMENTS, METHODS, TOY, assert_same, make_data, one_by_one


@pytest.fixture
def data() -> Data:
    return make_data()


# --- equal to one by one ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_a_stack_equals_one_by_one_for_100_steps_in_float64(data, options, monkeypatch):
    configs = [options | {"seed": 0}, options | {"lr": options["lr"] / 3, "seed": 1}, options | {"seed": 1}]
    arguments = {"steps": 100, "batch_size": 8, "evaluate_every": 50}
    alone = one_by_one(TOY, data, configs, **arguments)
    for largest_in_table, how in ((0, "in place"), (10**6, "reference twins")):
        monkeypatch.setattr(updating, "LARGEST_IN_TABLE", largest_in_table)
        runs = sweep(TOY, data, configs, backend="batched", **arguments)
        assert_same(runs, alone, rtol=1e-8)
        assert runs[0].records[-1].test_loss < runs[0].records[0].test_loss, how


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_a_stack_equals_one_by_one_for_5_steps_in_float32(options):
    data = make_data(torch.float32)
    configs = [options | {"seed": 0}, options | {"lr": options["lr"] / 2, "seed": 1}]
    runs = sweep(TOY, data, configs, backend="batched", steps=5, batch_size=8)
    # 1e-4: rounding of 6e-8 through five steps, where Adam divides by gradients that are themselves near rounding
    assert_same(runs, one_by_one(TOY, data, configs, steps=5, batch_size=8), rtol=1e-4)


def test_options_may_differ_within_a_stack(data):
    configs = grid(
        optimizer="adam",
        lr=[0.01, 0.02],
        seed=0,
        betas=[(0.9, 0.99), (0.5, 0.9)],
        weight_decay=[0.0, 0.1],
        eps=[1e-8, 1e-2],
    )
    runs = sweep(TOY, data, configs, **ARGUMENTS)
    assert runs.how == "batched: 1 stack of up to 16 models, of one structure and optimizer each"
    assert_same(runs, one_by_one(TOY, data, configs, **ARGUMENTS), rtol=1e-8)


def test_kinds_that_differ_are_stacked_apart_and_come_back_in_order(data):
    methods = [*METHODS, *({"optimizer": name, "lr": 0.01, "maximize": True} for name in ("sgd", "adam"))]
    configs = [options | {"seed": seed} for seed in (0, 1) for options in methods]
    assert_same(sweep(TOY, data, configs, **ARGUMENTS), one_by_one(TOY, data, configs, **ARGUMENTS), rtol=1e-8)


@pytest.mark.parametrize("backend", ["batched", "threads", "serial"])
def test_schedules_full_batches_and_thinned_records(data, backend):
    configs = [{"optimizer": "sgd", "schedule": lambda done, a=a: a / (done + 1), "seed": 0} for a in (0.1, 0.2)]
    arguments = {"steps": 7, "batch_size": None, "record_every": 3, "evaluate_every": 4}
    runs = sweep(TOY, data, configs, backend=backend, **arguments)
    assert [record.step for record in runs[0].records] == [0, 3, 4, 6, 7]
    assert [record.lr for record in runs[1].records] == pytest.approx([0.2, 0.2 / 3, 0.2 / 4, 0.2 / 6, 0.2 / 7])
    assert_same(runs, one_by_one(TOY, data, configs, **arguments), rtol=1e-8)


class Residual(nn.Module):
    """Not a chain of layers: goes through torch.func.vmap."""

    def __init__(self, seed: int, scale: float = 1.0) -> None:
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.inner, self.last = nn.Linear(3, 3), nn.Linear(3, 4, bias=False)
        self.norm = nn.LayerNorm(3)
        self.scale = scale

    def forward(self, x):
        return self.last(self.norm(x + self.scale * self.inner(x).tanh()))


class Tied(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        self.layer = mlp((3, 3), seed=seed)[1]

    def forward(self, x):
        return F.pad(self.layer(self.layer(x).relu()), (0, 1))


@pytest.mark.parametrize(
    ("make_model", "path"),
    [
        (Residual, "vmap"),
        (Tied, "vmap"),
        (
            lambda seed: nn.Sequential(nn.Sequential(nn.Linear(3, 5), nn.GELU()), nn.Linear(5, 4, bias=False)),
            "products",
        ),
        (lambda seed: nn.Linear(3, 4), "products"),
        (partial(mlp, (3, 5, 4), activation="leaky_relu"), "products"),
    ],
)
def test_other_models_equal_one_by_one(data, make_model, path):
    from optcourse.lab.sweep.stack import is_perceptron

    def seeded(seed):
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            return make_model(seed=seed)

    assert is_perceptron(seeded(0), data.x_train) is (path == "products")
    configs = grid(optimizer="adam", lr=[0.01, 0.02], seed=[0, 1])
    runs = sweep(seeded, data, configs, **ARGUMENTS)
    assert runs.how.startswith("batched")
    assert_same(runs, one_by_one(seeded, data, configs, **ARGUMENTS), rtol=1e-8)


def test_images_are_flattened_and_other_losses_work(data):
    images = Data(
        "images", data.x_train.view(40, 1, 1, 3), data.x_train[:, :2], data.x_test.view(13, 1, 1, 3), data.x_test[:, :2]
    )
    make_model, configs = partial(mlp, (3, 5, 2)), grid(optimizer="sgd", lr=[0.1, 0.2], seed=0)
    runs = sweep(make_model, images, configs, loss=F.mse_loss, backend="batched", **ARGUMENTS)
    assert_same(runs, one_by_one(make_model, images, configs, loss=F.mse_loss, **ARGUMENTS), rtol=1e-8)
    assert runs[0].records[-1].test_accuracy is None


def test_layers_that_see_more_than_one_axis_are_not_flattened(data):
    """A Linear layer works on the last axis; taking the others for features would broadcast in the loss."""
    x, y = data.x_train[:, None], data.x_train[:, None, :2]
    rows = Data("rows", x, y, x[:9], y[:9])
    configs = grid(optimizer="sgd", lr=[0.1, 0.2], seed=0)
    make_model = lambda seed: mlp((3, 2), seed=seed)[1:]
    runs = sweep(make_model, rows, configs, loss=F.mse_loss, backend="batched", **ARGUMENTS)
    assert_same(runs, one_by_one(make_model, rows, configs, loss=F.mse_loss, **ARGUMENTS), rtol=1e-8)


def test_settings_of_the_model_reach_it(data):
    seen = []

    def make_model(seed, width):
        seen.append((seed, width))
        return mlp((3, width, 4), seed=seed)

    runs = sweep(make_model, data, grid(optimizer="sgd", lr=0.1, seed=[0, 1], width=[2, 5]), **ARGUMENTS)
    assert seen == [(0, 2), (0, 5), (1, 2), (1, 5)]
    assert runs.how.startswith("batched: 2 stacks of up to 2 models")
    assert runs[3].config == {"optimizer": "sgd", "lr": 0.1, "seed": 1, "width": 5}


def test_models_that_differ_where_no_parameter_shows_it_are_not_mixed(data):
    configs = grid(optimizer="sgd", lr=[0.1, 0.2], seed=0, scale=[0.5, 2.0])
    runs = sweep(Residual, data, configs, **ARGUMENTS)
    singles = [sweep(Residual, data, [config], backend="serial", **ARGUMENTS)[0] for config in configs]
    assert_same(runs, singles, rtol=1e-8)


def test_a_model_that_ignores_its_seed_still_depends_on_it(data):
    def first_losses() -> list[float]:
        configs = grid(optimizer="sgd", lr=0.1, seed=[0, 1])
        runs = sweep(lambda seed: nn.Linear(3, 4), data, configs, steps=1, batch_size=None)  # one order of the data
        return [run.records[0].loss for run in runs]

    losses = first_losses()
    torch.rand(1)
    assert first_losses() == losses
    assert losses[0] != losses[1]


# --- divergence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("largest_in_table", [0, 10**6], ids=["in place", "reference twins"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "sam"])
def test_a_run_that_diverges_is_flagged_and_changes_no_neighbour(data, optimizer, largest_in_table, monkeypatch):
    monkeypatch.setattr(updating, "LARGEST_IN_TABLE", largest_in_table)
    arguments = {"steps": 40, "batch_size": 8, "evaluate_every": 10, "backend": "batched"}
    calm = grid(optimizer=optimizer, lr=[0.1, 0.1, 0.2], seed=[0])
    wild = [calm[0], calm[1] | {"lr": 1e150}, calm[2]]
    without, with_one = sweep(TOY, data, calm, **arguments), sweep(TOY, data, wild, **arguments)
    assert [r.diverged for r in with_one] == [False, True, False]
    assert with_one[0].records == without[0].records  # to the last bit
    assert with_one[2].records == without[2].records

    lost = with_one[1].records
    assert len(lost) < 41
    assert not math.isfinite(lost[-1].loss)
    assert all(math.isfinite(record.loss) for record in lost[:-1])
    assert math.isnan(with_one[1].final())
    assert_same(with_one, one_by_one(TOY, data, wild, steps=40, batch_size=8, evaluate_every=10), rtol=1e-8)


def test_a_sweep_ends_when_every_run_has_diverged(data):
    runs = sweep(TOY, data, grid(optimizer="sgd", lr=[1e150, 1e160], seed=0), steps=10**6, batch_size=8)
    assert all(r.diverged for r in runs)
