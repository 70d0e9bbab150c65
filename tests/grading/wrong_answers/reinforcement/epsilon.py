"""Answers to the exercise on exploring less and less."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def epsilon(episode, step, start, end, steps):
    share = min(step / steps, 1.0)
    return start + (end - start) * share
"""

_VALID = [
    (
        "with an if",
        """
def epsilon(episode, step, start, end, steps):
    if step >= steps:
        return end
    return start - (start - end) / steps * step
""",
    ),
    (
        "numpy's interp",
        """
def epsilon(episode, step, start, end, steps):
    return np.interp(step, [0, steps], [start, end])
""",
    ),
    (
        "torch's lerp",
        """
def epsilon(episode, step, start, end, steps):
    weight = torch.tensor(step / steps, dtype=torch.float64).clamp(max=1)
    return torch.lerp(torch.tensor(start, dtype=torch.float64), torch.tensor(end, dtype=torch.float64), weight)
""",
    ),
]

_SHARE, _LINE = "min(step / steps, 1.0)", "start + (end - start) * share"

_WRONG = [
    ("counts_episodes", "episode for step", ("step / steps", "episode / steps")),
    ("one_step_early", "step + 1", ("step / steps", "(step + 1) / steps")),
    ("one_step_late", "step - 1", ("step / steps", "(step - 1) / steps")),
    ("steps_off_by_one", "steps - 1", ("step / steps", "step / (steps - 1)")),
    ("steps_off_by_one", "steps + 1", ("step / steps", "step / (steps + 1)")),
    ("jumps", "//", ("step / steps", "step // steps")),
    ("starts_over", "%", ("step / steps", "step % steps / steps")),
    ("turned_round", "from end to start", (_LINE, "end + (start - end) * share")),
    ("turned_round", "1 - share", (_SHARE, "1 - min(step / steps, 1.0)")),
    ("goes_past_the_end", "no min", (_SHARE, "step / steps")),
    ("exponential_for_linear", "factors", (_LINE, "start * (end / start) ** share")),
    ("exponential_for_linear", "exp", (_LINE, "end + (start - end) * math.exp(-step / steps)")),
    ("line_towards_0", "max at the end", (_LINE, "max(start * (1 - share), end)")),
    ("only_falls", "max for min", (_SHARE, "step / steps"), (_LINE, "max(start + (end - start) * share, end)")),
    ("only_rises", "min of the values", (_SHARE, "step / steps"), (_LINE, "min(start + (end - start) * share, end)")),
    ("end_ignored", "to 0", (_LINE, "start * (1 - share)")),
    ("start_forgotten", "the slope alone", (_LINE, "(end - start) * share")),
    ("jumps", "a jump", (_LINE, "start if step < steps else end")),
    ("nothing_returned", "no return", ("return start", "value = start")),
    ("counts_episodes+goes_past_the_end", "two at once", (_SHARE, "episode / steps")),
    (
        "exponential_for_linear+one_step_early",
        "two others",
        ("step / steps", "(step + 1) / steps"),
        (_LINE, "start * (end / start) ** share"),
    ),
]

_UNLISTED = [
    ("failed", "a cosine", (_LINE, "end + (start - end) * (1 + math.cos(math.pi * share)) / 2")),
    ("failed", "a constant", (_LINE, "0.1")),
    ("failed", "a list", (_LINE, "[start, end]")),
    ("error", "a schedule", (_LINE, "lambda step: start")),
]

ANSWERS = answers("reinforcement.epsilon", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
