"""The chain's closed form against value iteration, and the table against the closed form."""

import gymnasium
import numpy as np
import pytest

from optcourse.reinforcement import LEFT, RIGHT, Chain, chain_values, q_learning, q_learning_reference
from optcourse.reinforcement.seeds import draw_seed, streams
from optcourse.schedules import constant, linear


def value_iteration(length, gamma, slip, sweeps=5000):
    q = np.zeros((length + 1, 2))
    for _ in range(sweeps):
        value = q.max(axis=1)  # row `length` stays 0
        for s in range(length):
            for action, to in ((LEFT, max(s - 1, 0)), (RIGHT, s + 1)):
                arrives = (1 - slip) * ((to == length) + gamma * value[to])
                q[s, action] = arrives + slip * gamma * value[s]
    return q


@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize(("gamma", "slip"), [(0.9, 0.0), (0.8, 0.3), (0.5, 0.9), (0.0, 0.2)])
def test_closed_form(length, gamma, slip):
    expected = value_iteration(length, gamma, slip, sweeps=300)
    np.testing.assert_allclose(chain_values(length, gamma=gamma, slip=slip), expected, rtol=1e-10, atol=1e-12)


def last(**options):
    *_, record = q_learning(**options)
    return record


def test_without_chance_the_table_becomes_exact():
    record = last(env=Chain(5, max_steps=12), steps=3000, gamma=0.9, lr=constant(1.0), epsilon=constant(0.5), seed=1)
    np.testing.assert_allclose(record.q, chain_values(5, gamma=0.9), rtol=1e-12)


def test_a_time_limit_does_not_lower_the_values():
    """Episodes of 2 steps see at most 2 places of the chain; bootstrapping where they are cut joins them."""

    class Anywhere(Chain):
        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self._state = int(self.np_random.integers(self.length))
            return self._state, {}

    record = last(env=Anywhere(6, max_steps=2), steps=4000, gamma=0.9, lr=constant(1.0), epsilon=constant(1.0), seed=0)
    np.testing.assert_allclose(record.q, chain_values(6, gamma=0.9), rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_with_chance_a_falling_lr_converges(seed):
    record = last(
        env=Chain(3, slip=0.3, max_steps=30),
        steps=20_000,
        gamma=0.8,
        lr=lambda visits: (1 + visits) ** -0.8,
        epsilon=linear(1.0, 0.3, steps=10_000),
        seed=seed,
    )
    np.testing.assert_allclose(record.q, chain_values(3, gamma=0.8, slip=0.3), atol=0.03)


def test_one_update_by_hand():
    q = np.array([[1.0, 2.0], [3.0, -1.0]])
    for terminated, error in [(False, 0.5 + 0.9 * 3 - 2.0), (True, 0.5 - 2.0)]:
        after, delta = q_learning_reference(q, 0, 1, 0.5, 1, terminated, lr=0.1, gamma=0.9)
        assert delta == pytest.approx(error, rel=1e-15)
        np.testing.assert_allclose(after, [[1.0, 2.0 + 0.1 * error], [3.0, -1.0]], rtol=1e-15)
    np.testing.assert_array_equal(q, [[1.0, 2.0], [3.0, -1.0]])


def test_records():
    records = list(
        q_learning(Chain(2, max_steps=2), steps=60, gamma=0.9, lr=constant(0.5), epsilon=constant(1.0), seed=0)
    )
    assert [record.step for record in records] == list(range(1, 61))
    assert {(r.terminated, r.truncated) for r in records} >= {(False, False), (False, True), (True, True)}
    both = [r for r in records if r.terminated and r.truncated]
    assert all((r.state, r.action) == (1, RIGHT) for r in both)
    q = np.zeros((3, 2))
    for record in records:
        assert record.q[2].tolist() == [0.0, 0.0]
        changed = np.argwhere(record.q != q).tolist()
        assert changed in ([], [[record.state, record.action]])
        q = record.q


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Chain(0), ValueError, "length must be an integer of at least 1, got 0"),
        (lambda: Chain(3, slip=1.0), ValueError, r"slip must be a number in \[0, 1\), got 1.0"),
        (lambda: Chain(3, slip=np.nan), ValueError, "slip must be a number in"),
        (lambda: Chain(3, max_steps=0), ValueError, "max_steps must be"),
        (lambda: chain_values(3, gamma=1.1), ValueError, "gamma must be a number"),
        (lambda: update(reward=np.nan, lr=1, gamma=1), ValueError, "rewards"),
        (lambda: update(lr=np.nan, gamma=1), ValueError, r"lr must be a number in \[0, 1\], got nan"),
        (lambda: update(lr=1, gamma=2.0), ValueError, r"gamma must be a number in \[0, 1\], got 2.0"),
        (lambda: run(lr=0.1), TypeError, r"lr must be a schedule, step -> value, got 0.1; try constant\(0.1\)"),
        (lambda: run(epsilon=0.1), TypeError, r"epsilon must be a schedule, step -> value, got 0.1"),
        (lambda: run(steps=0), ValueError, "steps must be"),
        (lambda: run(gamma=np.nan), ValueError, "gamma must be"),
        (lambda: run(lr=constant(2.0)), ValueError, r"lr must be a number in \[0, 1\], got 2.0"),
        (lambda: run(epsilon=constant(-1.0)), ValueError, r"epsilon must be a number in \[0, 1\], got -1.0"),
        (lambda: run(seed=1.5), TypeError, "seed must be an integer"),
        (
            lambda: run(env=gymnasium.make("CartPole-v1")),
            ValueError,
            "states must be a Discrete .*; for vectors use dqn",
        ),
    ],
)
def test_errors(make, error, text):
    with pytest.raises(error, match=text):
        make()


def update(*, reward=1.0, **options):
    return q_learning_reference(np.zeros((2, 2)), 0, 0, reward, 1, False, **options)


def run(**options):
    settings = {"env": Chain(2), "steps": 3, "gamma": 0.9, "lr": constant(1.0), "epsilon": constant(1.0), "seed": 0}
    return list(q_learning(**(settings | options)))


def test_chance_and_exploration_do_not_share_a_stream(monkeypatch):
    seeds, reset = [], Chain.reset
    monkeypatch.setattr(Chain, "reset", lambda chain, *, seed=None: (seeds.append(seed), reset(chain, seed=seed))[1])
    run(env=Chain(2, slip=0.5), seed=3)
    of_environment, of_exploration, *_ = streams(3)
    assert seeds[0] == draw_seed(of_environment)
    assert np.random.default_rng(seeds[0]).random() != of_exploration.random()
