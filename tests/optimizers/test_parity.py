"""Class, reference twin and list twin agree with torch under injected gradients, over the whole table."""

import inspect

import pytest
import torch

from optcourse.optimizers import list_operations
from tests.optimizers.cases import (
    TWINS,
    Case,
    assert_same,
    every_case,
    every_plain_case,
    hyperparameters,
    inject,
    make_gradients,
    make_parameters,
    make_tensors,
    parameters_of,
    run,
    state_names,
)

STEPS = range(12)
# Other order of the same float64 operations, 12 steps at values about 1: some tens of roundings of 1e-16, times 1 / eps
# where a denominator is small.
ROUNDING = 1e-12
PLURALS = {"m": "ms", "v": "vs", "v_max": "v_maxes", "g_mean": "g_means"}


@every_case
@pytest.mark.parametrize("maximize", [False, True])
def test_class_equals_torch(case: Case, maximize: bool) -> None:
    ours, theirs = case.ours(make_parameters(), maximize=maximize), case.torch(make_parameters(), maximize=maximize)
    for seed in STEPS:
        inject(ours, make_gradients(seed))
        inject(theirs, make_gradients(seed))
        assert_same(parameters_of(ours), parameters_of(theirs), ROUNDING)
    assert not torch.equal(parameters_of(ours)[0], make_parameters()[0])


@every_case
def test_class_equals_torch_in_blocks(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_operations, "CACHE_BLOCK", 7)
    ours, theirs = case.ours(make_parameters()), case.torch(make_parameters())
    run(ours, STEPS)
    run(theirs, STEPS)
    assert_same(parameters_of(ours), parameters_of(theirs), ROUNDING)


@every_plain_case
@pytest.mark.parametrize("start", [0.0, 0.25])
def test_twins_equal_class(case: Case, start: float) -> None:
    """From a fresh state, and from one in mid-training."""
    reference, in_place = TWINS[case.optimizer]
    options, names = hyperparameters(case, reference), state_names(case)
    initial = start or case.options.get("initial_accumulator_value", 0.0)
    optimizer = case.ours(make_parameters())
    counts = "t" in optimizer.LAYOUT.state(optimizer.param_groups[0])
    for theta in optimizer.param_groups[0]["params"] if start else ():
        optimizer.state[theta].update({name: torch.full_like(theta, start) for name in names})
        optimizer.state[theta].update({"t": 5} if counts else {})

    thetas = make_tensors(0)
    columns = {name: [torch.full_like(theta, initial) for theta in thetas] for name in names}
    expected = [(theta.clone(), *(columns[name][i].clone() for name in names)) for i, theta in enumerate(thetas)]
    for step, seed in enumerate(STEPS, start=6 if start else 1):
        gs = make_gradients(seed)
        inject(optimizer, gs)
        for i, g in enumerate(gs):
            theta, *state = expected[i]
            given = dict(zip(names, state, strict=True)) | ({"t": step} if counts else {})
            expected[i] = reference(theta, g, **given, **options)
        lists = {PLURALS[name]: column for name, column in columns.items()} | ({"ts": [step] * 6} if counts else {})
        in_place(thetas, gs, **lists, **options)
    assert_same(thetas, [theta for theta, *_ in expected], ROUNDING)
    assert_same(parameters_of(optimizer), [theta for theta, *_ in expected], ROUNDING)
    for position, name in enumerate(names, start=1):
        assert_same(columns[name], [state[position] for state in expected], ROUNDING)


@every_plain_case
def test_reference_is_pure(case: Case) -> None:
    reference, _ = TWINS[case.optimizer]
    theta, g = make_tensors(0)[0], make_gradients(0)[0]
    state = [torch.ones_like(theta) for _ in state_names(case)]
    arguments = [theta, g, *state]
    before = [tensor.clone() for tensor in arguments]
    named = dict(zip(state_names(case), state, strict=True))
    if "t" in inspect.signature(reference).parameters:
        named["t"] = 3
    result = reference(theta, g, **named, **hyperparameters(case, reference))
    assert_same(arguments, before)
    assert len(result) == 1 + len(state)
    assert all(new is not old for new in result for old in arguments)


@every_plain_case
def test_reference_takes_a_rate_for_each_model(case: Case) -> None:
    """Stacked models with hyper-parameters of shape (N, 1, 1) move as each would by itself."""
    reference, _ = TWINS[case.optimizer]
    options, names = hyperparameters(case, reference), state_names(case)
    factors = [0.5, 1.0, 0.25]
    torch.manual_seed(0)
    theta, g = torch.randn(3, 4, 2, dtype=torch.float64), torch.randn(3, 4, 2, dtype=torch.float64)
    state = {name: torch.full_like(theta, 0.5 if name == "g_mean" else 9.0) for name in names}
    stacked = {
        name: torch.tensor([value * factor for factor in factors], dtype=torch.float64).view(3, 1, 1)
        for name, value in options.items()
    }
    counted = {"t": 4} if "t" in inspect.signature(reference).parameters else {}
    together = reference(theta, g, **state, **counted, **stacked)
    for i, factor in enumerate(factors):
        one = {name: tensor[i] for name, tensor in state.items()}
        scaled = {name: value * factor for name, value in options.items()}
        alone = reference(theta[i], g[i], **one, **counted, **scaled)
        assert_same([new[i] for new in together], list(alone), ROUNDING)


@every_plain_case
def test_reference_runs_on_meta(case: Case) -> None:
    """No control flow depends on a number, so shapes and devices show without any."""
    reference, _ = TWINS[case.optimizer]
    theta = torch.empty(3, 4, device="meta")
    named = dict.fromkeys(state_names(case), theta)
    if "t" in inspect.signature(reference).parameters:
        named["t"] = 1
    for new in reference(theta, theta, **named, **hyperparameters(case, reference)):
        assert (new.device.type, new.shape) == ("meta", theta.shape)


@every_case
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-6), (torch.bfloat16, 0.05)])
def test_low_precision_stays_near_torch(case: Case, dtype: torch.dtype, tolerance: float) -> None:
    """bfloat16 has 8 bits: one rounding of a value about 1 is 0.004, and 12 steps round in another order than torch."""
    ours, theirs = case.ours(make_parameters(dtype=dtype)), case.torch(make_parameters(dtype=dtype))
    run(ours, STEPS, dtype)
    run(theirs, STEPS, dtype)
    assert_same(parameters_of(ours), parameters_of(theirs), tolerance)
    for state in ours.state.values():
        assert all(value.dtype == dtype for name, value in state.items() if name not in ("t", "step"))
