"""SAM: reference and list twin against a formula written out by hand, and whole steps against autograd."""

from typing import Any

import pytest
import torch
from torch import Tensor

from optcourse.optimizers import SAM, SGD, AdamW, Momentum, sam_, sam_reference
from tests.optimizers.cases import assert_same, make_gradients, make_tensors


def test_twins_agree_and_climb_rho() -> None:
    thetas, gs = make_tensors(0), make_gradients(0)
    expected = sam_reference(thetas, gs, rho=0.3)
    assert_same(thetas, make_tensors(0))
    sam_(thetas, gs, [0.3] * 6)
    assert_same(thetas, expected, 1e-12)
    assert_same(gs, make_gradients(0))
    climbed = torch.cat([(new - old).flatten() for new, old in zip(thetas, make_tensors(0), strict=True)])
    assert climbed.norm().item() == pytest.approx(0.3, rel=1e-9)
    assert torch.dot(climbed, torch.cat([g.flatten() for g in gs])) > 0


def test_zero_gradient_climbs_nowhere() -> None:
    thetas = make_tensors(0)
    zeros = [torch.zeros_like(theta) for theta in thetas]
    assert_same(sam_reference(thetas, zeros, rho=0.3), thetas)
    sam_(thetas, zeros, [0.3] * 6)
    assert_same(thetas, make_tensors(0))


def test_reference_on_stacked_models_and_meta() -> None:
    """Under vmap each model has its own norm and radius."""
    torch.manual_seed(0)
    theta, g, rho = torch.randn(3, 5), torch.randn(3, 5), torch.tensor([0.1, 0.0, 2.0])
    together = torch.vmap(lambda theta, g, rho: sam_reference([theta], [g], rho=rho)[0])(theta, g, rho)
    for i in range(3):
        assert_same(together[i], sam_reference([theta[i]], [g[i]], rho=rho[i].item())[0], 1e-6)
    meta = torch.empty(3, device="meta")
    assert sam_reference([meta], [meta], rho=0.1)[0].device.type == "meta"


def quartic(thetas: list[Tensor]) -> Tensor:
    return sum((i + 1) * (theta**4).sum() + theta.sum() for i, theta in enumerate(thetas))  # type: ignore[return-value]


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize(
    ("base", "torch_base", "options"),
    [
        (SGD, torch.optim.SGD, {}),
        (Momentum, torch.optim.SGD, {"momentum": 0.8}),
        (AdamW, torch.optim.AdamW, {"amsgrad": True}),
    ],
)
def test_algorithm_1(base: Any, torch_base: Any, options: dict[str, Any], maximize: bool) -> None:
    """Two groups with radii of their own; oracle: autograd at the climbed point, torch's optimizer for the step."""
    first, second = ([torch.nn.Parameter(0.5 * theta) for theta in make_tensors(0)] for _ in range(2))
    ours = SAM(
        [{"params": first[:2]}, {"params": first[2:], "rho": 0.4}],
        lr=0.01,
        rho=0.1,
        base=base,
        maximize=maximize,
        **options,
    )
    theirs = torch_base(second, lr=0.01, maximize=maximize, **options)

    def closure() -> Tensor:
        ours.zero_grad()
        loss = quartic(first)
        loss.backward()
        return loss

    for _ in range(5):
        expected_loss = quartic(second)
        gs = torch.autograd.grad(expected_loss, second)
        sign = -1.0 if maximize else 1.0
        norm = torch.cat([g.flatten() for g in gs]).norm()
        climbed = [
            (theta + sign * (0.1 if i < 2 else 0.4) * g / norm).detach().requires_grad_()
            for i, (theta, g) in enumerate(zip(second, gs, strict=True))
        ]
        for theta, g in zip(second, torch.autograd.grad(quartic(climbed), climbed), strict=True):
            theta.grad = g
        theirs.step()
        assert_same(ours.step(closure), expected_loss, 1e-9)
        assert_same([theta.detach() for theta in first], [theta.detach() for theta in second], 1e-9)


def test_rho_zero_is_the_base() -> None:
    first, second = (torch.nn.Parameter(torch.linspace(-1, 1, 5)) for _ in range(2))
    sam, sgd = SAM([first], lr=0.1, rho=0.0), SGD([second], lr=0.1)
    for _ in range(5):
        for theta, optimizer in ((first, sam), (second, sgd)):

            def closure(theta: Tensor = theta) -> None:
                theta.grad = None
                (theta**4).sum().backward()

            optimizer.step(closure)
    assert_same(first.detach(), second.detach())


def test_groups_and_state_are_the_bases() -> None:
    sam = SAM([torch.nn.Parameter(torch.ones(2))], lr=0.1, rho=0.2, base=Momentum, momentum=0.7)
    sam.add_param_group({"params": [torch.nn.Parameter(torch.ones(3))], "lr": 0.5, "rho": 0.9})
    assert sam.param_groups is sam.base.param_groups
    assert sam.state is sam.base.state
    assert [(group["lr"], group["rho"], group["momentum"]) for group in sam.param_groups] == [
        (0.1, 0.2, 0.7),
        (0.5, 0.9, 0.7),
    ]
    torch.optim.lr_scheduler.ExponentialLR(sam, 0.5)
    assert sam.base.param_groups[0]["initial_lr"] == 0.1
