"""Answers to the exercise on one update of a table."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def q_update(q, state, action, reward, next_state, terminated, truncated, lr, gamma):
    future = 0.0 if terminated else q[next_state].max()
    error = reward + gamma * future - q[state, action]
    after = q.clone()
    after[state, action] += lr * error
    return after
"""

_VALID = [
    (
        "in place, with weights",
        """
def q_update(q, state, action, reward, next_state, terminated, truncated, lr, gamma):
    target = reward
    if not terminated:
        target += gamma * max(q[next_state])
    q[state][action] = (1 - lr) * q[state][action] + lr * target
    return q
""",
    ),
    (
        "in numpy",
        """
def q_update(q, state, action, reward, next_state, terminated, truncated, lr, gamma):
    table = q.numpy().copy()
    y = reward + gamma * (1 - terminated) * np.amax(table, axis=1)[next_state]
    table[state, action] -= lr * (table[state, action] - y)
    return table
""",
    ),
    (
        "as lists",
        """
def q_update(q, state, action, reward, next_state, terminated, truncated, lr, gamma):
    rows = q.tolist()
    best = sorted(rows[next_state])[-1] * (not terminated)
    rows[state][action] += lr * (reward + gamma * best - rows[state][action])
    return rows
""",
    ),
]

_FUTURE = "0.0 if terminated else q[next_state].max()"
_MAX = "q[next_state].max()"
_ERROR = "error = reward + gamma * future - q[state, action]"
_STEP = "after[state, action] += lr * error"

_WRONG = [
    ("bootstraps_on_terminated", "never looks at ends", (_FUTURE, _MAX)),
    ("stops_at_truncated", "one done", ("if terminated", "if terminated or truncated")),
    ("flags_exchanged", "truncated for terminated", ("if terminated", "if truncated")),
    ("ends_when_both", "and for or", ("if terminated", "if terminated and truncated")),
    (
        "bootstraps_at_the_time_limit",
        "terminated before the limit",
        ("if terminated", "if terminated and not truncated"),
    ),
    ("flag_turned_round", "not too much", ("if terminated", "if not terminated")),
    (
        "reward_lost_at_the_end",
        "target 0 at the end",
        (_ERROR, "error = (0 if terminated else reward + gamma * future) - q[state, action]"),
    ),
    ("gamma_forgotten", "no gamma", ("gamma * future", "future")),
    ("gamma_on_the_reward", "gamma at the reward", ("reward + gamma * future", "gamma * reward + future")),
    ("gamma_on_the_reward", "gamma at both", ("reward + gamma * future", "gamma * (reward + future)")),
    ("same_action_next", "the same action again", (_MAX, "q[next_state, action]")),
    ("mean_for_max", "mean", (_MAX, "q[next_state].mean()")),
    ("min_for_max", "min", (_MAX, "q[next_state].min()")),
    ("sum_for_max", "sum", (_MAX, "q[next_state].sum()")),
    ("max_over_all_states", "max of the table", (_MAX, "q.max()")),
    ("max_of_this_state", "this state's best", (_MAX, "q[state].max()")),
    ("argmax_for_max", "argmax", (_MAX, "q[next_state].argmax()")),
    ("moves_away", "minus", (_STEP, "after[state, action] -= lr * error")),
    ("lr_ignored", "no lr", (_STEP, "after[state, action] += error")),
    ("old_value_not_subtracted", "target for error", (" - q[state, action]", "")),
    (
        "lr_on_the_old_value",
        "weights exchanged",
        (" - q[state, action]", ""),
        (_STEP, "after[state, action] = lr * after[state, action] + (1 - lr) * error"),
    ),
    (
        "old_value_dropped",
        "lr times target",
        (" - q[state, action]", ""),
        (_STEP, "after[state, action] = lr * error"),
    ),
    ("old_value_dropped", "the step alone", (_STEP, "after[state, action] = lr * error")),
    (
        "next_state_updated",
        "stored at the next state",
        (_STEP, "after[next_state, action] = q[state, action] + lr * error"),
    ),
    ("next_state_updated", "added at the next state", (_STEP, "after[next_state, action] += lr * error")),
    ("number_for_table", "the changed number alone", ("return after", "return after[state, action]")),
    (
        "all_actions_updated",
        "the whole row",
        (" - q[state, action]", " - q[state]"),
        (_STEP, "after[state] += lr * error"),
    ),
    ("nothing_returned", "in place", ("    return after\n", "")),
    (
        "gamma_forgotten+stops_at_truncated",
        "two at once",
        ("gamma * future", "future"),
        ("if terminated", "if terminated | truncated"),
    ),
    ("bootstraps_on_terminated+lr_ignored", "two others", (_FUTURE, _MAX), ("lr * error", "error")),
    ("mean_for_max+moves_away", "two more", (_MAX, "q[next_state].mean()"), ("+= lr", "-= lr")),
]

_UNLISTED = [
    ("failed", "the row alone", ("return after", "return after[state]")),
    ("failed", "gamma squared", ("gamma * future", "gamma**2 * future")),
    ("failed", "the table as it was", ("return after", "return q")),
    ("error", "state and action exchanged, beyond the table", ("q[next_state].max()", "q[:, next_state + 9].max()")),
    ("error", "another number of arguments", ("terminated, truncated", "terminated")),
]

ANSWERS = answers("reinforcement.q_learning", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
