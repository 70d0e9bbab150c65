"""Returns to go and generalized advantage estimation: formula, array, and what must hold whatever the numbers are."""

import math

import pytest
import torch

from optcourse.reinforcement.advantages import gae, gae_reference, returns_to_go, returns_to_go_reference
from tests.optimizers.test_devices import OneDevice

F64 = torch.float64
column = lambda *numbers: torch.tensor(numbers, dtype=F64).unsqueeze(1)
flags = lambda *marks: torch.tensor(marks, dtype=torch.bool).unsqueeze(1)
CLOSE = {"rtol": 0, "atol": 1e-12}  # of numbers near 1, after fewer than 20 operations


def rollout(seed, T=9, N=4):
    """Random numbers with each kind of end in them: none, terminated, truncated, both, also in the last row."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(3, T, N, dtype=F64, generator=generator)
    ends = torch.rand(2, T, N, generator=generator) < 0.3
    ends[:, 1, 0], ends[0, 2, 0], ends[1, 2, 0], ends[1, -1, 1] = True, True, False, True
    return *numbers, *ends


def by_row(function, *arguments, **options):
    """A reference, applied to each column."""
    rows = [function(*(each[:, n].tolist() for each in arguments), **options) for n in range(arguments[0].shape[1])]
    return torch.tensor(rows, dtype=F64).t()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", [(9, 4), (1, 3), (7, 1), (1, 1)])
def test_arrays_are_the_formula(seed, shape):
    T, N = max(shape[0], 4), max(shape[1], 2)
    reward, value, next_value, terminated, truncated = (x[: shape[0], : shape[1]] for x in rollout(seed, T, N))
    arguments = reward, value, next_value, terminated, truncated
    torch.testing.assert_close(
        gae(*arguments, gamma=0.9, lam=0.7), by_row(gae_reference, *arguments, gamma=0.9, lam=0.7), **CLOSE
    )
    arguments = reward, next_value, terminated, truncated
    torch.testing.assert_close(
        returns_to_go(*arguments, gamma=0.9), by_row(returns_to_go_reference, *arguments, gamma=0.9), **CLOSE
    )


def test_by_hand():
    """Three steps, cut after the second: what is truncated bootstraps, and nothing crosses the cut."""
    reward, value, next_value = column(1.0, 2.0, 4.0), column(0.5, 1.0, 3.0), column(1.0, 7.0, 5.0)
    end, none = flags(0, 1, 0), flags(0, 0, 0)
    cut = gae(reward, value, next_value, none, end, gamma=0.5, lam=0.5)
    over = gae(reward, value, next_value, end, none, gamma=0.5, lam=0.5)
    both = gae(reward, value, next_value, end, end, gamma=0.5, lam=0.5)
    last, cut_second, over_second = 4 + 2.5 - 3, 2 + 3.5 - 1, 2 - 1
    torch.testing.assert_close(cut, column(1 + 0.25 * cut_second, cut_second, last), **CLOSE)
    torch.testing.assert_close(over, column(1 + 0.25 * over_second, over_second, last), **CLOSE)
    assert torch.equal(both, over)
    returns = returns_to_go(reward, next_value, none, end, gamma=0.5)
    torch.testing.assert_close(returns, column(1 + 0.5 * 5.5, 5.5, 6.5), **CLOSE)


@pytest.mark.parametrize("seed", range(5))
def test_lam_0_is_the_error_of_one_step(seed):
    reward, value, next_value, terminated, truncated = rollout(seed)
    delta = reward + 0.9 * torch.where(terminated, 0.0, next_value) - value
    found = gae(reward, value, next_value, terminated, truncated, gamma=0.9, lam=0.0)
    torch.testing.assert_close(found, delta, **CLOSE)


@pytest.mark.parametrize("seed", range(5))
def test_lam_1_is_the_return_to_go_less_the_value(seed):
    """Where no episode ends, V(s') is the V(s) of the next row: the values in between cancel."""
    reward, value, next_value, terminated, truncated = rollout(seed)
    goes_on = ~(terminated | truncated)[:-1]
    next_value[:-1] = torch.where(goes_on, value[1:], next_value[:-1])
    found = gae(reward, value, next_value, terminated, truncated, gamma=0.9, lam=1.0)
    returns = returns_to_go(reward, next_value, terminated, truncated, gamma=0.9)
    torch.testing.assert_close(found, returns - value, **CLOSE)


def test_what_lies_behind_an_end_may_be_anything():
    reward, value, next_value, terminated, truncated = rollout(0)
    broken = torch.where(terminated, math.nan, next_value)
    assert broken.isnan().any()
    for lam in (0.0, 0.7, 1.0):
        clean = gae(reward, value, next_value, terminated, truncated, gamma=0.9, lam=lam)
        assert torch.equal(gae(reward, value, broken, terminated, truncated, gamma=0.9, lam=lam), clean)
    clean = returns_to_go(reward, next_value, terminated, truncated, gamma=0.9)
    assert torch.equal(returns_to_go(reward, broken, terminated, truncated, gamma=0.9), clean)
    ends, none = flags(0, 1, 0, 0), flags(0, 0, 0, 0)
    value = column(1.0, 1.0, math.nan, 1.0)  # the next episode's first
    for terminated, truncated in ((ends, none), (none, ends)):
        found = gae(column(1.0, 1, 1, 1), value, column(1.0, 1, 1, 1), terminated, truncated, gamma=0.9, lam=0.9)
        assert found.isnan().flatten().tolist() == [False, False, True, False]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ends", [False, True])
def test_steps_that_only_reset_count_for_nothing(seed, ends):
    """A row without steps that reset, and the same row with one after each end, holding nonsense."""
    each = [x[:, :1] for x in rollout(seed)]
    ended = (each[3] | each[4]).flatten().tolist()
    order, lived = [], []
    for t, end in enumerate(ended):
        order += [t, t] if end else [t]
        lived += [True, False] if end else [True]
    stretched = [x[order].clone() for x in each]
    lived = flags(*lived)
    for numbers, nonsense in zip(stretched, (math.nan, math.inf, math.nan, ends, ends), strict=True):
        numbers[~lived] = nonsense
    found = gae(*stretched, gamma=0.9, lam=0.7, lived=lived)
    torch.testing.assert_close(found[lived], gae(*each, gamma=0.9, lam=0.7).flatten(), **CLOSE)
    assert (found[~lived] == 0).all()
    stretched.pop(1)
    each.pop(1)
    found = returns_to_go(*stretched, gamma=0.9, lived=lived)
    torch.testing.assert_close(found[lived], returns_to_go(*each, gamma=0.9).flatten(), **CLOSE)
    assert (found[~lived] == 0).all()


def test_linear_in_rewards_and_values_and_alone_in_each_column():
    one, other = rollout(1), rollout(2)
    ends = one[3:]
    total = [a + 2 * b for a, b in zip(one[:3], other[:3], strict=True)]
    options = {"gamma": 0.9, "lam": 0.7}
    apart = gae(*one[:3], *ends, **options) + 2 * gae(*other[:3], *ends, **options)
    torch.testing.assert_close(gae(*total, *ends, **options), apart, **CLOSE)
    order = [2, 0, 3, 1]
    swapped = gae(*(x[:, order] for x in one), **options)
    assert torch.equal(swapped, gae(*one, **options)[:, order])


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_arguments_are_left_alone(dtype):
    each = [x.to(dtype) if x.is_floating_point() else x for x in rollout(3)]
    lived = ~each[3]
    before = [x.clone() for x in (*each, lived)]
    found = gae(*each, gamma=0.9, lam=0.7, lived=lived)
    returns = returns_to_go(each[0], *each[2:], gamma=0.9, lived=lived)
    assert all(torch.equal(a, b) for a, b in zip((*each, lived), before, strict=True))
    assert found.dtype == returns.dtype == dtype
    assert found.shape == returns.shape == each[0].shape
    strided = [x.t().contiguous().t() for x in each]
    assert torch.equal(gae(*strided, gamma=0.9, lam=0.7, lived=lived), found)


@pytest.mark.parametrize("lived", [None, torch.empty(5, 3, device="meta", dtype=torch.bool)])
def test_devices(lived):
    numbers = [torch.empty(5, 3, device="meta") for _ in range(3)]
    ends = [torch.empty(5, 3, device="meta", dtype=torch.bool) for _ in range(2)]
    with OneDevice("meta"):
        found = gae(*numbers, *ends, gamma=0.9, lam=0.7, lived=lived)
        returns = returns_to_go(*numbers[:2], *ends, gamma=0.9, lived=lived)
    assert (found.device.type, found.shape, returns.device.type, returns.shape) == ("meta", (5, 3)) * 2


ONE, NONE = column(1.0, 2.0), flags(0, 0)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: gae(ONE, ONE, ONE, NONE, NONE, gamma=1.5, lam=1), ValueError, r"gamma must be .*\[0, 1\], got 1.5"),
        (lambda: gae(ONE, ONE, ONE, NONE, NONE, gamma=1, lam=math.nan), ValueError, r"lam must be .*got nan"),
        (lambda: gae(ONE, ONE.float(), ONE, NONE, NONE, gamma=1, lam=1), TypeError, r"float32.*\.to\(value.dtype\)"),
        (lambda: gae(ONE.int(), *[ONE.int()] * 2, NONE, NONE, gamma=1, lam=1), TypeError, "floating dtype.*int32"),
        (lambda: gae(ONE, ONE, ONE, ONE, NONE, gamma=1, lam=1), TypeError, r"bool tensors, got .*64.*try .bool"),
        (lambda: gae(ONE, ONE, ONE[:1], NONE, NONE, gamma=1, lam=1), ValueError, r"\(T, N\).*\(1, 1\).*unsqueeze\(1\)"),
        (lambda: gae(*[ONE[:, 0]] * 3, *[NONE[:, 0]] * 2, gamma=1, lam=1), ValueError, r"got \(2,\)"),
        (lambda: gae(*[ONE[:0]] * 3, *[NONE[:0]] * 2, gamma=1, lam=1), ValueError, "T >= 1"),
        (lambda: gae(ONE, ONE, ONE, NONE, NONE, gamma=1, lam=1, lived=NONE[:1]), ValueError, r"\(1, 1\)"),
        (lambda: gae(ONE * math.nan, ONE, ONE, NONE, NONE, gamma=1, lam=1), ValueError, "got 2 of 2 numbers NaN"),
        (lambda: returns_to_go(ONE / 0, ONE, NONE, NONE, gamma=1), ValueError, "rewards must be finite.*mend"),
        (lambda: returns_to_go(ONE, ONE, NONE, NONE, gamma=-1), ValueError, "gamma must be"),
    ],
)  # fmt: skip
def test_errors(make, error, text):
    with pytest.raises(error, match=text):
        make()
