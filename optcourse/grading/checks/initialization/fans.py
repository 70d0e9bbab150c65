"""The two fans of a weight: where learners go wrong."""

import math
from collections.abc import Sequence

from optcourse.grading.definitions import Case, Variant, VariantError
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, facts
from optcourse.grading.kinds import function_check

ADVICE = "Count for one output number: how many inputs does it sum over? For one input: how many outputs does it feed?"
GROUP_ADVICE = (
    "torch stores the channels of one group on axis 1, and all channels on axis 0. Which of the two still has to be "
    "divided by the number of groups?"
)
AREA_ADVICE = (
    "The kernel area is the product of all sizes from axis 2 on, however many there are; `math.prod` of none is 1."
)


def fans(shape: Sequence[int], kind: str, groups: int, **switches: str) -> tuple[float, float]:
    """(fan_in, fan_out); the switches say which mistake is made at each place."""
    area = _area(shape, switches.get("area", "product"))
    division = switches.get("division", "by groups")
    if kind == "conv_transpose":
        division = switches.get("division of transposed", division)
    of_all, of_group = _channels(shape, groups, division.removesuffix(", floored late"))
    transposed = kind == "conv_transpose" and "transposed" not in switches
    fan_in, fan_out = (of_all, of_group) if transposed else (of_group, of_all)
    missing = switches.get("area")
    fan_in = fan_in if missing == "not in" else area * fan_in
    fan_out = fan_out if missing == "not out" else area * fan_out
    if division.endswith("floored late"):
        fan_in, fan_out = fan_in // 1, fan_out // 1
    swapped = switches.get("order") == "swapped" or (switches.get("order") == "linear" and kind == "linear")
    return (fan_out, fan_in) if swapped else (fan_in, fan_out)


def _area(shape: Sequence[int], kind: str) -> float:
    kernel = shape[2:]
    if kind == "two dimensions" and len(kernel) == 1:
        raise VariantError("IndexError")
    return {
        "none": 1,
        "two dimensions": math.prod(kernel[:2]),
        "first two": math.prod(kernel[:2]),
        "sum": sum(kernel) or 1,
        "first": math.prod(kernel[:1]),
        "last": math.prod(kernel[-1:]),
        "square of first": math.prod(kernel[:1]) ** 2,
        "square of last": math.prod(kernel[-1:]) ** 2,
        "power of first": math.prod(kernel[:1]) ** len(kernel),
        "power of last": math.prod(kernel[-1:]) ** len(kernel),
    }.get(kind, math.prod(kernel))


