"""Groups, missing gradients, changing rates, closures, and what surrounds an optimizer in a training loop."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from optcourse.optimizers import SAM, Adam, state_bytes_per_parameter
from tests.optimizers.cases import (
    Case,
    assert_same,
    every_case,
    every_plain_case,
    inject,
    make_gradients,
    make_parameters,
    parameters_of,
    run,
)

ROUNDING = 1e-12  # as in test_parity.py


def through_pickle(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


@every_case
def test_two_groups_with_options_of_their_own(case: Case) -> None:
    def groups() -> list[dict[str, Any]]:
        parameters = make_parameters()
        return [{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.03, "weight_decay": 0.2}]

    ours, theirs = case.ours(groups()), case.torch(groups())
    run(ours, range(8))
    run(theirs, range(8))
    assert_same(parameters_of(ours), parameters_of(theirs), ROUNDING)


@every_case
def test_group_added_later(case: Case) -> None:
    ours, theirs = case.ours(make_parameters()), case.torch(make_parameters())
    run(ours, range(3))
    run(theirs, range(3))
    for optimizer in (ours, theirs):
        optimizer.add_param_group({"params": make_parameters(1), "lr": 0.02})
    for p in theirs.param_groups[-1]["params"]:
        if isinstance(theirs, torch.optim.Adagrad) and not theirs.state[p]:  # torch 2.6 makes this state only at first
            start = torch.full_like(p, theirs.defaults["initial_accumulator_value"])
            theirs.state[p].update(step=torch.tensor(0.0), sum=start)
    for seed in range(3, 7):
        gs = make_gradients(seed) + make_gradients(seed + 50)
        inject(ours, gs)
        inject(theirs, gs)
    assert_same(parameters_of(ours), parameters_of(theirs), ROUNDING)


@every_case
def test_none_gradients_count_no_step(case: Case) -> None:
    """A parameter without a gradient stays, keeps its state, and later continues with its own step count."""
    present = [[True] * 6, [False, True] * 3, [False] * 6, [True, True, False] * 2, [True] * 6, [True] * 6]
    ours, theirs = case.ours(make_parameters()), case.torch(make_parameters())
    for seed, pattern in enumerate(present):
        gs = [g if has else None for g, has in zip(make_gradients(seed), pattern, strict=True)]
        before = [theta.clone() for theta in parameters_of(ours)]
        inject(ours, gs)
        inject(theirs, gs)
        for theta, old, has in zip(parameters_of(ours), before, pattern, strict=True):
            assert has or torch.equal(theta, old)
    assert_same(parameters_of(ours), parameters_of(theirs), ROUNDING)
    for theta, *has in zip(ours.param_groups[0]["params"], *present, strict=True):
        assert ours.state[theta].get("t", sum(has)) == sum(has)


@every_case
def test_no_gradient_at_all(case: Case) -> None:
    optimizer = case.ours(make_parameters())
    inject(optimizer, [None] * 6)
    assert_same(parameters_of(optimizer), [theta.detach() for theta in make_parameters()])


@every_case
def test_rate_may_change_between_steps(case: Case) -> None:
    ours, theirs = case.ours(make_parameters()), case.torch(make_parameters())
    for seed, lr in enumerate([0.1, 0.0, 0.05, 1.0, 0.01]):
        for optimizer in (ours, theirs):
            optimizer.param_groups[0]["lr"] = lr
            inject(optimizer, make_gradients(seed))
        assert_same(parameters_of(ours), parameters_of(theirs), ROUNDING)


@every_case
def test_rate_may_be_a_tensor(case: Case) -> None:
    lr = torch.tensor(case.options["lr"], dtype=torch.float64)
    number, tensor = case.ours(make_parameters()), case.ours(make_parameters(), lr=lr)
    run(number, range(4))
    run(tensor, range(4))
    assert_same(parameters_of(tensor), parameters_of(number))


@every_case
def test_gradients_are_not_changed(case: Case) -> None:
    optimizer = case.ours(make_parameters(), maximize=True)
    given: list[list[Tensor]] = []

    def closure() -> Tensor:
        for theta, g in zip(optimizer.param_groups[0]["params"], make_gradients(0), strict=True):
            theta.grad = g
        given.append([theta.grad for theta in optimizer.param_groups[0]["params"]])
        return torch.tensor(0.0)

    for _ in range(2):
        optimizer.step(closure)
    for gs in given:
        assert_same(gs, make_gradients(0))
        assert all(g._version == 0 for g in gs)


@every_case
def test_maximize_climbs(case: Case) -> None:
    up, down = case.ours(make_parameters(), maximize=True), case.ours(make_parameters())
    for seed in range(4):
        inject(up, [-g for g in make_gradients(seed)])
        inject(down, make_gradients(seed))
    assert_same(parameters_of(up), parameters_of(down))


@every_plain_case
def test_closure_runs_once_with_gradients_on(case: Case) -> None:
    optimizer = case.ours(make_parameters())
    calls = []

    def closure() -> str:
        calls.append(torch.is_grad_enabled())
        return "the loss"

    assert optimizer.step(closure) == "the loss"
    assert calls == [True]
    assert optimizer.step() is None


@every_plain_case
def test_step_with_and_without_closure_agree(case: Case) -> None:
    with_closure, without = case.ours(make_parameters()), case.ours(make_parameters())
    for seed in range(3):
        inject(with_closure, make_gradients(seed))
        for theta, g in zip(without.param_groups[0]["params"], make_gradients(seed), strict=True):
            theta.grad = g
        without.step()
    assert_same(parameters_of(with_closure), parameters_of(without))


@every_plain_case
def test_gradient_with_a_graph(case: Case) -> None:
    """Gradients made with create_graph=True leave no graph behind in parameters or state."""
    theta = torch.nn.Parameter(torch.ones(3))
    optimizer = case.ours([theta])
    (theta.grad,) = torch.autograd.grad((theta**3).sum(), theta, create_graph=True)
    optimizer.step()
    tensors = [value for value in optimizer.state[theta].values() if isinstance(value, Tensor)]
    assert theta.is_leaf
    assert not any(tensor.requires_grad for tensor in tensors)


@every_plain_case
def test_schedules_of_torch(case: Case) -> None:
    ours, theirs = case.ours(make_parameters()), case.torch(make_parameters())
    cycles = "momentum" in ours.defaults or "betas" in ours.defaults
    for optimizer in (ours, theirs):
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=9, cycle_momentum=cycles)
        for seed in range(8):
            inject(optimizer, make_gradients(seed))
            schedule.step()
    assert ours.param_groups[0]["lr"] != case.options["lr"]
    assert_same(parameters_of(ours), parameters_of(theirs), ROUNDING)


@every_plain_case
def test_gradient_scaler(case: Case) -> None:
    """Scaled gradients give the step of unscaled ones, and a step with an infinite gradient is skipped."""
    plain, scaled = (case.ours([torch.nn.Parameter(torch.ones(4))]) for _ in range(2))
    (theta,) = parameters_of(scaled)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for factor in (1.0, 2.0, float("inf")):
        for optimizer in (plain, scaled):
            optimizer.zero_grad()
            loss = (optimizer.param_groups[0]["params"][0] ** 2 * factor).sum()
            (scaler.scale(loss) if optimizer is scaled else loss).backward()
        if factor < float("inf"):
            plain.step()
        before = theta.clone()
        scaler.step(scaled)
        scaler.update()
        assert torch.equal(theta, before) == (factor == float("inf"))
    assert_same(parameters_of(scaled), parameters_of(plain), 1e-6)


@every_case
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["copy", "pickle"]
)
def test_duplicates_continue_alike_and_apart(case: Case, duplicate: Any) -> None:
    original = case.ours([{"params": make_parameters()[:3], "lr": 0.07}, {"params": make_parameters()[3:]}])
    run(original, range(4))
    twin = duplicate(original)
    frozen = [theta.clone() for theta in parameters_of(twin)]
    run(original, range(4, 7))
    assert_same(parameters_of(twin), frozen)
    run(twin, range(4, 7))
    assert_same(parameters_of(twin), parameters_of(original))
    assert type(twin) is type(original)


@every_case
def test_hooks_of_torch_run(case: Case) -> None:
    optimizer, seen = case.ours(make_parameters()), []
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    run(optimizer, range(1))
    assert seen == ["before", "after"]


@every_case
def test_named_parameters(case: Case) -> None:
    names = [f"layer{i}.weight" for i in range(6)]
    named = case.ours(list(zip(names, make_parameters(), strict=True)))
    plain = case.ours(make_parameters())
    run(named, range(3))
    run(plain, range(3))
    assert_same(parameters_of(named), parameters_of(plain))
    assert named.param_groups[0]["param_names"] == names


def test_amsgrad_may_begin_later() -> None:
    """Torch raises a KeyError; here the maximum starts with the average at that step."""
    theta = torch.nn.Parameter(torch.ones(2))
    optimizer = Adam([theta])
    inject(optimizer, [torch.ones(2)])
    optimizer.param_groups[0]["amsgrad"] = True
    inject(optimizer, [torch.zeros(2)])
    assert_same(optimizer.state[theta]["v_max"], optimizer.state[theta]["v"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("sgd", 0), ("momentum", 8), ("rmsprop all", 24), ("adam", 16), ("adamw amsgrad", 24), ("sam", 0)],
)
def test_state_bytes(name: str, expected: float) -> None:
    case = next(parameter for parameter in every_case.args[1] if parameter.name == name)
    optimizer = case.ours(make_parameters())
    run(optimizer, range(1))
    assert state_bytes_per_parameter(optimizer) == expected  # 8 bytes a number in float64
    torchs = case.torch(make_parameters())
    run(torchs, range(1))
    steps = 4 * 6 if name.startswith(("adam", "rms")) else 0  # torch counts in a float32 tensor for each of 6
    assert state_bytes_per_parameter(torchs) == expected + steps / (12 + 5 + 1 + 0 + 6 + 9)


def test_sam_evaluates_twice() -> None:
    theta = torch.nn.Parameter(torch.ones(2))
    optimizer, points = SAM([theta], lr=0.1, rho=0.5), []

    def closure() -> Tensor:
        points.append((theta.detach().clone(), torch.is_grad_enabled()))
        theta.grad = torch.tensor([3.0, 4.0])
        return torch.tensor(float(len(points)))

    assert optimizer.step(closure) == 1.0
    assert_same([point for point, _ in points], [torch.ones(2), torch.tensor([1.3, 1.4])], 1e-6)
    assert [enabled for _, enabled in points] == [True, True]
