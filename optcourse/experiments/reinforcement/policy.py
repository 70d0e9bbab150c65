"""CartPole-v1 by proximal policy optimization."""

import math
from functools import cache

from optcourse.experiments.reinforcement.cartpole import ENVIRONMENT, SOLVED, fresh_return
from optcourse.lab.claims import Claim, at_least, at_most
from optcourse.reinforcement import (
    BestRun,
    PolicyConfig,
    PolicyRecord,
    actor_critic,
    keep_best,
    policy_gradient,
)

PPO = PolicyConfig()
PERFECT = 500.0
"""Mean over the 20 episodes of one look at which training counts as done: each ran into the time limit."""


@cache
def ppo_trained(seed: int) -> BestRun[PolicyRecord]:
    """PPO until all episodes of one look reach the time limit."""
    actor, critic = actor_critic(4, 2, seed=seed)
    return keep_best(actor, policy_gradient(actor, critic, ENVIRONMENT, PPO, seed=seed), until=PERFECT)


def ppo_solved(seed: int) -> float:
    """Mean return of the best policy of one training, on fresh episodes."""
    return fresh_return(ppo_trained(seed), seed)


def ppo_steps(seed: int) -> float:
    """Steps until training was done; inf when it never was."""
    run = ppo_trained(seed)
    return float(run.best_step) if run.best_evaluation >= PERFECT else math.inf


CLAIMS = (
    Claim(
        "reinforcement.ppo",
        "The best policy that PPO found solves CartPole-v1: mean return over 100 greedy episodes that training never "
        "saw.",
        at_least(SOLVED),
        ppo_solved,
        unit="mean return",
        paper="solved is 475 over 100 episodes (gymnasium's threshold)",
        kind="recorded",
        tolerance=100.0,
        digits=4,
    ),
    Claim(
        "reinforcement.ppo_steps",
        "It takes so many steps of the environment until all 20 episodes of a look reach the time limit, looked at "
        "every 2,000.",
        at_most(PPO.steps),
        ppo_steps,
        unit="steps",
        kind="recorded",
        tolerance=33_000.0,  # as far as the recorded seeds lie apart
    ),
)
