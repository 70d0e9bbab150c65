"""What the experiments on policies are made of; their numbers are claims, tested elsewhere."""

import math
from dataclasses import replace

import numpy as np
import pytest

from optcourse.experiments.reinforcement import advantage, methods, policy
from optcourse.reinforcement import PolicyRecord, actor_critic, chain_values, keep_best
from optcourse.schedules import constant
from tests.reinforcement.cases import bandits, linear_network


def test_the_gradient_is_the_slope_of_the_value(monkeypatch):
    theta, step = math.log(0.7 / 0.3), 1e-5
    _, gradient = advantage.policy_values()
    values = []
    for moved in (theta + step, theta - step):
        monkeypatch.setattr(advantage, "GOES_RIGHT", 1 / (1 + math.exp(-moved)))
        values.append(advantage.policy_values()[0][0])
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(gradient, rel=1e-8)


def test_values_of_the_best_policy_are_those_of_the_chain(monkeypatch):
    monkeypatch.setattr(advantage, "GOES_RIGHT", 1.0)
    best = chain_values(advantage.LENGTH, gamma=advantage.GAMMA, slip=advantage.SLIP).max(axis=1)
    np.testing.assert_allclose(advantage.policy_values()[0], best, rtol=0, atol=1e-15)


def test_episodes_are_played_by_the_policy_to_their_ends():
    made, (value, _) = advantage.episodes(0), advantage.policy_values()
    lived = made["lived"] > 0
    assert (made["terminated"].sum(axis=0) == 1).all()
    assert not any(made[name][~lived].any() for name in ("reward", "terminated", "right"))
    assert (made["state"][1:][lived[1:]] == made["following"][:-1][lived[1:]]).all()
    assert abs(made["right"][lived].mean() - advantage.GOES_RIGHT) < 4 * math.sqrt(0.25 / lived.sum())
    returns = (advantage.GAMMA ** np.arange(len(lived))[:, None] * made["reward"]).sum(axis=0)
    assert abs(returns.mean() - value[0]) < 4 * returns.std() / math.sqrt(len(returns))


@pytest.mark.parametrize(("critic", "lam"), [(0.0, 1.0), (0.5, 1.0), (1.0, 0.0), (1.0, 0.8)])
def test_estimates_are_unbiased_with_whole_returns_or_true_values(critic, lam):
    each = advantage.gradients(0, critic=critic, lam=lam)
    assert abs(each.mean() - 1) < 4 * each.std() / math.sqrt(len(each))
    bias, deviation, both = advantage.error(0, critic=critic, lam=lam)
    assert both == pytest.approx(math.hypot(bias, deviation))
    assert deviation == pytest.approx(each.std() / 4)  # of 16


def test_a_critic_that_knows_half_is_believed_by_halves():
    each = advantage.gradients(0, critic=0.5, lam=0.0)
    assert each.mean() + 4 * each.std() / math.sqrt(len(each)) < 0.9


def test_errors_over_lambda():
    runs = advantage.lambda_runs(0)
    assert [run.config["error"] for run in runs] == ["bias", "standard deviation", "both"]
    bias, deviation, both = ([look.values["error"] for look in run.records] for run in runs)
    assert [look.values["lambda"] for look in runs[0].records] == list(advantage.LAMBDAS)
    assert deviation[-1] > deviation[0]
    assert bias[-1] < bias[0]
    np.testing.assert_allclose(both, np.hypot(bias, deviation))


def test_training_is_done_when_a_look_is_perfect():
    network = linear_network([[0.0]])
    looks = [
        PolicyRecord(step, 1, 0.0, 0.0, 0.0, 0.0, 0.0, (), value)
        for step, value in ((10, None), (20, 499.9), (30, 500.0), (40, 9.0))
    ]
    run = keep_best(network, iter(looks), until=policy.PERFECT)
    assert (run.best_step, run.best_evaluation, len(run.records)) == (30, 500.0, 3)


def test_steps_until_done(monkeypatch):
    network = linear_network([[0.0]])
    looks = [PolicyRecord(20, 1, 0.0, 0.0, 0.0, 0.0, 0.0, (), value) for value in (500.0, 499.0)]
    for look, steps in zip(looks, (20.0, math.inf), strict=True):
        run = keep_best(network, [look])
        monkeypatch.setattr(policy, "ppo_trained", lambda seed, run=run: run)
        assert policy.ppo_steps(0) == steps


@pytest.mark.parametrize("method", methods.METHODS)
def test_a_run_of_a_method(method, monkeypatch):
    config = methods.METHODS[method]
    short = replace(config, steps=60, environments=4, lr=constant(0.01), evaluate_every=20, episodes=2)
    short = short if short.horizon is None else replace(short, horizon=4)
    monkeypatch.setattr(methods, "METHODS", {method: short})
    monkeypatch.setattr(methods, "ENVIRONMENT", bandits)
    monkeypatch.setattr(
        methods, "actor_critic", lambda features, actions, seed: actor_critic(2, 2, hidden=(8,), seed=seed)
    )
    (run,) = methods.method_runs(3)
    assert run.config == {"seed": 3, "method": method}
    assert run.records[-1].step >= 60
    assert all(0 <= look.values["return"] <= 1 for look in run.records)
