"""Answers to the exercises on targets of a batch."""

from tests.grading.wrong_answers.from_text import answers
from tests.grading.wrong_answers.reinforcement.common import ends

TD_SOURCE = """
def td_target(reward, terminated, truncated, next_q, gamma):
    best = next_q.max(dim=1).values
    return reward + gamma * ~terminated * best
"""

_TD_VALID = [
    (
        "with where",
        """
def td_target(reward, terminated, truncated, next_q, gamma):
    best = torch.amax(next_q, 1)
    return torch.where(terminated, reward, reward + gamma * best)
""",
    ),
    (
        "row by row",
        """
def td_target(reward, terminated, truncated, next_q, gamma):
    targets = []
    for r, over, row in zip(reward, terminated, next_q):
        y = r
        if not over:
            y = y + gamma * max(row)
        targets.append(y)
    return targets
""",
    ),
    (
        "in numpy, through argmax",
        """
def td_target(reward, terminated, truncated, next_q, gamma):
    q = next_q.numpy()
    best = np.take_along_axis(q, q.argmax(1)[:, None], 1).squeeze(1)
    best[terminated.numpy()] = 0
    return reward.numpy() + gamma * best
""",
    ),
    (
        "a list of numbers",
        """
def td_target(reward, terminated, truncated, next_q, gamma):
    live = 1 - terminated.double()
    return [float(r + gamma * l * q.sort().values[-1]) for r, l, q in zip(reward, live, next_q)]
""",
    ),
]

_BEST = "next_q.max(dim=1).values"
_SUM = "reward + gamma * ~terminated * best"

_SHARED = [
    ("reward_lost_at_the_end", "mask around all", (_SUM, "(reward + gamma * best) * ~terminated")),
    ("gamma_forgotten", "no gamma", ("gamma * ~", "1.0 * ~")),
    ("gamma_on_the_reward", "gamma at the reward", (_SUM, "gamma * reward + ~terminated * best")),
    ("gamma_on_the_reward", "gamma at both", (_SUM, "gamma * (reward + ~terminated * best)")),
    ("subtracts_flags", "1 - terminated", ("~terminated", "(1 - terminated)")),
    ("asks_all_flags_at_once", "not terminated", (_SUM, "reward if terminated else reward + gamma * best")),
    ("nothing_returned", "no return", ("return ", "y = ")),
]

_TD_WRONG = [
    *ends("~terminated"),
    *_SHARED,
    ("mean_for_max", "mean", (_BEST, "next_q.mean(dim=1)")),
    ("sum_for_max", "sum", (_BEST, "next_q.sum(dim=1)")),
    ("min_for_max", "min", (_BEST, "next_q.amin(dim=1)")),
    ("argmax_for_max", "argmax", (_BEST, "next_q.argmax(dim=1)")),
    ("argmax_for_max", "the other half of max", (_BEST, "next_q.max(dim=1).indices")),
    ("first_action_for_max", "column 0", (_BEST, "next_q[:, 0]")),
    ("max_over_wrong_axis", "no axis", (_BEST, "next_q.max()")),
    ("max_over_wrong_axis", "axis 0", (_BEST, "next_q.max(dim=0).values")),
    ("max_as_a_pair", "max without values", (_BEST, "next_q.max(dim=1)")),
    ("max_as_a_pair", "max without values, times gamma", (_SUM, "reward + gamma * next_q.max(dim=1) * ~terminated")),
    ("column_beside_a_row", "keepdim", (_BEST, "next_q.max(dim=1, keepdim=True).values")),
    ("size_for_value", "largest size", (_BEST, "next_q.abs().max(dim=1).values")),
    ("values_cut_at_0", "clamp", (_BEST, "next_q.max(dim=1).values.clamp(min=0)")),
    ("gamma_forgotten+stops_at_truncated", "two at once", ("gamma * ~terminated", "~(terminated | truncated)")),
    ("bootstraps_on_terminated+mean_for_max", "two others", (_SUM, "reward + gamma * next_q.mean(1)")),
]

_TD_UNLISTED = [
    ("failed", "gamma squared", ("gamma * ~", "gamma**2 * ~")),
    ("failed", "one number", (_SUM, "(reward + gamma * ~terminated * best).mean()")),
    ("failed", "as a column", (_SUM, "(reward + gamma * ~terminated * best).unsqueeze(1)")),
    ("error", "misspelled", ("next_q.max", "next_q.maximal")),
    ("error", "another number of arguments", ("truncated, ", "")),
]

