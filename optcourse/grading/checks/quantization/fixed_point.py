"""A real multiplier as an integer and a shift: where learners go wrong."""

import math
from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor

from optcourse.grading.definitions import CONVENTION, Case, Tolerance, Variant
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, facts
from optcourse.grading.kinds import function_check
from optcourse.grading.untouched import leaving_alone

MANTISSA_ADVICE = (
    "`fraction, exponent = math.frexp(multiplier)` gives a fraction in [1/2, 1): times 2^31 it has 31 bits."
)
SHIFT_ADVICE = "multiplier = fraction · 2^exponent, and mantissa = fraction · 2^31: how many bits are too much?"
ROUND_ADVICE = "Adding half of 2^shift before the shift makes rounding down a rounding to the nearest."


def requantize(accumulator: Tensor, multiplier: float, **switches: str) -> tuple[int, int, Tensor]:
    """(mantissa, shift, scaled); the switches say which mistake is made at each place."""
    fraction, exponent = math.frexp(multiplier)
    normal = switches.get("normal", "half to one")
    if normal == "never":
        fraction, exponent = multiplier, 0
    if normal == "one to two":
        fraction, exponent = 2 * fraction, exponent - 1
    bits = {"31": 31, "32": 32, "30": 30, "15": 15}[switches.get("bits", "31")]
    exact = fraction * 2.0**bits
    mantissa = math.floor(exact) if switches.get("mantissa") == "cut" else round(exact)
    carried = mantissa == 2**bits and "carry" not in switches and normal == "half to one"
    shift = {"minus": bits - exponent, "plus": bits + exponent, "none": bits, "exponent": -exponent}[
        switches.get("shift", "minus")
    ]
    if carried:
        mantissa, shift = mantissa // 2, shift - 1
    factor = Fraction(mantissa) / Fraction(2) ** shift
    if switches.get("factor") == "real":
        factor = Fraction(multiplier)
    products = [a * factor for a in accumulator.tolist()]
    if switches.get("factor") == "float32":
        products = [Fraction(product) for product in (accumulator.float() * multiplier).tolist()]
    values = [_scaled(product, switches.get("rounding", "half up")) for product in products]
    return mantissa, shift, torch.tensor(values, dtype=torch.float64)


def _scaled(exact: Fraction, rounding: str) -> float:
    return {
        "half up": lambda: math.floor(exact + Fraction(1, 2)),
        "down": lambda: math.floor(exact),
        "cut": lambda: math.trunc(exact),
        "half, cut": lambda: math.trunc(exact + Fraction(1, 2)),
        "one": lambda: math.floor(exact + 1),
        "even": lambda: round(exact),
        "away": lambda: int(math.copysign(math.floor(abs(exact) + Fraction(1, 2)), exact)),
        "none": lambda: float(exact),
    }[rounding]()


VARIANTS = (
    Variant(
        "mantissa_cut_off",
        {"mantissa": "cut"},
        "The mantissa is cut off instead of rounded to the nearest integer.",
        "`round(fraction * 2**31)`",
    ),
    Variant(
        "mantissa_not_normalized",
        {"normal": "never"},
        "The multiplier itself is scaled by 2^31. A small one then keeps few bits, and one above 1 more than 31.",
        MANTISSA_ADVICE,
    ),
    Variant(
        "mantissa_one_bit_long",
        {"normal": "one to two"},
        "The mantissa is taken from a fraction in [1, 2): it needs 32 bits, and its product with an accumulator 64.",
        MANTISSA_ADVICE,
    ),
    Variant(
        "mantissa_one_bit_long",
        {"bits": "32"},
        "The mantissa has 32 bits; asked for are 31, so that it fits into an int32 with its sign.",
        MANTISSA_ADVICE,
    ),
    *(
        Variant("mantissa_short", {"bits": bits}, f"The mantissa has {bits} bits; asked for are 31.", MANTISSA_ADVICE)
        for bits in ("30", "15")
    ),
    Variant(
        "carry_forgotten",
        {"carry": "forgotten"},
        "A fraction just below 1 is rounded up to 2^31, too many for 31 bits. Halve it then, and shift by one less.",
        "What does your code return for a multiplier of 1 - 2**-40?",
    ),
    Variant("shift_sign", {"shift": "plus"}, "The exponent enters the shift with the wrong sign.", SHIFT_ADVICE),
    Variant(
        "exponent_forgotten",
        {"shift": "none"},
        "The shift is 31 whatever the exponent is: the power of two is lost.",
        SHIFT_ADVICE,
    ),
    Variant(
        "mantissa_taken_for_fraction",
        {"shift": "exponent"},
        "The shift undoes the exponent alone. The mantissa is 2^31 times the fraction, and that goes too.",
        SHIFT_ADVICE,
    ),
    Variant(
        "shift_rounds_down",
        {"rounding": "down"},
        "The shift alone rounds down: half of all results are one too small.",
        ROUND_ADVICE,
    ),
    Variant(
        "shift_rounds_down",
        {"rounding": "cut"},
        "The quotient is cut off toward 0; it has to be rounded to the nearest integer.",
        ROUND_ADVICE,
    ),
    Variant(
        "shift_rounds_down",
        {"rounding": "half, cut"},
        "The half is added, but the quotient is then cut off toward 0: negative results are one too large.",
        "`>>` rounds down, and so does `//` or `rounding_mode='floor'`.",
    ),
    Variant(
        "real_multiplier_kept",
        {"factor": "real"},
        "The results are those of the real multiplier. The processor has only the mantissa and the shift, which come "
        "close to it; accumulators that need 31 bits show the difference.",
        "`(mantissa * accumulator + 2**(shift - 1)) >> shift`, in int64",
    ),
    Variant(
        "real_multiplier_kept",
        {"factor": "float32"},
        "The results are those of the real multiplier, in float32: it has 24 bits, and large accumulators need 31. The "
        "processor has only the mantissa and the shift.",
        "`(mantissa * accumulator + 2**(shift - 1)) >> shift`, in int64",
    ),
    Variant(
        "whole_for_half",
        {"rounding": "one"},
        "2^shift is added before the shift, not half of it: every result is rounded up.",
        ROUND_ADVICE,
    ),
    Variant("not_rounded", {"rounding": "none"}, "The results are no integers.", ROUND_ADVICE),
    Variant(
        "ties_to_even",
        {"rounding": "even"},
        "Right in the form that takes ties to the even neighbor, as ONNX Runtime does. Adding one half and shifting "
        "takes them up; the two are equal unless a result lies midway between two integers.",
        ROUND_ADVICE,
        kind=CONVENTION,
    ),
    Variant(
        "ties_away_from_zero",
        {"rounding": "away"},
        "Right in the form that takes ties away from 0, as gemmlowp does. Adding one half and shifting takes them up; "
        "the two are equal unless a negative result lies midway between two integers.",
        ROUND_ADVICE,
        kind=CONVENTION,
    ),
)


