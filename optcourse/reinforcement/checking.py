"""Errors of this package in one voice: the rule, the value given, the fix."""

from numbers import Real
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor


def check_integer(name: str, value: Any, low: int) -> int:
    """`value` as an int when it is a whole number of at least `low` and no bool.

    Raises:
        TypeError, ValueError: otherwise.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(
            f"{name} must be an integer of at least {low}, got {value!r} ({type(value).__name__}); try {name}={low}"
        )
    number = int(value.__index__())
    if number < low:
        raise ValueError(f"{name} must be an integer of at least {low}, got {number}; try {name}={low}")
    return number


def check_number(name: str, value: Any, low: float, high: float, *, above: bool = False, below: bool = False) -> float:
    """`value` as a float when low <= value <= high (low < value with `above`, value < high with `below`); NaN is none.

    Raises:
        TypeError, ValueError: otherwise.
    """
    interval = f"{'(' if above else '['}{low:g}, {high:g}{')' if below else ']'}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number in {interval}, got {value!r} ({type(value).__name__}); give a float")
    number = float(value)
    if not (low < number if above else low <= number) or not (number < high if below else number <= high):
        raise ValueError(f"{name} must be a number in {interval}, got {number}; choose one from there")
    return number


def check_schedule(name: str, schedule: Any, low: float, high: float, *, below: bool = False) -> None:
    """Nothing when this is a function of a step whose value at step 0 `check_number` takes.

    Raises:
        TypeError, ValueError: otherwise.
    """
    if not callable(schedule):
        fix = f"try constant({schedule!r})" if isinstance(schedule, Real) else "optcourse.schedules makes them"
        raise TypeError(f"{name} must be a schedule, step -> value, got {schedule!r}; {fix}")
    check_number(name, schedule(0), low, high, below=below)


def check_loss(loss: Any) -> None:
    """Nothing when `td_loss` knows it.

    Raises:
        ValueError: otherwise.
    """
    if loss not in ("mse", "huber"):
        raise ValueError(f"loss must be 'mse' or 'huber', got {loss!r}; try loss='mse'")


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


def check_rows(reward: Tensor, terminated: Tensor, next_q: Tensor, discount: Tensor | float, chooser: Tensor) -> None:
    """Nothing when a target can be made of these; see `td_target`.

    Raises:
        TypeError, ValueError: otherwise. Numbers are not looked at on the meta device, where there are none.
    """
    if terminated.dtype != torch.bool:
        raise TypeError(f"terminated must be a bool tensor, got {terminated.dtype}; try terminated.bool()")
    if next_q.dim() != 2 or chooser.shape != next_q.shape or not reward.shape == terminated.shape == next_q.shape[:1]:
        raise ValueError(
            f"reward and terminated must be (B,) and values (B, actions), got {tuple(reward.shape)}, "
            f"{tuple(terminated.shape)}, {tuple(next_q.shape)} and {tuple(chooser.shape)}; look for a lost axis"
        )
    if not isinstance(discount, Tensor):
        check_number("discount", discount, 0, 1)
    elif discount.shape not in ((), reward.shape):
        raise ValueError(
            f"discount must be a number or {tuple(reward.shape)}, got {tuple(discount.shape)}; look for a lost axis"
        )
    if reward.is_meta:
        return
    if isinstance(discount, Tensor) and not bool(((discount >= 0) & (discount <= 1)).all()):
        raise ValueError(
            f"discount must be in [0, 1], got {discount.min().item():g} to {discount.max().item():g}; take gamma ** k"
        )
    if not bool(torch.isfinite(reward).all()):
        check_finite("rewards", reward.detach().cpu().numpy())


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
            f"actions must be a Discrete space that starts at 0, got {action}; "
            "wrap the environment in gymnasium.wrappers.TransformAction, from numbers to what it takes"
        )
    return observation.shape[0], int(action.n)
