"""Models: the parameters that are promised, the values torch would draw, and nothing else touched."""

import pickle

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from optcourse.lab.data import load
from optcourse.lab.models import ACTIVATIONS, MODELS, build, cnn, cnn1d, mlp, parameter_count

COUNTS = {
    "toy_mlp": 490,
    "digits_mlp": 4_810,
    "mnist1d_mlp": 15_210,
    "mnist1d_cnn": 5_210,
    "fashion_mnist_mlp": 101_770,
    "fashion_mnist_cnn": 20_490,
}


def inputs(name: str, n: int = 3) -> torch.Tensor:
    shape = (2,) if name == "toy_mlp" else load(name.rsplit("_", 1)[0], device="meta").input_shape
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", MODELS)
def test_named_models_have_the_documented_size_and_ten_outputs(name):
    model = build(name, seed=0)
    assert parameter_count(model) == COUNTS[name]
    assert model(inputs(name)).shape == (3, 10)


@pytest.mark.parametrize("name", MODELS)
def test_a_seed_means_the_same_model_whatever_the_global_generator(name):
    before = torch.get_rng_state()
    first = build(name, seed=3)
    torch.rand(5)
    second, other = build(name, seed=3), build(name, seed=4)
    torch.set_rng_state(before)
    build(name, seed=3)
    assert torch.get_rng_state().equal(before)
    for a, b, c in zip(first.parameters(), second.parameters(), other.parameters(), strict=True):
        assert a.equal(b)
        assert not a.equal(c)


def test_values_are_those_torch_draws_by_default():
    torch.manual_seed(11)
    dense = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 2))
    torch.manual_seed(11)
    image = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3), nn.Linear(6 * 2 * 2, 3))
    for theirs, ours in (
        (dense, mlp((5, 7, 2), seed=11)),
        (image, cnn((1, 8, 8), 3, channels=(4, 6), seed=11)),
    ):
        for expected, actual in zip(theirs.parameters(), ours.parameters(), strict=True):
            torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("name", MODELS)
def test_models_can_be_stacked_and_run_at_once(name):
    models = [build(name, seed=seed) for seed in range(2)]
    parameters, buffers = stack_module_state(models)
    assert not buffers
    x = inputs(name)
    together = vmap(lambda p: functional_call(models[0], p, (x,)))(parameters)
    for model, outputs in zip(models, together, strict=True):
        torch.testing.assert_close(outputs, model(x))


@pytest.mark.parametrize("name", MODELS)
def test_factories_travel_to_other_processes(name):
    again = pickle.loads(pickle.dumps(MODELS[name]))
    assert again(seed=2)(inputs(name)).equal(build(name, seed=2)(inputs(name)))


@pytest.mark.parametrize("name", MODELS)
def test_models_run_where_they_are_put(name):
    model = build(name, seed=0, device="meta")
    assert model(inputs(name).to("meta")).device.type == "meta"


def test_double_precision_starts_from_the_same_numbers():
    single, double = mlp((4, 3, 2), seed=5), mlp((4, 3, 2), seed=5, dtype=torch.float64)
    for a, b in zip(single.parameters(), double.parameters(), strict=True):
        assert b.dtype == torch.float64
        assert a.double().equal(b)


def test_activations_by_name_and_by_class_agree():
    x = torch.linspace(-2, 2, 4)[None]
    for name, kind in ACTIVATIONS.items():
        assert mlp((4, 3, 1), activation=name, seed=0)(x).equal(mlp((4, 3, 1), activation=kind, seed=0)(x))
    assert not any(isinstance(layer, nn.ReLU) for layer in mlp((4, 3, 1), activation="tanh", seed=0))


def test_no_activation_after_the_last_layer():
    assert isinstance(mlp((4, 3, 1), seed=0)[-1], nn.Linear)


@pytest.mark.parametrize("length", [5, 6, 17, 40, 41])
def test_the_signal_model_takes_any_length(length):
    assert cnn1d(length, 3, channels=4, seed=0)(torch.zeros(2, length)).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mlp((784,), seed=0), r"at least \(inputs, outputs\)"),
        (lambda: mlp(784, seed=0), r"at least \(inputs, outputs\)"),
        (lambda: mlp((784, 0, 10), seed=0), r"sizes\[1\] must be at least 1, got 0"),
        (lambda: mlp((4, 2), activation="rellu", seed=0), "unknown activation 'rellu'; did you mean 'relu'"),
        (lambda: mlp((4, 2), activation=nn.ReLU(), seed=0), "unknown activation ReLU"),
        (lambda: mlp((4, 2), seed=-1), "seed must be between 0 and"),
        (lambda: cnn((28, 28), seed=0), "input_shape must be 3 integers"),
        (lambda: cnn((1, 3, 3), seed=0), "leaves nothing of 3 x 3; give fewer channels"),
        (lambda: cnn(channels=(), seed=0), "channels must be one or more integers"),
        (lambda: cnn1d(4, seed=0), "length must be at least 5, got 4"),
        (lambda: build("mnist1d_cn", seed=0), "unknown model 'mnist1d_cn'; did you mean 'mnist1d_cnn'"),
        (lambda: mlp((4, 2), seed=0, dtype=torch.int32), "floating torch.dtype"),
    ],
)
def test_wrong_values_are_answered_with_the_rule_and_the_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_size_that_is_no_integer_is_a_type_error():
    with pytest.raises(TypeError, match=r"sizes\[1\] must be an integer"):
        mlp((4, 2.0), seed=0)
