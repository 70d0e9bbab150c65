"""The loop: what it stores, when it updates, what it learns, and what it leaves alone."""

import copy
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

import optcourse.reinforcement.deep_q_learning as module
from optcourse.reinforcement import (
    DQNConfig,
    Dueling,
    ReplayBuffer,
    dqn,
    epsilon_greedy,
    fast_updates,
    greedy_returns,
    keep_best,
    one_sample,
    q_network,
    update_target_,
)
from optcourse.schedules import constant
from tests.reinforcement.cases import bandits, linear_network, script

SMALL = DQNConfig(
    steps=400,
    environments=4,
    batch_size=8,
    buffer_size=100,
    learning_starts=20,
    update_every=10,
    updates=3,
    target_every=5,
    evaluate_every=100,
    episodes=3,
    epsilon=constant(0.5),
)


@pytest.fixture
def stored(monkeypatch):
    """Every row that a loop stores."""
    rows = []

    class Spy(ReplayBuffer):
        def add(self, transitions):
            rows.extend(zip(*transitions, strict=True))
            return super().add(transitions)

    monkeypatch.setattr(module, "ReplayBuffer", Spy)
    return rows


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_what_is_stored(stored):
    *_, end = dqn(q_network(3, 3, hidden=(16,), seed=0), script, SMALL, seed=0)
    assert len(stored) == end.step
    for s, _, reward, following, terminated, discount in stored:
        assert s[:2].tolist() == following[:2].tolist(), "the step that resets was stored"
        assert following[2] == s[2] + 1
        assert reward == following.sum()
        length, ends, _ = ((3, True, 0), (2, False, 1), (4, True, 1))[int(s[0] + s[1]) % 3]
        assert terminated == (ends and following[2] == length)
        assert discount == np.float32(0.99)


@pytest.mark.parametrize("environments", [1, 4, 16])
def test_counts(environments):
    config = replace(SMALL, environments=environments)
    records = list(dqn(q_network(3, 3, hidden=(16,), seed=0), script, config, seed=0))
    *rounds, end = records
    assert config.steps <= end.step < config.steps + environments
    due = 1 + (end.step - config.learning_starts) // config.update_every  # whatever the number of environments
    assert len(rounds) == due
    assert [record.updates for record in rounds] == [config.updates * (i + 1) for i in range(due)]
    assert end.updates == rounds[-1].updates
    for i, record in enumerate(rounds):
        assert 0 <= record.step - (config.learning_starts + i * config.update_every) < environments
    evaluated = [record.step for record in rounds if record.evaluation is not None]
    assert evaluated[0] == rounds[0].step
    assert all(100 <= late - early < 100 + 10 + environments for early, late in pairwise(evaluated))
    assert end.evaluation is not None


def test_target_network_moves_when_it_should(monkeypatch):
    moved = []
    monkeypatch.setattr(module, "update_target_", lambda *_: moved.append(1))
    *_, end = dqn(q_network(3, 3, hidden=(16,), seed=0), script, SMALL, seed=0)
    assert len(moved) == end.updates // SMALL.target_every


def test_same_seed_same_run_and_global_generators_left_alone():
    torch.manual_seed(7)
    np.random.seed(7)
    state = torch.get_rng_state()
    runs = []
    for seed in (0, 0, 1):
        network = q_network(3, 3, hidden=(16,), seed=0)
        runs.append((list(dqn(network, script, SMALL, seed=seed)), weights(network)))
    assert repr(runs[0][0]) == repr(runs[1][0]) != repr(runs[2][0])
    assert torch.equal(runs[0][1], runs[1][1])
    assert torch.equal(torch.get_rng_state(), state)
    assert np.random.get_state()[2] == 624


VARIANTS = {
    "plain": {"double": False},
    "huber": {"loss": "huber"},
    "soft": {"tau": 0.1, "target_every": 1},
    "no target network": {"tau": 1.0, "target_every": 1},
    "n-step": {"n_step": 3},
    "prioritized": {"priority_alpha": 0.6},
    "all": {"n_step": 2, "priority_alpha": 0.6, "loss": "huber", "tau": 0.5},
}


@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_finds_the_values_of_a_bandit(name, dueling):
    """Each step is terminated and truncated at once: bootstrapping on truncation would give values near 100."""
    config = replace(SMALL, **VARIANTS[name], lr=0.02, epsilon=constant(1.0))
    network = q_network(2, 2, hidden=(16,), dueling=dueling, seed=0)
    *_, end = dqn(network, bandits, config, seed=0)
    values = network(torch.tensor([[1.0, 0.5]]))
    torch.testing.assert_close(values, torch.tensor([[0.0, 1.0]]), rtol=0, atol=0.1)
    assert end.evaluation == 1.0


