"""Published settings under two losses: one makes the values grow without end."""

import math
from functools import cache

from optcourse.experiments.reinforcement.cartpole import ENVIRONMENT, as_run
from optcourse.lab.records import Run
from optcourse.reinforcement import BestRun, DQNConfig, DQNRecord, dqn, keep_best, q_network
from optcourse.reinforcement.deep_q_learning import Loss
from optcourse.schedules import linear

STEPS = 80_000
"""Of the 500,000 that are published; epsilon falls over the first half, as it does there."""


def settings(loss: Loss) -> DQNConfig:
    """CleanRL's for CartPole, with 8 environments in the place of one and shortened to `STEPS`."""
    return DQNConfig(
        steps=STEPS,
        environments=8,
        double=False,
        loss=loss,
        lr=2.5e-4,
        max_grad_norm=math.inf,
        batch_size=128,
        buffer_size=10_000,
        learning_starts=10_000,
        update_every=10,
        updates=1,
        target_every=50,
        epsilon=linear(1.0, 0.05, steps=STEPS // 2),
        evaluate_every=5_000,
    )


@cache
def published(loss: Loss, seed: int) -> BestRun[DQNRecord]:
    """One whole training."""
    network = q_network(4, 2, hidden=(120, 84), seed=seed)
    return keep_best(network, dqn(network, ENVIRONMENT, settings(loss), seed=seed))


def loss_curves(seed: int) -> tuple[Run, ...]:
    """The looks under both losses."""
    return tuple(as_run(published(loss, seed), seed, {"method": loss}) for loss in ("huber", "mse"))


CURVES = {"losses": loss_curves}
