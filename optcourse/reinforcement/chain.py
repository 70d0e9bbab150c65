"""A corridor whose best values can be written down."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete

from optcourse.reinforcement.checking import check_integer, check_number

LEFT, RIGHT = 0, 1


class Chain(gymnasium.Env):
    """States 0 to `length` in a row. One starts in 0; arriving in `length` gives reward 1 and ends the task.

    Each action moves one place, and with probability `slip` none; left of 0 is 0. A time limit truncates, and on its
    last step a task may also end: then both flags are true.

    Args:
        length: states before the goal, >= 1.
        slip: in [0, 1).
        max_steps: time limit, >= 1; None sets none.

    Raises:
        TypeError, ValueError: when an argument breaks its rule.

    Example:
        >>> chain = Chain(2, max_steps=2)
        >>> chain.reset(seed=0)
        (0, {})
        >>> chain.step(RIGHT), chain.step(RIGHT)
        ((1, 0.0, False, False, {}), (2, 1.0, True, True, {}))
    """

    def __init__(self, length: int, *, slip: float = 0.0, max_steps: int | None = None) -> None:
        self.length = check_integer("length", length, 1)
        self.slip = _check_slip(slip)
        self.max_steps = None if max_steps is None else check_integer("max_steps", max_steps, 1)
        self.observation_space = Discrete(self.length + 1)
        self.action_space = Discrete(2)
        self._state = self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Back to state 0, as gymnasium defines it."""
        super().reset(seed=seed)
        self._state = self._steps = 0
        return self._state, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """One move, as gymnasium defines it: state, reward, terminated, truncated, and an empty dict."""
        self._steps += 1
        if self.np_random.random() >= self.slip:
            self._state = max(self._state + (1 if action == RIGHT else -1), 0)
        terminated = self._state == self.length
        truncated = self.max_steps is not None and self._steps >= self.max_steps
        return self._state, float(terminated), terminated, truncated, {}


def chain_values(length: int, *, gamma: float, slip: float = 0.0) -> np.ndarray:
    r"""Q* of `Chain` in closed form: what each action is worth when the best one follows ever after.

    .. math::
        V(s) = \frac{1 - p}{1 - p\gamma} \rho^{\,n - 1 - s}, \quad \rho = \frac{(1 - p)\gamma}{1 - p\gamma}, \qquad
        Q(s, \text{right}) = V(s), \quad Q(s, \text{left}) = \gamma \bigl((1 - p) V(\max(s - 1, 0)) + p V(s)\bigr)

    from V(s) = (1 - p) (r + gamma V(s + 1)) + p gamma V(s), solved from the goal backwards.

    Args:
        length: n >= 1.
        gamma: in [0, 1].
        slip: p in [0, 1).

    Returns:
        (n + 1, 2) float64; the last row, of the goal, is 0.

    Raises:
        TypeError, ValueError: when an argument breaks its rule.

    Example:
        >>> chain_values(3, gamma=0.5).tolist()
        [[0.125, 0.25], [0.125, 0.5], [0.25, 1.0], [0.0, 0.0]]
    """
    check_integer("length", length, 1)
    gamma, slip = check_number("gamma", gamma, 0, 1), _check_slip(slip)
    moves = (1 - slip) / (1 - slip * gamma)
    state = np.arange(length)
    value = moves * (moves * gamma) ** (length - 1 - state)
    q = np.zeros((length + 1, 2))
    q[:-1, RIGHT] = value
    q[:-1, LEFT] = gamma * ((1 - slip) * value[np.maximum(state - 1, 0)] + slip * value)
    return q


def _check_slip(slip: float) -> float:
    return check_number("slip", slip, 0, 1, below=True)