def test_one_sample_is_dqn_with_nothing_in_it():
    settings = {"lr": 1e-3, "loss": "huber", "epsilon": constant(0.3), "evaluate_every": 50, "episodes": 2}
    config = DQNConfig(
        steps=200,
        environments=1,
        batch_size=1,
        buffer_size=1,
        learning_starts=1,
        update_every=1,
        updates=1,
        target_every=1,
        double=False,
        max_grad_norm=math.inf,
        **settings,
    )
    mine, theirs = q_network(3, 3, hidden=(16,), seed=0), q_network(3, 3, hidden=(16,), seed=0)
    *records, _ = dqn(theirs, script, config, seed=5)
    naive = list(one_sample(mine, script, steps=200, **settings, seed=5))
    torch.testing.assert_close(weights(mine), weights(theirs), rtol=1e-5, atol=1e-7)
    assert [record.step for record in naive] == list(range(1, 201))
    assert [record.returns for record in naive] == [record.returns for record in records]
    assert [record.evaluation is None for record in naive] == [record.evaluation is None for record in records]
    for a, b in zip(naive, records, strict=True):
        assert (a.loss, a.q, a.gradient_norm) == pytest.approx((b.loss, b.q, b.gradient_norm), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("dueling", [False, True])
def test_gradients_are_clipped(dueling, monkeypatch):
    norms = []
    adam_ = fast_updates.adam_vector_

    def watch(theta, gradient, *arguments, **options):
        norms.append(gradient.norm().item())
        return adam_(theta, gradient, *arguments, **options)

    monkeypatch.setattr(fast_updates, "adam_vector_", watch)
    network = q_network(3, 3, hidden=(16,), dueling=dueling, seed=0)
    records = list(dqn(network, script, replace(SMALL, max_grad_norm=0.5), seed=0))
    assert max(norms) <= 0.5 * (1 + 1e-5)
    assert max(record.gradient_norm for record in records) > 0.5


def test_stops_where_the_loss_is_lost():
    network = q_network(3, 3, hidden=(16,), seed=0)
    with torch.no_grad():
        network[-1].weight.fill_(1e30)
    before = weights(network)
    *_, end = dqn(network, script, SMALL, seed=0)
    assert not math.isfinite(end.loss)
    assert (end.updates, end.evaluation) == (0, None)
    assert torch.equal(weights(network), before)


def test_left_alone_until_the_first_record():
    network = q_network(3, 3, hidden=(16,), seed=0)
    before = weights(network)
    training = dqn(network, script, SMALL, seed=0)
    assert torch.equal(weights(network), before)
    next(training)
    assert not torch.equal(weights(network), before)
    training.close()


def test_target_network_hard_and_soft():
    target, online = linear_network([[1.0, 2.0]], [0.0]), linear_network([[3.0, -2.0]], [8.0])
    update_target_(target, online, 0.25)
    assert (target.weight.tolist(), target.bias.tolist()) == ([[1.5, 1.0]], [2.0])
    update_target_(target, online)
    assert torch.equal(weights(target), weights(online))
    assert target.weight.data_ptr() != online.weight.data_ptr()
    assert target.weight.grad_fn is None
    norm = torch.nn.BatchNorm1d(2)
    kept = copy.deepcopy(norm)
    norm(torch.randn(8, 2))
    update_target_(kept, norm, 0.5)
    assert torch.equal(kept.running_mean, norm.running_mean)


def test_epsilon_greedy():
    q = np.tile([0.0, 2.0, 1.0], (30_000, 1))
    for epsilon in (0.0, 0.3, 1.0):
        counts = np.bincount(epsilon_greedy(q, epsilon, np.random.default_rng(0)), minlength=3) / 30_000
        expected = np.array([epsilon / 3, 1 - 2 * epsilon / 3, epsilon / 3])
        assert abs(counts - expected).max() <= 4 * math.sqrt(0.25 / 30_000) * (epsilon > 0)
    streams = [np.random.default_rng(0), np.random.default_rng(0)]
    for rng, epsilon in zip(streams, (0.0, 1.0), strict=True):
        epsilon_greedy(q[:5], epsilon, rng)
    assert streams[0].random() == streams[1].random()


def test_dueling_head():
    head = Dueling(2, 3)
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    q, value = head(x), head.value(x)
    torch.testing.assert_close(q.mean(dim=1, keepdim=True), value)
    torch.testing.assert_close(q - value, head.advantage(x) - head.advantage(x).mean(dim=1, keepdim=True))
    with torch.no_grad():
        head.advantage.bias.add_(5.0)  # what all actions share is not theirs
    torch.testing.assert_close(head(x), q)


def test_networks_are_drawn_from_their_seed():
    a, b, c = (q_network(4, 2, hidden=(6, 5), seed=seed) for seed in (0, 0, 1))
    assert torch.equal(weights(a), weights(b))
    assert not torch.equal(weights(a), weights(c))
    assert [tuple(p.shape) for p in a.parameters()] == [(6, 4), (6,), (5, 6), (5,), (2, 5), (2,)]
    torch.manual_seed(0)
    assert torch.equal(weights(a)[:24].reshape(6, 4), torch.nn.Linear(4, 6).weight)


def fake_training(network, evaluations):
    for i, evaluation in enumerate(evaluations):
        with torch.no_grad():
            network.weight.fill_(float(i))
        yield module.DQNRecord(10 * i, i, 0.1, 0.0, 0.0, 0.0, (), evaluation)


def test_best_checkpoint_is_a_copy_of_the_best():
    network = linear_network([[0.0]])
    run = keep_best(network, fake_training(network, [None, 3.0, 9.0, None, 9.0, 1.0]))
    assert (run.best_step, run.best_evaluation, run.best.weight.item()) == (20, 9.0, 2.0)
    assert (run.network.weight.item(), len(run.records)) == (5.0, 6)
    run = keep_best(network, fake_training(network, [None, 3.0, 9.0, None, 10.0]), until=8.0)
    assert (run.best_step, len(run.records)) == (20, 3)
    run = keep_best(network, fake_training(network, [None, math.nan]))
    assert (run.best_step, run.best_evaluation) == (0, -math.inf)
    with pytest.raises(ValueError, match="until must be a return"):
        keep_best(network, [], until=math.nan)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"steps": 0}, ValueError, "steps must be an integer of at least 1, got 0"),
        ({"environments": 2.0}, TypeError, r"environments must be an integer.*2.0 \(float\)"),
        ({"gamma": math.nan}, ValueError, r"gamma must be a number in \[0, 1\], got nan"),
        ({"tau": 0.0}, ValueError, r"tau must be a number in \(0, 1\], got 0.0"),
        ({"lr": -1e-3}, ValueError, r"lr must be a number in \(0, inf\), got -0.001"),
        ({"max_grad_norm": 0.0}, ValueError, "max_grad_norm must be"),
        ({"priority_alpha": 2.0}, ValueError, "priority_alpha must be"),
        ({"loss": "l2"}, ValueError, "loss must be 'mse' or 'huber', got 'l2'"),
        (
            {"batch_size": 101, "learning_starts": 200},
            ValueError,
            "batch_size must be at most buffer_size .*=101.*=100",
        ),
        ({"batch_size": 21}, ValueError, "learning_starts=20"),
        ({"target_every": 0}, ValueError, "target_every must be"),
        ({"n_step": True}, TypeError, "n_step must be"),
    ],
)
def test_settings(changes, error, text):
    with pytest.raises(error, match=text):
        replace(SMALL, **changes)


