"""A policy that was good may be lost again while training goes on: keep the best."""

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from torch import nn


class Look(Protocol):
    """What `keep_best` reads of a record: `DQNRecord` and `PolicyRecord` have both."""

    @property
    def step(self) -> int:
        """Done so far."""

    @property
    def evaluation(self) -> float | None:
        """Mean return of the greedy policy; None when it was not evaluated."""


AnyLook = TypeVar("AnyLook", bound=Look)


@dataclass(frozen=True)
class BestRun(Generic[AnyLook]):
    """A whole training: its records, and two networks.

    Attributes:
        records: in their order.
        network: as training left it.
        best: a copy as it was at the highest evaluation, the earliest of equals. Report what it reaches on fresh
            episodes: its own evaluation is the highest of many, and so too high.
        best_step, best_evaluation: when that was, and the mean return; 0 and -inf when nothing was evaluated.
    """

    records: tuple[AnyLook, ...]
    network: nn.Module
    best: nn.Module
    best_step: int
    best_evaluation: float


def keep_best(network: nn.Module, records: Iterable[AnyLook], *, until: float = math.inf) -> BestRun[AnyLook]:
    """Train to the end, or to the first evaluation of at least `until`, and keep the best checkpoint.

    Args:
        network: the one that is trained. Not mutated here; it is copied at each evaluation above all before.
        records: what trains it, as `dqn` and `policy_gradient` yield them.
        until: mean return at which to stop.

    Raises:
        ValueError: for an `until` of NaN.

    Example:
        >>> from optcourse.reinforcement import DQNConfig, dqn, q_network
        >>> network = q_network(4, 2, seed=0)
        >>> config = DQNConfig(steps=80, learning_starts=64, updates=1, episodes=2)
        >>> run = keep_best(network, dqn(network, "CartPole-v1", config, seed=0))
        >>> len(run.records), run.best_evaluation == max(record.evaluation for record in run.records)
        (2, True)
    """
    if math.isnan(until):
        raise ValueError("until must be a return to stop at, got nan; inf trains to the end")
    seen: list[AnyLook] = []
    best, best_step, best_evaluation = copy.deepcopy(network), 0, -math.inf
    for record in records:
        seen.append(record)
        if record.evaluation is not None and record.evaluation > best_evaluation:
            best, best_step, best_evaluation = copy.deepcopy(network), record.step, record.evaluation
            if best_evaluation >= until:
                break
    return BestRun(tuple(seen), network, best, best_step, best_evaluation)
