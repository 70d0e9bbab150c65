"""A straight schedule: where learners go wrong."""

import math
from collections.abc import Sequence

from optcourse.grading.checks.reinforcement.shared import numbers_check
from optcourse.grading.definitions import Case, Variant
from optcourse.grading.drawing import Numbers

ADVICE = "How far along is it? step / steps, and at most 1. Walk that share of the way from start to end."


def epsilon(episode: int, step: int, start: float, end: float, steps: int, **switches: str) -> float:
    """The value at a step; the switches say which mistake is made at each place."""
    moment = episode if switches.get("unit") == "episodes" else step
    share = {
        "straight": lambda: moment / steps,
        "one early": lambda: (moment + 1) / steps,
        "one late": lambda: (moment - 1) / steps,
        "one shorter": lambda: moment / (steps - 1),
        "one longer": lambda: moment / (steps + 1),
        "starts over": lambda: (moment % steps) / steps,
        "turned round": lambda: 1 - min(moment / steps, 1.0),
    }[switches.get("shape", "straight")]()
    if switches.get("bounds") != "none":
        share = min(share, 1.0)
    return {
        "line": lambda: start + (end - start) * share,
        "exponential": lambda: start * (end / start) ** share,
        "decay": lambda: end + (start - end) * math.exp(-moment / steps),
        "towards 0": lambda: max(start * (1 - share), end),
        "falls alone": lambda: max(start + (end - start) * moment / steps, end),
        "rises alone": lambda: min(start + (end - start) * moment / steps, end),
        "a slope too steep": lambda: start - start * share,
        "from 0": lambda: (end - start) * share,
        "jump": lambda: start if moment < steps else end,
    }[switches.get("value", "line")]()


VARIANTS = (
    Variant(
        "counts_episodes",
        {"unit": "episodes"},
        "The schedule is called with the number of episodes; asked for is the number of steps. Episodes grow longer "
        "as the policy improves, so that it would fall ever more slowly.",
        "`step`, not `episode`.",
    ),
    *(
        Variant(id, {"shape": kind}, message, ADVICE)
        for id, kind, message in (
            ("one_step_early", "one early", "It is one step ahead: at step 0 it should be exactly start."),
            ("one_step_late", "one late", "It is one step late: at step 0 it should be exactly start."),
            ("steps_off_by_one", "one shorter", "It arrives one step early: `end` is reached at step `steps` itself."),
            ("steps_off_by_one", "one longer", "It arrives one step late: `end` is reached at step `steps` itself."),
            ("starts_over", "starts over", "It starts anew after `steps` steps; it should stay at end."),
            ("turned_round", "turned round", "It runs from end to start."),
        )
    ),
    Variant(
        "goes_past_the_end",
        {"bounds": "none"},
        "After `steps` steps it goes on along the line, past end. A probability below 0 explores never again.",
        "`min(step / steps, 1)`",
    ),
    *(
        Variant(id, {"value": kind}, message, ADVICE)
        for id, kind, message in (
            (
                "exponential_for_linear",
                "exponential",
                "It falls by equal factors, not by equal amounts: that is an exponential schedule.",
            ),
            (
                "exponential_for_linear",
                "decay",
                "It falls as exp(-step / steps), as in some tutorials: steep at first, and still far from end at step "
                "`steps`. Asked for is a straight line.",
            ),
            (
                "line_towards_0",
                "towards 0",
                "The line runs from start to 0 and is cut off at end, so that it gets there too early.",
            ),
            (
                "only_falls",
                "falls alone",
                "`max(..., end)` holds a falling line, and turns a rising one into end at once. (Other settings rise.)",
            ),
            ("only_rises", "rises alone", "`min(..., end)` holds a rising line; a falling one is end at once."),
            ("end_ignored", "a slope too steep", "The line ends in 0; `end` has no effect."),
            ("start_forgotten", "from 0", "The line begins in 0: start is missing."),
            (
                "jumps",
                "jump",
                "It stays at start and then jumps to end, as `//` makes it: asked for is a straight line between.",
            ),
        )
    ),
)


def cases(seed: int) -> Sequence[Case]:
    """Moments of a falling line, then of a rising one."""
    numbers = Numbers("reinforcement.epsilon", seed)
    start, end = numbers.between(0.8, 1.0), numbers.between(0.05, 0.2)
    steps = numbers.distinct(1, (8, 10, 12, 15))[0]
    low, high = numbers.between(0.3, 0.5), numbers.between(0.8, 1.0)

    def falling(step: int) -> tuple:
        return 2 + step // 3, step, start, end, steps

    return (
        Case("the first step", falling(0)),
        Case("half of the way", falling(steps // 2)),
        Case("most of the way", falling(steps - 1)),
        Case("the last step of the line", falling(steps)),
        Case("long after", falling(5 * steps // 2)),
        Case("a line that rises", (1, steps // 3, low, high, steps)),
        Case("long after a line that rises", (steps + 3, 4 * steps, low, high, steps)),
    )


EPSILON = numbers_check(
    "reinforcement.epsilon",
    cases,
    epsilon,
    variants=VARIANTS,
    look_next=ADVICE,
    praise="Right: a straight line in steps, and constant after it.",
)