def test_errors_before_anything_is_changed():
    with pytest.raises(
        ValueError, match=r"must give 3 values for an observation, \(1, 3\), got \(1, 2\); q_network\(3, 3"
    ):
        dqn(q_network(3, 2, seed=0), script, SMALL, seed=0)
    with pytest.raises(ValueError, match="seed must be an integer of at least 0, got -1"):
        dqn(q_network(3, 3, hidden=(16,), seed=0), script, SMALL, seed=-1)
    with pytest.raises(ValueError, match=r"epsilon must be a number in \[0, 1\], got 2.0"):
        next(dqn(q_network(3, 3, hidden=(16,), seed=0), script, replace(SMALL, epsilon=constant(2.0)), seed=0))
    with pytest.raises(ValueError, match="actions must be an integer of at least 1"):
        q_network(3, 0, seed=0)
    with pytest.raises(ValueError, match="steps must be"):
        one_sample(q_network(3, 3, hidden=(16,), seed=0), script, steps=0, seed=0)
    with pytest.raises(ValueError, match="gamma must be a number"):
        one_sample(q_network(3, 3, hidden=(16,), seed=0), script, gamma=2.0, seed=0)
    with pytest.raises(ValueError, match="network must give 3 values"):
        one_sample(q_network(3, 2, seed=0), script, seed=0)


def test_a_nan_reward_ends_training_before_it_is_learned_from():
    network = q_network(3, 3, hidden=(16,), seed=0)
    broken = lambda count: script(count, rewards=lambda row, episode, made: math.nan if episode == 2 else 1.0)
    before = weights(network)
    with pytest.raises(ValueError, match="rewards must be finite"):
        list(dqn(network, broken, replace(SMALL, learning_starts=100), seed=0))
    assert torch.equal(weights(network), before)


def test_cartpole_gets_better():
    """A tenth of what it takes to solve it; the benchmark measures the rest."""
    config = DQNConfig(steps=3000, epsilon=constant(0.2), updates=16, evaluate_every=1000, episodes=10)
    network = q_network(4, 2, hidden=(64, 64), seed=0)
    untrained = greedy_returns(network, "CartPole-v1", episodes=20, seed=99).mean()
    run = keep_best(network, dqn(network, "CartPole-v1", config, seed=0), until=100)
    assert greedy_returns(run.best, "CartPole-v1", episodes=20, seed=99).mean() > 4 * untrained
