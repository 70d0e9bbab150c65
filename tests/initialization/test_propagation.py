"""Predicted variance against measured, over many draws of the weights; and what measuring leaves behind."""

import math

import pytest
import torch
from torch import nn

from optcourse.initialization import (
    ACTIVATIONS,
    Residual,
    initialize_,
    lecun_normal_,
    measured_variance,
    predicted_variance,
    xavier_normal_,
    zero_residual_,
)

DRAWS = 30


def mlp(activation: nn.Module) -> nn.Sequential:
    layers = [nn.Flatten(), nn.Linear(60, 200), activation, nn.Linear(200, 100), activation, nn.Linear(100, 150)]
    return nn.Sequential(*layers)


MODULES = {
    "identity": nn.Identity(),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(0.3),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "gelu": nn.GELU(),
    "elu": nn.ELU(),
    "prelu": nn.PReLU(),
}
NETWORKS = {name: (lambda module=module: mlp(module), (60,)) for name, module in MODULES.items()}
NETWORKS |= {
    "conv": (
        lambda: nn.Sequential(
            nn.Conv2d(6, 32, 3, padding=1, groups=2),
            nn.ReLU(),
            nn.Conv2d(32, 48, (3, 2), stride=(2, 1), dilation=(1, 2), padding=(0, 2)),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(48 * 3 * 10, 20),
        ),
        (6, 8, 8),
    ),
    "conv same": (
        lambda: nn.Sequential(nn.Conv1d(20, 60, 5, padding="same"), nn.ReLU(), nn.Conv1d(60, 40, 3, padding="valid")),
        (20, 40),
    ),
    "conv_transpose": (
        lambda: nn.Sequential(
            nn.ConvTranspose2d(12, 40, 3, stride=2, padding=1, output_padding=1, groups=4),
            nn.ReLU(),
            nn.ConvTranspose2d(40, 30, (2, 3), stride=(1, 3), dilation=(3, 1)),
        ),
        (12, 4, 4),
    ),
    "residual": (
        lambda: nn.Sequential(
            nn.Linear(60, 150),
            Residual(nn.Sequential(nn.ReLU(), nn.Linear(150, 200), nn.ReLU(), nn.Linear(200, 150))),
            Residual(nn.Sequential(nn.ReLU(), nn.Linear(150, 150))),
        ),
        (60,),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_prediction_is_what_is_measured(name):
    """Mean over 30 draws of weights, biases, inputs and gradients; 4 % are left to finite width."""
    make, shape = NETWORKS[name]
    network, draw = make(), torch.Generator().manual_seed(0)
    sums: dict[str, list[float]] = {}
    for _ in range(DRAWS):
        initialize_(network, lecun_normal_, generator=draw)
        with torch.no_grad():
            for module in network.modules():
                if getattr(module, "bias", None) is not None:
                    module.bias.normal_(0, 0.3, generator=draw)
        x = torch.randn(16, *shape, generator=draw)
        for predicted, measured in zip(
            predicted_variance(network, x), measured_variance(network, x, generator=draw), strict=True
        ):
            assert predicted.name == measured.name
            row = sums.setdefault(predicted.name, [0.0] * 4)
            for i, number in enumerate((predicted.forward, measured.forward, predicted.backward, measured.backward)):
                row[i] += number / DRAWS
    for name, (forward, seen, backward, felt) in sums.items():
        assert seen == pytest.approx(forward, rel=0.04), name
        assert felt == pytest.approx(backward, rel=0.04), name


def test_closed_form_of_a_deep_relu_net():
    """Gain g in L square layers: (g^2 / 2)^L of the variance is left, forward and backward."""
    network = nn.Sequential(*[layer for _ in range(10) for layer in (nn.Linear(64, 64), nn.ReLU())][:-1])
    with torch.no_grad():
        for module in network:
            if isinstance(module, nn.Linear):
                module.weight.fill_(1.2 / 8)
                module.bias.zero_()
    rows = predicted_variance(network, torch.ones(3, 64))
    assert [row.forward for row in rows] == pytest.approx([1.44 * 0.72**n for n in range(10)], rel=1e-5)
    assert [row.backward for row in rows] == pytest.approx([0.72 ** (9 - n) for n in range(10)], rel=1e-5)


def test_every_activation_of_the_table_has_its_module():
    modules = {"identity": nn.Identity, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "selu": nn.SELU}
    modules |= {"gelu": nn.GELU, "silu": nn.SiLU, "mish": nn.Mish, "softplus": nn.Softplus, "tanh": nn.Tanh}
    modules |= {"sigmoid": nn.Sigmoid}
    assert set(modules) == set(ACTIVATIONS)
    for make in modules.values():
        rows = predicted_variance(nn.Sequential(nn.Linear(8, 8), make(), nn.Linear(8, 8)), torch.ones(2, 8))
        assert all(math.isfinite(row.forward + row.backward) for row in rows)


def test_zeroed_branches_leave_the_variance_alone():
    network = nn.Sequential(
        *[Residual(nn.Sequential(nn.ReLU(), nn.Linear(30, 30))) for _ in range(20)], nn.Linear(30, 30)
    )
    zero_residual_(network)
    x = torch.randn(10, 30)
    for rows in (predicted_variance(network, x), measured_variance(network, x)):
        assert all(row.forward == 0 for row in rows[:-1])
        assert [row.backward for row in rows[:-1]] == pytest.approx([rows[0].backward] * 20, rel=1e-6)


def test_overflow_is_measured_and_predicted():
    network = nn.Sequential(*[layer for _ in range(80) for layer in (nn.Linear(64, 64), nn.ReLU())][:-1])
    initialize_(network, xavier_normal_, gain=8.0 * 2**0.5, generator=torch.Generator().manual_seed(0))
    x = torch.randn(8, 64, generator=torch.Generator().manual_seed(1))
    measured, predicted = measured_variance(network, x), predicted_variance(network, x)
    finite = [math.isfinite(row.forward) for row in measured]
    first = finite.index(False)
    # float32 holds numbers up to 2^128; each layer multiplies them by 8
    assert 38 <= first <= 46
    assert not any(finite[first:])
    assert math.log2(predicted[first].forward) == pytest.approx(2 * 128, abs=12)


def test_measuring_changes_nothing():
    network = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.ReLU(inplace=True), nn.Linear(8, 3)).train()
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x = torch.randn(5, 6)
    held = x.clone()
    measured_variance(network, x)
    predicted_variance(network, x)
    assert [module.training for module in network] == [True, False, True, True]
    assert all(p.grad is None for p in network.parameters())
    assert not any(module._forward_hooks for module in network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(x, held)
    assert not x.requires_grad


def test_activations_in_place_do_not_falsify():
    rows = []
    for inplace in (False, True):
        network = nn.Sequential(nn.Linear(6, 50), nn.ReLU(inplace=inplace), nn.Linear(50, 3))
        initialize_(network, lecun_normal_, generator=torch.Generator().manual_seed(0))
        x = torch.ones(4, 6)
        rows.append(measured_variance(network, x, generator=torch.Generator().manual_seed(0)))
    assert rows[0] == rows[1]


def test_frozen_networks_and_tokens():
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).requires_grad_(False)
    assert len(measured_variance(network, torch.randn(3, 4))) == 2
    network = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
    rows = measured_variance(network, torch.arange(10))
    assert rows[0].forward == pytest.approx(float(network[0].weight.detach().square().mean()), rel=1e-5)


@pytest.mark.parametrize(
    ("network", "x", "error", "message"),
    [
        (
            nn.Sequential(nn.Linear(4, 4), nn.Softmax(1)),
            torch.ones(2, 4),
            TypeError,
            r"no theory here for Softmax \(module '1'",
        ),
        (nn.Sequential(nn.BatchNorm1d(4)), torch.ones(2, 4), TypeError, "no theory here for BatchNorm1d"),
        (nn.Embedding(4, 4), torch.arange(3), TypeError, r"Embedding \(module '\(the network itself\)'"),
        (
            nn.Conv1d(4, 4, 3, padding=1, padding_mode="reflect"),
            torch.ones(2, 4, 5),
            TypeError,
            "padding_mode='reflect'",
        ),
        (nn.Linear(4, 4), torch.full((2, 4), math.inf), ValueError, "finite numbers"),
        (nn.Linear(4, 4), torch.ones(0, 4), ValueError, "at least one example"),
    ],
)
def test_bad_input(network, x, error, message):
    with pytest.raises(error, match=message):
        predicted_variance(network, x)


def test_nothing_to_measure():
    with pytest.raises(ValueError, match="ReLU has no linear layer"):
        measured_variance(nn.ReLU(), torch.ones(2, 2))
