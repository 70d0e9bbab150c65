"""Rollouts against what was played, and the loop: what it learns, and what it leaves alone."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

import optcourse.reinforcement.policy_gradients as module
from optcourse.reinforcement import Interaction, greedy_returns, keep_best
from optcourse.reinforcement.policy_gradients import PolicyConfig, actor_critic, policy_gradient
from optcourse.reinforcement.policy_losses import clipped_loss
from optcourse.reinforcement.rollouts import Rollout, collect, whole_episodes
from optcourse.schedules import constant
from tests.reinforcement.cases import ENDINGS, bandits, linear_network, script

PPO = PolicyConfig(
    steps=200,
    environments=4,
    horizon=8,
    lr=constant(0.02),
    clip=constant(0.2),
    epochs=3,
    batch_size=8,
    evaluate_every=100,
    episodes=3,
)
A2C = replace(PPO, clip=None, epochs=1, batch_size=None)
REINFORCE = replace(A2C, horizon=None, lam=1.0)
METHODS = {"ppo": PPO, "actor-critic": A2C, "reinforce": REINFORCE}


def networks(features=3, actions=3, seed=0):
    return actor_critic(features, actions, hidden=(16,), seed=seed)


def weights(*nets):
    return torch.cat([parameter.detach().flatten() for net in nets for parameter in net.parameters()])


# --- rollouts ------------------------------------------------------------------------------------------------------


def check_played(rollout):
    """The observation of `script` tells row, episode and step; its rewards are their sum."""
    lived = rollout.lived
    before, after = rollout.observation[lived], rollout.next_observation[lived]
    assert torch.equal(before[:, :2], after[:, :2]), "a step crosses an end"
    assert torch.equal(after[:, 2], before[:, 2] + 1)
    assert torch.equal(rollout.reward[lived], after.sum(dim=1))
    endings = [ENDINGS[int(row + episode) % 3] for row, episode, _ in after.tolist()]
    at_end = torch.tensor([made == length for (*_, made), (length, *_) in zip(after.tolist(), endings, strict=True)])
    for flag, column in ((rollout.terminated, 1), (rollout.truncated, 2)):
        assert torch.equal(flag[lived], at_end & torch.tensor([ending[column] for ending in endings]))
    assert not (rollout.terminated | rollout.truncated | (rollout.reward != 0))[~lived].any()


def test_a_rollout_is_what_was_played():
    world = Interaction(script(4), seed=0)
    drawn = np.random.default_rng(0)
    rollouts = [collect(world, lambda observation: drawn.integers(3, size=4), 7) for _ in range(3)]
    for rollout in rollouts:
        check_played(rollout)
    assert sum(rollout.steps for rollout in rollouts) == world.steps < 3 * 7 * 4
    whole = Rollout(*(torch.cat(parts) for parts in zip(*rollouts, strict=True)))
    ended = whole.terminated | whole.truncated
    assert torch.equal(~whole.lived[1:], ended[:-1]), "only the step after an end is none"
    again = np.random.default_rng(0)
    actions = torch.from_numpy(np.stack([again.integers(3, size=4) for _ in range(21)]))
    assert torch.equal(whole.action[whole.lived], actions[whole.lived])


def test_whole_episodes_are_whole():
    rollout = whole_episodes(script(4), lambda observation: np.zeros(4, dtype=np.int64), seed=0)
    check_played(rollout)
    ended = rollout.terminated | rollout.truncated
    assert ended.sum(dim=0).tolist() == [1] * 4
    assert rollout.lived.sum(dim=0).tolist() == [ENDINGS[row % 3][0] for row in range(4)]
    assert torch.equal(rollout.observation[0, :, 2], torch.zeros(4))
    with pytest.raises(RuntimeError, match="must end within 2 steps, got 3 of 4 that did not; give"):
        whole_episodes(script(4), lambda observation: np.zeros(4, dtype=np.int64), seed=0, max_steps=2)


def test_advantages_come_from_the_observations_of_their_own_step():
    """A critic that says what it sees: row + 10 episode + 100 step, before and after."""
    critic = linear_network([[1.0, 10.0, 100.0]])
    learner = module._Learner(networks()[0], critic, replace(A2C, gamma=0.5, lam=0.0), np.random.default_rng(0))
    rollout = collect(Interaction(script(4), seed=0), lambda observation: np.zeros(4, dtype=np.int64), 9)
    scale = torch.tensor([1.0, 10.0, 100.0])
    value, following = ((x[rollout.lived] * scale).sum(dim=1) for x in (rollout.observation, rollout.next_observation))
    goes_on = ~rollout.terminated[rollout.lived]
    advantage, target = learner.judge(rollout)
    torch.testing.assert_close(target, rollout.reward[rollout.lived] + 0.5 * goes_on * following)
    torch.testing.assert_close(advantage, target - value)


# --- the loop ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("environments", [1, 4])
def test_counts(method, environments):
    config = replace(METHODS[method], environments=environments)
    actor, critic = networks()
    records = list(policy_gradient(actor, critic, script, config, seed=0))
    end = records[-1]
    longest = config.horizon or max(length for length, *_ in ENDINGS)
    assert records[-2].step < config.steps <= end.step < config.steps + longest * environments
    each = [late.step - early.step for early, late in pairwise(records)]
    if method == "ppo":
        assert [late.updates - early.updates for early, late in pairwise(records)] == [
            config.epochs * math.ceil(made / config.batch_size) for made in each
        ]
    else:
        assert [record.updates for record in records] == list(range(1, len(records) + 1))
    if method == "reinforce":
        assert all(len(record.returns) == environments for record in records)
    evaluated = [record.step for record in records if record.evaluation is not None]
    assert (evaluated[0], evaluated[-1]) == (records[0].step, end.step)
    assert all(100 <= late - early < 100 + max(each) for early, late in pairwise(evaluated[:-1]))


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_run_and_global_generators_left_alone(method):
    torch.manual_seed(7)
    np.random.seed(7)
    state = torch.get_rng_state()
    runs = []
    for seed in (0, 0, 1):
        pair = networks()
        runs.append((list(policy_gradient(*pair, script, METHODS[method], seed=seed)), weights(*pair)))
    assert repr(runs[0][0]) == repr(runs[1][0]) != repr(runs[2][0])
    assert torch.equal(runs[0][1], runs[1][1])
    assert torch.equal(torch.get_rng_state(), state)
    assert np.random.get_state()[2] == 624


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("judged", [True, False])
def test_a_bandit_is_learned(method, judged):
    """Each step is terminated and truncated at once: the critic's value is the mean reward, which nears 1."""
    actor, critic = networks(2, 2)
    config = replace(METHODS[method], steps=800)
    run = keep_best(actor, policy_gradient(actor, critic if judged else None, bandits, config, seed=0))
    x = torch.tensor([[1.0, 0.5]])
    assert actor(x).softmax(1)[0, 1] > 0.9
    assert run.best_evaluation == 1.0
    assert greedy_returns(run.best, bandits, episodes=3, seed=1).tolist() == [1.0] * 3
    if judged:
        assert critic(x).item() == pytest.approx(1.0, abs=0.25)
    assert all((record.value_loss == 0) == (not judged) for record in run.records)


