"""Q-learning with a network as many tutorials print it: each step is learned from once, and targets move at once."""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import nn

from optcourse.optimizers import Adam
from optcourse.reinforcement.checking import check_integer, check_loss, check_number, check_schedule
from optcourse.reinforcement.deep_q_learning import DQNRecord, Loss, epsilon_greedy, td_loss, td_target
from optcourse.reinforcement.evaluation import action_values, fitting_environment, greedy_returns
from optcourse.reinforcement.interaction import Environment, Interaction
from optcourse.reinforcement.seeds import draw_seed, streams
from optcourse.schedules import Schedule, linear

_EPSILON = linear(1.0, 0.04, steps=8_000)


def one_sample(
    network: nn.Module,
    environment: Environment,
    *,
    steps: int = 40_000,
    lr: float = 1e-3,
    gamma: float = 0.99,
    loss: Loss = "mse",
    epsilon: Schedule = _EPSILON,
    seed: int,
    evaluate_every: int = 1_000,
    episodes: int = 20,
) -> Iterator[DQNRecord]:
    """The contrast to `dqn`: no replay, no target network, one environment, one update a step.

    Ends are told apart and no gradient flows into the target, so that what is missing is only what its name says. It
    makes the very updates of `dqn` with both batch and buffer of size 1 and a target network copied after each.

    Args:
        network: **mutated**, parameters and `.grad`.
        environment, seed: as for `dqn`.
        steps: to make in all.
        lr, gamma, loss, epsilon, evaluate_every, episodes: as in `DQNConfig`.

    Returns:
        An iterator over a record for each step. It stops early at a loss that is not finite.

    Raises:
        TypeError, ValueError: as `dqn` and `DQNConfig`, at the call.
    """
    for name, value in (("steps", steps), ("evaluate_every", evaluate_every), ("episodes", episodes)):
        check_integer(name, value, 1)
    check_number("gamma", gamma, 0, 1)
    check_integer("seed", seed, 0)
    check_loss(loss)
    check_schedule("epsilon", epsilon, 0, 1)
    check_number("lr", lr, 0, math.inf, above=True, below=True)
    envs = fitting_environment(network, environment, 1)
    optimizer = Adam(network.parameters(), lr=lr)
    evaluate = partial(greedy_returns, network, environment, episodes=episodes)
    return _one_sample(network, envs, optimizer, steps, gamma, loss, epsilon, streams(seed), evaluate_every, evaluate)


def _one_sample(
    network, envs, optimizer, steps, gamma, loss, epsilon, generators, evaluate_every, evaluate
) -> Iterator[DQNRecord]:
    of_environments, of_exploration, _, of_evaluation = generators
    measured, evaluate_at = (math.nan, math.nan, math.nan), 0
    try:
        world = Interaction(envs, seed=draw_seed(of_environments))
        while world.steps < steps:
            chance = epsilon(world.steps)
            made = world.step(epsilon_greedy(action_values(network, world.observation), chance, of_exploration))
            if len(made.reward) == 0:  # this step only reset the environment
                continue
            measured = _learn_(network, optimizer, made, gamma, loss)
            evaluation = None
            if world.steps >= evaluate_at:
                evaluate_at = world.steps + evaluate_every
                evaluation = float(evaluate(seed=draw_seed(of_evaluation)).mean())
            yield DQNRecord(world.steps, world.steps, chance, *measured, world.ended(), evaluation)
            if not math.isfinite(measured[0]):
                return
    finally:
        envs.close()


def _learn_(network, optimizer, made, gamma: float, loss: Loss) -> tuple[float, float, float]:
    device = next(network.parameters()).device
    observation, following = (torch.from_numpy(x).to(device) for x in (made.observation, made.next_observation))
    reward = torch.from_numpy(made.reward.astype(np.float32)).to(device)
    action, terminated = (torch.from_numpy(x).to(device) for x in (made.action, made.terminated))
    y = td_target(reward, terminated, network(following), discount=gamma)
    value, error = td_loss(network(observation), action, y, loss=loss)
    if not torch.isfinite(value):
        return value.item(), math.nan, math.nan
    optimizer.zero_grad()
    value.backward()
    norm = torch.nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
    optimizer.step()
    return value.item(), (y - error).mean().item(), norm.item()
