"""What a policy did for a while, in every sub-environment: the steps that it then learns from, once."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from optcourse.reinforcement.checking import check_integer
from optcourse.reinforcement.interaction import Interaction
from optcourse.reinforcement.transitions import Steps

Choose = Callable[[np.ndarray], np.ndarray]  # observations (N, F) -> actions (N,)


class Rollout(NamedTuple):
    """T steps of N sub-environments, in the order in which they were made.

    Attributes:
        observation, next_observation: (T, N, F) float32, before and after the action; after an end the last of the
            episode, never the first of the next.
        action: (T, N) int64.
        reward: (T, N) float32.
        terminated, truncated: (T, N) bool, as in `Steps`.
        lived: (T, N) bool, False where the row only reset its sub-environment or waited for others: no step, all 0.
    """

    observation: Tensor
    action: Tensor
    reward: Tensor
    next_observation: Tensor
    terminated: Tensor
    truncated: Tensor
    lived: Tensor

    @property
    def steps(self) -> int:
        """How many steps there are in it."""
        return int(self.lived.sum())


def collect(world: Interaction, choose: Choose, steps: int) -> Rollout:
    """The next `steps` calls of a vector environment; episodes go on from one rollout to the next.

    Args:
        world: mutated: stepped.
        choose: from observations to actions.
        steps: T >= 1.

    Raises:
        TypeError, ValueError: for a T below 1, and as `Interaction.step`.

    Example:
        >>> from optcourse.reinforcement import vector_environment
        >>> world = Interaction(vector_environment("CartPole-v1", 3), seed=0)
        >>> rollout = collect(world, lambda observation: np.zeros(3, dtype=np.int64), 20)
        >>> rollout.observation.shape, rollout.steps + int(rollout.terminated[:-1].sum())  # an end costs a reset
        (torch.Size([20, 3, 4]), 60)
    """
    made = [world.step(choose(world.observation)) for _ in range(check_integer("steps", steps, 1))]
    return _stacked(made, world.envs.num_envs)


def whole_episodes(envs: VectorEnv, choose: Choose, *, seed: int, max_steps: int = 10_000) -> Rollout:
    """One episode of each sub-environment, from its start to its end.

    Those that end sooner wait. (To fill the time with further episodes, and to drop the unfinished ones, would count
    short episodes more often than long ones.)

    Args:
        envs: mutated: reset and stepped.
        choose: from observations to actions.
        seed: of the environments.
        max_steps: of an episode, so that an environment without time limit does not run for ever.

    Raises:
        TypeError, ValueError: when an argument breaks its rule, and as `Interaction.step`.
        RuntimeError: when an episode does not end within max_steps.

    Example:
        >>> from optcourse.reinforcement import vector_environment
        >>> push_left = lambda observation: np.zeros(3, dtype=np.int64)
        >>> rollout = whole_episodes(vector_environment("CartPole-v1", 3), push_left, seed=0)
        >>> rollout.terminated.sum(dim=0).tolist()
        [1, 1, 1]
    """
    world = Interaction(envs, seed=check_integer("seed", seed, 0))
    ended, made = np.zeros(envs.num_envs, dtype=bool), []
    for _ in range(check_integer("max_steps", max_steps, 1)):
        steps = world.step(choose(world.observation))
        steps = Steps(*(part[~ended[steps.environment]] for part in steps))
        made.append(steps)
        ended[steps.environment] = steps.terminated | steps.truncated
        if ended.all():
            return _stacked(made, envs.num_envs)
    raise RuntimeError(
        f"every episode must end within {max_steps} steps, got {int((~ended).sum())} of {len(ended)} that did not; "
        "give the environment a time limit, or raise max_steps"
    )


def _stacked(made: list[Steps], count: int) -> Rollout:
    def parts(name: str) -> Tensor:
        rows = [getattr(steps, name) for steps in made]
        placed = np.zeros((len(made), count, *rows[0].shape[1:]), dtype=rows[0].dtype)
        for row, steps, values in zip(placed, made, rows, strict=True):
            row[steps.environment] = values
        return torch.from_numpy(placed)

    lived = np.zeros((len(made), count), dtype=bool)
    for row, steps in zip(lived, made, strict=True):
        row[steps.environment] = True
    return Rollout(
        parts("observation"),
        parts("action"),
        parts("reward").float(),
        parts("next_observation"),
        parts("terminated"),
        parts("truncated"),
        torch.from_numpy(lived),
    )
