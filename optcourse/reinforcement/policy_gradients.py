r"""Policy gradients, readable from top to bottom: settings, losses, loop. REINFORCE, actor-critic, PPO.

    actor, critic = actor_critic(4, 2, seed=0)
    for record in policy_gradient(actor, critic, "CartPole-v1", PolicyConfig(), seed=0):
        ...

A policy pi(a | s; theta) is moved so that actions that did better than expected, A > 0, become more probable:

.. math:: \nabla\, \mathbb E[G] = \mathbb E \Bigl[ \sum_t \nabla \log \pi(a_t | s_t)\, A_t \Bigr]

Three methods are this one loop with other settings:

=============  ============================  =============  ================  ==========================
method         steps between two updates     advantage      loss              uses of each step
=============  ============================  =============  ================  ==========================
REINFORCE      `horizon=None`: one episode   `lam=1`        `clip=None`       `epochs=1, batch_size=None`
actor-critic   a few, `horizon=5`            any `lam`      `clip=None`       `epochs=1, batch_size=None`
PPO            more, `horizon=32`            any `lam`      `clip=...`        many
=============  ============================  =============  ================  ==========================

Differs from the papers, and from the programs that most people run:

1.  Williams 1992 (REINFORCE): one update follows one whole episode of each sub-environment, not each episode; Adam.
2.  No method weighs step t by gamma ** t, though the gradient of the discounted return asks for it; nearly all do so.
3.  Mnih et al. 2016 (A3C, A2C): sub-environments are stepped together, by one process; generalized advantages in the
    place of n-step returns; Adam in the place of RMSProp.
4.  Schulman et al. 2016 (GAE): the critic is fitted by Adam, not within a trust region.
5.  Schulman et al. 2017 (PPO): actor and critic are two networks with an Adam and a clipped gradient each, so that no
    coefficient weighs one loss against the other. stable-baselines3 and CleanRL clip the norm of both together.
6.  Advantages are normalized in each batch, as in both programs; no paper says so.
7.  The loss of the values is not clipped, as in stable-baselines3; CleanRL clips it.
8.  A truncated step bootstraps from its own next observation, as in stable-baselines3; in CleanRL it counts as
    terminated. Steps that only reset a sub-environment are left out; CleanRL learns from them.
9.  ReLU and torch's own initial values, but for the actor's last layer, which starts at a hundredth: at first all
    actions are nearly alike. Both programs take tanh and orthogonal matrices.
10. Adam's epsilon is 1e-8; CleanRL and stable-baselines3 take 1e-5.
11. The policy that is evaluated is greedy: the most probable action.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from optcourse.reinforcement import fast_updates as fast
from optcourse.reinforcement.advantages import gae
from optcourse.reinforcement.checking import check_integer, check_number, check_schedule, spaces
from optcourse.reinforcement.evaluation import check_fit, fitting_environment, greedy_returns, value_function
from optcourse.reinforcement.interaction import Environment, Interaction
from optcourse.reinforcement.networks import q_network
from optcourse.reinforcement.policy_losses import clipped_loss, log_probability, policy_entropy, policy_loss, value_loss
from optcourse.reinforcement.rollouts import Rollout, collect, whole_episodes
from optcourse.reinforcement.seeds import draw_seed, streams
from optcourse.schedules import Schedule, linear

_LR = linear(1e-3, 0.0, steps=100_000)
_CLIP = linear(0.2, 0.0, steps=100_000)


@dataclass(frozen=True)
class PolicyConfig:
    """Every setting of `policy_gradient`; as it is, PPO for CartPole. A step is one of one sub-environment.

    Attributes:
        steps: to make in all.
        environments: sub-environments that are stepped together.
        horizon: steps of each sub-environment between two rounds of updates; None is one whole episode of each.
        gamma: discount, in [0, 1].
        lam: lambda of `gae`, in [0, 1].
        lr: step -> learning rate of both Adams, finite, >= 0.
        clip: step -> how far, >= 0, the ratio of probabilities may leave 1; None takes the plain policy gradient.
        epochs: how often a rollout is gone through; 1 without clip.
        batch_size: steps in one update at most; None is the whole rollout, as it must be without clip.
        normalize: whether the advantages of a batch are shifted and scaled to mean 0 and standard deviation 1.
        entropy: weight, finite, >= 0, of the policy's entropy, which is subtracted from the loss.
        max_grad_norm: the norm of each network's gradient is clipped to it; inf leaves it alone.
        evaluate_every, episodes: steps between two evaluations of the greedy policy, and episodes in each.

    Raises:
        TypeError, ValueError: when a setting breaks its rule.

    Example:
        >>> PolicyConfig(horizon=5, clip=None, epochs=1, batch_size=None).lam  # an actor-critic
        0.8
    """

    steps: int = 100_000
    environments: int = 8
    horizon: int | None = 32
    gamma: float = 0.98
    lam: float = 0.8
    lr: Schedule = _LR
    clip: Schedule | None = _CLIP
    epochs: int = 20
    batch_size: int | None = 256
    normalize: bool = True
    entropy: float = 0.0
    max_grad_norm: float = 0.5
    evaluate_every: int = 2_000
    episodes: int = 20

    def __post_init__(self) -> None:
        for name in ("steps", "environments", "epochs", "evaluate_every", "episodes"):
            check_integer(name, getattr(self, name), 1)
        for name in ("horizon", "batch_size"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), 1)
        for name in ("gamma", "lam"):
            check_number(name, getattr(self, name), 0, 1)
        check_schedule("lr", self.lr, 0, math.inf, below=True)
        if self.clip is not None:
            check_schedule("clip", self.clip, 0, math.inf)
        check_number("entropy", self.entropy, 0, math.inf, below=True)
        check_number("max_grad_norm", self.max_grad_norm, 0, math.inf, above=True)
        if self.clip is None and (self.epochs, self.batch_size) != (1, None):
            raise ValueError(
                f"without clip a rollout is used once and whole, got epochs={self.epochs}, "
                f"batch_size={self.batch_size}; set epochs=1 and batch_size=None, or a clip"
            )


@dataclass(frozen=True)
class PolicyRecord:
    """One look at a training run, after a round of updates.

    Attributes:
        step, updates: done so far; steps are counted over all sub-environments.
        loss, value_loss: of actor and critic in the last batch; value_loss is 0 without critic.
        gradient_norm: of the actor in the last batch, before clipping; NaN where training stopped.
        entropy: of the policy after the round, in nats, over the states of the rollout.
        clipped: share of the rollout whose ratio left 1 - clip to 1 + clip in the round; 0 without clip.
        returns: of the training episodes that ended since the last record.
        evaluation: mean return of the greedy policy over fresh episodes; None when it was not evaluated.
    """

    step: int
    updates: int
    loss: float
    value_loss: float
    gradient_norm: float
    entropy: float
    clipped: float
    returns: tuple[float, ...] = ()
    evaluation: float | None = None


def actor_critic(
    features: int, actions: int, *, hidden: tuple[int, ...] = (64, 64), seed: int
) -> tuple[nn.Sequential, nn.Sequential]:
    """A policy, from (B, features) to the logits (B, actions), and a critic, to values (B, 1).

    Args:
        features, actions: numbers in an observation, and actions.
        hidden: widths of the layers between, of both.
        seed: of the initial values. The actor's last layer is scaled to a hundredth: at first all actions are nearly
            equally probable.

    Raises:
        TypeError, ValueError: for a size below 1 or a negative seed.

    Example:
        >>> actor, critic = actor_critic(4, 2, seed=0)
        >>> actor(torch.zeros(3, 4)).shape, critic(torch.zeros(3, 4)).shape
        (torch.Size([3, 2]), torch.Size([3, 1]))
    """
    of_actor, of_critic = map(int, np.random.SeedSequence(check_integer("seed", seed, 0)).generate_state(2))
    actor = q_network(features, actions, hidden=hidden, seed=of_actor)
    with torch.no_grad():
        for parameter in actor[-1].parameters():
            parameter.mul_(0.01)
    return actor, q_network(features, 1, hidden=hidden, seed=of_critic)


def sample_actions(logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Actions (B,) int64 drawn from the policy with these logits (B, actions).

    The largest of the logits, each with a number of Gumbel's distribution added, is distributed as the softmax asks.
    """
    return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def policy_gradient(
    actor: nn.Module, critic: nn.Module | None, environment: Environment, config: PolicyConfig, *, seed: int
) -> Iterator[PolicyRecord]:
    """Train, yielding a record after each round of updates. Leave the iterator to stop sooner.

    Training stops at the first batch whose losses are not finite, before the update; its record is the last.

    Args:
        actor: from (B, F) to logits (B, actions). **Mutated**: parameters, which become parts of one vector; `.grad` is
            left alone. Hooks do not run where a `Perceptron` does its work.
        critic: from (B, F) to values (B, 1), on the actor's device and with parameters of its own. **Mutated**
            likewise. None takes all values for 0: without a baseline, and cut episodes do not bootstrap.
        environment: gymnasium's id, or a function of the number of sub-environments.
        config: every setting.
        seed: of environments, actions, batches and evaluation, which do not share a stream. The global generators are
            not touched.

    Raises:
        TypeError, ValueError: at the call, before anything is changed, when an argument breaks its rule or networks and
            environment do not fit; later, when the environment returns a number that is not finite.
        RuntimeError: with `horizon=None`, when an episode does not end within 10,000 steps.
    """
    check_integer("seed", seed, 0)
    envs = fitting_environment(actor, environment, config.environments)
    try:
        if critic is not None:
            _check_critic(actor, critic, spaces(envs)[0])
    except Exception:
        envs.close()
        raise
    return _policy_gradient(actor, critic, environment, envs, config, seed)


