"""The training loop: what it yields, what it changes, what it refuses."""

import math
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from optcourse.lab.data import Data
from optcourse.lab.models import mlp
from optcourse.lab.train import batch_indices, due, evaluate, run, train
from optcourse.optimizers import SAM, SGD, Adam

ARGUMENTS = {"steps": 6, "batch_size": 4, "seed": 0}


@pytest.fixture
def data() -> Data:
    """Three classes in the plane, told apart by angle; 10 examples, so that batches of 4 leave a remainder of 2."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(10, 2, generator=random, dtype=torch.float64)
    y = (torch.atan2(x[:, 1], x[:, 0]) // 2.1 + 2).long().clamp(0, 2)
    return Data("angles", x, y, x[:7] * 1.1, y[:7])


@pytest.fixture
def model() -> nn.Sequential:
    return mlp((2, 5, 3), seed=0, dtype=torch.float64)


def regression(outputs: tuple[int, ...] = (1,), targets: tuple[int, ...] = (1,)) -> tuple[Data, nn.Module]:
    x = torch.linspace(-1, 1, 8).unsqueeze(1)
    y = (2 * x[:, 0]).reshape(8, *targets)
    layers = [nn.Linear(1, 1)] if outputs else [nn.Linear(1, 1), nn.Flatten(0)]
    return Data("line", x, y, x, y), nn.Sequential(*layers)


def test_training_is_the_loop_one_would_write_by_hand(data, model):
    by_hand = mlp((2, 5, 3), seed=0, dtype=torch.float64)
    records = list(train(model, data, SGD(model.parameters(), lr=0.1), steps=5, batch_size=4, seed=3))

    random = torch.Generator().manual_seed(3)
    epochs = [torch.randperm(10, generator=random) for _ in range(3)]
    batches = [
        order[start : start + 4] for order in epochs for start in (0, 4)
    ]  # the last 2 of each epoch are left out
    losses = []
    for index in batches[:5]:
        value = F.cross_entropy(by_hand(data.x_train[index]), data.y_train[index])
        losses.append(value.item())
        gs = torch.autograd.grad(value, list(by_hand.parameters()))
        with torch.no_grad():
            for p, g in zip(by_hand.parameters(), gs, strict=True):
                p -= 0.1 * g

    assert [record.loss for record in records] == pytest.approx([losses[0], *losses], rel=1e-12)
    assert [record.step for record in records] == list(range(6))
    assert [record.epoch for record in records] == [0, 0.4, 0.8, 1.2, 1.6, 2.0]
    for ours, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    test_loss = F.cross_entropy(by_hand(data.x_test), data.y_test).item()
    assert records[-1].test_loss == pytest.approx(test_loss, rel=1e-12)


def test_data_and_global_generator_are_left_alone(data, model):
    before = [tensor.clone() for tensor in (data.x_train, data.y_train, data.x_test, data.y_test)]
    state = torch.get_rng_state()
    list(train(model, data, Adam(model.parameters()), evaluate_every=2, **ARGUMENTS))
    assert torch.equal(torch.get_rng_state(), state)
    for tensor, old in zip((data.x_train, data.y_train, data.x_test, data.y_test), before, strict=True):
        assert torch.equal(tensor, old)


def test_each_epoch_is_a_permutation_and_depends_on_the_seed_alone():
    draws = [
        [next(indices) for _ in range(4)]
        for indices in (batch_indices(8, 4, s, torch.device("cpu")) for s in (1, 1, 2))
    ]
    same, again, other = (torch.cat(draw) for draw in draws)
    assert torch.equal(same, again)
    assert not torch.equal(same, other)
    for epoch in same.split(8):
        assert epoch.sort().values.tolist() == list(range(8))
    assert not torch.equal(*same.split(8))


def test_full_batch_takes_everything_in_order(data, model):
    records = list(train(model, data, SGD(model.parameters(), lr=0.0), steps=2, batch_size=None, seed=0))
    whole = F.cross_entropy(model(data.x_train), data.y_train).item()
    assert [record.loss for record in records] == [whole] * 3
    assert [record.epoch for record in records] == [0, 1, 2]


def test_evaluation_takes_place_at_the_steps_asked_for(data, model):
    records = list(train(model, data, SGD(model.parameters(), lr=0.1), evaluate_every=4, **ARGUMENTS))
    assert [record.step for record in records if record.test_loss is not None] == [0, 4, 6]
    records = list(train(model, data, SGD(model.parameters(), lr=0.1), **ARGUMENTS))
    assert [record.step for record in records if record.test_accuracy is not None] == [6]
    assert due(0, None, 5) is False


def test_evaluation_in_pieces_equals_evaluation_at_once(model):
    x = torch.randn(2300, 2, dtype=torch.float64)
    y = torch.arange(2300) % 3
    loss, accuracy = evaluate(model, x, y)
    assert loss == pytest.approx(F.cross_entropy(model(x), y).item(), rel=1e-12)
    assert accuracy == (model(x).argmax(1) == y).double().mean().item()


def test_a_schedule_sets_the_lr_of_every_group_and_is_recorded(data, model):
    weights, biases = ([p for p in model.parameters() if p.dim() == d] for d in (2, 1))
    optimizer = SGD([{"params": weights}, {"params": biases}], lr=9.0)
    records = list(train(model, data, optimizer, schedule=lambda done: 0.1 / (done + 1), **ARGUMENTS))
    assert [record.lr for record in records] == [0.1] + [0.1 / (done + 1) for done in range(6)]
    assert [group["lr"] for group in optimizer.param_groups] == [0.1 / 6] * 2


def test_sam_evaluates_the_gradient_twice(data, model):
    calls = []

    def loss(outputs, targets):
        calls.append(torch.is_grad_enabled())
        return F.cross_entropy(outputs, targets)

    training = train(model, data, SAM(model.parameters(), lr=0.1, rho=0.05), loss=loss, **ARGUMENTS)
    calls.clear()  # of the checks
    list(training)
    assert sum(calls) == 2 * 6


def test_divergence_yields_its_record_and_stops(data, model):
    records = list(train(model, data, SGD(model.parameters(), lr=1e200), steps=50, batch_size=10, seed=0))
    assert len(records) < 51
    assert not math.isfinite(records[-1].loss)
    assert all(math.isfinite(record.loss) for record in records[:-1])
    assert records[-1].test_loss is None


def test_a_test_loss_that_is_not_finite_is_divergence_too(data, model):
    result = run(model, data, SGD(model.parameters(), lr=1e308), steps=1, batch_size=10, seed=0)
    assert math.isfinite(result.records[-1].loss)
    assert result.diverged


def test_run_keeps_what_it_was_asked_to(data, model):
    result = run(model, data, SGD(model.parameters(), lr=0.1), record_every=4, evaluate_every=5, **ARGUMENTS)
    assert [record.step for record in result.records] == [0, 4, 5, 6]
    assert result.config == {"optimizer": "sgd", "lr": 0.1, "seed": 0}
    assert result.data == data.description
    assert not result.diverged
    assert result.final() == result.records[-1].test_accuracy


def test_run_seeds_random_layers_and_puts_the_generator_back(data):
    def losses(seed: int) -> list[float]:
        model = nn.Sequential(*mlp((2, 50, 3), seed=0, dtype=torch.float64), nn.Dropout(0.5))
        result = run(model, data, SGD(model.parameters(), lr=0.1), steps=3, batch_size=None, seed=seed)
        return [record.loss for record in result.records]

    state = torch.get_rng_state()
    assert losses(1) == losses(1)
    assert losses(1)[1:] != losses(2)[1:]
    assert torch.equal(torch.get_rng_state(), state)


def test_modes_are_put_back_module_by_module(data):
    model = nn.Sequential(nn.BatchNorm1d(2, dtype=torch.float64), mlp((2, 3), seed=0, dtype=torch.float64))
    model[0].eval()
    seen = []
    model[0].register_forward_hook(lambda *_: seen.append((model[0].training, model[1].training)))
    for _ in train(model, data, SGD(model.parameters(), lr=0.1), evaluate_every=1, **ARGUMENTS):
        assert (model[0].training, model[1].training) == (False, True)
    assert set(seen) == {(False, True), (False, False)}


def test_regression_has_no_accuracy():
    data, model = regression()
    records = list(
        train(model, data, SGD(model.parameters(), lr=0.1), loss=F.mse_loss, steps=100, batch_size=8, seed=0)
    )
    assert records[-1].test_accuracy is None
    assert records[-1].test_loss < 1e-3


def test_the_loop_stays_short_enough_to_read():
    import inspect

    from optcourse.lab import train as module

    assert len(inspect.getsource(module._train).splitlines()) <= 80


# --- bad input: the rule, the value, the fix, and nothing changed -----------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"steps": 2.5}, TypeError, "steps must be an integer at least 1, got 2.5"),
        (
            {"batch_size": 11},
            ValueError,
            "batch_size must be at most the 10 training examples, got 11; use batch_size=None",
        ),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"evaluate_every": 0}, ValueError, "evaluate_every must be at least 1, got 0"),
        ({"probe_every": 0}, ValueError, "probe_every must be at least 1, got 0"),
        ({"loss": lambda o, y: F.cross_entropy(o, y, reduction="none")}, ValueError, "loss must return the mean"),
    ],
)
def test_bad_settings_are_refused_at_the_call(data, model, change, error, message):
    before = [p.detach().clone() for p in model.parameters()]
    with pytest.raises(error, match=re.escape(message)):
        train(model, data, SGD(model.parameters(), lr=0.1), **{**ARGUMENTS, **change})
    assert all(torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))


def test_data_of_another_type_are_refused(model):
    with pytest.raises(TypeError, match="data must be a Data, got tuple; use load"):
        train(model, (1, 2), SGD(model.parameters()), **ARGUMENTS)


def test_an_optimizer_of_another_model_is_refused(data, model):
    other = mlp((2, 3), seed=0)
    with pytest.raises(ValueError, match=r"optimizer must hold parameters of the model, got none; make it from model"):
        train(model, data, SGD(other.parameters()), **ARGUMENTS)


def test_another_dtype_is_refused_with_the_fix(data):
    model = mlp((2, 3), seed=0)
    with pytest.raises(ValueError, match=r"parameter '1.weight' of torch.float32 .* use model.to\(data.x_train\)"):
        train(model, data, SGD(model.parameters()), **ARGUMENTS)


@pytest.mark.parametrize(("outputs", "targets"), [((1,), ()), ((), (1,))])
def test_targets_that_would_broadcast_are_refused(outputs, targets):
    data, model = regression(outputs, targets)
    with pytest.raises(ValueError, match=r"must have one shape, or the loss compares each output with every target"):
        train(model, data, SGD(model.parameters()), loss=F.mse_loss, **ARGUMENTS)


def test_targets_that_are_not_finite_are_refused():
    data, model = regression()
    data.y_train[3] = math.nan
    with pytest.raises(ValueError, match="y_train must be finite, but holds NaN"):
        train(model, data, SGD(model.parameters()), loss=F.mse_loss, **ARGUMENTS)


def test_class_numbers_beyond_the_outputs_are_refused(data):
    model = mlp((2, 2), seed=0, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\], as the model has 2 outputs; got 0 to 2"):
        train(model, data, SGD(model.parameters()), **ARGUMENTS)
