"""One vector for all parameters, batches drawn at once, no denormals: the same learning, sooner."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import optcourse.reinforcement.deep_q_learning as module
from optcourse.reinforcement import DQNConfig, q_network
from optcourse.reinforcement.fast_updates import denormals_flushed, join_parameters_, joined_gradient
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
