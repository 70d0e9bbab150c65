"""CartPole-v1, solved with the course's settings, and what becomes of the policy when training goes on."""

import copy
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from torch import nn

from optcourse.lab.claims import Claim, at_least, at_most
from optcourse.lab.records import Record, Run
from optcourse.reinforcement import BestRun, DQNConfig, DQNRecord, dqn, greedy_returns, keep_best, q_network
from optcourse.reinforcement.interaction import Environment

ENVIRONMENT = "CartPole-v1"
SOLVED = 475.0
"""Mean return over 100 episodes at which CartPole-v1 counts as solved."""
SCREENED = 490.0
"""Mean over the 20 episodes of one look at which training counts as done: more, because 20 are few."""
CONFIG = DQNConfig(steps=40_000)
LONGER = 5_000
"""Steps that training goes on after it was done."""
FRESH = 1_000_000
"""Seeds of final evaluations start here, far from those of training."""


def until_past(records: Iterable[DQNRecord], *, longer: int) -> Iterator[DQNRecord]:
    """The records up to `longer` steps after the first look of at least `SCREENED`."""
    done_at = None
    for record in records:
        yield record
        if done_at is None and record.evaluation is not None and record.evaluation >= SCREENED:
            done_at = record.step
        if done_at is not None and record.step >= done_at + longer:
            return


class Snapshot(NamedTuple):
    """A network as it was at one look of its training.

    Attributes:
        step: of training, over all sub-environments.
        evaluation: mean return of the look.
        network: a copy.
    """

    step: int
    evaluation: float
    network: nn.Module


def with_snapshots(network: nn.Module, records: Iterable[DQNRecord], snapshots: list[Snapshot]) -> Iterator[DQNRecord]:
    """The records of what trains this network, and a copy of it at each look into `snapshots`, which is mutated."""
    for record in records:
        if record.evaluation is not None:
            snapshots.append(Snapshot(record.step, record.evaluation, copy.deepcopy(network)))
        yield record


def train(
    seed: int,
    config: DQNConfig = CONFIG,
    *,
    longer: int = 0,
    environment: Environment = ENVIRONMENT,
    dueling: bool = False,
    snapshots: list[Snapshot] | None = None,
) -> BestRun[DQNRecord]:
    """One training from network seed and training seed `seed`, ended `longer` steps after it was done."""
    online = q_network(4, 2, dueling=dueling, seed=seed)
    records = until_past(dqn(online, environment, config, seed=seed), longer=longer)
    return keep_best(online, records if snapshots is None else with_snapshots(online, records, snapshots))


@cache
def trained_with_snapshots(seed: int) -> tuple[BestRun[DQNRecord], tuple[Snapshot, ...]]:
    """The course's settings, trained on for `LONGER` steps."""
    snapshots: list[Snapshot] = []
    run = train(seed, longer=LONGER, snapshots=snapshots)
    return run, tuple(snapshots)


def trained(seed: int) -> BestRun[DQNRecord]:
    """The training alone."""
    return trained_with_snapshots(seed)[0]


def fresh_return(run: BestRun, seed: int) -> float:
    """Mean return of the best policy over 100 greedy episodes that neither training nor selection saw."""
    return float(greedy_returns(run.best, ENVIRONMENT, episodes=100, seed=FRESH + seed).mean())


def as_run(run: BestRun[DQNRecord], seed: int, config: Mapping[str, Any]) -> Run:
    """The looks of one training: "return", "best" so far, "q" and "loss"."""
    best, looks = 0.0, []
    for record in run.records:
        if record.evaluation is not None:
            best = max(best, record.evaluation)
            values = {"return": record.evaluation, "best": best, "q": record.q}
            looks.append(Record(record.step, math.nan, record.loss, math.nan, values=values))
    return Run({"seed": seed, **config}, tuple(looks), ENVIRONMENT)


def solved(seed: int) -> float:
    """Mean return of the best policy of one training, on fresh episodes."""
    return fresh_return(trained(seed), seed)


def done(run: BestRun[DQNRecord]) -> DQNRecord | None:
    """The first look of at least `SCREENED`; None when there was none."""
    return next((look for look in run.records if (look.evaluation or 0.0) >= SCREENED), None)


def solving_steps(seed: int) -> float:
    """Steps until training was done; inf when it never was."""
    look = done(trained(seed))
    return float(look.step) if look else math.inf


def lost(seed: int) -> float:
    """How far the greedy policy fell, at its worst, in the `LONGER` steps after training was done."""
    run, look = trained(seed), done(trained(seed))
    if look is None:
        return math.nan
    return SCREENED - min(later.evaluation for later in run.records if later.evaluation and later.step > look.step)


CLAIMS = (
    Claim(
        "reinforcement.solved",
        "The best policy kept solves CartPole-v1: mean return over 100 greedy episodes that training never saw.",
        at_least(SOLVED),
        solved,
        unit="mean return",
        paper="solved is 475 over 100 episodes (gymnasium's threshold)",
        kind="recorded",
        tolerance=100.0,
        digits=4,
    ),
    Claim(
        "reinforcement.steps",
        "It takes so many steps of the environment, looked at every 500.",
        at_most(CONFIG.steps),
        solving_steps,
        unit="steps",
        kind="recorded",
        tolerance=16_000.0,  # as far as the recorded seeds lie apart
    ),
    Claim(
        "reinforcement.lost",
        "Trained on for 5,000 steps, the policy that solved the task is lost again: so far below 490 the greedy "
        "return falls at its worst.",
        at_least(100),
        lost,
        unit="points of mean return",
        kind="recorded",
        tolerance=490.0,
        expected="undecided",
        reason="all seeds but two fell by 170 points or more; those two kept their policy for these 5,000 steps",
    ),
)
