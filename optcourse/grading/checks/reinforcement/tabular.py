"""One update of a table of values: where learners go wrong."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from optcourse.grading.checks.reinforcement.shared import ENDS, GAMMAS, REWARD_LOST, numbers_check, target
from optcourse.grading.definitions import Case, Variant
from optcourse.grading.drawing import Numbers, array

STEP_ADVICE = "First the target y, then the error y - Q(s, a), then add lr times the error to Q(s, a)."
ROW_ADVICE = "`q[next_state]` is one row of the table: a value for each action. Take its largest."


def q_update(
    q: Tensor,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    lr: float,
    gamma: float,
    **switches: str,
) -> np.ndarray:
    """The table after one update; the switches say which mistake is made at each place."""
    before = array(q)
    after = before.copy()
    row = before[next_state]
    future = {
        "best of the next state": row.max(),
        "same action": row[action],
        "mean": row.mean(),
        "smallest": row.min(),
        "sum": row.sum(),
        "best of all": before.max(),
        "best of this state": before[state].max(),
        "place of the best": float(row.argmax()),
    }[switches.get("future", "best of the next state")]
    y = target(reward, future, terminated, truncated, gamma, switches)
    every = switches.get("place") == "all actions"
    old = before[state] if every else before[state, action]
    new = {
        "towards": old + lr * (y - old),
        "away": old - lr * (y - old),
        "replaced": y,
        "not subtracted": old + lr * y,
        "weights exchanged": lr * old + (1 - lr) * y,
        "scaled": lr * y,
        "error alone": lr * (y - old),
    }[switches.get("change", "towards")]
    if switches.get("place") == "added to the next":
        after[next_state, action] += new - old
    else:
        after[next_state if switches.get("place") == "next" else state, slice(None) if every else action] = new
    return np.asarray(after[state, action]) if switches.get("returned") == "number" else after


VARIANTS = (
    *ENDS,
    REWARD_LOST,
    *GAMMAS,
    *(
        Variant(id, {"future": kind}, message, ROW_ADVICE)
        for id, kind, message in (
            (
                "same_action_next",
                "same action",
                "The next state is valued by the action just done. Q-learning asks for its best action.",
            ),
            (
                "mean_for_max",
                "mean",
                "The actions of the next state are averaged. That is the value of acting at random there.",
            ),
            ("min_for_max", "smallest", "The worst action of the next state is taken, not the best."),
            ("sum_for_max", "sum", "The actions of the next state are added. Only one of them will be done."),
            (
                "max_over_all_states",
                "best of all",
                "The largest number of the whole table is taken, not that of the next state.",
            ),
            (
                "max_of_this_state",
                "best of this state",
                "The best action of the state just left is taken. What counts is where the step led.",
            ),
            (
                "argmax_for_max",
                "place of the best",
                "The number of the best action (`argmax`) is used where its value belongs.",
            ),
        )
    ),
    *(
        Variant(id, {"change": kind}, message, STEP_ADVICE)
        for id, kind, message in (
            ("moves_away", "away", "The value moves away from the target: the sign of the step is wrong."),
            ("lr_ignored", "replaced", "The value is replaced by the target; it should move the share lr towards it."),
            (
                "old_value_not_subtracted",
                "not subtracted",
                "lr times the target is added, but the error is the target less the old value.",
            ),
            (
                "lr_on_the_old_value",
                "weights exchanged",
                "lr weighs the old value and 1 - lr the target. It is the other way round.",
            ),
            (
                "old_value_dropped",
                "scaled",
                "Only lr times the target is stored: the old value's share 1 - lr is lost.",
            ),
            (
                "old_value_dropped",
                "error alone",
                "Only the step, lr times the error, is stored. It has to be added to the old value.",
            ),
        )
    ),
    *(
        Variant(
            "next_state_updated",
            {"place": kind},
            "The number changed is that of the next state. What was learned is about the state and action just left.",
            "`q[state, action]`",
        )
        for kind in ("next", "added to the next")
    ),
    Variant(
        "number_for_table",
        {"returned": "number"},
        "You return the one number that changed; asked for is the whole table with this number in it.",
        "`q[state, action] = ...`, then `return q`",
    ),
    Variant(
        "all_actions_updated",
        {"place": "all actions"},
        "Every action of the state is changed, but only one was tried.",
        "`q[state, action]`",
    ),
)

Problem = tuple[Tensor, int, int, float, int, bool, bool, float, float]


def cases(seed: int) -> Sequence[Case]:
    """From a plain step to steps that end; more states than actions, and values below 0 too."""
    numbers = Numbers("reinforcement.q_learning", seed)

    def problem(states: int, actions: int, terminated: bool, truncated: bool, shift: float = 5.0) -> Problem:
        q = numbers.normal(states, actions) * 2 + shift
        state, next_state, other = numbers.distinct(3, range(states))
        action = int(q[next_state].argsort()[-2])  # would not be the best there, nor the worst of three
        q[other, action] = q.max() + 1.3  # nor is the next state the best one
        lr, gamma = numbers.between(0.15, 0.4), numbers.between(0.6, 0.9)
        return q, state, action, numbers.between(0.5, 2.0), next_state, terminated, truncated, lr, gamma

    return (
        Case("a step in the middle", problem(5, 3, False, False)),
        Case("a table with values below 0", problem(4, 2, False, False, shift=-9.0)),
        Case("a step that terminates", problem(6, 4, True, False)),
        Case("a step that is truncated", problem(6, 3, False, True)),
        Case("a step that terminates at the time limit", problem(5, 4, True, True)),
    )


Q_LEARNING = numbers_check(
    "reinforcement.q_learning",
    cases,
    q_update,
    variants=VARIANTS,
    look_next=STEP_ADVICE,
    praise="Right: your table learns from every step, and stops looking where the task ends.",
)
