"""To the integers of a grid and back: where learners go wrong."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from optcourse.grading.definitions import CONVENTION, Case, Tolerance, Variant
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, facts
from optcourse.grading.kinds import function_check
from optcourse.grading.untouched import leaving_alone

ORDER_ADVICE = "Divide, round, add the zero-point, clamp: in this order."
BACK_ADVICE = "Undo the steps in reverse order: take off the zero-point, then multiply by the scale."
STORED_ADVICE = "Take differences in a wide type: `q.to(x.dtype) - zero_point`."


def quantize(
    x: Tensor, scale: float, zero_point: int, quant_min: int, quant_max: int, **switches: str
) -> tuple[Tensor, Tensor]:
    """(q, x_hat); the switches say which mistake is made at each place."""
    if switches.get("limits") == "always 0 to 255":
        quant_min, quant_max = 0, 255
    steps = {"divided": x / scale, "multiplied": x * scale, "forgotten": x}[switches.get("division", "divided")]
    z = {"added": zero_point, "subtracted": -zero_point, "forgotten": 0}[switches.get("zero", "added")]
    inside = switches.get("rounding") == "with zero-point"
    rounded = _rounded(steps + z if inside else steps, switches.get("rounding", "even"))
    q = _clamped(rounded - z if inside else rounded, z, quant_min, quant_max, switches.get("clamp", "last"))
    kind = switches.get("stored", "wide")
    if kind.startswith("at last"):
        return _wrapped(q, kind), _back(q, scale, zero_point, quant_min, "difference times scale")
    if kind != "wide":
        q = _wrapped(q, kind)
        return q, _wrapped(q - zero_point, kind) * scale
    return q, _back(q, scale, zero_point, quant_min, switches.get("back", "difference times scale"))


def _wrapped(q: Tensor, kind: str) -> Tensor:
    """As an 8-bit type holds it."""
    least = -128 if kind.endswith(" int8") else 0
    return (q - least) % 256 + least


def _rounded(steps: Tensor, kind: str) -> Tensor:
    roundings: dict[str, Callable[[Tensor], Tensor]] = {
        "even": torch.round,
        "with zero-point": torch.round,
        "down": torch.floor,
        "up": torch.ceil,
        "cut": torch.trunc,
        "none": lambda t: t,
        "half up": lambda t: torch.floor(t + 0.5),
        "half away": lambda t: torch.sign(t) * torch.floor(t.abs() + 0.5),
    }
    return roundings[kind](steps)


def _clamped(rounded: Tensor, z: float, quant_min: int, quant_max: int, kind: str) -> Tensor:
    q = rounded + z
    return {
        "last": lambda: q.clamp(quant_min, quant_max),
        "never": lambda: q,
        "below": lambda: q.clamp(min=quant_min),
        "above": lambda: q.clamp(max=quant_max),
        "first": lambda: rounded.clamp(quant_min, quant_max) + z,
        "wraps": lambda: (q - quant_min) % (quant_max - quant_min + 1) + quant_min,
        "symmetric": lambda: q.clamp(-quant_max, quant_max),
        "last but one": lambda: q.clamp(quant_min, quant_max - 1),
    }[kind]()


def _back(q: Tensor, scale: float, zero_point: int, quant_min: int, kind: str) -> Tensor:
    least = 0 if quant_min >= 0 else -128
    return {
        "difference times scale": lambda: (q - zero_point) * scale,
        "sum": lambda: (q + zero_point) * scale,
        "no zero-point": lambda: q * scale,
        "zero-point last": lambda: q * scale - zero_point,
        "divided": lambda: (q - zero_point) / scale,
        "in 8 bits": lambda: ((q - zero_point - least) % 256 + least) * scale,
    }[kind]()


VARIANTS = (
    *(
        Variant(
            "floor_for_round",
            {"rounding": kind},
            f"Numbers are {what} instead of to the nearest integer: the error reaches a whole step.",
            "`torch.round`",
        )
        for kind, what in (("down", "rounded down"), ("cut", "cut off toward 0"), ("up", "rounded up"))
    ),
    Variant("not_rounded", {"rounding": "none"}, "Nothing is rounded: q holds fractions.", "`torch.round`"),
    Variant(
        "half_up",
        {"rounding": "half up"},
        "Right in the form that adds 1/2 and rounds down. torch and ONNX take the even neighbor of a tie; the two are "
        "equal unless x / scale lies midway between two integers.",
        "`torch.round` takes ties to the even neighbor.",
        kind=CONVENTION,
    ),
    Variant(
        "half_away_from_zero",
        {"rounding": "half away"},
        "Right in the form of C's `round`, which takes ties away from 0. torch and ONNX take the even neighbor; the "
        "two are equal unless x / scale lies midway between two integers.",
        "`torch.round` takes ties to the even neighbor.",
        kind=CONVENTION,
    ),
    Variant(
        "rounds_with_zero_point",
        {"rounding": "with zero-point"},
        "Right in the form that rounds x / scale + zero_point. Here the zero-point is added after rounding; the two "
        "are equal unless x / scale lies midway between two integers and the zero-point is odd.",
        "Round x / scale first.",
        kind=CONVENTION,
    ),
    Variant(
        "not_clamped",
        {"clamp": "never"},
        "Nothing is clamped: numbers beyond the grid get integers that do not exist.",
        ORDER_ADVICE,
    ),
    *(
        Variant("clamped_on_one_side", {"clamp": side}, f"Integers are clamped {side} the grid alone.", ORDER_ADVICE)
        for side in ("below", "above")
    ),
    Variant(
        "clamped_before_zero_point",
        {"clamp": "first"},
        "The clamp comes before the zero-point is added, so the result may still leave the grid.",
        ORDER_ADVICE,
    ),
    Variant(
        "wraps_around",
        {"clamp": "wraps"},
        "Numbers beyond the grid come out at its other end, as a cast to 8 bits wraps them.",
        "Clamp before you convert to an integer type.",
    ),
    Variant(
        "limits_ignored",
        {"limits": "always 0 to 255"},
        "The clamp is to 0 and 255, whatever quant_min and quant_max are.",
        "The limits are arguments of your function.",
    ),
    Variant(
        "limits_ignored",
        {"clamp": "symmetric"},
        "The clamp is to -quant_max and quant_max; the lower limit is quant_min.",
        "The limits are arguments of your function.",
    ),
    Variant(
        "last_integer_unused",
        {"clamp": "last but one"},
        "The greatest integer is never used: the clamp ends at quant_max - 1.",
        "Both limits belong to the grid.",
    ),
    Variant(
        "zero_point_subtracted",
        {"zero": "subtracted"},
        "On the way to the integers the zero-point is taken off. There it is added; it is taken off on the way back.",
        ORDER_ADVICE,
    ),
    Variant("zero_point_forgotten", {"zero": "forgotten"}, "No zero-point is added to q.", ORDER_ADVICE),
    Variant(
        "multiplied_by_scale",
        {"division": "multiplied"},
        "x is multiplied by the scale. The scale is the size of a step, and x / scale counts steps.",
        ORDER_ADVICE,
    ),
    Variant("scale_forgotten", {"division": "forgotten"}, "x is rounded as it is, without the scale.", ORDER_ADVICE),
    Variant(
        "zero_point_added_back",
        {"back": "sum"},
        "On the way back the zero-point is added once more; there it is taken off.",
        BACK_ADVICE,
    ),
    Variant(
        "zero_point_kept",
        {"back": "no zero-point"},
        "On the way back the zero-point is not taken off, so 0 does not come back as 0.",
        BACK_ADVICE,
    ),
    Variant(
        "zero_point_in_units_of_x",
        {"back": "zero-point last"},
        "On the way back the zero-point is taken off after scaling. It counts steps, so it is taken off before.",
        BACK_ADVICE,
    ),
    Variant("divided_back", {"back": "divided"}, "On the way back q is divided by the scale once more.", BACK_ADVICE),
    Variant(
        "difference_in_8_bits",
        {"back": "in 8 bits"},
        "q - zero_point is computed in 8 bits, where it wraps around: as uint8, 3 - 50 is 209.",
        STORED_ADVICE,
    ),
    Variant(
        "difference_in_8_bits",
        {"stored": "as uint8"},
        "q is stored as uint8. q - zero_point wraps around there (3 - 50 is 209), and so do all integers below 0.",
        STORED_ADVICE,
    ),
    *(
        Variant(
            "integers_do_not_fit",
            {"stored": kind},
            message,
            "Which type holds every integer from quant_min to quant_max? Any wide one does.",
        )
        for kind, message in (
            ("as int8", "q is stored as int8, which ends at 127: integers above it come out negative."),
            ("at last as int8", "q is returned as int8, which ends at 127: integers above it come out negative."),
            ("at last as uint8", "q is returned as uint8, which begins at 0: integers below it come out above 127."),
        )
    ),
)


def cases(seed: int) -> Sequence[Case]:
    """Numbers inside a grid, beyond both ends, and midway between two of its numbers; ties stand in the last case."""
    numbers = Numbers("quantization.quantize", seed)

    def placed(q: Tensor, scale: float, zero_point: int) -> Tensor:
        """Numbers near the integers q of a grid: 0.1 to 0.4 steps off, on either side."""
        off = 0.1 + 0.3 * numbers.uniform(*q.shape)
        off *= torch.where(numbers.uniform(*q.shape) < 0.5, -1.0, 1.0)
        off.view(-1)[:2] = torch.tensor([0.3, -0.3])  # so that up and down are both there
        return (q - zero_point + off) * scale

    def integers(low: int, high: int, *shape: int) -> Tensor:
        q = (low + (high - low) * numbers.uniform(*shape)).round()
        q.view(-1)[:4] = torch.tensor([low, high, high, low]).double()  # both ends, from both sides
        return q

    def between(low: int, high: int) -> int:
        return numbers.distinct(1, range(low, high))[0]

    scale = numbers.between(0.02, 0.06)
    z, signed, narrow = between(90, 120), between(-50, -20), between(4, 7)
    wide = numbers.between(0.2, 0.4)
    tied = 2 * between(5, 20) + 1
    ties = torch.tensor([-4.5, -3.5, -1.5, -0.5, 0.5, 1.5, 2.5, 6.5]).double() * 0.25
    far = torch.tensor([-400, 700, -180, 390, -65, 300]).double()
    far_signed = torch.tensor([-300, 260, -190, 200, -150, 140]).double()
    return (
        Case("numbers inside the grid", (placed(integers(2, 253, 3, 5), scale, z), scale, z, 0, 255)),
        Case("0 among them", (torch.tensor([0.0, -0.0, 7.3 * scale]).double(), scale, z, 0, 255)),
        Case("numbers beyond both ends", (placed(far, scale, z), scale, z, 0, 255)),
        Case("-128 to 127", (placed(integers(-126, 125, 4, 3).T, scale, signed), scale, signed, -128, 127)),
        Case("beyond -128 and 127", (placed(far_signed, scale, signed), scale, signed, -128, 127)),
        Case("4 bits", (placed(integers(-4, 19, 2, 7), wide, narrow), wide, narrow, 0, 15)),
        Case("4 bits with a sign", (placed(integers(-13, 11, 2, 6), wide, -2), wide, -2, -8, 7)),
        Case("midway between two integers", (ties, 0.25, tied, 0, 255)),
    )


QUANTIZE = leaving_alone(
    function_check(
        "quantization.quantize",
        cases,
        quantize,
        variants=VARIANTS,
        behaviours=(NOTHING_RETURNED,),
        facts=facts(quantize),
        tolerance=Tolerance(1e-5, 1e-6),
        look_next=ORDER_ADVICE,
        praise="Right: inside the grid your error is at most half a step, and 0 comes back as 0.",
    ),
    "x",
    because="The net goes on computing with x, and x_hat - x is the error of rounding.",
)
