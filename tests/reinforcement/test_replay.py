"""Replays against plain loops: the ring against a deque, the sum tree against cumulative sums."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optcourse.reinforcement import (
    PrioritizedReplay,
    ReplayBuffer,
    SumTree,
    Transitions,
    importance_weight,
    proportional_reference,
)
from tests.reinforcement.cases import DequeReplay, numbered

KINDS = [ReplayBuffer, PrioritizedReplay]


def content(replay):
    """All rows stored, as sorted tuples."""
    buffer = getattr(replay, "_buffer", replay)
    batch = buffer.gather(np.arange(len(buffer)))
    return sorted(zip(*(part.tolist() for part in batch[:6]), strict=True))


@pytest.mark.parametrize("kind", KINDS)
@given(capacity=st.integers(3, 9), counts=st.lists(st.integers(0, 3), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_keeps_what_a_deque_keeps(kind, capacity, counts):
    replay, twin, first = kind(capacity, features=2), DequeReplay(capacity), 0
    for count in counts:
        places = replay.add(numbered(first, count))
        twin.add(numbered(first, count))
        first += count
        assert len(places) == count
    assert len(replay) == len(twin.rows)
    assert content(replay) == sorted(twin.rows)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_all_that_is_there_and_nothing_else(kind):
    replay, rng = kind(8, features=2), np.random.default_rng(0)
    replay.add(numbered(1, 5))
    options = {} if kind is ReplayBuffer else {"beta": 0.5}
    drawn = {r for _ in range(100) for r in replay.sample(5, rng, **options).reward.tolist()}
    assert drawn == {2.0, 4.0, 6.0, 8.0, 10.0}  # the three free places hold zeros
    replay.add(numbered(6, 5))
    drawn = {r for _ in range(200) for r in replay.sample(5, rng, **options).reward.tolist()}
    assert drawn == {2.0 * t for t in range(3, 11)}


def test_uniform_batches():
    replay = ReplayBuffer(10, features=2)
    replay.add(numbered(0, 10))
    rng = np.random.default_rng(0)
    counts = np.bincount(np.concatenate([replay.sample(10, rng).places for _ in range(2000)]), minlength=10)
    assert abs(counts / 20_000 - 0.1).max() < 4 * np.sqrt(0.1 * 0.9 / 20_000)
    batch = replay.sample(4, rng)
    assert [part.dtype for part in batch[:7]] == [
        *(torch.float32, torch.int64, torch.float32, torch.float32, torch.bool, torch.float32, torch.float32)
    ]
    assert batch.weight.tolist() == [1.0] * 4


def test_batches_are_copies():
    replay = ReplayBuffer(3, features=2)
    rows = numbered(0, 3)
    replay.add(rows)
    before = content(replay)
    rows.reward[:] = -1
    replay.gather(np.arange(3)).reward.fill_(-1)
    assert content(replay) == before


@given(
    priorities=st.lists(st.integers(0, 9), min_size=1, max_size=40),
    changes=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 9)), max_size=20),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_sum_tree_is_a_cumulative_sum(priorities, changes, seed):
    tree, plain = SumTree(len(priorities)), np.array(priorities, dtype=float)
    tree[np.arange(len(plain))] = plain
    changed = np.array([place % len(plain) for place, _ in changes], dtype=int)
    plain[changed] = tree[changed] = np.array([value for _, value in changes], dtype=float)
    assert tree.total == plain.sum()
    if tree.total > 0:
        whole = np.arange(int(tree.total), dtype=float)  # on the edges too: a mass on an edge belongs to the right
        mass = np.concatenate([whole, np.random.default_rng(seed).random(20) * tree.total])
        np.testing.assert_array_equal(tree.find(mass), proportional_reference(plain, mass))


def test_sum_tree_never_finds_an_empty_leaf():
    tree = SumTree(5)
    tree[np.arange(3)] = np.array([0.1, 0.2, 0.3])
    assert tree.find(np.array([tree.total, np.nextafter(tree.total, 0)])).tolist() == [2, 2]


def test_sums_do_not_drift():
    tree, rng = SumTree(100), np.random.default_rng(0)
    for _ in range(3000):
        tree[rng.integers(100, size=8)] = 10.0 ** rng.uniform(-8, 8, size=8)
    tree[np.arange(100)] = np.full(100, 1e-8)
    assert tree.total == pytest.approx(1e-6, rel=1e-12)


def test_priorities_set_how_often_and_how_much():
    replay = PrioritizedReplay(6, features=2, alpha=0.5)
    places = replay.add(numbered(0, 4))
    replay.update_priorities(places, np.array([1.0, -4.0, 9.0, -16.0], dtype=np.float32))
    np.testing.assert_allclose(replay.probability(places), np.array([1, 2, 3, 4]) / 10, rtol=1e-6)
    rng = np.random.default_rng(0)
    drawn = [replay.sample(4, rng, beta=1.0) for _ in range(3000)]
    counts = np.bincount(np.concatenate([batch.places for batch in drawn]), minlength=4) / 12_000
    np.testing.assert_allclose(counts, np.array([1, 2, 3, 4]) / 10, atol=0.01)
    for batch in drawn[:20]:
        expected = importance_weight(np.array([1, 2, 3, 4])[batch.places] / 10, 4, beta=1.0)
        np.testing.assert_allclose(batch.weight.numpy(), expected, rtol=1e-5)
        assert batch.weight.max() == 1.0
    # with full correction, drawing by priority changes no expectation
    wide = [importance_weight(np.arange(1, 5) / 10, 4, beta=1.0) * np.arange(1, 5) / 10]
    np.testing.assert_allclose(wide[0] / wide[0].sum(), np.full(4, 0.25))


def test_new_transitions_get_the_largest_priority():
    replay = PrioritizedReplay(6, features=2, alpha=1.0)
    replay.update_priorities(replay.add(numbered(0, 2)), np.array([5.0, 0.0]))
    new = replay.add(numbered(2, 1))
    assert replay.probability(new)[0] == pytest.approx(replay.probability(np.array([0]))[0])
    assert replay.probability(np.array([1]))[0] > 0  # an error of 0 may still come back


def test_alpha_0_is_uniform():
    replay = PrioritizedReplay(6, features=2, alpha=0.0)
    replay.update_priorities(replay.add(numbered(0, 5)), np.arange(5.0))
    assert replay.sample(5, np.random.default_rng(0), beta=1.0).weight.tolist() == [1.0] * 5


def bad(**parts):
    return numbered(0, 2)._replace(**parts)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (bad(reward=np.array([1.0, np.nan], dtype=np.float32)), "reward must be finite, got 1 of 2 numbers NaN"),
        (bad(observation=np.full((2, 2), np.inf, dtype=np.float32)), "observation must be finite, got 4 of 4"),
        (bad(observation=np.zeros((2, 3), dtype=np.float32)), r"must have shape \(2, 2\), got \(2, 3\).*features=2"),
        (bad(next_observation=np.zeros(2, dtype=np.float32)), r"next_observation must have shape \(2, 2\)"),
        (bad(terminated=np.zeros(1, dtype=bool)), r"terminated must have shape \(2,\), got \(1,\)"),
        (numbered(0, 6), "at most 5 rows fit, got 6; give a larger capacity"),
        (bad(action=np.array([0.5, 0.7])), "action must be of an integer dtype, got float64; actions are numbered"),
        (bad(action=np.array([True, False])), "action must be of an integer dtype, got bool"),
        (bad(terminated=np.array([0.0, 1.0])), r"terminated must be of dtype bool, got float64; try .*astype\(bool\)"),
    ],
)
def test_bad_rows_change_nothing(kind, rows, text):
    replay = kind(5, features=2)
    replay.add(numbered(0, 3))
    before = content(replay)
    with pytest.raises(TypeError if "dtype" in text else ValueError, match=text):
        replay.add(rows)
    assert content(replay) == before
    assert replay.add(numbered(3, 1)).tolist() == [3]


@pytest.mark.parametrize("kind", KINDS)
def test_bad_batches_change_nothing(kind):
    replay, rng = kind(5, features=2), np.random.default_rng(0)
    options = {} if kind is ReplayBuffer else {"beta": 0.5}
    with pytest.raises(ValueError, match="got an empty one; add some first"):
        replay.sample(1, rng, **options)
    replay.add(numbered(0, 3))
    for size, error, text in [
        (4, ValueError, "batch_size must be at most the 3 transitions stored, got 4; collect more first"),
        (0, ValueError, "at least 1, got 0"),
        (2.0, TypeError, r"got 2.0 \(float\)"),
    ]:
        with pytest.raises(error, match=text):
            replay.sample(size, rng, **options)
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: ReplayBuffer(0, features=2), ValueError, "capacity must be an integer of at least 1, got 0"),
        (lambda: ReplayBuffer(5, features=True), TypeError, "features must be an integer"),
        (
            lambda: PrioritizedReplay(5, features=2, alpha=1.1),
            ValueError,
            r"alpha must be a number in \[0, 1\], got 1.1",
        ),
        (lambda: PrioritizedReplay(5, features=2, alpha=np.nan), ValueError, "got nan"),
        (lambda: importance_weight(np.ones(2), 2, beta=-0.1), ValueError, r"beta must be a number in \[0, 1\]"),
        (lambda: proportional_reference(np.ones(2), np.array([2.0])), ValueError, r"mass must be in \[0, 2.0\)"),
        (lambda: ReplayBuffer(5, features=2).gather(np.array([0])), IndexError, r"\[0, 0\), got 0 to 0"),
    ],
)
def test_errors(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_bad_errors_leave_priorities():
    replay = PrioritizedReplay(5, features=2)
    places = replay.add(numbered(0, 3))
    before = replay.probability(places)
    with pytest.raises(ValueError, match="TD errors must be finite, got 1 of 3"):
        replay.update_priorities(places, np.array([1.0, np.nan, 2.0]))
    np.testing.assert_array_equal(replay.probability(places), before)


@pytest.mark.parametrize(
    ("places", "error", "kind", "text"),
    [
        ([6], [50.0], IndexError, r"places must be in \[0, 3\), got 6 to 6; take Batch.places"),
        ([7], [50.0], IndexError, r"got 7 to 7"),
        ([-9], [50.0], IndexError, r"got -9 to -9"),
        ([0, 3], [1.0, 1.0], IndexError, r"got 0 to 3"),
        ([0, 1], [50.0], ValueError, r"places and error must be \(B,\), got \(2,\) and \(1,\); give one TD error"),
        ([[0, 1]], [[1.0, 50.0]], ValueError, r"got \(1, 2\) and \(1, 2\)"),
        ([0.0, 1.0], [1.0, 50.0], TypeError, "places must be of an integer dtype, got float64; take Batch.places"),
    ],
)
def test_bad_places_leave_priorities(places, error, kind, text):
    replay = PrioritizedReplay(5, features=2)
    replay.add(numbered(0, 3))
    replay.update_priorities(np.arange(3), np.array([1.0, 2.0, 3.0]))
    before, largest = replay._tree._node.copy(), replay._largest
    with pytest.raises(kind, match=text):
        replay.update_priorities(np.array(places), np.array(error))
    np.testing.assert_array_equal(replay._tree._node, before)
    assert replay._largest == largest
    assert len(replay.sample(3, np.random.default_rng(0), beta=1.0).places) == 3


def test_rows_may_be_none():
    replay = ReplayBuffer(5, features=2)
    assert replay.add(Transitions(*(part[:0] for part in numbered(0, 2)))).tolist() == []
    assert len(replay) == 0


def test_several_batches_at_once():
    replay = ReplayBuffer(50, features=2)
    replay.add(numbered(0, 40))
    rows = replay.sample(8, np.random.default_rng(1), batches=3)
    assert np.array_equal(rows.places, np.random.default_rng(1).integers(40, size=24))
    assert len(rows.reward) == len(rows.weight) == 24
    assert len(replay.sample(40, np.random.default_rng(1), batches=2).reward) == 80
    with pytest.raises(ValueError, match="batches must be an integer of at least 1, got 0"):
        replay.sample(8, np.random.default_rng(1), batches=0)
