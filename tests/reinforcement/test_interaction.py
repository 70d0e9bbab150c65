"""What counts as a step: ends, resets, and windows of n steps that never reach across them."""

import math

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from optcourse.reinforcement import Interaction, NStep, greedy_returns, q_network, vector_environment
from tests.reinforcement.cases import (
    ENDINGS,
    Bandit,
    Script,
    bandits,
    linear_network,
    n_step_by_definition,
    script,
    steps_of,
)


def walk(count, calls):
    world = Interaction(script(count), seed=0)
    rng = np.random.default_rng(0)
    return world, [world.step(rng.integers(3, size=count)) for _ in range(calls)]


def test_no_transition_crosses_an_end():
    _, parts = walk(4, 40)
    seen = [row for part in parts for row in zip(*part, strict=True)]
    for row, s, _, reward, following, terminated, truncated in seen:
        assert s[0] == following[0] == row
        assert s[1] == following[1], "a step from one episode into the next was handed on"
        assert following[2] == s[2] + 1
        assert reward == following.sum()
        length, *flags = ENDINGS[int(s[1] + row) % len(ENDINGS)]
        assert [terminated, truncated] == ([*flags] if following[2] == length else [False, False])
    assert {(bool(a), bool(b)) for *_, a, b in seen} == {(False, False), (True, False), (False, True), (True, True)}


def test_steps_are_counted_over_all_rows_without_resets():
    world, parts = walk(4, 40)
    lengths = [length for length, *_ in ENDINGS]
    resets = 0
    for row in range(4):  # each episode of length n takes n + 1 calls
        left, episode = 40, 0
        while left > (length := lengths[(episode + row) % 3]):
            left, episode, resets = left - length - 1, episode + 1, resets + 1
    assert world.steps == sum(len(part.reward) for part in parts) == 4 * 40 - resets


def test_the_step_after_an_end_ignores_its_action():
    world, actions = Interaction(script(1), seed=0), []
    for call in range(8):
        resetting = bool(world.resetting[0])
        part = world.step(np.array([call % 3]))
        assert (len(part.reward) == 0) == resetting
        actions += part.action.tolist()
    assert actions == [0, 1, 2, 1, 2, 1]  # calls 3 and 6 only reset


def test_returns_of_whole_episodes():
    world = Interaction(script(1, rewards=lambda row, episode, made: 10.0**made), seed=0)
    for _ in range(7):
        world.step(np.zeros(1, dtype=int))
    assert world.ended() == (1110.0, 110.0)
    assert world.ended() == ()


def test_observations_are_kept_when_the_environment_reuses_its_array():
    world = Interaction(SyncVectorEnv([lambda: Script(0)], copy=False), seed=0)
    part = world.step(np.zeros(1, dtype=int))
    assert part.observation.tolist() == [[0, 0, 0]]
    assert part.next_observation.tolist() == [[0, 0, 1]]


def test_cartpole_counts():
    world, ends = Interaction(vector_environment("CartPole-v1", 5), seed=0), 0
    for _ in range(100):
        ends += int(world.resetting.sum())
        world.step(np.ones(5, dtype=int))
    assert ends > 0
    assert world.steps == 500 - ends
    returns = world.ended()
    assert len(returns) in (ends, ends + int(world.resetting.sum()))
    assert 8 <= min(returns) <= max(returns) <= 11  # always to the right, the pole falls at once


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_n_step_returns_by_definition(n):
    gamma, rng = 0.9, np.random.default_rng(n)
    episodes = []  # of two rows that are stepped together, with different ends
    for row in range(2):
        for length, terminated, truncated in ENDINGS * 2:
            episode = []
            for t in range(length):
                last = t == length - 1
                s = float(rng.integers(1000))
                step = (s, int(rng.integers(3)), float(rng.normal()), s + 1, last and terminated, last and truncated)
                episode.append((row, *step))
            episodes.append(episode)
    rows = [[step for episode in episodes for step in episode if step[0] == row] for row in range(2)]
    windows, got = NStep(n, gamma=gamma), []
    for t in range(len(rows[0])):
        made = windows.push(steps_of([rows[0][t], rows[1][t]]))
        got += zip(*(part.tolist() for part in made), strict=True)
    expected = [
        ([s], a, total, [following], terminated, discount)
        for episode in episodes
        for s, a, total, following, terminated, discount in n_step_by_definition([x[1:] for x in episode], n, gamma)
    ]
    key = lambda row: (row[0], row[1], row[2])
    assert len(got) == len(expected)
    for mine, twin in zip(sorted(got, key=key), sorted(expected, key=key), strict=True):
        assert mine[:2] == twin[:2]
        assert mine[2] == pytest.approx(twin[2], rel=1e-6)
        assert mine[3:5] == twin[3:5]
        assert mine[5] == pytest.approx(twin[5], rel=1e-6)


