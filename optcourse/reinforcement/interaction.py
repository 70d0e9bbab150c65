"""Acting in a vector environment, where an episode may end in one row while the others go on."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv

from optcourse.reinforcement.checking import check_finite, check_integer, spaces
from optcourse.reinforcement.transitions import Steps

Environment = str | Callable[[int], VectorEnv]  # gymnasium's id, or number of sub-environments -> vector environment

_MAKER = "a function from a count to a VectorEnv"
_MAKER_FIX = "try 'CartPole-v1', or lambda count: gymnasium.make_vec('CartPole-v1', count)"


def vector_environment(environment: Environment, count: int) -> VectorEnv:
    """`count` copies of an environment that are stepped together.

    Args:
        environment: an id as in "CartPole-v1", or a function of the count.
        count: >= 1.

    Raises:
        TypeError, ValueError: unless count is a whole number >= 1, what comes is a vector environment of so many,
            observations are vectors, actions are numbered from 0, and sub-environments are reset on the step after an
            end (`AutoresetMode.NEXT_STEP`, gymnasium's default).

    Example:
        >>> vector_environment("CartPole-v1", 3).observation_space.shape
        (3, 4)
    """
    make: Any = partial(gymnasium.make_vec, environment) if isinstance(environment, str) else environment
    check_integer("count", count, 1)
    if not callable(make):
        raise TypeError(f"environment must be gymnasium's id or {_MAKER}, got {make!r}; {_MAKER_FIX}")
    envs = make(count)
    if not isinstance(envs, VectorEnv):
        raise TypeError(f"environment must be {_MAKER}, got one that gives {envs!r}; {_MAKER_FIX}")
    try:
        spaces(envs)
        if envs.num_envs != count:
            raise ValueError(
                f"a function of the count must make so many sub-environments, got {envs.num_envs} in the place of "
                f"{count}; {_MAKER_FIX}"
            )
        mode = envs.metadata.get("autoreset_mode", "NextStep")  # gymnasium 1.0 knows no other, and no such entry
        if getattr(mode, "value", mode) != "NextStep":
            raise ValueError(
                f"sub-environments must be reset on the step after an end, got autoreset_mode={mode}; "
                "make them with gymnasium.vector.AutoresetMode.NEXT_STEP"
            )
    except ValueError:
        envs.close()
        raise
    return envs


class Interaction:
    """Steps a vector environment and hands on what really happened.

    With `NEXT_STEP`, the call after an end ignores the action of that row: it only resets, and returns reward 0 and
    the first observation of the next episode. Such a row is no transition. It is left out of what `step` returns, and
    is not counted.

    Args:
        envs: as `vector_environment` returns it. Mutated: it is reset and stepped.
        seed: of the environments; later episodes go on from it.

    Attributes:
        observation: (count, F) float32, what to act on now; where `resetting`, the last of an ended episode.
        resetting: (count,) bool, rows whose next call only resets.
        steps: transitions so far, over all sub-environments.

    Example:
        >>> world = Interaction(vector_environment("CartPole-v1", 3), seed=0)
        >>> for _ in range(5):
        ...     steps = world.step(np.array([0, 1, 1]))
        >>> world.steps, steps.observation.shape
        (15, (3, 4))
    """

    def __init__(self, envs: VectorEnv, *, seed: int) -> None:
        self.envs = envs
        observation, _ = envs.reset(seed=seed)
        self.observation = _copy(observation)
        self.resetting = np.zeros(envs.num_envs, dtype=bool)
        self.steps = 0
        self._returns: list[float] = []
        self._running = np.zeros(envs.num_envs)

    def step(self, action: np.ndarray) -> Steps:
        """One call of the vector environment.

        Args:
            action: (count,) int64; the entries of resetting rows are ignored.

        Returns:
            The rows that were transitions, fewer than `count` after an end, and possibly none.

        Raises:
            ValueError: when the environment returns a reward or an observation that is not finite.
        """
        result: Any = self.envs.step(action)
        next_observation, reward, terminated, truncated = _copy(result[0]), *map(np.asarray, result[1:4])
        lived = ~self.resetting
        check_finite("rewards", reward[lived])
        check_finite("observations", next_observation)
        steps = Steps(
            np.flatnonzero(lived),
            self.observation[lived],
            np.asarray(action, dtype=np.int64)[lived],
            reward[lived],
            next_observation[lived],
            terminated[lived],
            truncated[lived],
        )
        self._running = np.where(lived, self._running + reward, 0.0)
        self.resetting = lived & (terminated | truncated)
        self._returns += self._running[self.resetting].tolist()
        self.observation = next_observation
        self.steps += len(steps.environment)
        return steps

    def ended(self) -> tuple[float, ...]:
        """Undiscounted returns of the episodes that ended since this was last asked, in their order."""
        returns, self._returns = tuple(self._returns), []
        return returns


def _copy(observation: Any) -> np.ndarray:
    return np.array(observation, dtype=np.float32)  # environments may write the next observation into the same array
