"""torch's list operations and the plain loops that stand in for them give the same bits."""

import inspect
from typing import Any

import pytest
import torch

from optcourse.optimizers import list_operations as lists
from tests.optimizers.cases import (
    Case,
    assert_same,
    every_plain_case,
    make_gradients,
    make_parameters,
    make_tensors,
    parameters_of,
    run,
)

SIX_NUMBERS = [0.3, -0.7, 1.0, 0.0, 2.0, 0.01]
# operation -> (how many lists it takes, its numbers)
OPERATIONS: dict[str, tuple[int, list[Any]]] = {
    "neg": (1, []),
    "sqrt": (1, []),
    "norm": (1, []),
    "add": (2, [0.3]),
    "add_": (2, [-0.3]),
    "add_scalar_": (1, [0.3]),
    "mul": (1, [0.3]),
    "mul_": (1, [0.3]),
    "lerp_": (2, [0.3]),
    "addcmul": (3, [0.3]),
    "addcmul_": (3, [0.3]),
    "addcdiv_": (3, [0.3]),
    "maximum_": (2, []),
}
WITH_A_NUMBER_EACH = ["add_scalar_", "mul", "addcdiv_"]


def columns(count: int, dtype: torch.dtype) -> list[list[torch.Tensor]]:
    return [[tensor.abs() for tensor in make_tensors(seed, dtype)] for seed in range(count)]


def both_ways(monkeypatch: pytest.MonkeyPatch, name: str, dtype: torch.dtype, numbers: list[Any]) -> list[Any]:
    outcomes = []
    for use_foreach in (True, False):
        monkeypatch.setattr(lists, "USE_FOREACH", use_foreach)
        arguments = columns(OPERATIONS[name][0], dtype)
        result = getattr(lists, name)(*arguments, *numbers)
        outcomes.append((list(result) if result is not None else None, arguments))
    return outcomes


def test_every_operation_is_here() -> None:
    functions = {name for name, it in vars(lists).items() if inspect.isfunction(it) and it.__module__ == lists.__name__}
    assert functions - {"cache_blocks", "_one_each"} == set(OPERATIONS)


def test_this_torch_has_all() -> None:
    assert lists.USE_FOREACH is True


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", OPERATIONS)
def test_loop_equals_list_operation(name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    (result, arguments), (loop_result, loop_arguments) = both_ways(monkeypatch, name, dtype, OPERATIONS[name][1])
    assert_same(loop_arguments, arguments)
    assert_same(loop_result, result)
    assert (result is None) == name.endswith("_")
    changed = [not torch.equal(x, y) for x, y in zip(arguments[0], columns(1, dtype)[0], strict=True)]
    assert any(changed) == name.endswith("_")


@pytest.mark.parametrize("name", WITH_A_NUMBER_EACH)
def test_a_number_for_each_tensor(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (result, arguments), (loop_result, loop_arguments) = both_ways(monkeypatch, name, torch.float64, [SIX_NUMBERS])
    assert_same(loop_arguments, arguments)
    assert_same(loop_result, result)
    for i, number in enumerate(SIX_NUMBERS):
        single = [[column[i]] for column in columns(OPERATIONS[name][0], torch.float64)]
        single_result = getattr(lists, name)(*single, number)
        assert_same((single_result or single[0])[0], (result or arguments[0])[i])


def test_mul_is_a_product() -> None:
    xs = make_tensors(0)
    lists.mul_(xs, 0.3)
    assert_same(xs, [0.3 * x for x in make_tensors(0)], 1e-15)
    lists.mul_(xs, 0.0)
    assert_same(xs, [torch.zeros_like(x) for x in xs])


@every_plain_case
def test_optimizers_do_without(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    with_lists, with_loops = case.ours(make_parameters(), maximize=True), case.ours(make_parameters(), maximize=True)
    run(with_lists, range(4))
    monkeypatch.setattr(lists, "USE_FOREACH", False)
    run(with_loops, range(4))
    assert_same(parameters_of(with_loops), parameters_of(with_lists))


@pytest.mark.parametrize(
    ("sizes", "blocks"),
    [
        ([4, 4, 4, 4, 4], [2, 2, 1]),
        ([100, 1, 1, 100], [1, 3]),
        ([1, 2], [2]),
        ([0, 0], [2]),
        ([8], [1]),
        ([], []),
    ],
)
def test_cache_blocks(sizes: list[int], blocks: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "CACHE_BLOCK", 8)
    xs = [torch.zeros(size) for size in sizes]
    slices = list(lists.cache_blocks(xs))
    assert [len(xs[block]) for block in slices] == blocks
    assert [x for block in slices for x in xs[block]] == xs or len(xs) == 0


def test_only_the_cpu_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "CACHE_BLOCK", 8)
    assert list(lists.cache_blocks([torch.zeros(100, device="meta")] * 3)) == [slice(0, 3)]


def test_gradients_of_a_seed_differ() -> None:
    """The contracts inject these; equal ones would hide a mistake in the order of steps."""
    assert not torch.equal(make_gradients(0)[0], make_gradients(1)[0])
