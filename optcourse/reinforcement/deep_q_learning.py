r"""Deep Q-learning, readable from top to bottom: settings, target, loss, policy, loop.

    network = q_network(4, 2, seed=0)
    for record in dqn(network, "CartPole-v1", DQNConfig(), seed=0):
        ...

A network Q(s, .; theta) is moved towards targets that it makes itself, with weights theta' from a while ago:

.. math:: y = r + \gamma (1 - \text{terminated}) \max_a Q(s', a; \theta'), \qquad L = (y - Q(s, a; \theta))^2

Differs from Mnih et al., Human-level control through deep reinforcement learning, Nature 518, 2015:

1.  Observations are vectors, seen by two layers of 128 units; there are no frames to stack, skip or reduce.
2.  8 sub-environments are stepped together, and updates come in rounds: 32 after each 64 steps, there 1 after 4.
3.  The squared error is the default (`loss="huber"` clips the gradient of each error to [-1, 1] as there), without the
    factor 1/2; instead the norm of the whole gradient is clipped to 10.
4.  Adam with a learning rate of 0.0023 instead of RMSProp with 0.00025; 64 transitions in a batch, there 32.
5.  Double Q-learning (van Hasselt et al. 2016) is the default; `double=False` is the paper's target.
6.  The target network is copied every 32 updates, there every 10,000; `tau` below 1 mixes instead.
7.  Rewards are not clipped.
8.  Reaching the time limit is no end of the task: truncated steps bootstrap, terminated ones do not. There, every
    end of a game, and each lost life, has value 0.
9.  Epsilon falls to 0.04 within 8,000 steps, there to 0.1 within a million; evaluation is greedy, there it is 0.05.
10. 100,000 transitions are kept, there a million; learning starts after 1,000 steps, there after 50,000.
11. The best checkpoint is kept (`keep_best`), and measured again on fresh episodes.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from optcourse.reinforcement import fast_updates as fast
from optcourse.reinforcement.checking import check_integer, check_loss, check_number, check_rows, check_schedule, spaces
from optcourse.reinforcement.evaluation import fitting_environment, greedy_returns, value_function
from optcourse.reinforcement.interaction import Environment, Interaction
from optcourse.reinforcement.n_step import NStep
from optcourse.reinforcement.prioritized import PrioritizedReplay
from optcourse.reinforcement.replay import ReplayBuffer
from optcourse.reinforcement.seeds import draw_seed, streams
from optcourse.reinforcement.transitions import Batch
from optcourse.schedules import Schedule, linear

Loss = Literal["mse", "huber"]

_EPSILON = linear(1.0, 0.04, steps=8_000)
_BETA = linear(0.4, 1.0, steps=50_000)


@dataclass(frozen=True)
class DQNConfig:
    """Every setting of `dqn`. A step is one transition of one sub-environment; an update is one of the optimizer.

    Attributes:
        steps: to make in all.
        environments: sub-environments that are stepped together.
        gamma: discount, in [0, 1].
        n_step: rewards in one target.
        double: the online network chooses the action that the target network values.
        loss: "mse" or "huber".
        lr: of Adam, finite, > 0.
        max_grad_norm: the gradient's norm is clipped to it; inf leaves it alone.
        batch_size, buffer_size: transitions in one update, and in the replay.
        learning_starts: steps before the first update.
        update_every, updates: steps between two rounds of updates, and updates in one round.
        target_every, tau: every so many updates, the target network moves the share tau in (0, 1] towards the online
            one. tau=1 copies (hard); a small tau with target_every=1 follows slowly (soft); both 1: no target network.
        epsilon: step -> probability of a random action.
        priority_alpha: exponent of prioritized replay, in [0, 1]; 0 replays uniformly.
        priority_beta: step -> exponent of the weights that correct for priorities, in [0, 1].
        evaluate_every, episodes: steps between two evaluations of the greedy policy, and episodes in each.

    Raises:
        TypeError, ValueError: when a setting breaks its rule.

    Example:
        >>> DQNConfig(tau=0.01, target_every=1).double
        True
    """

    steps: int = 50_000
    environments: int = 8
    gamma: float = 0.99
    n_step: int = 1
    double: bool = True
    loss: Loss = "mse"
    lr: float = 2.3e-3
    max_grad_norm: float = 10.0
    batch_size: int = 64
    buffer_size: int = 100_000
    learning_starts: int = 1_000
    update_every: int = 64
    updates: int = 32
    target_every: int = 32
    tau: float = 1.0
    epsilon: Schedule = _EPSILON
    priority_alpha: float = 0.0
    priority_beta: Schedule = _BETA
    evaluate_every: int = 500
    episodes: int = 20

    def __post_init__(self) -> None:
        for name in ("steps", "environments", "n_step", "batch_size", "buffer_size", "learning_starts", "update_every"):
            check_integer(name, getattr(self, name), 1)
        for name in ("updates", "target_every", "evaluate_every", "episodes"):
            check_integer(name, getattr(self, name), 1)
        for name in ("gamma", "priority_alpha"):
            check_number(name, getattr(self, name), 0, 1)
        check_number("tau", self.tau, 0, 1, above=True)
        check_number("lr", self.lr, 0, math.inf, above=True, below=True)
        check_number("max_grad_norm", self.max_grad_norm, 0, math.inf, above=True)
        check_loss(self.loss)
        check_schedule("epsilon", self.epsilon, 0, 1)
        check_schedule("priority_beta", self.priority_beta, 0, 1)
        if not self.batch_size <= min(self.buffer_size, self.learning_starts):
            raise ValueError(
                f"batch_size must be at most buffer_size and learning_starts, got batch_size={self.batch_size}, "
                f"buffer_size={self.buffer_size}, learning_starts={self.learning_starts}; lower it or raise those"
            )


@dataclass(frozen=True)
class DQNRecord:
    """One look at a training run, after a round of updates.

    Attributes:
        step, updates: done so far; steps are counted over all sub-environments.
        epsilon: of the last action.
        loss, q, gradient_norm: of the last batch: its loss, the mean of its Q(s, a), the norm before clipping.
        returns: of the training episodes that ended since the last record.
        evaluation: mean return of the greedy policy over fresh episodes; None when it was not evaluated.
    """

    step: int
    updates: int
    epsilon: float
    loss: float
    q: float
    gradient_norm: float
    returns: tuple[float, ...] = ()
    evaluation: float | None = None


def td_target(
    reward: Tensor, terminated: Tensor, next_q: Tensor, *, discount: Tensor | float, next_q_online: Tensor | None = None
) -> Tensor:
    r"""What Q(s, a) should have been, as far as the target network knows.

    .. math::
        y = r + \gamma\, [\text{not terminated}]\, Q(s', a^*; \theta'), \qquad
        a^* = \arg\max_a Q(s', a; \theta') \quad\text{or, double,}\quad \arg\max_a Q(s', a; \theta)

    Args:
        reward: (B,) r, or the discounted sum of several.
        terminated: (B,) bool. Whether the step was truncated plays no part: a step that was only truncated bootstraps,
            one that was both does not.
        next_q: (B, actions) Q(s', .; theta') of the target network.
        discount: gamma, or gamma ** k of each row, (B,), in [0, 1].
        next_q_online: (B, actions) Q(s', .; theta) of the online network, which then chooses the action (double).

    Returns:
        (B,), detached: no gradient flows into a target. Where terminated, next_q may be anything, NaN included.

    Raises:
        TypeError, ValueError: for shapes that do not belong together, `terminated` that is not bool, rewards that are
            not finite, or a discount outside its interval (numbers are not looked at on the meta device).

    Example:
        >>> next_q = torch.tensor([[1.0, 3.0], [1.0, 3.0]])
        >>> td_target(torch.ones(2), torch.tensor([False, True]), next_q, discount=0.5).tolist()
        [2.5, 1.0]

    References:
        Mnih et al., Nature 518, 2015; van Hasselt, Guez & Silver, Double Q-learning, AAAI 2016, equation 4.
    """
    chooser = next_q if next_q_online is None else next_q_online
    check_rows(reward, terminated, next_q, discount, chooser)
    value = next_q.gather(1, chooser.argmax(dim=1, keepdim=True)).squeeze(1)
    return torch.where(terminated, reward, reward + discount * value).detach()


def td_loss(
    q: Tensor, action: Tensor, target: Tensor, *, loss: Loss = "mse", weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    r"""How far the values of the actions taken are from their targets.

    .. math::
        \delta = y - Q(s, a), \qquad L = \tfrac1B \sum w\, \delta^2 \quad\text{or}\quad
        \tfrac1B \sum w \begin{cases} \delta^2 / 2 & |\delta| \le 1 \\ |\delta| - 1/2 & \text{else} \end{cases}

    Args:
        q: (B, actions) Q(s, .; theta), with its graph.
        action: (B,) int64, taken.
        target: (B,) y.
        loss: "mse", or "huber", whose gradient for one error stays in [-1, 1].
        weight: (B,) w, of prioritized replay; None weighs all alike.

    Returns:
        The loss, a scalar with its graph, and delta (B,), detached.

    Raises:
        ValueError: for shapes that do not belong together (a target of (B, 1) would broadcast), or an unknown loss.

    Example:
        >>> loss, delta = td_loss(torch.tensor([[1.0, 5.0]]), torch.tensor([1]), torch.tensor([8.0]), loss="huber")
        >>> loss.item(), delta.tolist()
        (2.5, [3.0])
    """
    if not action.shape == target.shape == q.shape[:1] or q.dim() != 2:
        raise ValueError(
            f"q must be (B, actions), action and target (B,), got {tuple(q.shape)}, {tuple(action.shape)} and "
            f"{tuple(target.shape)}; look for a lost or added axis"
        )
    check_loss(loss)
    delta = target - q.gather(1, action.unsqueeze(1)).squeeze(1)
    if loss == "mse":
        each = delta.square()
    else:
        each = torch.where(delta.abs() <= 1, 0.5 * delta.square(), delta.abs() - 0.5)
    return (each if weight is None else weight * each).mean(), delta.detach()


@torch.no_grad()
def update_target_(target: nn.Module, online: nn.Module, tau: float = 1.0) -> None:
    r"""Move the target network towards the online one: theta' <- (1 - tau) theta' + tau theta.

    Args:
        target: **mutated**, parameters in place; buffers are copied.
        online: of the same architecture.
        tau: in (0, 1]; 1 copies exactly.

    Raises:
        TypeError, ValueError: for a tau outside the interval.
    """
    check_number("tau", tau, 0, 1, above=True)
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.lerp_(new, tau)
    for kept, fresh in zip(target.buffers(), online.buffers(), strict=True):
        kept.copy_(fresh)


def epsilon_greedy(q: np.ndarray, epsilon: float, rng: np.random.Generator) -> np.ndarray:
    """With probability epsilon any action (the best among them), else the best; of equals the first.

    Args:
        q: (B, actions).
        epsilon: in [0, 1].
        rng: advanced, by the same amount whatever epsilon is.

    Returns:
        (B,) int64.

    Raises:
        TypeError, ValueError: for an epsilon outside the interval.
    """
    explores = rng.random(len(q)) < check_number("epsilon", epsilon, 0, 1)
    return np.where(explores, rng.integers(q.shape[1], size=len(q)), q.argmax(axis=1))


def dqn(network: nn.Module, environment: Environment, config: DQNConfig, *, seed: int) -> Iterator[DQNRecord]:
    """Train, yielding a record after each round of updates and one at the end. Leave the iterator to stop sooner.

    Training stops at the first batch whose loss is not finite, before the update; its record is the last.

    Args:
        network: from (B, F) to (B, actions), as `q_network` makes it. **Mutated**: parameters, which become parts of
            one vector; `.grad` is left alone. Hooks do not run where a `Perceptron` does its work.
        environment: gymnasium's id, or a function of the number of sub-environments.
        config: every setting.
        seed: of environments, exploration, replay and evaluation, which do not share a stream. The global generators
            are not touched.

    Raises:
        TypeError, ValueError: at the call, before anything is changed, when an argument breaks its rule or network and
            environment do not fit; later, when the environment returns a number that is not finite.
    """
    check_integer("seed", seed, 0)
    envs = fitting_environment(network, environment, config.environments)
    return _dqn(network, environment, envs, config, seed)


def _dqn(network, environment, envs, config: DQNConfig, seed: int) -> Iterator[DQNRecord]:
    of_environments, of_exploration, of_replay, of_evaluation = streams(seed)
    learner = _Learner(network, spaces(envs)[0], config, of_replay)
    n_step = NStep(config.n_step, gamma=config.gamma)
    values = value_function(network)
    epsilon, measured = math.nan, (math.nan, math.nan, math.nan)  # loss, mean Q(s, a), norm
    round_at, evaluate_at = config.learning_starts, 0

    def evaluate() -> float:
        seed = draw_seed(of_evaluation)
        return float(greedy_returns(network, environment, episodes=config.episodes, seed=seed).mean())

    try:
        world = Interaction(envs, seed=draw_seed(of_environments))
        while world.steps < config.steps:
            epsilon = config.epsilon(world.steps)
            action = epsilon_greedy(values(world.observation), epsilon, of_exploration)
            learner.replay.add(n_step.push(world.step(action)))
            while world.steps >= round_at and len(learner.replay) >= config.batch_size:
                round_at += config.update_every
                measured = learner.round(world.steps)
                evaluation = None
                if world.steps >= evaluate_at and math.isfinite(measured[0]):
                    evaluate_at = world.steps + config.evaluate_every
                    evaluation = evaluate()
                yield DQNRecord(world.steps, learner.online.updates, epsilon, *measured, world.ended(), evaluation)
                if not math.isfinite(measured[0]):
                    return
        yield DQNRecord(world.steps, learner.online.updates, epsilon, *measured, world.ended(), evaluate())
    finally:
        envs.close()


class _Learner:
    """What learns from the replay: the network, its target network, the optimizer."""

    def __init__(self, network: nn.Module, features: int, config: DQNConfig, rng: np.random.Generator) -> None:
        self.network, self.config, self.rng = network, config, rng
        self.target = copy.deepcopy(network)
        twin = fast.Perceptron.of(self.target)
        self.next_values = self.target if twin is None else twin.values
        self.target.requires_grad_(False)
        self.online = fast.TrainedNetwork(network, config.max_grad_norm)
        self.replay: ReplayBuffer | PrioritizedReplay = (
            PrioritizedReplay(config.buffer_size, features=features, alpha=config.priority_alpha)
            if config.priority_alpha
            else ReplayBuffer(config.buffer_size, features=features)
        )

    def round(self, step: int) -> tuple[float, float, float]:
        """`config.updates` updates: the last one's loss, mean Q(s, a), norm. None after a loss that is not finite."""
        online, every = self.online, self.config.target_every
        end = online.updates + self.config.updates
        with fast.denormals_flushed(), torch.no_grad(), np.errstate(over="ignore", invalid="ignore"):
            while online.updates < end:
                count = min(end - online.updates, every - online.updates % every)  # until the target network moves
                for batch, next_q in self.batches(count, step):
                    loss, y, error, norm = self.update(batch, next_q)
                    if not math.isfinite(loss):
                        return loss, math.nan, math.nan
                    if isinstance(self.replay, PrioritizedReplay):
                        self.replay.update_priorities(batch.places, error)
                if online.updates % every == 0:
                    update_target_(self.target, self.network, self.config.tau)
        return loss, float((y - error).mean()), norm

    def batches(self, count: int, step: int) -> Iterator[tuple[Batch, Tensor]]:
        """Batches, each with what the target network, which stands still meanwhile, says of the next observations.

        Replayed uniformly, all are drawn and valued at once; by priority, each after the update before it.
        """
        size, device = self.config.batch_size, self.online.theta.device
        if isinstance(self.replay, PrioritizedReplay):
            beta = self.config.priority_beta(step)
            drawn: Iterator[Batch] = (self.replay.sample(size, self.rng, beta=beta) for _ in range(count))
        else:
            drawn = iter([self.replay.sample(size, self.rng, batches=count)])
        for rows in drawn:
            tensors = [part.to(device) for part in rows[:-1]]
            next_q = self.next_values(tensors[Batch._fields.index("next_observation")])
            parts = (tensor.split(size) for tensor in (*tensors, next_q))
            for *part, its_next_q, places in zip(*parts, rows.places.reshape(-1, size), strict=True):
                yield Batch._make([*part, places]), its_next_q

    def update(self, batch: Batch, next_q: Tensor) -> tuple[float, np.ndarray, np.ndarray, float]:
        """One update, left out where the loss is not finite: loss, targets, their errors, the gradient's norm."""
        if self.online.perceptron is not None:
            return self.update_by_hand(self.online.perceptron, batch, next_q)
        config, norm = self.config, math.nan
        with torch.enable_grad():
            q = self.network(batch.observation)
        online = self.network(batch.next_observation) if config.double else None
        y = td_target(batch.reward, batch.terminated, next_q, discount=batch.discount, next_q_online=online)
        with torch.enable_grad():
            loss, error = td_loss(q, batch.action, y, loss=config.loss, weight=batch.weight)
        if torch.isfinite(loss):
            norm = self.online.step_(fast.joined_gradient(loss, self.online.parameters), config.lr)
        return loss.item(), y.cpu().numpy(), error.cpu().numpy(), norm

    def update_by_hand(self, perceptron: fast.Perceptron, batch: Batch, next_q: Tensor):
        """`update` without a graph, and with arrays where tensors would be small."""
        config, norm, (s, a, r, following, terminated, discount, weight, _) = self.config, math.nan, batch
        both = perceptron.values(torch.cat([following, s])).numpy()
        online, q = both[: len(s)] if config.double else None, both[len(s) :]
        y = fast.td_target_by_hand(r.numpy(), terminated.numpy(), next_q.numpy(), discount.numpy(), online)
        loss, error, by_q = fast.td_loss_by_hand(q, a.numpy(), y, loss=config.loss, weight=weight.numpy())
        if math.isfinite(loss):
            norm = self.online.step_(perceptron.gradient(torch.from_numpy(by_q)), config.lr)
        return loss, y, error, norm
