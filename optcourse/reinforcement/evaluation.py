"""How good is the greedy policy? Measured on episodes that training never saw."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import nn

from optcourse.reinforcement.checking import check_integer, spaces
from optcourse.reinforcement.fast_updates import Perceptron
from optcourse.reinforcement.interaction import Environment, Interaction, vector_environment


@torch.no_grad()
def action_values(network: nn.Module, observation: np.ndarray) -> np.ndarray:
    """(B, actions) float32, what the network says of observations (B, F)."""
    device = next(network.parameters()).device
    return network(torch.from_numpy(observation).to(device)).cpu().numpy()


def check_fit(name: str, network: nn.Module, features: int, count: int, fix: str) -> None:
    """Nothing when the network gives `count` numbers for an observation of `features`.

    Args:
        name: of the network, in errors.
        network: not mutated.
        features, count: numbers in, and out.
        fix: what to do otherwise.

    Raises:
        TypeError: unless it is a module with parameters.
        ValueError: when it does not take such observations, or gives other numbers.
    """
    if not isinstance(network, nn.Module) or next(network.parameters(), None) is None:
        raise TypeError(f"{name} must be a torch.nn.Module with parameters, got {network!r}; {fix}")
    try:
        shape = action_values(network, np.zeros((1, features), dtype=np.float32)).shape
    except RuntimeError as error:  # that is how torch's layers refuse a shape or a dtype
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{name} must take float32 observations of {features} numbers, (B, {features}), got one that says: "
            f"{reason}; {fix}, and {name}.float() makes float32 of its weights"
        ) from error
    if shape != (1, count):
        values = f"{count} values" if count > 1 else "one value"
        raise ValueError(f"{name} must give {values} for an observation, (1, {count}), got {shape}; {fix}")


def value_function(network: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """`action_values` of one network, to be called often: by its `Perceptron` where it has one."""
    fast = Perceptron.of(network)
    if fast is None:
        return partial(action_values, network)
    return torch.no_grad()(lambda observation: fast.values(torch.from_numpy(observation)).numpy())


def fitting_environment(network: nn.Module, environment: Environment, count: int) -> VectorEnv:
    """`vector_environment`, made sure to fit the network.

    Raises:
        TypeError, ValueError: as `vector_environment` and `check_fit`.
    """
    envs = vector_environment(environment, count)
    features, actions = spaces(envs)
    try:
        check_fit(
            "network", network, features, actions, f"q_network({features}, {actions}, seed=...) makes one that fits"
        )
    except Exception:
        envs.close()
        raise
    return envs


def greedy_returns(
    network: nn.Module, environment: Environment, *, episodes: int = 100, seed: int, max_steps: int = 10_000
) -> np.ndarray:
    """Returns of whole episodes in which the best action is always taken.

    Every episode has a sub-environment of its own and is its first one there. (Stepping a few and keeping the first
    `episodes` to end would count short episodes more often than long ones.)

    Args:
        network: from (B, F) to (B, actions). Not mutated; it runs in the mode it is in, and its hooks
            do not run where it is a `Perceptron`.
        environment: gymnasium's id, or a function of the number of sub-environments.
        episodes: >= 1; all run together.
        seed: of the environments; take one that neither training nor selection used.
        max_steps: of an episode, so that an environment without time limit does not run for ever.

    Returns:
        (episodes,) float64, undiscounted.

    Raises:
        TypeError, ValueError: when an argument breaks its rule.
        RuntimeError: when an episode does not end within max_steps.

    Example:
        >>> from optcourse.reinforcement import q_network
        >>> returns = greedy_returns(q_network(4, 2, seed=0), "CartPole-v1", episodes=5, seed=1)
        >>> returns.shape, bool((returns < 500).all())
        ((5,), True)
    """
    envs = fitting_environment(network, environment, check_integer("episodes", episodes, 1))
    values = value_function(network)
    total, ended = np.zeros(episodes), np.zeros(episodes, dtype=bool)
    try:
        world = Interaction(envs, seed=check_integer("seed", seed, 0))
        for _ in range(check_integer("max_steps", max_steps, 1)):
            steps = world.step(values(world.observation).argmax(axis=1))
            row = steps.environment
            total[row] += np.where(ended[row], 0.0, steps.reward)
            ended[row] |= steps.terminated | steps.truncated
            if ended.all():
                return total
    finally:
        envs.close()
    raise RuntimeError(
        f"every episode must end within {max_steps} steps, got {int((~ended).sum())} of {episodes} that did not; "
        "give the environment a time limit, or raise max_steps"
    )