def test_truncation_shortens_the_window_and_leaves_no_mark():
    made = NStep(3, gamma=0.5).push(steps_of([(0, 1.0, 0, 1.0, 2.0, False, True)]))
    assert (made.terminated.tolist(), made.discount.tolist()) == ([False], [0.5])
    made = NStep(3, gamma=0.5).push(steps_of([(0, 1.0, 0, 1.0, 2.0, True, True)]))
    assert made.terminated.tolist() == [True]


def test_every_evaluated_episode_is_the_first_of_its_row():
    network = linear_network([[0.0] * 3] * 3)
    lengths = [ENDINGS[row % 3][0] for row in range(7)]
    ones = lambda count: script(count, rewards=lambda *where: 1.0)
    assert greedy_returns(network, ones, episodes=7, seed=0).tolist() == lengths


def test_greedy_takes_the_best_action():
    assert greedy_returns(linear_network([[0.0, 1.0], [1.0, 0.0]]), bandits, episodes=3, seed=0).tolist() == [1.0] * 3
    assert greedy_returns(linear_network([[1.0, 0.0], [0.0, 1.0]]), bandits, episodes=3, seed=0).tolist() == [0.0] * 3


def test_evaluation_is_a_function_of_its_seed():
    network = q_network(4, 2, seed=3)
    a, b, c = (greedy_returns(network, "CartPole-v1", episodes=20, seed=seed) for seed in (1, 1, 2))
    assert a.tolist() == b.tolist() != c.tolist()


def gives(space=Script.observation_space, action=Script.action_space):
    """A vector environment with these spaces."""

    class Odd(Script):
        observation_space, action_space = space, action

    return lambda count: SyncVectorEnv([lambda: Odd(0)] * count)


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        (gives(gymnasium.spaces.Box(0, 1, (2, 3))), r"Box of shape \(features,\), got Box.*FlattenObservation"),
        (gives(gymnasium.spaces.Box(0, 1, ())), "observations must be vectors"),
        (gives(gymnasium.spaces.Discrete(5)), r"got Discrete\(5\)"),
        (gives(action=gymnasium.spaces.Box(-1, 1, (1,))), "actions must be a Discrete space that starts at 0, got Box"),
        (gives(action=gymnasium.spaces.Discrete(3, start=1)), "starts at 0, got Discrete"),
        (
            lambda count: SyncVectorEnv([Bandit] * count, autoreset_mode=AutoresetMode.SAME_STEP),
            "reset on the step after an end, got autoreset_mode=.*SAME_STEP; make them with",
        ),
    ],
)
def test_other_environments(environment, text):
    with pytest.raises(ValueError, match=text):
        vector_environment(environment, 2)


def test_numbers_that_are_not_finite_stop_before_they_are_learned_from():
    world = Interaction(script(2, rewards=lambda row, episode, made: math.nan if made == 2 else 0.0), seed=0)
    world.step(np.zeros(2, dtype=int))
    before = world.steps, world.observation.tolist(), world.ended()
    with pytest.raises(ValueError, match="rewards must be finite, got 2 of 2 numbers NaN"):
        world.step(np.zeros(2, dtype=int))
    assert (world.steps, world.observation.tolist(), world.ended()) == before


def test_an_episode_without_end():
    with pytest.raises(RuntimeError, match="within 2 steps, got 2 of 3 that did not; give the environment a time"):
        greedy_returns(linear_network([[0.0] * 3] * 3), script, episodes=3, seed=0, max_steps=2)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: NStep(0, gamma=0.9), ValueError, "n must be an integer of at least 1, got 0"),
        (lambda: NStep(2, gamma=1.5), ValueError, r"gamma must be a number in \[0, 1\], got 1.5"),
        (lambda: NStep(2, gamma="0.9"), TypeError, "got '0.9'"),
        (lambda: greedy_returns(None, script, episodes=0, seed=0), ValueError, "episodes must be an integer"),
        (lambda: greedy_returns(linear_network([[0.0] * 3]), script, seed=0), ValueError, "must give 3 values"),
        (lambda: vector_environment(script, 0), ValueError, "count must be an integer of at least 1, got 0"),
        (lambda: greedy_returns(linear_network([[0.0] * 3] * 3), script, seed=-1), ValueError, "seed must be"),
    ],
)
def test_errors(make, error, text):
    with pytest.raises(error, match=text):
        make()
