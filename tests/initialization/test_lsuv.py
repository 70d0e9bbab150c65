"""LSUV: variances of 1, bounded loops, and a network that is as before when something is wrong."""

import copy
import math

import pytest
import torch
from torch import nn

from optcourse.initialization import Residual, lsuv_, lsuv_reference


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def inputs(*shape: int) -> torch.Tensor:
    return 3 * torch.randn(*shape, generator=seeded()) + 1


NETWORKS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(20, 50), nn.GELU(), nn.Linear(50, 80), nn.Tanh(), nn.Linear(80, 9)), (20,)),
    "cnn": (
        lambda: nn.Sequential(
            nn.Conv2d(4, 8, 3, groups=2),
            nn.SiLU(),
            nn.ConvTranspose2d(8, 6, 2, stride=2),
            nn.Flatten(),
            nn.Linear(384, 5),
        ),
        (4, 6, 6),
    ),
    "residual": (
        lambda: nn.Sequential(nn.Linear(20, 30), Residual(nn.Sequential(nn.ReLU(), nn.Linear(30, 30)))),
        (20,),
    ),
}


def output_variances(network: nn.Module, x: torch.Tensor) -> list[float]:
    found = []
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    handles = [
        module.register_forward_hook(lambda _module, _arguments, y: found.append(float(y.detach().var(correction=0))))
        for module in network.modules()
        if isinstance(module, kinds)
    ]
    network(x)
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_has_variance_one(name):
    make, shape = NETWORKS[name]
    network, x = make(), inputs(100, *shape)
    done = lsuv_(network, x, generator=seeded())
    measured = output_variances(network, x)
    assert measured == pytest.approx([1.0] * len(done), abs=1e-4)
    assert [layer.after for layer in done] == pytest.approx(measured, rel=1e-5)
    assert all(layer.iterations <= 1 for layer in done)
    assert any(abs(layer.before - 1) > 0.1 for layer in done)


def test_a_layer_within_the_tolerance_is_left_alone():
    layer = nn.Linear(30, 30, bias=False)
    x = torch.randn(200, 30, generator=seeded())
    lsuv_(layer, x)
    before = layer.weight.clone()
    (done,) = lsuv_(layer, x, orthogonal=False)
    assert done.iterations == 0
    assert torch.equal(layer.weight, before)


def test_reference_and_network_agree():
    x = inputs(100, 12).double()
    network = nn.Sequential(nn.Linear(12, 30), nn.ReLU(), nn.Linear(30, 7)).double()
    first, last = copy.deepcopy(network[0]), copy.deepcopy(network[2])
    lsuv_(network, x, orthogonal=False, tolerance=1e-6, max_iterations=50)
    w = lsuv_reference(first.weight, x, first.bias, tolerance=1e-6, max_iterations=50)
    torch.testing.assert_close(network[0].weight, w, rtol=1e-12, atol=0)
    hidden = torch.relu(x @ w.T + first.bias)
    w = lsuv_reference(last.weight, hidden, last.bias, tolerance=1e-6, max_iterations=50)
    torch.testing.assert_close(network[2].weight, w, rtol=1e-12, atol=0)


def test_starts_orthogonal_unless_told_otherwise():
    network = nn.Sequential(nn.Linear(20, 20))
    lsuv_(network, inputs(50, 20), generator=seeded())
    square = network[0].weight @ network[0].weight.T
    torch.testing.assert_close(square, torch.eye(20) * square[0, 0], rtol=0, atol=1e-5)
    assert (network[0].bias == 0).all()
    other = nn.Sequential(nn.Linear(20, 20))
    weight, bias = other[0].weight.clone(), other[0].bias.clone()
    lsuv_(other, inputs(50, 20), orthogonal=False)
    assert torch.equal(other[0].bias, bias)
    ratio = other[0].weight / weight
    torch.testing.assert_close(ratio, ratio[0, 0].expand(20, 20), rtol=1e-5, atol=0)


def test_iterations_are_bounded():
    """A bias with a variance of 4 leaves no weight that makes the sum's 1."""
    layer = nn.Linear(10, 50)
    with torch.no_grad():
        layer.bias.copy_(torch.linspace(-3.4, 3.4, 50))
    for bound in (1, 4):
        (done,) = lsuv_(copy.deepcopy(layer), inputs(50, 10), orthogonal=False, max_iterations=bound)
        assert done.iterations == bound
        assert done.after > 1.5
    x = inputs(50, 10)
    one, two = (lsuv_reference(layer.weight, x, layer.bias, max_iterations=n) for n in (1, 2))
    assert not torch.allclose(one, two)


def test_modes_hooks_and_gradients_are_as_before():
    network = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.9), nn.BatchNorm1d(8).eval(), nn.Linear(8, 3)).train()
    network[2].eval()
    lsuv_(network, inputs(40, 6))
    assert [module.training for module in network] == [True, True, False, True]
    assert not any(module._forward_hooks for module in network)
    assert all(p.requires_grad and p.grad is None for p in network.parameters())
    assert (network[2].running_mean == 0).all()


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.layer(x))


def dead() -> nn.Module:
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4, bias=False))
    nn.init.constant_(network[0].bias, -1e6)
    return network


@pytest.mark.parametrize(
    ("make", "x", "options", "message"),
    [
        (dead, inputs(10, 4), {"orthogonal": False}, r"layer '2' must have a finite variance above 0, got 0\.0"),
        (lambda: nn.Linear(4, 4), torch.zeros(10, 4), {}, r"variance above 0, got 0\.0"),
        (Twice, inputs(10, 4), {}, "'layer' runs twice"),
        (lambda: nn.Linear(4, 4), torch.full((10, 4), math.nan), {}, "finite numbers"),
        (lambda: nn.Linear(4, 4), inputs(1, 4), {}, "at least 2 examples"),
        (lambda: nn.ReLU(), inputs(10, 4), {}, "no linear layer or convolution"),
        (lambda: nn.Linear(4, 4), inputs(10, 4), {"tolerance": 0.0}, r"tolerance must be in \(0, 1\), got 0.0"),
        (lambda: nn.Linear(4, 4), inputs(10, 4), {"tolerance": math.nan}, "tolerance must be"),
        (
            lambda: nn.Linear(4, 4),
            inputs(10, 4),
            {"max_iterations": 0},
            "max_iterations must be an integer >= 1, got 0",
        ),
        (lambda: nn.Linear(4, 4), inputs(10, 4), {"max_iterations": 2.5}, "max_iterations must be an integer"),
    ],
)
def test_on_an_error_the_network_is_as_before(make, x, options, message):
    network = make()
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(ValueError, match=message):
        lsuv_(network, x, **options)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert not any(module._forward_hooks for module in network.modules())


def test_reference_refuses_a_dead_layer():
    with pytest.raises(ValueError, match="variance above 0"):
        lsuv_reference(torch.zeros(3, 4), inputs(10, 4))
