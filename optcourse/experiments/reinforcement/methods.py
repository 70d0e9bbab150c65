"""Four policy gradients on CartPole-v1, each trained to the end: what they reach, and whether they keep it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from optcourse.experiments.reinforcement.cartpole import ENVIRONMENT
from optcourse.lab.records import Record, Run
from optcourse.reinforcement import PolicyConfig, actor_critic, policy_gradient
from optcourse.schedules import linear

STEPS = 24_000
"""Of each training; learning rates fall to 0 by then."""
ONCE = PolicyConfig(steps=STEPS, clip=None, epochs=1, batch_size=None, gamma=0.99)
REINFORCE = replace(ONCE, horizon=None, lam=1.0, normalize=False, lr=linear(1e-2, 0.0, steps=STEPS))

METHODS: Mapping[str, tuple[PolicyConfig, bool]] = {
    "REINFORCE": (REINFORCE, False),
    "REINFORCE with baseline": (REINFORCE, True),
    "actor-critic": (replace(ONCE, horizon=16, lam=0.95, lr=linear(3e-3, 0.0, steps=STEPS)), True),
    "PPO": (PolicyConfig(steps=STEPS, lr=linear(1e-3, 0.0, steps=STEPS), clip=linear(0.2, 0.0, steps=STEPS)), True),
}
"""Settings, and whether there is a critic. Learning rates were chosen on the first seed."""


def method_run(method: str, seed: int) -> Run:
    """The looks of one whole training."""
    config, judged = METHODS[method]
    actor, critic = actor_critic(4, 2, seed=seed)
    training = policy_gradient(actor, critic if judged else None, ENVIRONMENT, config, seed=seed)
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
