"""Bad input: the exact type, a message with rule, value and fix, and nothing changed."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from optcourse.optimizers import OPTIMIZERS, SAM, Adam, AdamW, Momentum, Nesterov, RMSprop
from tests.optimizers.cases import (
    Case,
    assert_same,
    every_case,
    every_own_case,
    every_plain_case,
    make_gradients,
    parameters_of,
)

NAN, INF = float("nan"), float("inf")


def parameter(*shape: int) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.ones(*shape))


NON_NEGATIVE = [
    (-0.5, ValueError, "{name} must be finite and >= 0, got -0.5; try {name}="),
    (NAN, ValueError, "{name} must be finite and >= 0, got nan; try {name}="),
    (INF, ValueError, "{name} must be finite and >= 0, got inf; try {name}="),
    ("0.1", TypeError, "{name} must be a number, got '0.1' (str); try {name}="),
    (None, TypeError, "{name} must be a number, got None (NoneType); try {name}="),
    (True, TypeError, "{name} must be a number, got True (bool); try {name}="),
    ([0.1], TypeError, "{name} must be a number, got [0.1] (list); try {name}="),
    (1j, TypeError, "{name} must be a number, got 1j (complex); try {name}="),
    (torch.ones(2), ValueError, "{name} must be one number, got a tensor of shape (2,); try {name}="),
    (torch.tensor(1j), ValueError, "{name} must be one number, got a tensor of shape (); try {name}="),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize(("value", "error", "message"), NON_NEGATIVE)
def test_numbers_must_be_finite_and_not_negative(optimizer: Any, value: Any, error: Any, message: str) -> None:
    names = [name for name in ("lr", "eps", "weight_decay", "rho") if name in optimizer([parameter(1)]).defaults]
    assert "lr" in names
    for name in names:
        with pytest.raises(error, match="^" + re.escape(message.format(name=name))):
            optimizer([parameter(1)], **{name: value})


@pytest.mark.parametrize(
    ("optimizer", "name"), [(Momentum, "momentum"), (Nesterov, "momentum"), (RMSprop, "momentum"), (RMSprop, "alpha")]
)
@pytest.mark.parametrize("value", [-0.1, 1.0, NAN])
def test_fractions(optimizer: Any, name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be in \[0, 1\), got {value}; try {name}=0\.9"):
        optimizer([parameter(1)], **{name: value})


@pytest.mark.parametrize("optimizer", [Adam, AdamW])
@pytest.mark.parametrize(
    ("betas", "error", "message"),
    [
        ((1.0, 0.9), ValueError, "betas[0] must be in [0, 1), got 1.0; try betas[0]=0.9"),
        ((0.9, -0.1), ValueError, "betas[1] must be in [0, 1), got -0.1; try betas[1]=0.999"),
        ((0.9, NAN), ValueError, "betas[1] must be in [0, 1), got nan; try betas[1]=0.999"),
        ((0.9, "0.999"), TypeError, "betas[1] must be a number, got '0.999' (str); try betas[1]=0.999"),
        (0.9, TypeError, "betas must be 2 numbers, got 0.9; try betas=(0.9, 0.999)"),
        ((0.9,), TypeError, "betas must be 2 numbers, got (0.9,); try betas=(0.9, 0.999)"),
        (
            (torch.tensor(0.9), 0.9),
            ValueError,
            "betas[0] must be one number, got a tensor of shape (); try betas[0]=0.9",
        ),
        ("ab", TypeError, "betas must be 2 numbers, got 'ab'; try betas=(0.9, 0.999)"),
    ],
)
def test_betas(optimizer: Any, betas: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match="^" + re.escape(message)):
        optimizer([parameter(1)], betas=betas)


@every_own_case
def test_flags_must_be_bool(case: Case) -> None:
    with pytest.raises(TypeError, match=r"^maximize must be True or False, got 'no'$"):
        case.ours([parameter(1)], maximize="no")


@pytest.mark.parametrize("value", [-1.0, NAN])
def test_rates_in_tensors_are_checked(value: float) -> None:
    with pytest.raises(ValueError, match=f"^lr must be finite and >= 0, got {value}; try lr="):
        Adam([parameter(1)], lr=torch.tensor(value))
    with pytest.raises(ValueError, match=r"^eps must be one number, got a tensor of shape \(\); try eps="):
        Adam([parameter(1)], eps=torch.tensor(value))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [0, 1, np.float64(0.1), np.float32(0.1), torch.tensor([0.1])])
def test_other_kinds_of_numbers_pass(number: Any) -> None:
    theta = parameter(2)
    theta.grad = torch.ones(2)
    Momentum([theta], lr=number, momentum=0).step()
    assert_same(theta.detach(), torch.ones(2) - float(number), 1e-7)


@every_case
def test_parameters_are_checked(case: Case) -> None:
    with pytest.raises(ValueError, match="empty parameter list"):
        case.ours([])
    with pytest.raises(TypeError, match="iterable of Tensors or dicts"):
        case.ours(parameter(1))
    with pytest.raises(TypeError, match="can only optimize Tensors"):
        case.ours([1.0])
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        case.ours([parameter(1) * 2])
    same = parameter(1)
    with pytest.raises(ValueError, match="more than one parameter group"):
        case.ours([{"params": [same]}, {"params": [same]}])
    with pytest.raises(TypeError, match="unexpected keyword argument 'learning_rate'"):
        case.ours([same], learning_rate=0.1)


@every_plain_case
def test_complex_parameters_are_refused(case: Case) -> None:
    theta = torch.nn.Parameter(torch.ones(2, dtype=torch.complex64))
    message = r"needs real parameters, got torch.complex64 of shape \(2,\); optimize torch.view_as_real"
    with pytest.raises(TypeError, match=message):
        case.ours([theta])
    optimizer = case.ours([parameter(1)])
    with pytest.raises(TypeError, match=message):
        optimizer.add_param_group({"params": [theta]})
    assert len(optimizer.param_groups) == 1


@every_own_case
def test_bad_group_leaves_the_optimizer_alone(case: Case) -> None:
    with pytest.raises(ValueError, match=r"lr must be finite and >= 0, got -1\.0"):
        case.ours([{"params": [parameter(1)]}, {"params": [parameter(2)], "lr": -1.0}])
    optimizer = case.ours([parameter(1)])
    with pytest.raises(ValueError, match="weight_decay must be finite and >= 0, got nan"):
        optimizer.add_param_group({"params": [parameter(2)], "weight_decay": NAN})
    assert len(optimizer.param_groups) == 1
    with pytest.raises(TypeError, match="must be a dict"):
        optimizer.add_param_group([parameter(2)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "option"), [("momentum", "nesterov"), ("sgd", "momentum"), ("adam", "decoupled_weight_decay")]
)
def test_group_option_of_another_algorithm(name: str, option: str) -> None:
    """What torch's optimizer of the same family would obey is not ignored in silence."""
    with pytest.raises(ValueError, match=f"^group option '{option}' is True, but this optimizer is the case {option}="):
        OPTIMIZERS[name]([{"params": [parameter(1)], option: True}])  # type: ignore[call-arg]


