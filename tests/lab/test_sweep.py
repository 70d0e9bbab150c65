"""Sweeps: the same numbers as one by one, whatever the backend; neighbours that do not feel each other."""

import math
import pickle
import re
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from optcourse.lab import sweep as package
from optcourse.lab.data import Data
from optcourse.lab.models import cnn1d, mlp
from optcourse.lab.records import Run
from optcourse.lab.sweep import grid, process_pool, sweep
from optcourse.lab.sweep import plan as planning
from optcourse.lab.sweep import update as updating
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


@pytest.fixture
def data() -> Data:
    return make_data()


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


# --- where -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make_model", "configs", "how"),
    [
        (TOY, grid(optimizer="sgd", lr=[0.1, 0.2], seed=0), "batched: 1 stack of up to 2 models"),
        (TOY, grid(optimizer="sgd", lr=[0.1], seed=0), "serial: 1 run one by one, no other run is of its kind"),
        (
            partial(mlp, (3, 50, 50, 4)),
            grid(optimizer="sgd", lr=0.1, seed=range(6)),
            "batched: 2 stacks of up to 3 models",
        ),
        (
            partial(mlp, (3, 500, 500, 4)),
            grid(optimizer="sgd", lr=0.1, seed=[0, 1]),
            "threads: 2 runs one by one, a stack of",
        ),
        (
            lambda seed: nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5)),
            grid(optimizer="sgd", lr=0.1, seed=[0, 1]),
            "serial: 2 runs one by one, the model draws random numbers",
        ),
    ],
)
def test_auto_follows_the_rule(data, make_model, configs, how, monkeypatch):
    monkeypatch.setattr(planning, "obstacle", lambda *_: "a test stays in this process")
    runs = sweep(make_model, data, configs, steps=2, batch_size=8)
    assert runs.how.startswith(how)
    assert runs.startup == 0
    assert runs.seconds > 0


def test_convolutions_go_to_threads():
    x = torch.randn(12, 8)
    data = Data("signals", x, torch.arange(12) % 3, x, torch.arange(12) % 3)
    make_model, configs = partial(cnn1d, 8, 3, channels=2), grid(optimizer="sgd", lr=[0.01, 0.02], seed=[0])
    runs = sweep(make_model, data, configs, steps=3, batch_size=4)
    assert runs.how == "threads: 2 runs one by one, stacked convolutions are no quicker"
    stacked = sweep(make_model, data, configs, steps=3, batch_size=4, backend="batched")
    assert_same(runs, one_by_one(make_model, data, configs, steps=3, batch_size=4), rtol=1e-6)
    assert_same(stacked, runs, rtol=1e-4)


class Stubborn(nn.Module):
    """torch.func.vmap cannot run it: the path depends on a value."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, x):
        return self.layer(x) if float(x.sum()) > 0 else self.layer(2 * x)


def test_a_model_that_vmap_cannot_run_goes_one_by_one(data):
    configs = grid(optimizer="sgd", lr=[0.1, 0.2], seed=0)
    assert sweep(Stubborn, data, configs, **ARGUMENTS).how.startswith(
        "serial: 2 runs one by one, torch.func.vmap cannot run it"
    )
    with pytest.raises(ValueError, match=r"backend='batched' cannot take .*vmap cannot run it.*use backend='auto'"):
        sweep(Stubborn, data, configs, backend="batched", **ARGUMENTS)


def test_a_method_that_is_not_elementwise_goes_one_by_one(data, monkeypatch):
    class Layerwise(OPTIMIZERS["sgd"]):
        """Stands for LARS and its like, which look at the norm of each tensor."""

    monkeypatch.setitem(OPTIMIZERS, "layerwise", Layerwise)
    runs = sweep(TOY, data, grid(optimizer="layerwise", lr=[0.1, 0.2], seed=0), **ARGUMENTS)
    assert runs.how == "serial: 2 runs one by one, layerwise looks at more than each number by itself"


class Parcel(Executor):
    """Does at once what it is given, after sending it through pickle, as a cluster would."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def submit(self, function, /, *args, **kwargs):
        parcel = pickle.dumps((function, args, kwargs))
        self.sizes.append(len(parcel))
        function, args, kwargs = pickle.loads(parcel)
        future: Future = Future()
        try:
            future.set_result(pickle.loads(pickle.dumps(function(*args, **kwargs))))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.mark.parametrize("backend", ["auto", "processes"])
