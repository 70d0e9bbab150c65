"""Which rows of a vector environment are transitions: where learners go wrong."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.checks.reinforcement.shared import FLAGS_AS_TENSORS, numbers_check
from optcourse.grading.definitions import Case, Variant
from optcourse.grading.drawing import Numbers

ROW_ADVICE = (
    "Look at one environment, call by call. The call in which it ends is a real step. The next call only resets it: "
    "its action is ignored and its reward is 0. The one after that is a real step again."
)
COUNT_ADVICE = "A step is one transition of one environment. Add up the kept rows of each call, then over the calls."


def transitions(terminated: Tensor, truncated: Tensor, **switches: str) -> tuple[np.ndarray, np.ndarray]:
    """(kept, steps); the switches say which mistake is made at each place."""
    term, trunc = terminated.numpy(), truncated.numpy()
    ended = {
        "either": term | trunc,
        "terminated": term,
        "truncated": trunc,
        "both": term & trunc,
    }[switches.get("ended", "either")]
    before = np.zeros_like(ended)
    before[1:] = ended[:-1]
    following = np.zeros_like(ended)
    following[:-1] = ended[1:]
    beside = np.zeros_like(ended)
    beside[:, 1:] = ended[:, :-1]
    kept = {
        "all but resets": ~before,
        "all": np.ones_like(ended),
        "all but ends": ~ended,
        "neither": ~(ended | before),
        "wrapped": ~np.roll(ended, 1, axis=0),
        "before ends": ~following,
        "beside": ~beside,
        "whole calls": np.repeat(~before.any(axis=1, keepdims=True), ended.shape[1], axis=1),
        "until the first end": ~np.maximum.accumulate(before, axis=0),
        "resets alone": before,
        "not the first call": ~before & (np.arange(len(ended)) > 0)[:, None],
    }[switches.get("kept", "all but resets")]
    calls, environments = kept.shape
    steps = {
        "kept rows": kept.sum(axis=1).cumsum(),
        "calls": np.arange(1, calls + 1),
        "all rows": np.arange(1, calls + 1) * environments,
        "not added up": kept.sum(axis=1),
        "each environment": kept.sum(axis=0),
        "one call late": kept.sum(axis=1).cumsum() - kept.sum(axis=1),
        "each environment so far": kept.cumsum(axis=0),
        "total": kept.sum(),
    }[switches.get("steps", "kept rows")]
    return kept.astype(float), np.asarray(steps, dtype=float)


VARIANTS = (
    *(
        Variant(id, {"kept": kind}, message, ROW_ADVICE)
        for id, kind, message in (
            (
                "keeps_resets",
                "all",
                "Every row is kept. After an end the next call only resets: its action did nothing, and from the last "
                "state of one episode it leads to the first of another.",
            ),
            (
                "drops_the_last_step",
                "all but ends",
                "The row in which an episode ends is left out, and the reset after it is kept. It is the other way "
                "round: the last step says what ended the episode.",
            ),
            (
                "drops_end_and_reset",
                "neither",
                "The reset is left out, but the step in which the episode ended is left out too. It is a real step.",
            ),
            (
                "last_call_wraps_to_the_first",
                "wrapped",
                "The first call is treated as coming after the last one, as `roll` does. Nothing ended before it.",
            ),
            ("drops_the_row_before", "before ends", "The row before an end is left out, not the one after it."),
            (
                "wrong_axis",
                "beside",
                "The row of the neighboring environment is left out. Calls are on axis 0, environments on axis 1.",
            ),
            (
                "drops_whole_calls",
                "whole calls",
                "When one environment resets, the rows of all are left out. The others made real steps.",
            ),
            (
                "stops_after_the_first_end",
                "until the first end",
                "After its first end an environment is left out for good. It is reset, and goes on.",
            ),
            (
                "first_call_left_out",
                "not the first call",
                "The first call is left out. Everything was reset before it, so that its rows are real steps.",
            ),
            ("mask_turned_round", "resets alone", "What is kept is what should be left out: the resets."),
        )
    ),
    *(
        Variant(id, {"ended": kind}, message, ROW_ADVICE)
        for id, kind, message in (
            (
                "truncated_resets_kept",
                "terminated",
                "Resets are left out after terminated steps alone. A truncated episode is reset as well.",
            ),
            (
                "terminated_resets_kept",
                "truncated",
                "Resets are left out after truncated steps alone. A terminated episode is reset as well.",
            ),
            (
                "ends_when_both",
                "both",
                "Resets are left out only where both flags were true. Either of them ends the episode.",
            ),
        )
    ),
    *(
        Variant(id, {"steps": kind}, message, COUNT_ADVICE)
        for id, kind, message in (
            (
                "counts_calls",
                "calls",
                "Calls are counted. One call makes a step in every environment that is not reset.",
            ),
            ("counts_resets", "all rows", "All rows are counted, the resets too. Only rows that are kept are steps."),
            ("not_added_up", "not added up", "The steps of each call are given; asked for is their sum so far."),
            ("counts_by_environment", "each environment", "Each environment's steps are counted, not those so far."),
            (
                "counts_by_environment",
                "each environment so far",
                "The steps of each environment are counted for itself; asked for is one number after each call, over "
                "all environments.",
            ),
            ("counts_one_call_late", "one call late", "The steps before each call are given; count its own as well."),
            ("total_alone", "total", "Only the sum over all calls is given; asked for is one number after each call."),
        )
    ),
)


def cases(seed: int) -> Sequence[Case]:
    """From one environment to several; a reset never ends an episode, as in a real environment."""
    numbers = Numbers("reinforcement.transitions", seed)

    def problem(calls: int, environments: int, ends: Sequence[tuple[int, int, str]]):
        terminated, truncated = (torch.zeros(calls, environments, dtype=torch.bool) for _ in range(2))
        for call, environment, end in ends:
            terminated[call, environment] = end != "truncated"
            truncated[call, environment] = end != "terminated"
        return terminated, truncated

    a, b = numbers.distinct(1, (1, 2))[0], numbers.distinct(1, (4, 5))[0]
    first, second, third = numbers.distinct(3, (0, 1, 2))
    return (
        Case("no end", problem(3, 2, [])),
        Case("one environment, a terminated step", problem(6, 1, [(a, 0, "terminated")])),
        Case("one environment, a truncated step", problem(6, 1, [(a, 0, "truncated")])),
        Case("two environments that end in turn", problem(7, 2, [(a, 0, "terminated"), (b, 1, "truncated")])),
        Case("both flags at once", problem(5, 3, [(a, first, "both")])),
        Case(
            "ends of every kind, the last call among them",
            problem(
                9,
                3,
                [
                    (0, first, "truncated"),
                    (a + 1, second, "both"),
                    (b, first, "terminated"),
                    (b + 1, third, "truncated"),
                    (b + 2, first, "truncated"),
                    (8, second, "terminated"),
                ],
            ),
        ),
    )


TRANSITIONS = numbers_check(
    "reinforcement.transitions",
    cases,
    transitions,
    parts=True,
    variants=VARIANTS,
    behaviours=FLAGS_AS_TENSORS,
    look_next=ROW_ADVICE,
    praise="Right: what enters the replay really happened, and steps are counted over all environments.",
)
