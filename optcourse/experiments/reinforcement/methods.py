"""Three policy gradients on CartPole-v1, each trained to the end: what they reach, and whether they keep it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from optcourse.experiments.reinforcement.cartpole import ENVIRONMENT
from optcourse.lab.records import Record, Run
from optcourse.reinforcement import PolicyConfig, actor_critic, policy_gradient
from optcourse.schedules import linear

STEPS = 24_000
"""Of each training. Settings fall as if it went on to `END`, so that none is starved of learning rate so soon."""
END = 100_000
ONCE = PolicyConfig(steps=STEPS, gamma=0.99, clip=None, epochs=1, batch_size=None)

METHODS: Mapping[str, PolicyConfig] = {
    "REINFORCE": replace(ONCE, horizon=None, lam=1.0, normalize=False, lr=linear(1e-2, 0.0, steps=END)),
    "actor-critic": replace(ONCE, horizon=16, lam=0.95, lr=linear(3e-3, 0.0, steps=END)),
    "PPO": PolicyConfig(steps=STEPS, lr=linear(1e-3, 0.0, steps=END), clip=linear(0.2, 0.0, steps=END)),
}
"""Settings, each with a critic (of REINFORCE, the baseline). Learning rates were chosen on the first two seeds."""


def method_run(method: str, seed: int) -> Run:
    """The looks of one whole training."""
    actor, critic = actor_critic(4, 2, seed=seed)
    training = policy_gradient(actor, critic, ENVIRONMENT, METHODS[method], seed=seed)
    looks = [
        Record(look.step, math.nan, look.loss, math.nan, values={"return": look.evaluation, "entropy": look.entropy})
        for look in training
        if look.evaluation is not None
    ]
    return Run({"seed": seed, "method": method}, tuple(looks), ENVIRONMENT)


def method_runs(seed: int) -> tuple[Run, ...]:
    """One training by each of `METHODS`."""
    return tuple(method_run(method, seed) for method in METHODS)


CURVES: Mapping[str, Callable[[int], tuple[Run, ...]]] = {"policies": method_runs}