def _policy_gradient(actor, critic, environment, envs, config: PolicyConfig, seed: int) -> Iterator[PolicyRecord]:
    of_environments, of_actions, of_batches, of_evaluation = streams(seed)
    learner = _Learner(actor, critic, config, of_batches)
    logits = value_function(actor)
    step, evaluate_at = 0, 0

    def choose(observation: np.ndarray) -> np.ndarray:
        return sample_actions(logits(observation), of_actions)

    try:
        world = Interaction(envs, seed=draw_seed(of_environments))
        while step < config.steps:
            if config.horizon is None:
                rollout = whole_episodes(envs, choose, seed=draw_seed(of_environments))
                returns = tuple(rollout.reward.sum(dim=0).tolist())
            else:
                rollout = collect(world, choose, config.horizon)
                returns = world.ended()
            if rollout.steps == 0:  # every sub-environment only reset
                continue
            measured = learner.round(rollout, step)
            step += rollout.steps
            finite, evaluation = not math.isnan(measured[2]), None
            if finite and (step >= evaluate_at or step >= config.steps):
                evaluate_at = step + config.evaluate_every
                fresh = greedy_returns(actor, environment, episodes=config.episodes, seed=draw_seed(of_evaluation))
                evaluation = float(fresh.mean())
            yield PolicyRecord(step, learner.actor.updates, *measured, returns, evaluation)
            if not finite:
                return
    finally:
        envs.close()


