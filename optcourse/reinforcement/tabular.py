"""Q-learning in a table: one number for each state and action."""

from collections.abc import Iterator
from dataclasses import dataclass

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete

from optcourse.reinforcement.checking import check_finite, check_integer, check_number, check_schedule
from optcourse.reinforcement.seeds import draw_seed, streams
from optcourse.schedules import Schedule


@dataclass(frozen=True)
class QLearningRecord:
    """One step of `q_learning`.

    Attributes:
        step: steps done, over all episodes.
        state, action: where it was made, and what was done.
        error: delta, the target less the value before the update.
        q: (states, actions) float64, a copy of the table after the update.
        terminated, truncated: how the step ended.
    """

    step: int
    state: int
    action: int
    error: float
    q: np.ndarray
    terminated: bool
    truncated: bool


def q_learning_reference(
    q: np.ndarray,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    terminated: bool,
    *,
    lr: float,
    gamma: float,
) -> tuple[np.ndarray, float]:
    r"""One update of the table.

    .. math:: \delta = r + \gamma [\text{not terminated}] \max_{a'} Q(s', a') - Q(s, a), \qquad
        Q(s, a) \leftarrow Q(s, a) + \alpha \delta

    Args:
        q: (states, actions) float64.
        state, action, reward, next_state: s, a, r, s'.
        terminated: whether the task ended in s'. A truncated step bootstraps like any other.
        lr: alpha in [0, 1].
        gamma: in [0, 1].

    Returns:
        A new table and delta. Pure: q is not mutated.

    Raises:
        TypeError, ValueError: for a reward that is not finite, or lr or gamma outside their intervals.

    Example:
        >>> q, delta = q_learning_reference(np.array([[0.0, 0.0], [4.0, 2.0]]), 0, 1, 1.0, 1, False, lr=0.5, gamma=0.5)
        >>> q[0].tolist(), float(delta)
        ([0.0, 1.5], 3.0)

    References:
        Watkins & Dayan, Q-learning, Machine Learning 8, 1992.
    """
    check_finite("rewards", np.asarray(reward))
    check_number("lr", lr, 0, 1)
    check_number("gamma", gamma, 0, 1)
    future = 0.0 if terminated else q[next_state].max()
    error = reward + gamma * future - q[state, action]
    after = q.copy()
    after[state, action] += lr * error
    return after, float(error)


def q_learning(
    env: gymnasium.Env, *, steps: int, gamma: float, lr: Schedule, epsilon: Schedule, seed: int
) -> Iterator[QLearningRecord]:
    """Learn a table by acting epsilon-greedily, yielding a record after each step.

    Args:
        env: one environment (not a vector) with numbered states and actions from 0. Mutated: reset and stepped.
        steps: to make in all, >= 1.
        gamma: discount, in [0, 1].
        lr: earlier visits to this state and action -> alpha in [0, 1]. Where chance plays a part, alpha must fall for
            the table to converge, as (1 + visits) ** -0.7 does; without chance, `constant(1.0)` is exact.
        epsilon: step -> probability of a random action. Ties between best actions are broken at random.
        seed: of environment and exploration, which do not share a stream.

    Raises:
        TypeError, ValueError: when an argument breaks its rule, at the first record.

    Example:
        >>> from optcourse.reinforcement import Chain, chain_values
        >>> from optcourse.schedules import constant
        >>> training = q_learning(
        ...     Chain(3, max_steps=20), steps=500, gamma=0.5, lr=constant(1.0), epsilon=constant(0.5), seed=0
        ... )
        >>> *_, last = training
        >>> bool((last.q == chain_values(3, gamma=0.5)).all())
        True
    """
    states, actions = _count("states", env.observation_space), _count("actions", env.action_space)
    check_integer("steps", steps, 1)
    check_number("gamma", gamma, 0, 1)
    check_schedule("lr", lr, 0, 1)
    check_schedule("epsilon", epsilon, 0, 1)
    of_environment, rng, *_ = streams(check_integer("seed", seed, 0))
    q, visits = np.zeros((states, actions)), np.zeros((states, actions), dtype=np.int64)
    state, _ = env.reset(seed=draw_seed(of_environment))
    for step in range(steps):
        best = np.flatnonzero(q[state] == q[state].max())
        explores = rng.random() < check_number("epsilon", epsilon(step), 0, 1)
        action = int(rng.integers(actions) if explores else rng.choice(best))
        next_state, reward, terminated, truncated, _ = env.step(action)
        alpha = lr(int(visits[state, action]))
        q, error = q_learning_reference(q, state, action, float(reward), next_state, terminated, lr=alpha, gamma=gamma)
        visits[state, action] += 1
        yield QLearningRecord(step + 1, int(state), action, error, q.copy(), bool(terminated), bool(truncated))
        state = env.reset()[0] if terminated or truncated else next_state


def _count(name: str, space: gymnasium.Space) -> int:
    if not isinstance(space, Discrete) or space.start != 0:
        raise ValueError(f"{name} must be a Discrete space that starts at 0, got {space}; for vectors use dqn")
    return int(space.n)
