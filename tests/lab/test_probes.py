"""Probes: numbers that can be worked out by hand, and a training that does not notice being watched."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from optcourse.lab.data import Data
from optcourse.lab.models import mlp
from optcourse.lab.probes import (
    UpdateRatios,
    activation_statistics,
    activations,
    gradient_noise_scale,
    gradient_norms,
    sharpness,
    sharpness_probe,
)
from optcourse.lab.train import train
from optcourse.optimizers import SGD, Adam


@pytest.fixture
def data() -> Data:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, generator=random, dtype=torch.float64)
    y = (x.sum(1) > 0).long()
    return Data("half-spaces", x, y, x[:10], y[:10])


@pytest.fixture
def model() -> nn.Sequential:
    return mlp((3, 6, 2), activation="tanh", seed=0, dtype=torch.float64)


def hooks(model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    return sum(len(m._forward_hooks) for m in model.modules()) + len(optimizer._optimizer_step_pre_hooks)


def test_probes_do_not_change_training(data):
    def final(watched: bool) -> list[torch.Tensor]:
        model = nn.Sequential(nn.BatchNorm1d(3, dtype=torch.float64), mlp((3, 6, 2), seed=0, dtype=torch.float64))
        model.append(nn.Dropout(0.2))
        optimizer = Adam(model.parameters(), lr=0.05)
        torch.manual_seed(1)
        with UpdateRatios(model, optimizer) as ratios:
            probes = [
                activation_statistics(model, data.x_test),
                gradient_norms(model),
                ratios,
                sharpness_probe(model, data.x_test, data.y_test, F.cross_entropy),
                lambda: {"noise": gradient_noise_scale(model, data.x_train, data.y_train, F.cross_entropy)},
            ]
            arguments = {"probes": probes, "probe_every": 1} if watched else {}
            records = list(train(model, data, optimizer, steps=5, batch_size=10, seed=0, **arguments))
        assert ("sharpness" in records[3].values) is watched
        assert hooks(model, optimizer) == 0
        return [*model.parameters(), *model.buffers()]

    for watched, alone in zip(final(True), final(False), strict=True):
        assert torch.equal(watched, alone)


def test_hooks_are_removed_after_an_exception(model):
    optimizer = SGD(model.parameters())
    with activations(model), UpdateRatios(model, optimizer):
        assert hooks(model, optimizer) == 4 + 1
    with pytest.raises(RuntimeError, match="shapes"), activations(model), UpdateRatios(model, optimizer):
        model(torch.zeros(1, 99, dtype=torch.float64))
    assert hooks(model, optimizer) == 0


def test_probes_are_called_when_asked_for(data, model):
    optimizer = SGD(model.parameters(), lr=0.1)
    records = list(
        train(model, data, optimizer, steps=5, batch_size=10, seed=0, probes=[lambda: {"a": 1}], probe_every=2)
    )
    assert [record.step for record in records if record.values] == [0, 2, 4, 5]
    records = list(
        train(model, data, optimizer, steps=5, batch_size=10, seed=0, probes=[lambda: {"a": 1}], evaluate_every=3)
    )
    assert [record.step for record in records if record.values] == [0, 3, 5]


def test_activation_statistics_by_hand():
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    inputs = torch.tensor([[1.0, 2.0], [-3.0, 4.0]])  # outputs 1 2 -2 and -3 4 -4; after ReLU 1 2 0 and 0 4 0
    values = activation_statistics(model, inputs)()
    assert values["mean/0"] == pytest.approx(-2 / 6)
    assert values["std/0"] == pytest.approx(math.sqrt(50 / 6 - (2 / 6) ** 2))
    assert values["dead/0"] == 0
    assert values["dead/1"] == pytest.approx(1 / 3)


def test_a_dead_channel_is_one_that_is_zero_everywhere():
    inputs = torch.zeros(2, 3, 4, 4)
    inputs[1, 0, 2, 2] = 1.0
    assert activation_statistics(nn.Identity(), inputs)()["dead/"] == pytest.approx(2 / 3)


def test_activation_statistics_refuse_a_single_example(model):
    with pytest.raises(ValueError, match=r"\(B, ...\) with B >= 2, got \(1, 3\)"):
        activation_statistics(model, torch.zeros(1, 3))


def test_gradient_norms_by_hand(data, model):
    assert gradient_norms(model)() == {}
    F.cross_entropy(model(data.x_train), data.y_train).backward()
    values = gradient_norms(model)()
    whole = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert values["gradient"] == pytest.approx(float(whole.norm()), rel=1e-12)
    assert values["gradient/1.weight"] == pytest.approx(float(model[1].weight.grad.norm()), rel=1e-12)
    assert len(values) == 5


def test_update_ratios_see_the_last_update_alone(data, model):
    optimizer = SGD(model.parameters(), lr=0.1)
    with UpdateRatios(model, optimizer) as ratios:
        assert ratios() == {}
        for _ in range(3):
            before = [p.detach().clone() for p in model.parameters()]
            optimizer.zero_grad()
            F.cross_entropy(model(data.x_train), data.y_train).backward()
            optimizer.step()
        values = ratios()
    change, size = (
        torch.cat([t.flatten() for t in ts]).norm()
        for ts in ([p.detach() - b for p, b in zip(model.parameters(), before, strict=True)], before)
    )
    assert values["update"] == pytest.approx(float(change / size), rel=1e-9)
    first = (model[1].weight.detach() - before[0]).norm() / before[0].norm()
    assert values["update/1.weight"] == pytest.approx(float(first), rel=1e-9)


# --- sharpness -------------------------------------------------------------------------------------------------------


def quadratic(eigenvalues: list[float], dtype: torch.dtype = torch.float64):
    """A loss whose Hessian has these eigenvalues in a rotated basis."""
    random = torch.Generator().manual_seed(0)
    n = len(eigenvalues)
    basis, _ = torch.linalg.qr(torch.randn(n, n, generator=random, dtype=torch.float64))
    hessian = (basis @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ basis.T).to(dtype)
    theta = torch.ones(n, dtype=dtype, requires_grad=True)
    return (lambda: theta @ hessian @ theta / 2), theta


@pytest.mark.parametrize(
    ("eigenvalues", "top"),
    [
        ([1.0, 2.0, 3.0, 10.0], 10.0),
        ([10.0, 10.0, 1.0], 10.0),  # a multiple eigenvalue
        ([-50.0, 1.0, 3.0], 3.0),  # the largest with its sign, not the largest in size
        ([-3.0, -2.0], -2.0),
        ([0.0, 0.0, 0.0], 0.0),
        ([7.0], 7.0),
        ([1 + i / 50 for i in range(100)], 2.98),  # no gap
    ],
)
def test_sharpness_of_quadratics(eigenvalues, top):
    loss, theta = quadratic(eigenvalues)
    assert sharpness(loss, [theta], tolerance=1e-8) == pytest.approx(top, rel=1e-6, abs=1e-9)


def test_sharpness_in_float32():
    loss, theta = quadratic([0.01 * i for i in range(1, 200)], torch.float32)
    assert sharpness(loss, [theta]) == pytest.approx(1.99, rel=1e-3)


def test_sharpness_of_a_net_equals_the_full_hessian(data, model):
    names = [name for name, _ in model.named_parameters()]
    shapes = [p.shape for p in model.parameters()]

    def loss_at(vector: torch.Tensor) -> torch.Tensor:
        parts = vector.split([shape.numel() for shape in shapes])
        parameters = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        return F.cross_entropy(torch.func.functional_call(model, parameters, (data.x_train,)), data.y_train)

    theta = torch.cat([p.detach().flatten() for p in model.parameters()])
    full = torch.autograd.functional.hessian(loss_at, theta)
    probe = sharpness_probe(model, data.x_train, data.y_train, F.cross_entropy, tolerance=1e-6)
    assert probe()["sharpness"] == pytest.approx(float(torch.linalg.eigvalsh(full)[-1]), rel=1e-5)
    assert all(p.grad is None for p in model.parameters())


def test_sharpness_of_a_linear_loss_is_zero_and_unused_parameters_are_fine():
    theta, unused = torch.ones(3, requires_grad=True), torch.ones(2, requires_grad=True)
    assert sharpness(lambda: theta.sum(), [theta]) == 0
    assert sharpness(lambda: 2 * (theta**2).sum(), [unused, theta]) == pytest.approx(4, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "settings", "message"),
    [
        (lambda t: t, {}, "loss must return one finite number"),
        (lambda t: t.sum() * math.nan, {}, "has training diverged"),
        (lambda t: t.sum(), {"iterations": 0}, "iterations must be at least 1, got 0"),
        (lambda t: t.sum(), {"tolerance": math.nan}, r"tolerance must be in \(0, 1\), got nan; try 1e-4"),
    ],
)
def test_sharpness_refuses_bad_input(loss, settings, message):
    theta = torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match=message):
        sharpness(lambda: loss(theta), [theta], **settings)


def test_sharpness_needs_parameters():
    with pytest.raises(ValueError, match=r"try list\(model.parameters\(\)\)"):
        sharpness(lambda: torch.ones(()), [])


# --- gradient noise --------------------------------------------------------------------------------------------------


def test_gradient_noise_scale_of_a_mean():
    """Loss (theta - y)^2 / 2: gradients theta - y, so tr(Sigma) is the variance of y, 4, and |G| its mean, 3."""
    random = torch.Generator().manual_seed(0)
    y = 3 + 2 * torch.randn(20_000, 1, generator=random, dtype=torch.float64)
    model = nn.Linear(1, 1, bias=False).double()
    with torch.no_grad():
        model.weight.zero_()
    scale = gradient_noise_scale(model, torch.ones_like(y), y, lambda o, t: F.mse_loss(o, t) / 2, batch_size=2)
    assert scale == pytest.approx(4 / 9, rel=0.1)  # 10,000 pairs: a standard deviation of 2 %


def test_gradient_noise_scale_refuses_a_single_batch(data, model):
    with pytest.raises(ValueError, match="batch_size must be between 1 and 20, got 21"):
        gradient_noise_scale(model, data.x_train, data.y_train, F.cross_entropy, batch_size=21)
