"""Mistakes that several answers of this lesson share."""

from tests.grading.wrong_answers.from_text import Row

# Mistakes in what ends mean, for a source whose factor is written as in `mask`.
ENDS = (
    ("bootstraps_on_terminated", "never looks at ends", "1.0"),
    ("stops_at_truncated", "one done", "~(terminated | truncated)"),
    ("flags_exchanged", "truncated for terminated", "~truncated"),
    ("ends_when_both", "and for or", "~(terminated & truncated)"),
    ("bootstraps_at_the_time_limit", "terminated before the limit", "~(terminated & ~truncated)"),
    ("flag_turned_round", "not forgotten", "terminated"),
)


def ends(mask: str) -> list[Row]:
    """A wrong answer for each mistake of `ENDS`.

    Args:
        mask: what stands in the right source for [not terminated].
    """
    return [(id, name, (mask, instead)) for id, name, instead in ENDS]
