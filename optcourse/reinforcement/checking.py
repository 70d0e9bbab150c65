"""Errors of this package in one voice: the rule, the value given, the fix."""

from numbers import Real
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv


def check_integer(name: str, value: Any, low: int) -> int:
    """`value` as an int when it is a whole number of at least `low` and no bool.

    Raises:
        TypeError, ValueError: otherwise.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer of at least {low}, got {value!r} ({type(value).__name__})")
    number = int(value.__index__())
    if number < low:
        raise ValueError(f"{name} must be an integer of at least {low}, got {number}")
    return number


def check_number(name: str, value: Any, low: float, high: float, *, above: bool = False) -> float:
    """`value` as a float when low <= value <= high (low < value with `above`); NaN is none.

    Raises:
        TypeError, ValueError: otherwise.
    """
    interval = f"{'(' if above else '['}{low:g}, {high:g}]"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number in {interval}, got {value!r} ({type(value).__name__})")
    number = float(value)
    if not (low < number if above else low <= number) or not number <= high:
        raise ValueError(f"{name} must be a number in {interval}, got {number}")
    return number


def check_finite(name: str, values: np.ndarray) -> None:
    """Nothing when every number is finite.

    Raises:
        ValueError: otherwise, with how many are not.
    """
    wrong = int(values.size - np.isfinite(values).sum())
    if wrong:
        raise ValueError(
            f"{name} must be finite, got {wrong} of {values.size} numbers NaN or infinite; mend the source"
        )


def spaces(envs: VectorEnv) -> tuple[int, int]:
    """How many numbers one observation has, and how many actions there are.

    Raises:
        ValueError: unless observations are vectors and actions are numbered from 0.
    """
    observation, action = envs.single_observation_space, envs.single_action_space
    if not isinstance(observation, gymnasium.spaces.Box) or len(observation.shape) != 1:
        raise ValueError(
            f"observations must be vectors, a Box of shape (features,), got {observation}; "
            "wrap the environment in gymnasium.wrappers.FlattenObservation"
        )
    if not isinstance(action, gymnasium.spaces.Discrete) or action.start != 0:
        raise ValueError(
            f"actions must be a Discrete space that starts at 0, got {action}; a network gives one value an action"
        )
    return observation.shape[0], int(action.n)