def test_any_executor_gives_the_same_runs(data, backend):
    configs = [options | {"seed": seed} for seed in (0, 1) for options in METHODS]
    executor = Parcel()
    runs = sweep(TOY, data, configs, executor=executor, backend=backend, **ARGUMENTS)
    assert executor.sizes
    assert runs.how.startswith({"auto": "batched: 1", "processes": "processes: 28 runs one by one"}[backend])
    assert_same(runs, sweep(TOY, data, configs, backend="serial", **ARGUMENTS), rtol=1e-8)


def test_a_process_pool_gives_the_same_runs(data):
    def make_model(seed):  # cannot be pickled, and need not be: the models are
        return nn.Sequential(*mlp((3, 6, 4), seed=seed), nn.Dropout(0.1))

    configs = grid(optimizer="sgd", lr=[0.1, 0.2], seed=0)
    runs = sweep(make_model, data, configs, workers=2, **ARGUMENTS)
    assert runs.how == "processes: 2 runs one by one, the model draws random numbers"
    assert runs.startup > 0
    assert_same(runs, sweep(make_model, data, configs, backend="serial", **ARGUMENTS), rtol=0)
    with process_pool(1) as pool:
        assert_same(sweep(make_model, data, configs, executor=pool, **ARGUMENTS), runs, rtol=0)


def test_what_cannot_be_sent_is_refused_before_anything_runs(data):
    executor = Parcel()
    with pytest.raises(
        TypeError, match=r"other processes need .* that can be sent to them, but .*lambda.*define them in"
    ):
        sweep(
            TOY,
            data,
            [GOOD],
            loss=lambda outputs, targets: F.cross_entropy(outputs, targets),
            executor=executor,
            **ARGUMENTS,
        )
    assert executor.sizes == []


def test_what_a_notebook_defines_stays_in_its_process(data, monkeypatch):
    import sys
    from types import ModuleType

    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))  # as in a notebook: without a file
    typed_in = type("TypedIn", (nn.Linear,), {"__module__": "__main__"})
    make_model = lambda seed: nn.Sequential(typed_in(3, 4), nn.Dropout(0.5))
    configs = grid(optimizer="sgd", lr=[0.1, 0.2], seed=0)
    assert sweep(make_model, data, configs, **ARGUMENTS).how.startswith("serial")
    with pytest.raises(TypeError, match="but the model is defined in the notebook"):
        sweep(make_model, data, configs, executor=Parcel(), **ARGUMENTS)


def test_random_layers_are_seeded_and_not_left_to_threads(data):
    make_model = lambda seed: nn.Sequential(mlp((3, 4), seed=seed), nn.Dropout(0.5))
    configs = grid(optimizer="sgd", lr=0.1, seed=[3, 3])
    runs = sweep(make_model, data, configs, backend="serial", **ARGUMENTS)
    assert runs[0].records == runs[1].records
    for where in ({"backend": "threads"}, {"executor": ThreadPoolExecutor(2)}):
        with pytest.raises(ValueError, match="random layers share one generator"):
            sweep(make_model, data, configs, **where, **ARGUMENTS)


def test_threads_and_global_generator_are_as_before(data):
    torch.set_num_threads(2)
    try:
        state = torch.get_rng_state()
        for backend in ("batched", "threads", "serial"):
            sweep(TOY, data, grid(optimizer="sgd", lr=[0.1, 0.2], seed=0), backend=backend, **ARGUMENTS)
            assert torch.get_num_threads() == 2
        assert torch.equal(torch.get_rng_state(), state)
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("backend", ["batched", "threads"])
def test_an_error_says_in_which_run_and_stops_the_others(data, backend):
    steps_done = []

    def loss(outputs, targets):
        steps_done.append(1)
        if len(steps_done) > 30:
            raise ZeroDivisionError("a loss of the user's")
        return F.cross_entropy(outputs, targets)

    with pytest.raises(ZeroDivisionError) as caught:
        sweep(
            TOY,
            data,
            grid(optimizer="sgd", lr=[0.1, 0.2], seed=0),
            loss=loss,
            steps=3000,
            batch_size=8,
            backend=backend,
        )
    assert "'optimizer': 'sgd', 'lr': 0." in "".join(caught.value.__notes__)


