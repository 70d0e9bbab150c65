"""What moves from the environment to the learner: plain records of arrays, one row a transition."""

from typing import NamedTuple

import numpy as np
from torch import Tensor


class Steps(NamedTuple):
    """What one call of a vector environment brought; `optcourse.reinforcement.Interaction` makes them.

    Attributes:
        environment: (B,) int64, which sub-environment the row comes from.
        observation, next_observation: (B, F) float32, before and after the action. After an end it is the last
            observation of the episode, never the first of the next.
        action: (B,) int64.
        reward: (B,) float64.
        terminated: (B,) bool, the task itself ended: nothing comes after it, its value is 0.
        truncated: (B,) bool, somebody stopped looking (a time limit): more would have come. Both may be true.
    """

    environment: np.ndarray
    observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    next_observation: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


class Transitions(NamedTuple):
    """What a replay stores: all that a target needs. `optcourse.reinforcement.NStep` makes them from `Steps`.

    Attributes:
        observation, action: (B, F) float32 and (B,) int64, where it started and what was done.
        reward: (B,) float32, the sum of the discounted rewards of the k steps.
        next_observation: (B, F) float32, k steps on.
        terminated: (B,) bool, whether the task ended on the way. Truncation leaves no mark: the target of a truncated
            step bootstraps like any other.
        discount: (B,) float32, gamma ** k, which multiplies the value of `next_observation`.
    """

    observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    next_observation: np.ndarray
    terminated: np.ndarray
    discount: np.ndarray


class Batch(NamedTuple):
    """What a replay gives to one update: `Transitions` as tensors, and where they came from.

    Attributes:
        observation, action, reward, next_observation, terminated, discount: as in `Transitions`.
        weight: (B,) float32 in (0, 1], of each loss; 1 when sampling was uniform.
        places: (B,) int64 numpy array, where they are in the replay, for `update_priorities`.
    """

    observation: Tensor
    action: Tensor
    reward: Tensor
    next_observation: Tensor
    terminated: Tensor
    discount: Tensor
    weight: Tensor
    places: np.ndarray