def rollout_of(seed=0):
    drawn = np.random.default_rng(seed)
    return collect(Interaction(script(4), seed=0), lambda observation: drawn.integers(3, size=4), 9)


def test_one_pass_of_ppo_is_an_actor_critic():
    """The ratio is 1 everywhere before the first update, and the gradients are the same."""
    moved = []
    for config in (A2C, replace(A2C, clip=constant(0.2)), replace(A2C, clip=constant(0.2), epochs=2)):
        pair = networks()
        learner = module._Learner(*pair, config, np.random.default_rng(0))
        _, _, norm, _, clipped = learner.round(rollout_of(), step=0)
        moved.append((weights(*pair), norm))
        assert (clipped > 0) == (config.clip is not None)
    torch.testing.assert_close(moved[0][0], moved[1][0])
    assert moved[0][1] == pytest.approx(moved[1][1], rel=1e-4)
    assert (moved[2][0] - moved[0][0]).abs().max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_updates_by_hand_are_those_of_autograd(method):
    """A network in the place of a `Perceptron`, with the same numbers."""
    config, moved = replace(METHODS[method], entropy=0.1), []
    for extra in ([], [torch.nn.Identity()]):
        pair = [torch.nn.Sequential(*net, *extra) for net in networks()]
        learner = module._Learner(*pair, config, np.random.default_rng(0))
        assert (learner.actor.perceptron is None) == bool(extra)
        measured = learner.round(rollout_of(), step=0)
        moved.append((weights(*pair), torch.tensor(measured)))
    torch.testing.assert_close(moved[0], moved[1], rtol=1e-3, atol=1e-5)
    assert (moved[0][0] - weights(*networks())).abs().max() > 1e-2