def _channels(shape: Sequence[int], groups: int, kind: str) -> tuple[float, float]:
    """Channels counted on axis 0, which torch stores for all groups, and on axis 1, which it stores for one."""
    return {
        "by groups": (shape[0] / groups, shape[1]),
        "ignored": (shape[0], shape[1]),
        "wrong axis": (shape[0], shape[1] / groups),
        "wrong axis floored": (shape[0], shape[1] // groups),
        "both": (shape[0] / groups, shape[1] / groups),
        "both floored": (shape[0] / groups, shape[1] // groups),
        "whole layer": (shape[0], shape[1] * groups),
        "only axis 1": (shape[0] / groups, shape[1] * groups),
    }[kind]


VARIANTS = (
    Variant(
        "swapped_fans",
        {"order": "swapped"},
        "fan_in and fan_out are exchanged.",
        "torch stores a weight as (out, in, ...): fan_in belongs to axis 1, except in a transposed convolution.",
    ),
    Variant(
        "swapped_fans",
        {"order": "linear"},
        "fan_in and fan_out of a linear layer are exchanged: its weight is stored as (out_features, in_features).",
        "`torch.nn.Linear(3, 5).weight.shape` is (5, 3).",
    ),
    *(
        Variant("kernel_area_forgotten", {"area": side}, f"The kernel area is missing in {where}.", AREA_ADVICE)
        for side, where in (("none", "both fans"), ("not in", "fan_in"), ("not out", "fan_out"))
    ),
    Variant(
        "kernel_sizes_added",
        {"area": "sum"},
        "The kernel's sizes are added. A window of 3 by 5 has 15 positions, not 8.",
        AREA_ADVICE,
    ),
    *(
        Variant("one_kernel_size", {"area": axis}, f"Of the kernel's sizes only the {axis} one counts.", AREA_ADVICE)
        for axis in ("first", "last")
    ),
    *(
        Variant(
            "kernel_assumed_square",
            {"area": f"{power} of {axis}"},
            f"The kernel area is a power of its {axis} size: right for square kernels alone.",
            AREA_ADVICE,
        )
        for power in ("square", "power")
        for axis in ("first", "last")
    ),
    *(
        Variant("kernel_assumed_two_dimensional", {"area": kind}, message, AREA_ADVICE)
        for kind, message in (
            ("two dimensions", "The kernel area is the product of two sizes: right for images alone."),
            ("first two", "The kernel area is the product of two sizes at most: not right for volumes."),
        )
    ),
    Variant(
        "groups_ignored",
        {"division": "ignored"},
        "Groups are ignored where axis 0 is used: it holds the channels of all groups, but one number sees, or feeds, "
        "the channels of its own group alone. (`torch.nn.init` ignores them too.)",
        GROUP_ADVICE,
    ),
    *(
        Variant("groups_divide_wrong_axis", {"division": kind}, message, GROUP_ADVICE)
        for kind, message in (
            ("wrong axis", "Axis 1 is divided by the number of groups, and axis 0 is not. It is the other way round."),
            (
                "wrong axis floored",
                "Axis 1 is divided by the number of groups, and axis 0 is not: the other way round.",
            ),
            (
                "wrong axis, floored late",
                "Axis 1 is divided by the number of groups, and axis 0 is not: it is the other way round.",
            ),
            ("both", "Both axes are divided by the number of groups; axis 1 holds the channels of one group already."),
            ("both floored", "Both axes are divided by the number of groups; axis 1 is of one group already."),
            ("both, floored late", "Both axes are divided by the number of groups; axis 1 already is of one group."),
        )
    ),
    Variant(
        "groups_ignored",
        {"division of transposed": "ignored"},
        "In a transposed convolution groups are ignored: axis 0 holds the channels of all groups there too.",
        GROUP_ADVICE,
    ),
    *(
        Variant(
            "groups_divide_wrong_axis",
            {"division of transposed": kind},
            "In a transposed convolution axis 1 is divided by the number of groups. The axes change their roles there, "
            "but axis 0 still holds the channels of all groups, and axis 1 those of one.",
            GROUP_ADVICE,
        )
        for kind in ("wrong axis", "wrong axis floored", "wrong axis, floored late")
    ),
    *(
        Variant("groups_multiplied", {"division": kind}, message, GROUP_ADVICE)
        for kind, message in (
            ("whole layer", "Channels of all groups are counted; a number meets those of its own group alone."),
            ("only axis 1", "Axis 1 is multiplied by the number of groups; it already is what one number meets."),
        )
    ),
    Variant(
        "transposed_as_convolution",
        {"transposed": "as convolution"},
        "A transposed convolution is treated as a convolution. Its weight is stored the other way round: "
        "(in_channels, out_channels / groups, ...). (`torch.nn.init` exchanges the two fans here as well.)",
        "`torch.nn.ConvTranspose2d(6, 4, 3).weight.shape` is (6, 4, 3, 3).",
    ),
)


def cases(seed: int) -> Sequence[Case]:
    """From a linear layer to a grouped transposed convolution; sizes differ, so that nothing agrees by accident."""
    numbers = Numbers("initialization.fans", seed)
    a, b = numbers.distinct(2, (3, 5, 7, 11))
    h, w, d = numbers.distinct(3, (2, 3, 5, 7))
    groups = numbers.distinct(1, (2, 3))[0]
    m = numbers.distinct(1, (3, 5))[0]
    return (
        Case("a linear layer", ((b, a), "linear", 1)),
        Case("a convolution of images", ((b, a, h, w), "conv", 1)),
        Case("a convolution of sequences", ((a, b, d), "conv", 1)),
        Case("a convolution of volumes", ((b, a, w, d, h), "conv", 1)),
        Case("a grouped convolution", ((b * groups, a * groups, w, h), "conv", groups)),
        Case("a depthwise convolution", ((4 * m, 1, h, w), "conv", 4)),
        Case("a transposed convolution", ((a, b, w, h), "conv_transpose", 1)),
        Case("a grouped transposed convolution", ((a * groups, b * groups, h, w), "conv_transpose", groups)),
    )


FANS = function_check(
    "initialization.fans",
    cases,
    fans,
    variants=VARIANTS,
    behaviours=(NOTHING_RETURNED,),
    facts=facts(fans),
    look_next=ADVICE,
    praise="Right: your fans are those of every layer, transposed and grouped ones too.",
)