DOUBLE_SOURCE = """
def double_target(reward, terminated, truncated, next_q_online, next_q_target, gamma):
    chosen = next_q_online.argmax(dim=1, keepdim=True)
    best = next_q_target.gather(1, chosen).squeeze(1)
    return reward + gamma * ~terminated * best
"""

_DOUBLE_VALID = [
    (
        "by indexing",
        """
def double_target(reward, terminated, truncated, next_q_online, next_q_target, gamma):
    rows = torch.arange(len(reward))
    value = next_q_target[rows, torch.argmax(next_q_online, -1)]
    value[terminated] = 0
    return reward + gamma * value
""",
    ),
    (
        "one hot",
        """
def double_target(reward, terminated, truncated, next_q_online, next_q_target, gamma):
    hot = torch.nn.functional.one_hot(next_q_online.max(1).indices, next_q_online.shape[1])
    value = (hot * next_q_target).sum(-1)
    return torch.where(terminated, reward, reward + gamma * value)
""",
    ),
    (
        "row by row in numpy",
        """
def double_target(reward, terminated, truncated, next_q_online, next_q_target, gamma):
    y = reward.numpy().copy()
    for row in range(len(y)):
        if not terminated[row]:
            y[row] += gamma * next_q_target[row][int(np.argmax(next_q_online[row].numpy()))].item()
    return y
""",
    ),
]

_CHOSEN, _GATHERED = "next_q_online.argmax(dim=1, keepdim=True)", "next_q_target.gather(1, chosen).squeeze(1)"

_DOUBLE_WRONG = [
    *ends("~terminated"),
    *_SHARED,
    ("online_for_both", "gathers from the online network", (_GATHERED, "next_q_online.gather(1, chosen).squeeze(1)")),
    ("online_for_both", "max of the online network", (_GATHERED, "next_q_online.amax(1)")),
    ("target_for_both", "chooses with the target network", (_CHOSEN, "next_q_target.argmax(dim=1, keepdim=True)")),
    (
        "roles_swapped",
        "both exchanged",
        (_CHOSEN, "next_q_target.argmax(dim=1, keepdim=True)"),
        (_GATHERED, "next_q_online.gather(1, chosen).squeeze(1)"),
    ),
    ("smaller_of_two", "smaller maximum", (_GATHERED, "torch.minimum(next_q_online.amax(1), next_q_target.amax(1))")),
    ("smaller_of_two", "best of the smaller", (_GATHERED, "torch.minimum(next_q_online, next_q_target).amax(1)")),
    ("column_beside_a_row", "no squeeze", (".squeeze(1)", "")),
    ("mean_of_two", "best of the mean", (_GATHERED, "((next_q_online + next_q_target) / 2).amax(1)")),
    ("mean_of_two", "mean of the best", (_GATHERED, "(next_q_online.amax(1) + next_q_target.amax(1)) / 2")),
    ("worst_action_chosen", "argmin", ("argmax", "argmin")),
    ("argmax_for_value", "the place itself", (_GATHERED, "chosen.squeeze(1)")),
    (
        "every_choice_in_every_row",
        "columns",
        (_GATHERED, "next_q_target[:, chosen.squeeze(1)]"),
    ),
    (
        "online_for_both+stops_at_truncated",
        "two at once",
        (_GATHERED, "next_q_online.amax(1)"),
        ("~terminated", "~(truncated | terminated)"),
    ),
    (
        "bootstraps_on_terminated+roles_swapped",
        "two others",
        ("* ~terminated ", ""),
        ("online.argmax", "target.argmax"),
        ("best = next_q_target", "best = next_q_online"),
    ),
]

_DOUBLE_UNLISTED = [
    ("failed", "gamma squared", ("gamma * ~", "gamma**2 * ~")),
    ("failed", "sum of both", (_GATHERED, "next_q_target.amax(1) + next_q_online.amax(1)")),
    (
        "failed",
        "as a column",
        (".squeeze(1)", ""),
        ("reward + gamma * ~terminated", "reward[:, None] + gamma * ~terminated[:, None]"),
    ),
    ("error", "misspelled", (".gather(", ".gathers(")),
]

ANSWERS = [
    *answers("reinforcement.td_target", TD_SOURCE, valid=_TD_VALID, wrong=_TD_WRONG, unlisted=_TD_UNLISTED),
    *answers(
        "reinforcement.double_target",
        DOUBLE_SOURCE,
        valid=_DOUBLE_VALID,
        wrong=_DOUBLE_WRONG,
        unlisted=_DOUBLE_UNLISTED,
    ),
]
