"""What can go wrong in any optimizer: mistakes of the loop around the formula."""

from collections.abc import Mapping
from typing import Any

from optcourse.grading.definitions import Variant

GROUPS_ADVICE = "Loop over `self.param_groups` and read every option from the group, in every step."
NONE_ADVICE = "In step(), start the loop over parameters with: if its `.grad` is None, go on to the next one."

LOOP_VARIANTS = (
    *(
        Variant("ignores_groups", {"options": source}, message, GROUPS_ADVICE)
        for source, message in (
            ("constructor", "step() uses the options given to the constructor; param_groups is not read."),
            ("first group", "Every group is trained with the options of the first group."),
            ("first group alone", "The parameters of the first group alone are updated."),
            ("last group", "Every group is trained with the options of the last group."),
            ("as constructed", "Options that change in param_groups after construction have no effect."),
            ("lr alone", "lr is read from the group, the other options from the constructor."),
            ("all but lr", "lr is read from the constructor, the other options from the group."),
        )
    ),
    Variant(
        "decays_without_gradient",
        {"missing": "zero"},
        "A parameter without gradient is treated as if its gradient were 0: what is remembered of it decays, and it "
        "may move. Without a gradient nothing at all may change.",
        NONE_ADVICE,
    ),
    *(
        Variant("stops_at_none_gradient", {"missing": kind}, message, NONE_ADVICE)
        for kind, message in (
            ("break", "The first parameter without gradient ends the loop: those after it are not updated."),
            ("return", "The first parameter without gradient ends step(): those after it are not updated."),
            ("skip step", "When one parameter has no gradient, no parameter is updated."),
        )
    ),
    *(
        Variant(
            "shared_state",
            {"state": kind},
            f"Parameters {of} share one state: each update mixes in the gradients of another parameter.",
            "Keep a state of its own for each parameter, as `self.state[p]` does.",
        )
        for kind, of in (("shared", ""), ("by group", "of one group"))
    ),
    Variant(
        "sign_flipped",
        {"direction": "up"},
        "The parameters move up the gradient instead of down.",
        "Follow the sign of the update from the formula to the line that changes the parameter.",
    ),
)

VARIANTS = (
    *LOOP_VARIANTS,
    *(
        Variant(
            "state_reset",
            {"state": kind},
            "What should be remembered from step to step starts anew in every step.",
            "Make the state of a parameter once, on its first step, and keep it in `self.state[p]`.",
        )
        for kind in ("reset", "moments reset")
    ),
)


def accepts(description: Mapping[str, Any]) -> str | None:
    """Complains about what is not a class."""
    if description["is_callable"]:
        return None
    return (
        f"The answer is the class itself; yours is a `{description['type']}`. Write its name without parentheses: "
        "the check constructs it with parameters and options of its own."
    )
