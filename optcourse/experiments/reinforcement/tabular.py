"""Q-learning in a table, against the closed form."""

from typing import Any

import numpy as np

from optcourse.lab.claims import Claim, at_most
from optcourse.lab.records import Run, series
from optcourse.reinforcement import RIGHT, Chain, chain_values, q_learning
from optcourse.schedules import Schedule, constant

LENGTH = 6
GAMMA = 0.9
SLIP = 0.2
STEPS = 5_000


class TruncatedAsTerminated(Chain):
    """A chain that calls its time limit the end of the task."""

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        state, reward, terminated, truncated, info = super().step(action)
        return state, reward, terminated or truncated, truncated, info


def falling(visits: int) -> float:
    """(1 + visits) ** -0.7: slow enough to forget the start, fast enough to average chance away."""
    return (1 + visits) ** -0.7


def learned(seed: int, *, slip: float = 0.0, merged: bool = False, steps: int = STEPS) -> list[np.ndarray]:
    """The table after each step of random moves, on a chain with a time limit of 12 steps.

    Alpha is 1 where a move always succeeds and the limit is no end, else `falling`.
    """
    chain = (TruncatedAsTerminated if merged else Chain)(LENGTH, slip=slip, max_steps=2 * LENGTH)
    lr: Schedule = falling if slip or merged else constant(1.0)
    training = q_learning(chain, steps=steps, gamma=GAMMA, lr=lr, epsilon=constant(1.0), seed=seed)
    return [look.q for look in training]


def table_run(seed: int, *, slip: float = 0.0, merged: bool = False, steps: int = STEPS) -> Run:
    """Largest distance to Q* after each step, as a share of the largest value."""
    best = chain_values(LENGTH, gamma=GAMMA, slip=slip)
    errors = [float(np.abs(q - best).max() / best.max()) for q in learned(seed, slip=slip, merged=merged, steps=steps)]
    kind = "truncated as terminated" if merged else f"slip {slip:g}"
    return series(errors, "error", data="a corridor", kind=kind, seed=seed)


def exact(seed: int) -> float:
    """Largest error on the chain without chance."""
    return table_run(seed, steps=2_000).final("error")


def slippery(seed: int) -> float:
    """Largest error where a move fails one time in five."""
    return table_run(seed, slip=SLIP).final("error")


def merged_value(seed: int) -> float:
    """What is left of the value of the first good move when truncated counts as terminated, as a share of Q*."""
    q = learned(seed, merged=True)[-1]
    return float(q[0, RIGHT] / chain_values(LENGTH, gamma=GAMMA)[0, RIGHT])


CLAIMS = (
    Claim(
        "reinforcement.table_exact",
        "Without chance, a table with alpha = 1 holds Q* exactly after 2,000 random moves: largest error, as a share "
        "of the largest value.",
        at_most(1e-12),
        exact,
        paper="converges with probability 1 (Watkins & Dayan 1992)",
        digits=2,
    ),
    Claim(
        "reinforcement.table_slippery",
        "Where one move in five fails, it comes close when alpha falls: largest error after 5,000 moves.",
        at_most(0.15),
        slippery,
        paper="converges with probability 1 (Watkins & Dayan 1992)",
        digits=2,
    ),
    Claim(
        "reinforcement.table_merged",
        "Call the time limit the end of the task, and the first good move keeps only this share of its value.",
        at_most(0.9),
        merged_value,
        digits=2,
    ),
)
