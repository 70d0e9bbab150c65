"""Deep Q-learning with one part taken out or put in, and the one-sample loop of many tutorials."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper

from optcourse.experiments.reinforcement.cartpole import CONFIG, ENVIRONMENT, as_run, done, train, until_past
from optcourse.lab.records import Run
from optcourse.reinforcement import BestRun, DQNConfig, DQNRecord, keep_best, one_sample, q_network, vector_environment
from optcourse.schedules import constant

STEPS = 20_000
COURSE = replace(CONFIG, steps=STEPS, evaluate_every=1_000)


class LimitEnds(VectorWrapper):
    """A vector environment that calls its time limit an end of the task."""

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(actions)
        return observation, reward, np.logical_or(terminated, truncated), truncated, info


def limit_ends(count: int) -> VectorEnv:
    """The environment of the course under `LimitEnds`."""
    return LimitEnds(vector_environment(ENVIRONMENT, count))


PARTS: Mapping[str, tuple[DQNConfig, dict[str, Any]]] = {
    "as it is": (COURSE, {}),
    "no replay": (replace(COURSE, buffer_size=COURSE.update_every), {}),
    "no target network": (replace(COURSE, target_every=1), {}),
    "not double": (replace(COURSE, double=False), {}),
    "no clipping": (replace(COURSE, max_grad_norm=math.inf), {}),
    "little exploration": (replace(COURSE, epsilon=constant(0.04)), {}),
    "limit is an end": (COURSE, {"environment": limit_ends}),
    "soft target": (replace(COURSE, target_every=1, tau=0.01), {}),
    "dueling": (COURSE, {"dueling": True}),
    "3 steps": (replace(COURSE, n_step=3), {}),
    "prioritized": (replace(COURSE, priority_alpha=0.6), {}),
}
"""Settings and arguments of `train`, by what is changed. Without replay, a batch comes from the newest 64 steps; with
little exploration, epsilon is what it ends at otherwise from the start."""


def part_run(part: str, seed: int) -> Run:
    """One training of at most `STEPS` steps, ended when it is done."""
    config, options = PARTS[part]
    return _as_run(train(seed, config, **options), seed, part)


def naive_run(seed: int) -> Run:
    """No replay, no target network, one environment: each step is learned from once, as it comes."""
    network = q_network(4, 2, seed=seed)
    training = one_sample(network, ENVIRONMENT, steps=STEPS, evaluate_every=COURSE.evaluate_every, seed=seed)
    return _as_run(keep_best(network, until_past(training, longer=0)), seed, "one sample")


def _as_run(run: BestRun[DQNRecord], seed: int, part: str) -> Run:
    look = done(run)
    return as_run(run, seed, {"part": part, "done_at": look.step if look else None})


def part_runs(seed: int) -> tuple[Run, ...]:
    """One training of each of `PARTS`."""
    return tuple(part_run(part, seed) for part in PARTS)


def naive_runs(seed: int) -> tuple[Run, ...]:
    """One training of the one-sample loop."""
    return (naive_run(seed),)


CURVES: Mapping[str, Callable[[int], tuple[Run, ...]]] = {"parts": part_runs, "naive": naive_runs}