class _Learner:
    """What learns from rollouts: actor and critic, each with its optimizer."""

    def __init__(self, actor: nn.Module, critic: nn.Module | None, config: PolicyConfig, rng) -> None:
        self.actor = fast.TrainedNetwork(actor, config.max_grad_norm)
        self.critic = None if critic is None else fast.TrainedNetwork(critic, config.max_grad_norm)
        self.config, self.rng = config, rng

    def round(self, rollout: Rollout, step: int) -> tuple[float, float, float, float, float]:
        """All updates from one rollout: the last batch's losses and norm, then entropy and share clipped.

        None is made after losses that are not finite.
        """
        config, rollout = self.config, Rollout(*(part.to(self.actor.theta.device) for part in rollout))
        lr = check_number("lr", config.lr(step), 0, math.inf, below=True)
        clip = None if config.clip is None else check_number("clip", config.clip(step), 0, math.inf)
        observation, action = rollout.observation[rollout.lived], rollout.action[rollout.lived]
        advantage, target = self.judge(rollout)
        with torch.no_grad(), fast.denormals_flushed():
            old_log_prob = log_probability(self.actor.network(observation), action)
            for _ in range(config.epochs):
                order = self.rng.permutation(len(action))
                for rows in np.array_split(order, math.ceil(len(action) / (config.batch_size or len(action)))):
                    picked = torch.from_numpy(rows).to(action.device)
                    batch = [part[picked] for part in (observation, action, advantage, target, old_log_prob)]
                    loss, error, norm = self.update(*batch, lr=lr, clip=clip)
                    if math.isnan(norm):
                        return loss, error, norm, math.nan, math.nan
            logits = self.actor.network(observation)
            ratio = (log_probability(logits, action) - old_log_prob).exp()
        outside = 0.0 if clip is None else ((ratio - 1).abs() > clip).float().mean().item()
        return loss, error, norm, policy_entropy(logits).item(), outside

    @torch.no_grad()
    def judge(self, rollout: Rollout) -> tuple[Tensor, Tensor]:
        """Advantages of the steps made, and what the critic should have said: V(s) + A."""
        if self.critic is None:
            value = next_value = torch.zeros_like(rollout.reward)
        else:
            value = self.critic.network(rollout.observation).squeeze(-1)
            next_value = self.critic.network(rollout.next_observation).squeeze(-1)
        advantage = gae(
            rollout.reward,
            value,
            next_value,
            rollout.terminated,
            rollout.truncated,
            gamma=self.config.gamma,
            lam=self.config.lam,
            lived=rollout.lived,
        )
        return advantage[rollout.lived], (value + advantage)[rollout.lived]

    def update(self, observation, action, advantage, target, old_log_prob, *, lr: float, clip: float | None):
        """One update of both: losses, and the actor's norm; left out, and the norm NaN, where one is not finite."""
        config = self.config
        if config.normalize:
            advantage = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)

        def loss_of_actor(logits: Tensor) -> Tensor:
            log_prob = log_probability(logits, action)
            if clip is None:
                loss = policy_loss(log_prob, advantage)
            else:
                loss = clipped_loss(log_prob, old_log_prob, advantage, clip=clip)
            return loss - config.entropy * policy_entropy(logits) if config.entropy else loss

        loss, gradient = self.actor.gradient(observation, loss_of_actor)
        error, slope = 0.0, None
        if self.critic is not None:
            error, slope = self.critic.gradient(observation, lambda value: value_loss(value.squeeze(1), target))
        norm = torch.linalg.vector_norm(gradient).item()
        if not math.isfinite(loss + error + norm):
            return loss, error, math.nan
        self.actor.step_(gradient, lr)
        if self.critic is not None and slope is not None:
            self.critic.step_(slope, lr)
        return loss, error, norm


def _check_critic(actor: nn.Module, critic: nn.Module, features: int) -> None:
    check_fit("critic", critic, features, 1, f"actor_critic({features}, actions, seed=...) makes one that fits")
    owned = {id(parameter) for parameter in actor.parameters()}
    if any(id(parameter) in owned for parameter in critic.parameters()):
        raise ValueError(
            "actor and critic must not share parameters, got some that belong to both; actor_critic makes two"
        )
