"""Networks, environments and settings that do not fit: every way in says so, with the fix, and changes nothing."""

import math
from dataclasses import replace

import gymnasium
import pytest
import torch

from optcourse.reinforcement import (
    DQNConfig,
    PolicyConfig,
    actor_critic,
    dqn,
    greedy_returns,
    one_sample,
    policy_gradient,
    q_network,
)
from tests.reinforcement.cases import script


def by_dqn(network, environment):
    return dqn(network, environment, DQNConfig(), seed=0)


def by_one_sample(network, environment):
    return one_sample(network, environment, seed=0)


def by_greedy_returns(network, environment):
    return greedy_returns(network, environment, seed=0)


def by_policy_gradient(network, environment):
    return policy_gradient(network, None, environment, PolicyConfig(), seed=0)


ENTRIES = [by_dqn, by_one_sample, by_greedy_returns, by_policy_gradient]


def state(network):
    return [(parameter.data_ptr(), parameter.tolist(), parameter.grad) for parameter in network.parameters()]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    ("network", "environment", "text"),
    [
        (
            q_network(4, 2, seed=0),
            "MountainCar-v0",
            r"network must take float32 observations of 2 numbers, \(B, 2\), got one that says: mat1 and mat2.*; "
            r"q_network\(2, 3, seed=\.\.\.\) makes one that fits",
        ),
        (
            q_network(3, 2, seed=0),
            "CartPole-v1",
            r"observations of 4 numbers, .*; q_network\(4, 2, seed=\.\.\.\) makes one",
        ),
        (q_network(4, 2, seed=0).double(), "CartPole-v1", r"must take float32 .*network\.float\(\) makes float32"),
        (
            q_network(4, 3, seed=0),
            "CartPole-v1",
            r"network must give 2 values .*\(1, 2\), got \(1, 3\); q_network\(4, 2",
        ),
    ],
)
def test_networks_that_do_not_fit(entry, network, environment, text):
    before = state(network)
    with pytest.raises(ValueError, match=text):
        entry(network, environment)
    assert state(network) == before


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("network", [None, torch.nn.Flatten()])
def test_what_is_no_network(entry, network):
    with pytest.raises(TypeError, match=r"network must be a torch.nn.Module with parameters, got .*; q_network\(4, 2"):
        entry(network, "CartPole-v1")


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: gymnasium.make("CartPole-v1"), "environment must be gymnasium's id or a function .*got <TimeLimit"),
        (lambda: gymnasium.make_vec("CartPole-v1", 8), "environment must be gymnasium's id or a function"),
        (lambda: lambda count: gymnasium.make("CartPole-v1"), "environment must be a function .*one that gives <TimeL"),
    ],
)
def test_what_is_no_vector_environment(entry, make, text):
    network = q_network(4, 2, seed=0)
    before = state(network)
    with pytest.raises(TypeError, match=text + r".*; try 'CartPole-v1', or lambda count: gymnasium\.make_vec\("):
        entry(network, make())
    assert state(network) == before


def test_a_function_that_ignores_the_count():
    with pytest.raises(ValueError, match="must make so many sub-environments, got 3 in the place of 8; try"):
        by_dqn(q_network(3, 3, seed=0), lambda count: script(3))


@pytest.mark.parametrize(
    ("critic", "text"),
    [
        (
            actor_critic(3, 2, seed=1)[1],
            r"critic must take float32 observations of 4 .*; actor_critic\(4, actions, seed",
        ),
        (actor_critic(4, 2, seed=1)[1].double(), r"critic must take float32 .*critic\.float\(\) makes float32"),
        (
            q_network(4, 2, seed=1),
            r"critic must give one value for an observation, \(1, 1\), got \(1, 2\); actor_critic",
        ),
    ],
)
def test_critics_that_do_not_fit(critic, text):
    actor, _ = actor_critic(4, 2, seed=0)
    before = state(actor), state(critic)
    with pytest.raises(ValueError, match=text):
        policy_gradient(actor, critic, "CartPole-v1", PolicyConfig(), seed=0)
    assert (state(actor), state(critic)) == before


def naive(**options):
    network = q_network(4, 2, seed=0)
    before = state(network)
    try:
        one_sample(network, "CartPole-v1", seed=0, **options)
    finally:
        assert state(network) == before


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: DQNConfig(epsilon=0.1), TypeError, r"epsilon must be a schedule, .*got 0\.1; try constant\(0\.1\)"),
        (lambda: DQNConfig(priority_beta=None), TypeError, "priority_beta must be .*None; optcourse.schedules makes"),
        (lambda: DQNConfig(epsilon=lambda step: 2.0), ValueError, r"epsilon must be a number in \[0, 1\], got 2\.0"),
        (lambda: DQNConfig(lr=math.inf), ValueError, r"lr must be a number in \(0, inf\), got inf"),
        (lambda: DQNConfig(loss="l2"), ValueError, "loss must be 'mse' or 'huber', got 'l2'; try loss='mse'"),
        (lambda: PolicyConfig(lr=1e-3), TypeError, r"lr must be a schedule, .*got 0\.001; try constant\(0\.001\)"),
        (lambda: PolicyConfig(clip=0.2), TypeError, r"clip must be a schedule, .*got 0\.2; try constant\(0\.2\)"),
        (lambda: PolicyConfig(lr=lambda step: math.inf), ValueError, r"lr must be a number in \[0, inf\), got inf"),
        (lambda: PolicyConfig(entropy=math.inf), ValueError, r"entropy must be a number in \[0, inf\), got inf"),
        (lambda: naive(epsilon=0.1), TypeError, r"epsilon must be a schedule, .*got 0\.1; try constant\(0\.1\)"),
        (lambda: naive(lr=math.inf), ValueError, r"lr must be a number in \(0, inf\), got inf"),
        (lambda: naive(loss="l1"), ValueError, "loss must be 'mse' or 'huber', got 'l1'; try loss='mse'"),
        (lambda: replace(DQNConfig(), steps=2.5), TypeError, r"steps must be an integer .*2\.5 \(float\); try steps=1"),
    ],
)  # fmt: skip
def test_settings_are_checked_at_the_call(make, error, text):
    with pytest.raises(error, match=text):
        make()