@every_case
@pytest.mark.parametrize("kind", ["sparse", "complex"])
def test_gradients_are_checked_before_anything_moves(case: Case, kind: str) -> None:
    first, second = parameter(3), parameter(3)
    optimizer = case.ours([{"params": [first]}, {"params": [second]}])

    def closure() -> None:
        first.grad = torch.ones(3)
        second.grad = torch.ones(3).to_sparse() if kind == "sparse" else None
        if kind == "complex":
            second.data = torch.ones(3, dtype=torch.complex64)  # nn.Module.to does so after the optimizer was made
            second.grad = torch.ones(3, dtype=torch.complex64)

    with pytest.raises(RuntimeError, match=rf"needs dense real gradients, got a {kind} one of shape \(3,\)"):
        optimizer.step(closure)
    assert_same(first.detach(), torch.ones(3))
    assert not optimizer.state


def test_sam_needs_a_closure() -> None:
    with pytest.raises(ValueError, match=r"^SAM.step needs a closure .* got None; write optimizer.step\(closure\)$"):
        SAM([parameter(1)]).step()


@pytest.mark.parametrize("failing_call", [1, 2])
def test_sam_restores_parameters_when_the_closure_raises(failing_call: int) -> None:
    theta = torch.nn.Parameter(make_gradients(0)[0])
    optimizer, before = SAM([theta], lr=0.1, rho=0.5, base=Momentum), theta.detach().clone()
    calls = 0

    def closure() -> None:
        nonlocal calls
        calls += 1
        if calls == failing_call:
            raise KeyboardInterrupt
        theta.grad = torch.ones_like(theta)

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(closure)
    assert_same(parameters_of(optimizer), [before])
    assert not optimizer.state
