"""Answers to the exercise on generalized advantage estimation."""

from tests.grading.wrong_answers.from_text import answers
from tests.grading.wrong_answers.reinforcement.common import ends

SOURCE = """
def gae(reward, value, next_value, terminated, truncated, *, gamma, lam):
    delta = reward + gamma * torch.where(terminated, 0.0, next_value) - value
    ended = terminated | truncated
    advantage = torch.zeros_like(reward)
    carried = 0.0
    for t in reversed(range(len(reward))):
        carried = delta[t] + gamma * lam * torch.where(ended[t], 0.0, carried)
        advantage[t] = carried
    return advantage
"""

_VALID = [
    (
        "number by number, as lists",
        """
def gae(reward, value, next_value, terminated, truncated, *, gamma, lam):
    steps, environments = reward.shape
    columns = []
    for n in range(environments):
        column, after = [], 0.0
        for t in range(steps - 1, -1, -1):
            if terminated[t, n]:
                after = reward[t, n] - value[t, n]
            else:
                error = reward[t, n] + gamma * next_value[t, n] - value[t, n]
                after = error if truncated[t, n] else error + gamma * lam * after
            column.insert(0, after.item())
        columns.append(column)
    return [list(row) for row in zip(*columns)]
""",
    ),
    (
        "in numpy, reading back what was written",
        """
def gae(reward, value, next_value, terminated, truncated, gamma, lam):
    r, v, b = (x.numpy().astype(np.float64) for x in (reward, value, next_value))
    b = np.where(terminated.numpy(), 0, b)
    end = np.logical_or(terminated.numpy(), truncated.numpy())
    A = r + gamma * b - v
    for t in range(len(A) - 2, -1, -1):
        A[t] += np.where(end[t], 0, gamma * lam * A[t + 1])
    return A
""",
    ),
    (
        "a matrix for each environment",
        """
def gae(reward, value, next_value, terminated, truncated, *, gamma, lam):
    T, N = reward.shape
    delta = reward + gamma * next_value.masked_fill(terminated, 0) - value
    episode = (terminated | truncated).long().cumsum(0).roll(1, 0)
    episode[0] = 0
    later = torch.arange(T)[None, :] - torch.arange(T)[:, None]
    weight = torch.where(later >= 0, (gamma * lam) ** later.clamp(min=0).double(), 0.0).to(delta.dtype)
    same = episode[:, None, :] == episode[None, :, :]
    return torch.einsum("tsn,sn->tn", weight[:, :, None] * same, delta)
""",
    ),
    (
        "copies changed in place, stacked",
        """
def gae(reward, value, next_value, terminated, truncated, *, gamma, lam):
    behind = next_value.clone()
    behind[terminated] = 0
    rows, last = [], 0
    for r, v, b, over, cut in list(zip(reward, value, behind, terminated, truncated))[::-1]:
        last = r + gamma * b - v + gamma * lam * (1 - (over | cut).to(r.dtype)) * last
        rows.append(last)
    return torch.stack(rows).flip(0)
""",
    ),
]

_DELTA = "reward + gamma * torch.where(terminated, 0.0, next_value) - value"
_BEHIND = "torch.where(terminated, 0.0, next_value)"
_CARRIED = "carried = delta[t] + gamma * lam * torch.where(ended[t], 0.0, carried)"
_CHAIN = "torch.where(ended[t], 0.0, carried)"
_START = "carried = 0.0"
_LOOP = "for t in reversed(range(len(reward))):"
_RETURN = "return advantage"
_PLACE = "advantage = torch.zeros_like(reward)"
_TIMES = (_BEHIND, "~terminated * next_value")


def _below(last: str) -> tuple[str, str]:
    return _BEHIND, f"torch.where(terminated, 0.0, torch.cat([value[1:], {last}]))"


