"""Targets of a batch, with one network and with two: where learners go wrong."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from optcourse.grading.checks.reinforcement.shared import (
    ENDS,
    FLAGS_AS_TENSORS,
    GAMMAS,
    MAX_AS_A_PAIR,
    REWARD_LOST,
    flags,
    numbers_check,
    target,
)
from optcourse.grading.definitions import Case, Variant, VariantError
from optcourse.grading.drawing import Numbers, array

MAX_ADVICE = "`next_q` has a row for each transition and a column for each action: `next_q.max(dim=1).values`."
ROLES_ADVICE = (
    "Two steps: `best = ...argmax(dim=1)` of one network, then its value in the other, row by row (`gather`)."
)


def td_target(
    reward: Tensor, terminated: Tensor, truncated: Tensor, next_q: Tensor, gamma: float, **switches: str
) -> np.ndarray:
    """The targets of a batch; the switches say which mistake is made at each place."""
    q = array(next_q)
    kind = switches.get("future", "max")
    if kind == "over the batch" and q.shape[0] != q.shape[1]:
        raise VariantError("RuntimeError")
    future = {
        "max": lambda: q.max(axis=1),
        "mean": lambda: q.mean(axis=1),
        "sum": lambda: q.sum(axis=1),
        "min": lambda: q.min(axis=1),
        "place": lambda: q.argmax(axis=1).astype(float),
        "first": lambda: q[:, 0],
        "of all": lambda: np.full(len(q), q.max()),
        "over the batch": lambda: q.max(axis=0),
        "size": lambda: np.abs(q).max(axis=1),
        "above 0": lambda: q.max(axis=1).clip(min=0),
        "column": lambda: q.max(axis=1, keepdims=True),
    }[kind]()
    return target(array(reward), future, terminated.numpy(), truncated.numpy(), gamma, switches)


COLUMN = Variant(
    "column_beside_a_row",
    {"future": "column"},
    "The values have shape (B, 1) and the rewards (B,): broadcasting adds every reward to every value, B by B numbers "
    "instead of B. No error tells you, and a loss made of it learns nothing useful.",
    "Leave `keepdim` out, or take the axis away again with `squeeze(1)`.",
)

TD_VARIANTS = (
    *ENDS,
    REWARD_LOST,
    *GAMMAS,
    COLUMN,
    *(
        Variant(id, {"future": kind}, message, MAX_ADVICE)
        for id, kind, message in (
            ("mean_for_max", "mean", "The actions are averaged. Q-learning takes the best one."),
            ("sum_for_max", "sum", "The values of all actions are added; only one of them will be done."),
            ("min_for_max", "min", "The worst action's value is taken, not the best one's."),
            ("argmax_for_max", "place", "The number of the best action is used where its value belongs."),
            ("first_action_for_max", "first", "The value of action 0 is taken in every row, not that of the best."),
            ("max_over_wrong_axis", "of all", "One maximum is taken over the whole batch: every row has its own."),
            (
                "max_over_wrong_axis",
                "over the batch",
                "The maximum is taken over the rows: one number an action instead of one a transition.",
            ),
            ("size_for_value", "size", "The largest absolute value is taken: values below 0 are bad, not good."),
            (
                "values_cut_at_0",
                "above 0",
                "Values below 0 are cut off. Where all actions are bad, the best one is too.",
            ),
        )
    ),
)


def _td_cases(seed: int) -> Sequence[Case]:
    numbers = Numbers("reinforcement.td_target", seed)

    def problem(rows: int, actions: int, ends: Sequence[str] = (), shift: float = 2.0):
        gamma = numbers.between(0.6, 0.9)
        terminated, truncated = flags(numbers, rows, ends)
        next_q = numbers.normal(rows, actions) * 2 + shift
        return numbers.normal(rows) + 1.5, terminated, truncated, next_q, gamma

    return (
        Case("steps in the middle", problem(5, 3)),
        Case("as many rows as actions", problem(4, 4)),
        Case("values below 0", problem(6, 2, shift=-8.0)),
        Case("a terminated step", problem(5, 2, ["terminated"])),
        Case("a truncated step", problem(6, 3, ["truncated"])),
        Case("ends of every kind", problem(9, 4, ["terminated", "truncated", "both", "truncated"])),
    )


TD_TARGET = numbers_check(
    "reinforcement.td_target",
    _td_cases,
    td_target,
    variants=TD_VARIANTS,
    behaviours=(*FLAGS_AS_TENSORS, MAX_AS_A_PAIR),
    look_next=MAX_ADVICE,
    praise="Right: each row bootstraps from its best action, and only where the task goes on.",
)


def double_target(
    reward: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    next_q_online: Tensor,
    next_q_target: Tensor,
    gamma: float,
    **switches: str,
) -> np.ndarray:
    """The targets of double Q-learning; the switches say which mistake is made at each place."""
    online, slow = array(next_q_online), array(next_q_target)
    rows = np.arange(len(online))
    future = {
        "chosen online": lambda: slow[rows, online.argmax(axis=1)],
        "online for both": lambda: online.max(axis=1),
        "target for both": lambda: slow.max(axis=1),
        "roles swapped": lambda: online[rows, slow.argmax(axis=1)],
        "smaller of the maxima": lambda: np.minimum(online.max(axis=1), slow.max(axis=1)),
        "best of the smaller": lambda: np.minimum(online, slow).max(axis=1),
        "best of the mean": lambda: ((online + slow) / 2).max(axis=1),
        "mean of the maxima": lambda: (online.max(axis=1) + slow.max(axis=1)) / 2,
        "worst chosen": lambda: slow[rows, online.argmin(axis=1)],
        "place": lambda: online.argmax(axis=1).astype(float),
        "every row's choice": lambda: slow[:, online.argmax(axis=1)],
        "column": lambda: slow[rows, online.argmax(axis=1)][:, None],
    }[switches.get("future", "chosen online")]()
    ends = terminated.numpy(), truncated.numpy()
    return target(array(reward), future, *ends, gamma, switches)


DOUBLE_VARIANTS = (
    *ENDS,
    REWARD_LOST,
    *GAMMAS,
    COLUMN,
    *(
        Variant(id, {"future": kind}, message, ROLES_ADVICE)
        for id, kind, message in (
            (
                "online_for_both",
                "online for both",
                "The online network chooses the action and values it. What it overestimates it also chooses: the "
                "second opinion is missing.",
            ),
            (
                "target_for_both",
                "target for both",
                "The target network chooses the action and values it: that is plain DQN's target.",
            ),
            (
                "roles_swapped",
                "roles swapped",
                "The target network chooses and the online one values. The online network, which is newer, chooses.",
            ),
            (
                "smaller_of_two",
                "smaller of the maxima",
                "The smaller of the two networks' best values is taken. That is another remedy (clipped double "
                "Q-learning), not this one.",
            ),
            (
                "smaller_of_two",
                "best of the smaller",
                "The smaller value of each action is taken, and the best of these. That is another remedy.",
            ),
            ("mean_of_two", "best of the mean", "The two networks are averaged. One chooses, the other values."),
            ("mean_of_two", "mean of the maxima", "The best values of both are averaged. One chooses, one values."),
            ("worst_action_chosen", "worst chosen", "The online network's worst action is chosen (`argmin`)."),
            (
                "argmax_for_value",
                "place",
                "The number of the chosen action is used where its value in the target network belongs.",
            ),
            (
                "every_choice_in_every_row",
                "every row's choice",
                "`next_q_target[:, best]` picks whole columns: every row is valued with the choices of all rows.",
            ),
        )
    ),
)


def _double_cases(seed: int) -> Sequence[Case]:
    numbers = Numbers("reinforcement.double_target", seed)

    def problem(rows: int, actions: int, ends: Sequence[str] = ()):
        gamma = numbers.between(0.6, 0.9)
        terminated, truncated = flags(numbers, rows, ends)
        online = numbers.normal(rows, actions) * 2 + 1.0
        slow = numbers.normal(rows, actions) * 2 + 2.0
        return numbers.normal(rows) + 1.5, terminated, truncated, online, slow, gamma

    return (
        Case("steps in the middle", problem(5, 3)),
        Case("two actions", problem(6, 2)),
        Case("a terminated step", problem(5, 2, ["terminated"])),
        Case("a truncated step", problem(6, 3, ["truncated"])),
        Case("ends of every kind", problem(9, 4, ["terminated", "truncated", "both", "truncated"])),
    )


DOUBLE_TARGET = numbers_check(
    "reinforcement.double_target",
    _double_cases,
    double_target,
    variants=DOUBLE_VARIANTS,
    behaviours=FLAGS_AS_TENSORS,
    look_next=ROLES_ADVICE,
    praise="Right: one network chooses, the other says what the choice is worth.",
)
