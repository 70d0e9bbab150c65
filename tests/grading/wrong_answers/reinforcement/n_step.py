"""Answers to the exercise on n-step targets."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def n_step_target(reward, terminated, truncated, next_value, n, gamma):
    targets = torch.empty_like(reward)
    for t in range(len(reward)):
        total, discount = 0.0, 1.0
        for last in range(t, min(t + n, len(reward))):
            total += discount * reward[last]
            discount *= gamma
            if terminated[last] or truncated[last]:
                break
        if not terminated[last]:
            total += discount * next_value[last]
        targets[t] = total
    return targets
"""

_VALID = [
    (
        "a list, with powers",
        """
def n_step_target(reward, terminated, truncated, next_value, n, gamma):
    targets = []
    for t in range(len(reward)):
        k, y = 0, 0
        while k < n and t + k < len(reward):
            y += gamma**k * reward[t + k].item()
            k += 1
            if terminated[t + k - 1] or truncated[t + k - 1]:
                break
        if not terminated[t + k - 1]:
            y += gamma**k * next_value[t + k - 1].item()
        targets.append(y)
    return targets
""",
    ),
    (
        "all steps at once, from the last reward to the first",
        """
def n_step_target(reward, terminated, truncated, next_value, n, gamma):
    T = len(reward)
    end = terminated | truncated
    end[-1] = True
    behind = next_value * ~terminated
    y = reward + gamma * behind
    for _ in range(n - 1):
        following = torch.cat([y[1:], y[:1]])
        y = reward + gamma * torch.where(end, behind, following)
    return y
""",
    ),
    (
        "in numpy, the window first",
        """
def n_step_target(reward, terminated, truncated, next_value, n, gamma):
    r, v = reward.numpy(), next_value.numpy()
    stops = np.flatnonzero((terminated | truncated).numpy())
    out = np.zeros(len(r))
    for t in range(len(r)):
        later = stops[stops >= t]
        last = min([t + n - 1, len(r) - 1] + list(later[:1]))
        k = last - t + 1
        out[t] = np.dot(gamma ** np.arange(k), r[t : last + 1])
        if not bool(terminated[last]):
            out[t] += gamma**k * v[last]
    return out
""",
    ),
]

_STOP = "            if terminated[last] or truncated[last]:\n                break\n"
_COUNTS = "if not terminated[last]:"
_ADD = "total += discount * reward[last]\n            discount *= gamma"
_VALUE = "total += discount * next_value[last]"
_LAST = "        if not terminated[last]:\n            total += discount * next_value[last]\n"

_WRONG = [
    ("bootstraps_on_terminated", "never looks at ends", (_COUNTS, "if True:")),
    ("stops_at_truncated", "one done", (_COUNTS, "if not (terminated[last] or truncated[last]):")),
    ("flags_exchanged", "truncated for terminated", (_COUNTS, "if not truncated[last]:")),
    ("ends_when_both", "and for or", (_COUNTS, "if not (terminated[last] and truncated[last]):")),
    (
        "bootstraps_at_the_time_limit",
        "terminated before the limit",
        (_COUNTS, "if truncated[last] or not terminated[last]:"),
    ),
    ("flag_turned_round", "not forgotten", (_COUNTS, "if terminated[last]:")),
    ("crosses_ends", "no break", (_STOP, "")),
    ("crosses_truncated", "break at terminated", ("terminated[last] or truncated[last]", "terminated[last]")),
    ("crosses_terminated", "break at truncated", ("terminated[last] or truncated[last]", "truncated[last]")),
    ("crosses_ends", "break at both", ("[last] or ", "[last] and ")),
    ("crosses_ends", "continue for break", ("break", "continue")),
    ("one_reward_too_many", "n + 1", ("min(t + n,", "min(t + n + 1,")),
    ("rewards_not_discounted", "a plain sum", ("total += discount * reward", "total += reward")),
    (
        "first_reward_discounted",
        "discount before reward",
        (_ADD, "discount *= gamma\n            total += discount * reward[last]"),
    ),
    ("discount_of_full_window", "gamma ** n", (_VALUE, "total += gamma**n * next_value[last]")),
    ("value_discounted_once", "gamma", (_VALUE, "total += gamma * next_value[last]")),
    ("discount_off_by_one", "one fewer", (_VALUE, "total += gamma ** (last - t) * next_value[last]")),
    ("discount_off_by_one", "one more", (_VALUE, "total += discount * gamma * next_value[last]")),
    ("value_not_discounted", "no gamma", (_VALUE, "total += next_value[last]")),
    ("value_of_the_first_step", "the value after t", (_VALUE, "total += discount * next_value[t]")),
    (
        "value_of_the_first_step",
        "the value after t, and its flag",
        (_VALUE, "total += discount * next_value[t]"),
        (_COUNTS, "if not terminated[t]:"),
    ),
    (
        "value_one_step_late",
        "the value after the one after",
        (_VALUE, "total += discount * next_value[last + 1]"),
        (_COUNTS, "if not terminated[last] and last + 1 < len(reward):"),
    ),
    (
        "no_value_where_data_end",
        "full windows alone bootstrap",
        (
            _COUNTS,
            "whole = truncated[last] or last == t + n - 1\n        if whole and not terminated[last]:",
        ),
    ),
    ("short_windows_left_out", "cut off", ("return targets", "return targets[: len(reward) - n + 1]")),
    ("asks_all_flags_at_once", "flags without an index", ("[last] or truncated[last]", " or truncated")),
    ("nothing_returned", "no return", ("    return targets\n", "")),
    (
        "bootstraps_on_terminated+crosses_ends",
        "no ends at all",
        (_STOP, ""),
        (_COUNTS, "if True:"),
    ),
    (
        "stops_at_truncated+value_not_discounted",
        "two others",
        (_VALUE, "total += next_value[last]"),
        (_COUNTS, "if not (terminated[last] or truncated[last]):"),
    ),
]

_UNLISTED = [
    ("failed", "no value at all", (_LAST, "")),
    ("failed", "one reward too few", ("range(t, min(t + n,", "range(t, min(t + max(n - 1, 1),")),
    ("failed", "the last target alone", ("return targets", "return total")),
    ("error", "misspelled", ("empty_like", "empty_as")),
    ("error", "beyond the data", ("min(t + n, len(reward))", "t + n")),
]

ANSWERS = answers("reinforcement.n_step", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