def test_an_update_is_adam_on_the_loss():
    """One batch, against torch: its loss with entropy, its clipped norm, its Adam."""
    config = replace(A2C, entropy=0.3, max_grad_norm=0.05, normalize=False)
    actor, critic = networks()
    theirs, _ = networks()
    rollout = rollout_of()
    learner = module._Learner(actor, critic, config, np.random.default_rng(0))
    advantage, _ = learner.judge(rollout)
    policy = torch.distributions.Categorical(logits=theirs(rollout.observation[rollout.lived]))
    loss = -(policy.log_prob(rollout.action[rollout.lived]) * advantage).mean() - 0.3 * policy.entropy().mean()
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.02)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.05)
    optimizer.step()
    found, _, found_norm, entropy, clipped = learner.round(rollout, step=0)
    assert (found, found_norm, clipped) == pytest.approx((loss.item(), norm.item(), 0.0), rel=1e-4)
    assert found_norm > 0.05
    after = torch.distributions.Categorical(logits=theirs(rollout.observation[rollout.lived]))
    assert entropy == pytest.approx(after.entropy().mean().item(), rel=1e-4)
    torch.testing.assert_close(weights(actor), weights(theirs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
def test_advantages_are_normalized_in_each_batch(normalize, monkeypatch):
    seen = []

    def watch(log_prob, old_log_prob, advantage, *, clip):
        seen.append(advantage)
        return clipped_loss(log_prob, old_log_prob, advantage, clip=clip)

    monkeypatch.setattr(module, "clipped_loss", watch)
    learner = module._Learner(*networks(), replace(PPO, normalize=normalize), np.random.default_rng(0))
    rollout = rollout_of()
    advantage, _ = learner.judge(rollout)
    learner.round(rollout, step=0)
    batches = len(seen) // PPO.epochs
    assert batches == math.ceil(rollout.steps / PPO.batch_size) > 1
    if normalize:
        for batch in seen:
            assert batch.mean().item() == pytest.approx(0.0, abs=1e-5)
            assert batch.square().mean().item() == pytest.approx(1.0, rel=1e-4)
    else:
        for epoch in range(PPO.epochs):  # each goes once through all steps
            gone_through = torch.cat(seen[epoch * batches : (epoch + 1) * batches])
            assert torch.equal(gone_through.sort().values, advantage.sort().values)


def test_rollouts_in_which_everything_only_resets_are_passed_over():
    """One step each: all bandits end at once, and all reset at once."""
    actor, critic = networks(2, 2)
    records = list(policy_gradient(actor, critic, bandits, replace(A2C, horizon=1, steps=12), seed=0))
    assert [record.step for record in records] == [4, 8, 12]
    assert [record.updates for record in records] == [1, 2, 3]


def test_stops_where_a_loss_is_lost():
    for broken in (0, 1):
        pair = networks()
        with torch.no_grad():
            pair[broken][-1].weight.fill_(math.inf)
        before = weights(*pair)
        (end,) = policy_gradient(*pair, script, PPO, seed=0)
        assert not math.isfinite(end.loss + end.value_loss)
        assert (end.updates, end.evaluation) == (0, None)
        assert torch.equal(weights(*pair).nan_to_num(), before.nan_to_num())


def test_left_alone_until_the_first_record():
    pair = networks()
    before = weights(*pair)
    training = policy_gradient(*pair, script, PPO, seed=0)
    assert torch.equal(weights(*pair), before)
    next(training)
    assert not torch.equal(weights(pair[0]), before[: len(weights(pair[0]))])
    assert not torch.equal(weights(pair[1]), before[len(weights(pair[0])) :])
    training.close()


@pytest.mark.parametrize("method", METHODS)
def test_a_nan_reward_ends_training_before_it_is_learned_from(method):
    pair = networks()
    broken = lambda count: script(count, rewards=lambda row, episode, made: math.nan if made == 2 else 1.0)
    before = weights(*pair)
    with pytest.raises(ValueError, match="rewards must be finite"):
        list(policy_gradient(*pair, broken, METHODS[method], seed=0))
    assert torch.equal(weights(*pair), before)


def test_networks_are_drawn_from_their_seed():
    one, same, other = (weights(*actor_critic(4, 2, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    actor, critic = actor_critic(4, 2, seed=0)
    assert not torch.equal(actor[0].weight, critic[0].weight)
    probability = actor(torch.randn(50, 4, generator=torch.Generator().manual_seed(0))).softmax(dim=1)
    torch.testing.assert_close(probability, torch.full((50, 2), 0.5), rtol=0, atol=0.01)


ACTOR, CRITIC = networks()
SHARING = torch.nn.Sequential(ACTOR[0], linear_network([[1.0] * 16]))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: replace(PPO, steps=0), ValueError, "steps must be an integer of at least 1, got 0"),
        (lambda: replace(PPO, horizon=2.0), TypeError, r"horizon must be an integer.*2.0 \(float\)"),
        (lambda: replace(PPO, batch_size=0), ValueError, "batch_size must be an integer of at least 1"),
        (lambda: replace(PPO, lam=math.nan), ValueError, r"lam must be a number in \[0, 1\], got nan"),
        (lambda: replace(PPO, entropy=-1.0), ValueError, "entropy must be a number"),
        (lambda: replace(PPO, max_grad_norm=0.0), ValueError, r"max_grad_norm must be a number in \(0, inf\]"),
        (lambda: replace(A2C, epochs=2), ValueError, "used once and whole, got epochs=2.*set epochs=1"),
        (lambda: replace(A2C, batch_size=8), ValueError, "used once and whole.*batch_size=8"),
        (lambda: policy_gradient(ACTOR, CRITIC, script, PPO, seed=-1), ValueError, "seed must be an integer"),
        (lambda: policy_gradient(CRITIC, CRITIC, script, PPO, seed=0), ValueError, "must give 3 values"),
        (lambda: policy_gradient(ACTOR, ACTOR, script, PPO, seed=0), ValueError, r"got \(1, 3\); actor_critic"),
        (lambda: policy_gradient(ACTOR, SHARING, script, PPO, seed=0), ValueError, "must not share parameters"),
        (
            lambda: next(policy_gradient(*networks(), script, replace(PPO, lr=constant(-1.0)), seed=0)),
            ValueError,
            r"lr must be a number in \[0, inf\), got -1.0",
        ),
        (
            lambda: next(policy_gradient(*networks(), script, replace(PPO, clip=constant(-1.0)), seed=0)),
            ValueError,
            r"clip must be a number in \[0, inf\], got -1.0",
        ),
        (lambda: actor_critic(4, 0, seed=0), ValueError, "actions must be an integer of at least 1"),
        (lambda: actor_critic(4, 2, seed=-1), ValueError, "seed must be an integer of at least 0"),
    ],
)  # fmt: skip
def test_errors(make, error, text):
    before = weights(ACTOR, CRITIC)
    with pytest.raises(error, match=text):
        make()
    assert torch.equal(weights(ACTOR, CRITIC), before)


def test_cartpole_gets_better():
    """By REINFORCE, which gets so far with every seed that was tried; the claims measure the rest."""
    actor, critic = actor_critic(4, 2, seed=0)
    untrained = greedy_returns(actor, "CartPole-v1", episodes=20, seed=99).mean()
    config = replace(
        REINFORCE, steps=12_000, environments=8, gamma=0.99, lr=constant(0.01), normalize=False, evaluate_every=1_000
    )
    run = keep_best(actor, policy_gradient(actor, critic, "CartPole-v1", config, seed=0), until=100)
    assert greedy_returns(run.best, "CartPole-v1", episodes=20, seed=99).mean() > 3 * untrained


def test_deviations_are_numbered():
    for author in ("Williams 1992", "Mnih et al. 2016", "Schulman et al. 2016", "Schulman et al. 2017", "CleanRL"):
        assert author in module.__doc__
    assert all(f"\n{number}. " in module.__doc__ for number in range(1, 12))
