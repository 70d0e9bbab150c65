"""Sweeps: where they run, what becomes of errors and interrupts, and which settings they take."""

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
from optcourse.lab.sweep import grid, process_pool, sweep
from optcourse.lab.sweep import plan as planning
from optcourse.optimizers import OPTIMIZERS
from tests.lab.sweep_cases import ARGUMENTS, GOOD, METHODS, TOY, assert_same, make_data, one_by_one


@pytest.fixture
def data() -> Data:
    return make_data()


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
