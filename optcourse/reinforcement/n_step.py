"""n-step returns: how far rewards reach back in one update."""

from collections import deque
from typing import Any

import numpy as np

from optcourse.reinforcement.checking import check_integer, check_number
from optcourse.reinforcement.transitions import Steps, Transitions


class NStep:
    r"""Turns single steps into transitions of n steps.

    .. math:: R_t = \sum_{i=0}^{k-1} \gamma^i r_{t+i}, \qquad y_t = R_t + \gamma^k \max_a Q(s_{t+k}, a)

    k is n, or what is left of the episode. Where that ended because the task ended, the value behind it is 0; where
    it was truncated, the target bootstraps from the last observation. No sum reaches across an end.

    Args:
        n: >= 1; 1 hands on what comes.
        gamma: in [0, 1].

    Raises:
        TypeError, ValueError: when an argument breaks its rule.

    Differs from Hessel et al.: windows that an end cuts short are kept, with their own discount.

    Example:
        >>> one = lambda r, terminated: Steps(*map(np.array, ([0], [[0.0]], [1], [r], [[0.0]], [terminated], [False])))
        >>> pairs = NStep(2, gamma=0.5)
        >>> [pairs.push(one(1.0, False)).reward.tolist(), pairs.push(one(3.0, True)).reward.tolist()]
        [[], [2.5, 3.0]]

    References:
        Sutton & Barto, Reinforcement Learning, 2nd edition, 2018, chapter 7.
        Hessel et al., Rainbow, AAAI 2018.
    """

    def __init__(self, n: int, *, gamma: float) -> None:
        self.n = check_integer("n", n, 1)
        self.gamma = check_number("gamma", gamma, 0, 1)
        self._windows: dict[int, deque[tuple[Any, Any, float]]] = {}  # a sub-environment -> (s, a, r), oldest first

    def push(self, steps: Steps) -> Transitions:
        """The transitions that these steps complete: at most one a row, or all that are left where an episode ends.

        Args:
            steps: the next of each sub-environment. Not mutated.
        """
        if self.n == 1:
            discount = np.full(len(steps.reward), self.gamma, dtype=np.float32)
            return Transitions(
                steps.observation,
                steps.action,
                steps.reward.astype(np.float32),
                steps.next_observation,
                steps.terminated,
                discount,
            )
        rows: list[tuple[int, Any, Any, float, int]] = []  # row in steps, s, a, return, k
        for row, environment in enumerate(steps.environment.tolist()):
            window = self._windows.setdefault(environment, deque())
            window.append((steps.observation[row], steps.action[row], float(steps.reward[row])))
            ended = steps.terminated[row] or steps.truncated[row]
            while window and (ended or len(window) == self.n):
                total = 0.0
                for _, _, reward in reversed(window):
                    total = reward + self.gamma * total
                rows.append((row, window[0][0], window[0][1], total, len(window)))
                window.popleft()
        last = np.array([row for row, *_ in rows], dtype=np.int64)
        return Transitions(
            np.array([s for _, s, _, _, _ in rows], dtype=np.float32).reshape(-1, *steps.observation.shape[1:]),
            np.array([a for _, _, a, _, _ in rows], dtype=np.int64),
            np.array([total for *_, total, _ in rows], dtype=np.float32),
            steps.next_observation[last],
            steps.terminated[last],
            np.array([self.gamma**k for *_, k in rows], dtype=np.float32),
        )
