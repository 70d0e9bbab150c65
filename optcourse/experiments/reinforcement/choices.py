"""How close a choice is while training goes on: what is between the values of two actions, and what flips."""

import math
from collections.abc import Sequence

import numpy as np

from optcourse.experiments.reinforcement.cartpole import FRESH, SCREENED, Snapshot, trained_with_snapshots
from optcourse.experiments.reinforcement.watching import watch
from optcourse.lab.claims import Claim, at_most
from optcourse.lab.records import Record, Run
from optcourse.reinforcement import action_values


def solved_at(snapshots: Sequence[Snapshot]) -> int:
    """Which snapshot is the first that was done; the last when none was."""
    numbers = (number for number, snapshot in enumerate(snapshots) if snapshot.evaluation >= SCREENED)
    return next(numbers, len(snapshots) - 1)


def visited(snapshots: Sequence[Snapshot]) -> np.ndarray:
    """(B, 4) float32: the states of one greedy episode of each snapshot until the first that was done."""
    until_done = snapshots[: solved_at(snapshots) + 1]
    episodes = [watch(snapshot.network, seed=FRESH + number) for number, snapshot in enumerate(until_done)]
    return np.concatenate([episode.states[:-1] for episode in episodes]).astype(np.float32)


def choice_run(snapshots: Sequence[Snapshot], seed: int) -> Run:
    """What each snapshot but the first says of the states `visited`, which are the same for all.

    Args:
        snapshots: of one training, at least two.
        seed: of the training, for the record alone.

    Returns:
        Of each, "gap": the difference between the values of the two actions, as a share of the larger; "flipped": share
        of states in which the best action is another than at the snapshot before. The gap is a median over states.
    """
    states, looks, before = visited(snapshots), list[Record](), None
    for snapshot in snapshots:
        q = action_values(snapshot.network, states)
        best = q.argmax(axis=1)
        if before is not None:
            gap = float(np.median(np.ptp(q, axis=1) / np.abs(q).max(axis=1)))
            flipped = float((best != before).mean())
            looks.append(Record(snapshot.step, math.nan, math.nan, math.nan, values={"gap": gap, "flipped": flipped}))
        before = best
    return Run({"seed": seed, "method": "greedy policy"}, tuple(looks), "CartPole-v1")


def gap(seed: int) -> float:
    """The gap, on average over the looks from the first that was done on."""
    _, snapshots = trained_with_snapshots(seed)
    done_at = snapshots[solved_at(snapshots)].step
    return float(np.mean([look.values["gap"] for look in choice_run(snapshots, seed).records if look.step >= done_at]))


CLAIMS = (
    Claim(
        "reinforcement.gap",
        "Once the task was solved, the values of the two actions lie so close together in half of the states: share of "
        "the larger value.",
        at_most(0.1),
        gap,
        unit="of the value",
        kind="recorded",
        tolerance=0.05,
        digits=2,
    ),
)