def cases(seed: int) -> Sequence[Case]:
    """Multipliers below and above 1 and a hair below a power of two; accumulators of both signs, and ties at last."""
    numbers = Numbers("quantization.requantize", seed)

    def telling(multiplier: float, reach: int) -> tuple[Tensor, float]:
        """Accumulators whose products are up to this large, with fractions on both sides of one half."""
        found: list[int] = []
        wanted = [(sign, low) for sign in (1, -1) for low in (0.1, 0.6)] * 2
        for sign, low in wanted:
            while True:
                a = sign * round(float(numbers.uniform(1)) * reach / multiplier)
                part = a * multiplier - math.floor(a * multiplier)
                if abs(a) > 3 and low < part < low + 0.3:
                    found.append(a)
                    break
        return torch.tensor(found), multiplier

    def ordinary(low: float, high: float) -> float:
        """A multiplier whose mantissa is rounded up, by enough to be seen."""
        while True:
            multiplier = low + (high - low) * float(numbers.uniform(1))
            part = math.frexp(multiplier)[0] * 2.0**31 % 1
            if 0.6 < part < 0.9:
                return multiplier

    def large() -> tuple[Tensor, float]:
        """Accumulators so large that the multiplier's rounding decides between two integers."""
        multiplier = ordinary(0.6, 0.9)
        mantissa = round(multiplier * 2.0**31)
        found: list[int] = []
        while len(found) < 4:
            a = (2**31 - 1 - int(float(numbers.uniform(1)) * 2**28)) * (-1) ** len(found)
            real, fixed = a * Fraction(multiplier), Fraction(a * mantissa, 2**31)
            far_from_ties = all(abs(number % 1 - Fraction(1, 2)) > Fraction(1, 50) for number in (real, fixed))
            if far_from_ties and _scaled(real, "half up") != _scaled(fixed, "half up"):
                found.append(a)
        return torch.tensor(found), multiplier

    odd = 2 * torch.tensor(numbers.distinct(3, range(5, 60))) + 1
    return (
        Case("a multiplier of about a hundredth", telling(ordinary(0.008, 0.015), 120)),
        Case("a tiny multiplier", telling(ordinary(0.00002, 0.00006), 200)),
        Case("a multiplier above 1", telling(ordinary(2.2, 3.8), 3000)),
        Case("a multiplier just below 1", (torch.tensor([-700, -13, 5, 1200]), 1 - 2.0**-40)),
        Case("large accumulators", large()),
        Case("results midway between two integers", (torch.cat([odd, -odd, -odd - 2]), 0.5)),
    )


REQUANTIZE = leaving_alone(
    function_check(
        "quantization.requantize",
        cases,
        requantize,
        variants=VARIANTS,
        behaviours=(NOTHING_RETURNED,),
        facts=facts(requantize),
        tolerance=Tolerance(0.0, 1e-3),
        look_next=MANTISSA_ADVICE,
        praise="Right: a real multiplication with integers alone, one product, one addition and one shift.",
    ),
    "accumulator",
    because="Another output grid may need the same sums.",
)
