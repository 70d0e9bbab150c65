"""One vector for all parameters, batches drawn at once, no denormals: the same learning, sooner."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import optcourse.reinforcement.deep_q_learning as module
from optcourse.optimizers.adam import adam_
from optcourse.reinforcement import DQNConfig, greedy_returns, q_network, td_loss, td_target
from optcourse.reinforcement.fast_updates import (
    Perceptron,
    TrainedNetwork,
    adam_vector_,
    denormals_flushed,
    join_parameters_,
    joined_gradient,
    td_loss_by_hand,
    td_target_by_hand,
)
from tests.reinforcement.cases import numbered


def test_parameters_become_parts_of_one_vector():
    network = q_network(4, 2, hidden=(5, 3), seed=0)
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    before = network(x)
    copied = copy.deepcopy(network)
    parameters, theta = join_parameters_(network)
    assert torch.equal(network(x), before)
    assert theta.numel() == sum(parameter.numel() for parameter in copied.parameters())
    kept = copy.deepcopy(network)
    theta.mul_(2.0)
    for double, single, apart in zip(parameters, copied.parameters(), kept.parameters(), strict=True):
        assert torch.equal(double, 2 * single)
        assert torch.equal(apart, single), "a copy must not move along"


def test_gradient_is_that_of_backward():
    network = q_network(4, 2, hidden=(5, 3), dueling=True, seed=0)
    network[0].bias.requires_grad_(False)
    network[2].register_parameter("spare", nn.Parameter(torch.ones(2)))  # the loss does not depend on it
    frozen = network[0].bias.clone()
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    parameters, theta = join_parameters_(network)
    network(x).square().mean().backward()
    expected = [torch.zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in parameters]
    assert torch.equal(joined_gradient(network(x).square().mean(), parameters), torch.cat(expected))
    theta.fill_(7.0)
    assert torch.equal(network[0].bias, frozen)


@pytest.mark.parametrize("before", [False, True])
def test_denormals_are_flushed_inside_alone(before):
    small = torch.tensor(1e-40)
    if not torch.set_flush_denormal(before):
        pytest.skip("this processor cannot flush denormals")
    try:
        with denormals_flushed():
            assert (small + 0).item() == 0
        assert ((small + 0).item() == 0) == before
    finally:
        torch.set_flush_denormal(False)


def test_batches_drawn_at_once_are_those_drawn_one_by_one():
    config = DQNConfig(batch_size=8, learning_starts=8, buffer_size=50)
    learners = [module._Learner(q_network(2, 3, seed=0), 2, config, np.random.default_rng(5)) for _ in range(2)]
    for learner in learners:
        learner.replay.add(numbered(0, 40))
    together = list(learners[0].batches(3, step=0))
    apart = [next(iter(learners[1].batches(1, step=0))) for _ in range(3)]
    assert len(together) == 3
    for (batch, values), (one, its_values) in zip(together, apart, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(batch, one, strict=True))
        torch.testing.assert_close(values, its_values)
        torch.testing.assert_close(values, learners[0].target(batch.next_observation))


def batch_of(rows, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 4, generator=generator), torch.randn(rows, 3, generator=generator)


@pytest.mark.parametrize("hidden", [(), (5,), (7, 6, 5)])
def test_perceptron_has_the_values_and_the_gradient_of_autograd(hidden):
    network = q_network(4, 3, hidden=hidden, seed=1)
    if hidden:
        with torch.no_grad():
            network[0].weight[0], network[0].bias[0] = 0.0, 0.0  # exactly on the kink, where both take slope 0
    parameters, _ = join_parameters_(network)
    fast = Perceptron.of(network)
    x, slope = batch_of(9, seed=0)
    with torch.no_grad():
        values, gradient = fast.values(x), fast.gradient(slope[-6:])
    torch.testing.assert_close(values, network(x), rtol=1e-6, atol=1e-6)
    expected = joined_gradient((network(x[-6:]) * slope[-6:]).sum(), parameters)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-6)


def test_perceptron_reads_the_weights_as_they_are_now():
    network = q_network(4, 3, seed=0)
    fast = Perceptron.of(network)
    _, theta = join_parameters_(network)
    theta.mul_(1.5)
    x, _ = batch_of(5, seed=0)
    with torch.no_grad():
        torch.testing.assert_close(fast.values(x), network(x))


class Odd(nn.Linear):
    pass


NO_PERCEPTRON = {
    "dueling": lambda: q_network(4, 2, dueling=True, seed=0),
    "frozen": lambda: q_network(4, 2, seed=0).requires_grad_(False),
    "float64": lambda: q_network(4, 2, seed=0).double(),
    "elsewhere": lambda: q_network(4, 2, seed=0).to("meta"),
    "other activation": lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)),
    "ends in ReLU": lambda: nn.Sequential(nn.Linear(4, 2), nn.ReLU()),
    "no ReLU between": lambda: nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)),
    "no bias": lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2, bias=False)),
    "subclass": lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU(), Odd(3, 2)),
    "one layer": lambda: nn.Linear(4, 2),
    "empty": nn.Sequential,
}


@pytest.mark.parametrize("name", NO_PERCEPTRON)
def test_other_networks_are_left_to_autograd(name):
    assert Perceptron.of(NO_PERCEPTRON[name]()) is None


def test_layers_that_share_their_weights_are_left_to_autograd():
    shared = nn.Linear(4, 4)
    assert Perceptron.of(nn.Sequential(shared, nn.ReLU(), shared)) is None


@pytest.mark.parametrize("double", [False, True])
def test_targets_by_hand_are_those_of_torch(double):
    generator = torch.Generator().manual_seed(0)
    reward, discount = torch.randn(50, generator=generator), torch.rand(50, generator=generator)
    terminated = torch.rand(50, generator=generator) < 0.5
    next_q, online = (torch.randn(50, 4, generator=generator) for _ in range(2))
    next_q[terminated.nonzero()[0]] = math.nan  # nothing comes after it
    online[3] = 1.0  # of equals the first
    chooser = online if double else None
    arrays = [None if part is None else part.numpy() for part in (reward, terminated, next_q, discount, chooser)]
    expected = td_target(reward, terminated, next_q, discount=discount, next_q_online=chooser)
    assert np.array_equal(td_target_by_hand(*arrays), expected)


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_loss_by_hand_is_that_of_torch_and_its_slope_that_of_autograd(loss):
    generator = torch.Generator().manual_seed(0)
    q = (3 * torch.randn(50, 4, generator=generator)).requires_grad_()
    action = torch.randint(0, 4, (50,), generator=generator)
    target, weight = torch.randn(50, generator=generator), torch.rand(50, generator=generator)
    value, error = td_loss(q, action, target, loss=loss, weight=weight)
    (expected,) = torch.autograd.grad(value, q)
    assert error.abs().min() < 1 < error.abs().max()  # on both sides of Huber's corner
    arrays = (part.detach().numpy() for part in (q, action, target))
    found, found_error, slope = td_loss_by_hand(*arrays, loss=loss, weight=weight.numpy())
    assert found == pytest.approx(value.item(), rel=1e-5)
    assert np.array_equal(found_error, error)
    torch.testing.assert_close(torch.from_numpy(slope), expected)


def test_adam_on_one_vector_is_adam_to_the_last_bit():
    """Some numbers never have a gradient, others a gradient too small to count beside epsilon."""
    generator = torch.Generator().manual_seed(0)
    scale = torch.logspace(-20, 3, 1_000)
    scale[::7] = 0.0
    fast, slow = ([torch.ones(1_000), torch.zeros(1_000), torch.zeros(1_000)] for _ in range(2))
    with denormals_flushed():
        for t in range(1, 200):
            g = scale * torch.randn(1_000, generator=generator)
            adam_vector_(fast[0], g, *fast[1:], t, lr=0.01, scratch=torch.empty(1_000))
            adam_(*([part] for part in (slow[0], g, *slow[1:])), [t], lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8)
            assert all(torch.equal(a, b) for a, b in zip(fast, slow, strict=True)), t
    assert (slow[0] != 1).any()


def test_a_long_gradient_is_clipped_and_its_norm_told():
    network = q_network(3, 2, hidden=(), seed=0)
    trained = TrainedNetwork(network, 0.5)
    before = trained.theta.clone()
    gradient = torch.full_like(before, 2.0)
    assert trained.step_(gradient, 0.1) == pytest.approx(2 * math.sqrt(8))
    torch.testing.assert_close(trained.m, torch.full_like(before, 0.1 * 0.5 / math.sqrt(8)))
    torch.testing.assert_close(trained.theta, before - 0.1)
    assert torch.equal(network[0].bias, trained.theta[-2:])


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("loss", ["mse", "huber"])
@pytest.mark.parametrize("options", [{}, {"priority_alpha": 0.6}, {"max_grad_norm": 0.1}], ids=str)
def test_a_round_by_hand_is_a_round_by_autograd(double, loss, options):
    config = replace(DQNConfig(batch_size=16, learning_starts=16, updates=20, target_every=7), loss=loss, double=double)
    learners = []
    for by_hand in (True, False):
        learner = module._Learner(q_network(2, 3, seed=0), 2, replace(config, **options), np.random.default_rng(5))
        assert learner.online.perceptron is not None
        if not by_hand:
            learner.online.perceptron = None
        learner.replay.add(numbered(0, 40))
        learners.append(learner)
    fast, slow = ((learner.round(step=0), learner) for learner in learners)
    assert fast[0] == pytest.approx(slow[0], rel=1e-3)
    torch.testing.assert_close(fast[1].online.theta, slow[1].online.theta, rtol=1e-3, atol=1e-4)
    moved = (fast[1].online.theta - torch.cat([p.flatten() for p in q_network(2, 3, seed=0).parameters()])).abs().max()
    assert moved > 1e-2


def test_returns_are_those_of_the_network_that_is_called():
    network = q_network(4, 2, seed=0)
    called = nn.Sequential(*network, nn.Identity())  # no Perceptron
    fast, slow = (greedy_returns(net, "CartPole-v1", episodes=5, seed=1) for net in (network, called))
    assert np.array_equal(fast, slow)
