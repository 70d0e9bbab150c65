"""n-step targets along one environment's steps: where learners go wrong."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from optcourse.grading.checks.reinforcement.shared import ENDS, FLAGS_AS_TENSORS, flags, numbers_check, survives
from optcourse.grading.definitions import Case, Variant
from optcourse.grading.drawing import Numbers, array

WINDOW_ADVICE = "Walk from t on, at most n steps, and leave the loop after the first step that ended, in either way."
DISCOUNT_ADVICE = "A reward i steps on counts gamma ** i. After k rewards the value is k steps on: gamma ** k."


def n_step_target(
    reward: Tensor, terminated: Tensor, truncated: Tensor, next_value: Tensor, n: int, gamma: float, **switches: str
) -> np.ndarray:
    """The target of every step; the switches say which mistake is made at each place."""
    r, value = array(reward), array(next_value)
    stops = _stops(terminated, truncated, switches.get("window", "to the first end"))
    counts = survives(terminated, truncated, switches.get("ends", "not terminated"))
    length = n + 1 if switches.get("length") == "one more" else n
    targets = []
    for t in range(len(r)):
        k = 0
        while k < length and t + k < len(r):
            k += 1
            if stops[t + k - 1]:
                break
        last = t + k - 1
        powers = {
            "powers": gamma ** np.arange(k),
            "none": np.ones(k),
            "one too many": gamma ** (np.arange(k) + 1.0),
        }[switches.get("rewards", "powers")]
        total = (powers * r[t : t + k]).sum()
        cut = t + length > len(r) and k < length and not stops[last]  # the data end before the window does
        flag, place = {
            "of the last": (last, last),
            "of the first": (last, t),
            "of the first, if it goes on": (t, t),
            "one late": (last, last + 1),
        }[switches.get("value", "of the last")]
        if counts[flag] and place < len(r) and not (cut and switches.get("data end") == "no value"):
            total += _discount(gamma, k, n, switches) * value[place]
        targets.append(total)
    kept = len(r) - n + 1 if switches.get("data end") == "left out" else len(r)
    return np.array(targets[:kept])


def _stops(terminated: Tensor, truncated: Tensor, kind: str) -> np.ndarray:
    """Steps after which a window goes no further."""
    return {
        "to the first end": (terminated | truncated).numpy(),
        "across ends": np.zeros(len(terminated), dtype=bool),
        "across truncated": terminated.numpy(),
        "across terminated": truncated.numpy(),
        "to an end of both kinds": (terminated & truncated).numpy(),
    }[kind]


def _discount(gamma: float, k: int, n: int, switches: Mapping[str, str]) -> float:
    return {
        "by steps made": gamma**k,
        "by n": gamma**n,
        "once": gamma,
        "one fewer": gamma ** (k - 1),
        "one more": gamma ** (k + 1),
        "none": 1.0,
    }[switches.get("bootstrap", "by steps made")]


VARIANTS = (
    *ENDS,
    *(
        Variant(id, {"window": kind}, message, WINDOW_ADVICE)
        for id, kind, message in (
            (
                "crosses_ends",
                "across ends",
                "Rewards are added across an end: those of the next episode have nothing to do with this step.",
            ),
            (
                "crosses_truncated",
                "across truncated",
                "The sum goes on after a truncated step, into another episode. There it must stop, and bootstrap.",
            ),
            (
                "crosses_terminated",
                "across terminated",
                "The sum goes on after a terminated step, into another episode.",
            ),
            (
                "crosses_ends",
                "to an end of both kinds",
                "The sum stops only where both flags are true. Either of them ends the episode.",
            ),
        )
    ),
    Variant(
        "one_reward_too_many",
        {"length": "one more"},
        "n + 1 rewards are added; n is their number.",
        "With n = 1 the target is that of plain Q-learning: one reward.",
    ),
    Variant(
        "rewards_not_discounted",
        {"rewards": "none"},
        "The rewards are added as they are, undiscounted.",
        DISCOUNT_ADVICE,
    ),
    Variant(
        "first_reward_discounted",
        {"rewards": "one too many"},
        "Every reward has one gamma too many. The first one comes in this very step: gamma ** 0.",
        DISCOUNT_ADVICE,
    ),
    *(
        Variant(id, {"bootstrap": kind}, message, DISCOUNT_ADVICE)
        for id, kind, message in (
            (
                "discount_of_full_window",
                "by n",
                "The value is always discounted by gamma ** n, also where fewer than n steps were made.",
            ),
            ("value_discounted_once", "once", "The value is discounted by gamma alone, as if it were one step away."),
            ("discount_off_by_one", "one fewer", "The value is discounted once too little: gamma ** (k - 1)."),
            ("discount_off_by_one", "one more", "The value is discounted once too much: gamma ** (k + 1)."),
            ("value_not_discounted", "none", "The value is not discounted."),
        )
    ),
    *(
        Variant(id, {"value": kind}, message, "`next_value[t + k - 1]` after k rewards.")
        for id, kind, message in (
            *(
                (
                    "value_of_the_first_step",
                    kind,
                    "The value is that of the state after step t. It belongs to the state where the rewards end.",
                )
                for kind in ("of the first", "of the first, if it goes on")
            ),
            (
                "value_one_step_late",
                "one late",
                "The value is that of one state further on. `next_value[t]` is already that of the state after step t.",
            ),
        )
    ),
    Variant(
        "no_value_where_data_end",
        {"data end": "no value"},
        "Where the data end before the window does, the value is left out. The episode went on: it counts.",
        "The last state of the data is bootstrapped from like any other.",
    ),
    Variant(
        "short_windows_left_out",
        {"data end": "left out"},
        "Steps with fewer than n steps after them are left out. Every step has a target, with a shorter window.",
        "As many targets as rewards.",
    ),
)


def cases(seed: int) -> Sequence[Case]:
    """From one step to three across ends of every kind; between two ends there is room for whole windows."""
    numbers = Numbers("reinforcement.n_step", seed)

    def problem(rows: int, n: int, ends: Mapping[int, str]):
        terminated, truncated = flags(numbers, rows, ())
        for row, end in ends.items():
            terminated[row], truncated[row] = end != "truncated", end != "terminated"
        reward, value = numbers.uniform(rows) * 2 + 0.4, numbers.uniform(rows) * 5 + 2.0
        return reward, terminated, truncated, value, n, numbers.between(0.6, 0.85)

    a, b = numbers.distinct(1, (2, 3))[0], numbers.distinct(1, (6, 7))[0]
    return (
        Case("n = 1", problem(5, 1, {})),
        Case("n = 2, no end", problem(6, 2, {})),
        Case("n = 3, no end", problem(8, 3, {})),
        Case("n = 3, a terminated step", problem(8, 3, {a: "terminated"})),
        Case("n = 3, a truncated step", problem(8, 3, {a: "truncated"})),
        Case("n = 3, ends of every kind", problem(14, 3, {a: "truncated", b: "both", 11: "terminated"})),
        Case("n = 5, three steps in all", problem(3, 5, {})),
        Case("n = 4, the last step terminated", problem(7, 4, {6: "terminated"})),
    )


N_STEP = numbers_check(
    "reinforcement.n_step",
    cases,
    n_step_target,
    variants=VARIANTS,
    behaviours=FLAGS_AS_TENSORS,
    look_next=WINDOW_ADVICE,
    praise="Right: your sums stop at every end, and bootstrap wherever the task went on.",
)
