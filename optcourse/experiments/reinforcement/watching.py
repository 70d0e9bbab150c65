"""One episode of CartPole, step by step, to be looked at."""

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from torch import nn

from optcourse.experiments.reinforcement.cartpole import ENVIRONMENT
from optcourse.reinforcement import action_values

PUSH_AT = 50
"""The step at which the pole is pushed."""
SECONDS_A_STEP = 0.02


@dataclass(frozen=True)
class Episode:
    """What happened.

    Attributes:
        states: (steps + 1, 4) float64: position of the cart in m and its velocity in m/s, angle of the pole in rad
            (to the right is positive) and its velocity in rad/s; before the first step, and after each.
        actions: (steps,) int64, 0 pushes the cart to the left and 1 to the right.
        terminated: the pole fell, or the cart left the track.
        truncated: the time limit of 500 steps was reached.
    """

    states: np.ndarray
    actions: np.ndarray
    terminated: bool
    truncated: bool

    @property
    def steps(self) -> int:
        """How long it lasted, which is also its return."""
        return len(self.actions)


def watch(policy: nn.Module, *, seed: int, push: float = 0.0) -> Episode:
    """The greedy policy on one episode.

    Args:
        policy: from (B, 4) to (B, 2).
        seed: of the start.
        push: what is added to the velocity of the pole before step `PUSH_AT`, in rad/s.
    """
    env: Any = gymnasium.make(ENVIRONMENT)
    observation, _ = env.reset(seed=seed)
    states, actions = [np.array(observation, dtype=np.float64)], list[int]()
    terminated = truncated = False
    while not (terminated or truncated):
        if push and len(actions) == PUSH_AT:
            pushed = np.array(env.unwrapped.state, dtype=np.float64)
            pushed[3] += push
            env.unwrapped.state = tuple(pushed)
            observation = pushed.astype(np.float32)
        actions.append(int(action_values(policy, np.asarray(observation, dtype=np.float32)[None]).argmax()))
        observation, _, terminated, truncated, _ = env.step(actions[-1])
        states.append(np.array(observation, dtype=np.float64))
    env.close()
    return Episode(np.array(states), np.array(actions), bool(terminated), bool(truncated))
