"""Answers to the exercise on the rows of a vector environment."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def transitions(terminated, truncated):
    ended = terminated | truncated
    kept = torch.ones_like(ended)
    kept[1:] = ~ended[:-1]
    steps = kept.sum(dim=1).cumsum(dim=0)
    return kept, steps
"""

_VALID = [
    (
        "call by call",
        """
def transitions(terminated, truncated):
    calls, environments = terminated.shape
    kept, steps, total = [], [], 0
    resetting = [False] * environments
    for t in range(calls):
        row = [not r for r in resetting]
        total += sum(row)
        kept.append(row)
        steps.append(total)
        resetting = [bool(terminated[t, b] or truncated[t, b]) for b in range(environments)]
    return kept, steps
""",
    ),
    (
        "in numpy, a row of zeros in front",
        """
def transitions(terminated, truncated):
    ended = np.logical_or(terminated.numpy(), truncated.numpy())
    resets = np.vstack([np.zeros((1, ended.shape[1]), bool), ended[:-1]])
    return np.logical_not(resets), np.cumsum((~resets).sum(1))
""",
    ),
    (
        "as numbers, by roll",
        """
def transitions(terminated, truncated):
    resets = (terminated.long() + truncated.long()).clamp(max=1).roll(1, dims=0)
    resets[0] = 0
    return [1 - resets, torch.cumsum((1 - resets).sum(1), 0)]
""",
    ),
]

_KEPT = "kept[1:] = ~ended[:-1]"
_ENDED = "ended = terminated | truncated"
_STEPS = "steps = kept.sum(dim=1).cumsum(dim=0)"

_WRONG = [
    ("keeps_resets", "all rows", (_KEPT, "pass")),
    ("drops_the_last_step", "rows that end", (_KEPT, "kept = ~ended")),
    ("drops_end_and_reset", "both", (_KEPT, f"{_KEPT}\n    kept &= ~ended")),
    ("last_call_wraps_to_the_first", "roll", (_KEPT, "kept = ~ended.roll(1, dims=0)")),
    ("drops_the_row_before", "the other way", (_KEPT, "kept[:-1] = ~ended[1:]")),
    ("wrong_axis", "columns", (_KEPT, "kept[:, 1:] = ~ended[:, :-1]")),
    ("drops_whole_calls", "any", (_KEPT, "kept[1:] = ~ended[:-1].any(dim=1, keepdim=True)")),
    ("stops_after_the_first_end", "for good", (_KEPT, "kept[1:] = ended[:-1].long().cumsum(dim=0) == 0")),
    (
        "mask_turned_round",
        "resets",
        ("torch.ones_like(ended)", "torch.zeros_like(ended)"),
        (_KEPT, "kept[1:] = ended[:-1]"),
    ),
    ("truncated_resets_kept", "terminated alone", (_ENDED, "ended = terminated")),
    ("terminated_resets_kept", "truncated alone", (_ENDED, "ended = truncated")),
    ("ends_when_both", "and", (_ENDED, "ended = terminated & truncated")),
    ("counts_calls", "calls", (_STEPS, "steps = torch.arange(1, len(kept) + 1)")),
    ("counts_resets", "all rows", (_STEPS, "steps = torch.arange(1, len(kept) + 1) * kept.shape[1]")),
    ("not_added_up", "no cumsum", (_STEPS, "steps = kept.sum(dim=1)")),
    ("counts_by_environment", "axis 0", (_STEPS, "steps = kept.sum(dim=0)")),
    ("counts_by_environment", "axis 0, so far", (_STEPS, "steps = kept.cumsum(dim=0)")),
    (
        "first_call_left_out",
        "zeros to begin with",
        ("torch.ones_like(ended)", "torch.zeros_like(ended)"),
    ),
    ("counts_one_call_late", "exclusive", (_STEPS, f"{_STEPS} - kept.sum(dim=1)")),
    ("total_alone", "one number", (_STEPS, "steps = kept.sum()")),
    ("subtracts_flags", "1 - ended", (_KEPT, "kept[1:] = 1 - ended[:-1]")),
    ("asks_all_flags_at_once", "or for |", (_ENDED, "ended = terminated or truncated")),
    ("nothing_returned", "no return", ("    return kept, steps\n", "")),
    (
        "counts_calls+keeps_resets",
        "as a plain loop does",
        (_KEPT, "pass"),
        (_STEPS, "steps = torch.arange(1, len(kept) + 1)"),
    ),
    ("drops_the_last_step+not_added_up", "two others", (_KEPT, "kept = ~ended"), (_STEPS, "steps = kept.sum(dim=1)")),
]

_UNLISTED = [
    ("failed", "the mask alone", ("return kept, steps", "return kept")),
    ("failed", "exchanged", ("return kept, steps", "return steps, kept")),
    ("failed", "two rows later", (_KEPT, "kept[2:] = ~ended[:-2]")),
    ("error", "misspelled", ("ones_like", "one_like")),
]

ANSWERS = answers("reinforcement.transitions", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