@pytest.mark.parametrize("backend", ["batched", "threads", "serial"])
def test_an_interrupt_stops_all_runs_at_once(data, backend, monkeypatch):
    from optcourse.lab.sweep import workers

    def interrupted(meter, done):
        if done > 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(workers.Meter, "update", interrupted)
    layers = [nn.Dropout(0.1)] if backend == "serial" else []
    make_model = lambda seed: nn.Sequential(mlp((3, 4), seed=seed), *layers)
    calls = []

    def loss(outputs, targets):
        calls.append(1)
        return F.cross_entropy(outputs, targets)

    with pytest.raises(KeyboardInterrupt):
        sweep(
            make_model,
            data,
            grid(optimizer="sgd", lr=[0.1] * 20, seed=0),
            loss=loss,
            steps=3000,
            batch_size=8,
            backend=backend,
        )
    assert len(calls) < 3000


def test_data_are_not_mutated(data):
    before = data.x_train.clone()
    sweep(TOY, data, grid(optimizer="adam", lr=[0.1, 0.2], seed=0), **ARGUMENTS)
    assert torch.equal(data.x_train, before)


# --- configurations --------------------------------------------------------------------------------------------------


def test_grid_varies_the_last_axis_fastest():
    configs = grid(optimizer=["a", "b"], lr=torch.tensor([1.0, 2.0]), betas=(0.9, 0.99), seed=range(2))
    assert len(configs) == 8
    assert configs[1] == {"optimizer": "a", "lr": 1.0, "betas": (0.9, 0.99), "seed": 1}
    assert [config["lr"] for config in configs] == [1, 1, 2, 2] * 2
    assert type(configs[0]["lr"]) is float
    with pytest.raises(ValueError, match="at least one value, got none for 'lr'"):
        grid(lr=[], seed=0)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({**GOOD, "lr": math.nan}, ValueError, "lr must be finite and >= 0, got nan"),
        ({**GOOD, "optimizer": "adma"}, ValueError, "unknown optimizer 'adma'; did you mean 'adam'?"),
        ({**GOOD, "momentom": 0.9}, ValueError, "unknown setting (of neither the optimizer nor make_model) 'momentom'"),
        ({**GOOD, "momentum": 0.9}, ValueError, "'momentum'"),
        ({**GOOD, "seed": 1.5}, TypeError, "seed must be an integer at least 0, got 1.5"),
        ({"optimizer": "sgd", "lr": 0.1}, ValueError, "each configuration needs 'seed'"),
        ({"optimizer": "sgd", "seed": 0}, ValueError, "each configuration needs 'lr' or a 'schedule'"),
        ({**GOOD, "schedule": float}, ValueError, "each configuration needs 'lr' or a 'schedule'"),
        ({"optimizer": "sgd", "seed": 0, "schedule": lambda done: math.nan}, ValueError, "lr must be finite and >= 0"),
        ({**GOOD, "optimizer": "sam", "base": "adom"}, ValueError, "unknown optimizer 'adom'; did you mean 'adam'?"),
        ("sgd", TypeError, "each configuration must be a dict, as grid() makes them, got str"),
    ],
)
def test_bad_configurations_are_refused(data, config, error, message):
    with pytest.raises(error, match=re.escape(message)):
        sweep(TOY, data, [GOOD, config], **ARGUMENTS)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"configs": []}, ValueError, "configs must be a list of at least one dict"),
        ({"configs": GOOD}, ValueError, "configs must be a list of at least one dict"),
        ({"backend": "thread"}, ValueError, "unknown backend 'thread'; did you mean 'threads'?"),
        ({"workers": 0}, ValueError, "workers must be at least 1, got 0"),
        ({"record_every": 0}, ValueError, "record_every must be at least 1, got 0"),
        ({"batch_size": 41}, ValueError, "batch_size must be at most the 40 training examples, got 41"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"data": 3}, TypeError, "data must be a Data, got int"),
        ({"make_model": lambda: nn.Linear(3, 4)}, TypeError, "make_model must take the seed by name"),
        ({"make_model": lambda seed: "net"}, TypeError, "make_model must return an nn.Module, got str"),
        ({"make_model": partial(mlp, (4, 4))}, RuntimeError, "shapes"),
        ({"executor": Parcel(), "backend": "serial"}, ValueError, "an executor decides where runs are computed"),
    ],
)
def test_bad_arguments_are_refused(data, change, error, message):
    arguments = {"make_model": TOY, "data": data, "configs": [GOOD], **ARGUMENTS, **change}
    with pytest.raises(error, match=re.escape(message)):
        sweep(**arguments)


def test_the_runs_are_a_list(data):
    runs = sweep(TOY, data, [GOOD], **ARGUMENTS)
    assert isinstance(runs, list)
    assert isinstance(runs, package.Runs)
    assert [run.config for run in runs] == [GOOD]