_WRONG = [
    ("bootstraps_on_terminated", "never looks at ends", (_BEHIND, "next_value")),
    *((id, name, (_BEHIND, f"torch.where({goes_on}, next_value, 0.0)")) for id, name, (_, goes_on) in ends("")[1:]),
    (
        "reward_lost_at_the_end",
        "mask around both",
        (_DELTA, "torch.where(terminated, 0.0, reward + gamma * next_value) - value"),
    ),
    ("gamma_forgotten", "no gamma in delta", ("reward + gamma *", "reward +")),
    ("gamma_on_the_reward", "gamma at the reward", ("reward + gamma *", "gamma * reward +")),
    ("gamma_on_the_reward", "gamma at both", (_DELTA, f"gamma * (reward + {_BEHIND}) - value")),
    ("first_value_of_the_next_episode", "rows below", _below("next_value[-1:]")),
    ("first_value_of_the_next_episode", "rows below, then 0", _below("torch.zeros_like(value[:1])")),
    ("first_value_of_the_next_episode", "roll", (_BEHIND, "torch.where(terminated, 0.0, value.roll(-1, 0))")),
    ("first_value_of_the_next_episode", "the last row again", _below("value[-1:]")),
    ("value_of_this_state", "value for next_value", (_BEHIND, "torch.where(terminated, 0.0, value)")),
    (
        "no_value_where_data_end",
        "the last row as an end",
        (_DELTA, f"{_DELTA}\n    delta[-1] = reward[-1] - value[-1]"),
    ),
    ("gamma_and_lambda_exchanged", "arguments exchanged", ("reward + gamma *", "reward + lam *")),
    ("value_not_subtracted", "targets", (f"{_DELTA}", _DELTA.removesuffix(" - value"))),
    ("error_turned_round", "value less target", (_DELTA, f"value - (reward + gamma * {_BEHIND})")),
    ("lambda_on_the_error", "lam times delta", ("carried = delta[t]", "carried = lam * delta[t]")),
    ("lambda_on_the_error", "a mixture", ("carried = delta[t]", "carried = (1 - lam) * delta[t]")),
    ("nan_behind_an_end", "times 0", _TIMES),
    ("nan_behind_an_end", "times 1 - flag", (_BEHIND, "(1 - terminated.to(value.dtype)) * next_value")),
    ("leaks_over_truncation", "stops at terminated", ("terminated | truncated", "terminated")),
    ("leaks_over_termination", "stops at truncated", ("terminated | truncated", "truncated")),
    ("leaks_over_ends", "never stops", (_CHAIN, "carried")),
    ("leaks_over_ends", "and for or", ("terminated | truncated", "terminated & truncated")),
    ("sum_turned_round", "no not", (_CHAIN, "torch.where(ended[t], carried, 0.0)")),
    (
        "ends_one_row_late",
        "flags of the next row",
        (
            "    delta =",
            "    terminated = torch.cat([terminated[1:], terminated[:1] & False])\n"
            "    truncated = torch.cat([truncated[1:], truncated[:1] & False])\n"
            "    delta =",
        ),
    ),
    (
        "ends_one_row_late",
        "flags of the next row, of the last row its own",
        (
            "    delta =",
            "    terminated = torch.cat([terminated[1:], terminated[-1:]])\n"
            "    truncated = torch.cat([truncated[1:], truncated[-1:]])\n"
            "    delta =",
        ),
    ),
    (
        "ends_one_row_late",
        "as in a program whose flags say that an episode begins",
        (
            _DELTA,
            "torch.zeros_like(reward)\n"
            "    done = (terminated | truncated).double()\n"
            "    done, following = torch.cat([done[1:], done[-1:]]), torch.cat([value[1:], next_value[-1:]])\n"
            "    following[done == 1] = 0\n"
            "    delta = reward + gamma * following - value",
        ),
        ("ended = terminated | truncated", "ended = done == 1"),
    ),
    (
        "sum_cut_one_row_late",
        "forgotten after the row",
        (_CHAIN, "carried"),
        ("advantage[t] = carried", "advantage[t] = carried\n        carried = torch.where(ended[t], 0.0, carried)"),
    ),
    ("cuts_all_environments", "any", (_CHAIN, "(0.0 if ended[t].any() else carried)")),
    ("lambda_forgotten", "no lam", ("gamma * lam *", "gamma *")),
    ("gamma_forgotten_in_the_sum", "no gamma in the sum", ("gamma * lam *", "lam *")),
    ("sum_not_decayed", "neither", ("gamma * lam *", "1.0 *")),
    ("errors_not_summed", "delta alone", (_CARRIED, "carried = delta[t]")),
    ("runs_forward", "from the first row", (_LOOP, "for t in range(len(reward)):")),
    (
        "runs_forward",
        "from the first row, with the flags of the row before",
        (_LOOP, "for t in range(len(reward)):"),
        ("ended[t]", "ended[t - 1]"),
    ),
    (
        "runs_over_environments",
        "columns for rows",
        (_LOOP, "for t in reversed(range(reward.shape[1])):"),
        ("delta[t]", "delta[:, t]"),
        ("ended[t]", "ended[:, t]"),
        ("advantage[t]", "advantage[:, t]"),
    ),
    ("a_row_left_out", "from the last but one", (_LOOP, "for t in reversed(range(len(reward) - 1)):")),
    ("a_row_left_out", "down to row 1", (_LOOP, "for t in range(len(reward) - 1, 0, -1):")),
    ("starts_from_a_value", "the last next_value", (_START, "carried = next_value[-1]")),
    ("starts_from_a_value", "the last value", (_START, "carried = value[-1]")),
    ("returns_for_advantages", "A + V", (_RETURN, "return advantage + value")),
    ("transposed", "columns first", (_RETURN, "return advantage.T")),
    ("normalized", "mean 0", (_RETURN, "return advantage - advantage.mean()")),
    (
        "normalized",
        "mean 0, deviation 1",
        (_RETURN, "return (advantage - advantage.mean()) / (advantage.std() + 1e-8)"),
    ),
    (
        "normalized",
        "each environment",
        (_RETURN, "return (advantage - advantage.mean(0)) / (advantage.std(0) + 1e-8)"),
    ),
    (
        "normalized",
        "as numpy does",
        (_RETURN, "a = advantage.numpy()\n    return (a - a.mean()) / (a.std() + 1e-8)"),
    ),
    (
        "normalized",
        "each environment, as numpy does",
        (_RETURN, "a = advantage.numpy()\n    return (a - a.mean(axis=0)) / (a.std(axis=0) + 1e-8)"),
    ),
    ("mutates_arguments", "the reward reused", ("reward + gamma", "reward.sub_(value) + gamma"), (" - value\n", "\n")),
    ("mutates_arguments", "written over", (_PLACE, "advantage = reward")),
    ("mutates_arguments", "0 behind ends", ("    delta =", "    next_value[terminated] = 0\n    delta =")),
    ("whole_numbers", "a place for flags", (_PLACE, "advantage = torch.zeros_like(terminated)")),
    ("whole_numbers", "a place for whole numbers", (_PLACE, "advantage = torch.zeros(reward.shape, dtype=torch.long)")),
    ("precision_lost", "torch's usual type", (_PLACE, "advantage = torch.zeros(reward.shape)")),
    ("subtracts_flags", "1 - ended", (_CHAIN, "(1 - ended[t]) * carried")),
    (
        "asks_all_flags_at_once",
        "if ended",
        (_CARRIED, "carried = delta[t] if ended[t] else delta[t] + gamma * lam * carried"),
    ),
    ("nothing_returned", "no return", ("    return advantage\n", "")),
    (
        "bootstraps_on_terminated+leaks_over_ends",
        "no ends at all",
        (_BEHIND, "next_value"),
        (_CHAIN, "carried"),
    ),
    (
        "flags_exchanged+leaks_over_termination",
        "truncated for terminated everywhere",
        (_BEHIND, "torch.where(truncated, 0.0, next_value)"),
        ("terminated | truncated", "truncated"),
    ),
    ("lambda_forgotten+nan_behind_an_end", "two at once", _TIMES, ("gamma * lam *", "gamma *")),
    (
        "leaks_over_truncation+nan_behind_an_end",
        "terminated alone, times 0",
        _TIMES,
        ("terminated | truncated", "terminated"),
    ),
    (
        "mutates_arguments+returns_for_advantages",
        "changed and added",
        ("    delta =", "    next_value[terminated] = 0\n    delta ="),
        (_RETURN, "return advantage + value"),
    ),
]

_UNLISTED = [
    ("failed", "gamma squared", ("reward + gamma *", "reward + gamma**2 *")),
    ("failed", "one number a step", (_RETURN, "return advantage.mean(1)")),
    (
        "failed",
        "two steps alone",
        (_CARRIED, "carried = delta[t] + gamma * lam * (~ended[t] * delta[t + 1] if t + 1 < len(delta) else 0)"),
    ),
    ("error", "below the last row", (_BEHIND, "torch.where(terminated, 0.0, value[len(value)])")),
    ("error", "misspelled", ("zeros_like", "zeroes_like")),
    ("error", "another name for lam", ("gamma, lam)", "gamma, lamda)"), ("gamma * lam *", "gamma * lamda *")),
]

ANSWERS = answers("reinforcement.gae", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
