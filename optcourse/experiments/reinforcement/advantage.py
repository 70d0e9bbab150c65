"""What a baseline and lambda do to the gradient of a policy, on a corridor whose gradient can be written down."""

import math
from functools import cache

import numpy as np
import torch

from optcourse.lab.claims import Claim, at_least, at_most
from optcourse.lab.records import Record, Run
from optcourse.reinforcement import RIGHT, Chain, gae
from optcourse.reinforcement.seeds import draw_seed, streams

LENGTH = 6
SLIP = 0.2
GAMMA = 0.9
GOES_RIGHT = 0.7
"""The policy: right with this probability in every place, sigma(theta) of one parameter theta."""
EPISODES = 3_000
BATCH = 16
"""Episodes in one update, of which the error is told."""
LAMBDAS = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


def policy_values() -> tuple[np.ndarray, float]:
    r"""The values of all places under the policy, (LENGTH + 1,), and the gradient of the first by theta.

    .. math:: V = r + \gamma P V, \qquad \frac{dV}{d\theta} = \frac{dr}{d\theta} + \gamma \frac{dP}{d\theta} V +
        \gamma P \frac{dV}{d\theta}

    P moves right with probability (1 - slip) sigma(theta), left with (1 - slip) (1 - sigma(theta)), else nowhere; the
    goal pays 1 on arrival and keeps the value 0.
    """
    place = np.arange(LENGTH)
    right, left = np.zeros((2, LENGTH, LENGTH + 1))
    right[place, place + 1] = left[place, np.maximum(place - 1, 0)] = 1 - SLIP
    moves = GOES_RIGHT * right + (1 - GOES_RIGHT) * left
    moves[place, place] += SLIP
    slopes = GOES_RIGHT * (1 - GOES_RIGHT) * (right - left)
    ahead = np.eye(LENGTH) - GAMMA * moves[:, :LENGTH]
    value = np.linalg.solve(ahead, moves[:, LENGTH])
    slope = np.linalg.solve(ahead, slopes[:, LENGTH] + GAMMA * slopes[:, :LENGTH] @ value)
    return np.append(value, 0.0), float(slope[0])


@cache
def episodes(seed: int) -> dict[str, np.ndarray]:
    """`EPISODES` played by the policy to their ends, each a column of (T, EPISODES), and what was "lived" of it."""
    of_chain, rng, *_ = streams(seed)  # not both from the seed itself: moves and slips would be drawn alike
    chain = Chain(LENGTH, slip=SLIP)
    chain.reset(seed=draw_seed(of_chain))
    played = []
    for _ in range(EPISODES):
        state, terminated, steps = chain.reset()[0], False, []
        while not terminated:
            right = rng.random() < GOES_RIGHT
            following, reward, terminated, _, _ = chain.step(RIGHT if right else 1 - RIGHT)
            steps.append((state, right, reward, following, terminated, True))
            state = following
        played.append(steps)
    table = np.zeros((max(map(len, played)), EPISODES, 6))
    for column, steps in enumerate(played):
        table[: len(steps), column] = steps
    names = ("state", "right", "reward", "following", "terminated", "lived")
    return {name: table[..., number] for number, name in enumerate(names)}


def gradients(seed: int, *, critic: float, lam: float) -> np.ndarray:
    r"""The gradient by theta, estimated from each episode alone, as a share of the true one: (EPISODES,).

    .. math:: \sum_t \gamma^t\, \frac{d \log \pi(a_t)}{d\theta}\, A_t, \qquad
        \frac{d \log \pi(a)}{d\theta} = [a \text{ is right}] - \sigma(\theta)

    Args:
        seed: of the episodes.
        critic: what share of the true values it knows; 0 is no critic.
        lam: of `gae`.
    """
    value, gradient = policy_values()
    made = episodes(seed)
    known = torch.from_numpy(critic * value)
    place, following = (torch.from_numpy(made[name]).long() for name in ("state", "following"))
    reward, terminated, lived = (torch.from_numpy(made[name]) for name in ("reward", "terminated", "lived"))
    ends = terminated.bool(), torch.zeros_like(lived).bool()
    advantage = gae(reward, known[place], known[following], *ends, gamma=GAMMA, lam=lam, lived=lived.bool()).numpy()
    weight = GAMMA ** np.arange(len(advantage))[:, None] * (made["right"] - GOES_RIGHT)
    return (weight * advantage).sum(axis=0) / gradient


def error(seed: int, *, critic: float, lam: float) -> tuple[float, float, float]:
    """Of the gradient from `BATCH` episodes, as a share of the true one: |bias|, standard deviation, and both."""
    each = gradients(seed, critic=critic, lam=lam)
    bias, deviation = abs(float(each.mean()) - 1), float(each.std()) / math.sqrt(BATCH)
    return bias, deviation, math.hypot(bias, deviation)


def lambda_runs(seed: int) -> tuple[Run, ...]:
    """The errors over lambda where the critic knows half of the values: a run for each kind of error."""
    errors = [error(seed, critic=0.5, lam=lam) for lam in LAMBDAS]
    return tuple(
        Run(
            {"seed": seed, "error": kind},
            tuple(
                Record(place, math.nan, math.nan, math.nan, values={"lambda": lam, "error": each[number]})
                for place, (lam, each) in enumerate(zip(LAMBDAS, errors, strict=True))
            ),
            "a corridor",
        )
        for number, kind in enumerate(("bias", "standard deviation", "both"))
    )


def baseline_gain(seed: int) -> float:
    """How much less the gradient varies with the values as baseline than without."""
    return error(seed, critic=0.0, lam=1.0)[1] / error(seed, critic=1.0, lam=1.0)[1]


def lambda_gain(seed: int) -> float:
    """The error at lambda 0.8, as a share of the smaller of those at 0 and 1."""
    one_step, middle, whole = (error(seed, critic=0.5, lam=lam)[2] for lam in (0.0, 0.8, 1.0))
    return middle / min(one_step, whole)


CLAIMS = (
    Claim(
        "reinforcement.baseline",
        "With the values as baseline, the gradient of a policy varies less by this factor: standard deviation without, "
        "divided by that with.",
        at_least(1.5),
        baseline_gain,
    ),
    Claim(
        "reinforcement.gae",
        "Where the critic knows half of the values, lambda = 0.8 is nearer to the true gradient than lambda = 0 and 1: "
        "its error, from 16 episodes, as a share of the smaller of theirs.",
        at_most(0.75),
        lambda_gain,
        digits=2,
    ),
)
