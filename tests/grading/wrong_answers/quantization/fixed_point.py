"""Answers to the exercise about a multiplier in fixed point."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def requantize(accumulator, multiplier):
    fraction, exponent = math.frexp(multiplier)
    mantissa = round(fraction * 2**31)
    shift = 31 - exponent
    if mantissa == 2**31:
        mantissa, shift = mantissa // 2, shift - 1
    scaled = (accumulator * mantissa + 2 ** (shift - 1)) >> shift
    return mantissa, shift, scaled
"""

_VALID = [
    (
        "by halving and doubling",
        """
def requantize(accumulator, multiplier):
    shift = 0
    while multiplier < 2**30:
        multiplier, shift = multiplier * 2, shift + 1
    mantissa = round(multiplier)
    if mantissa >= 2**31:
        mantissa //= 2
        shift -= 1
    half = 1 << (shift - 1)
    return [mantissa, shift, torch.tensor([(a * mantissa + half) // (1 << shift) for a in accumulator.tolist()])]
""",
    ),
    (
        "with torch",
        """
def requantize(accumulator, multiplier):
    fraction, exponent = torch.frexp(torch.tensor(multiplier, dtype=torch.float64))
    mantissa = torch.round(fraction * 2**31).long()
    carried = (mantissa == 2**31).long()
    shift = 31 - exponent.long() - carried
    mantissa = mantissa >> carried
    return mantissa, shift, (accumulator * mantissa + (1 << (shift - 1))) >> shift
""",
    ),
    (
        "with the logarithm",
        """
def requantize(accumulator, multiplier):
    shift = 30 - math.floor(math.log2(multiplier))
    mantissa = int(np.rint(multiplier * 2.0**shift))
    if mantissa.bit_length() > 31:
        mantissa >>= 1
        shift -= 1
    product = accumulator.numpy().astype(np.int64) * mantissa
    return mantissa, shift, np.floor_divide(product + 2 ** (shift - 1), 2**shift)
""",
    ),
]

_FREXP = "fraction, exponent = math.frexp(multiplier)"
_CARRY = "    if mantissa == 2**31:\n        mantissa, shift = mantissa // 2, shift - 1\n"
_SCALED = "(accumulator * mantissa + 2 ** (shift - 1)) >> shift"
_DIVIDED = "accumulator.double() * mantissa / 2**shift"

_WRONG = [
    ("mantissa_cut_off", "int", ("round(fraction", "int(fraction")),
    ("mantissa_not_normalized", "no frexp", (_FREXP, "fraction, exponent = multiplier, 0"), (_CARRY, "")),
    (
        "mantissa_one_bit_long",
        "between 1 and 2",
        (_FREXP, f"{_FREXP}\n    fraction, exponent = 2 * fraction, exponent - 1"),
        (_CARRY, ""),
    ),
    ("mantissa_one_bit_long", "32 bits", ("2**31", "2**32"), ("31 - exponent", "32 - exponent")),
    ("mantissa_short", "30 bits", ("2**31", "2**30"), ("31 - exponent", "30 - exponent")),
    ("mantissa_short", "15 bits", ("2**31", "2**15"), ("31 - exponent", "15 - exponent")),
    ("carry_forgotten", "no carry", (_CARRY, "")),
    ("shift_sign", "plus", ("31 - exponent", "31 + exponent")),
    ("exponent_forgotten", "31", ("31 - exponent", "31")),
    (
        "mantissa_taken_for_fraction",
        "the exponent alone",
        ("31 - exponent", "-exponent"),
        (_SCALED, "torch.floor(accumulator.double() * mantissa / 2.0**shift + 0.5)"),
    ),
    ("shift_rounds_down", "a shift alone", (" + 2 ** (shift - 1)", "")),
    ("shift_rounds_down", "a cast", (_SCALED, f"({_DIVIDED}).long()")),
    (
        "shift_rounds_down",
        "a half, then a cast",
        (_SCALED, "torch.div(accumulator * mantissa + 2 ** (shift - 1), 2**shift, rounding_mode='trunc')"),
    ),
    ("real_multiplier_kept", "a product", (_SCALED, "torch.floor(accumulator.double() * multiplier + 0.5).long()")),
    (
        "real_multiplier_kept+ties_to_even",
        "torch.round of a product in float32",
        (_SCALED, "torch.round(accumulator * multiplier)"),
    ),
    (
        "real_multiplier_kept",
        "a product in float32",
        (_SCALED, "torch.floor(accumulator * multiplier + 0.5).long()"),
    ),
    (
        "real_multiplier_kept+ties_to_even",
        "torch.round of a product",
        (_SCALED, "torch.round(accumulator.double() * multiplier)"),
    ),
    ("whole_for_half", "2^shift", ("2 ** (shift - 1)", "2**shift")),
    ("not_rounded", "a quotient", (_SCALED, _DIVIDED)),
    ("≈ties_to_even", "torch.round", (_SCALED, f"torch.round({_DIVIDED})")),
    (
        "≈ties_away_from_zero",
        "by size",
        (_SCALED, "accumulator.sign() * ((accumulator.abs() * mantissa + 2 ** (shift - 1)) >> shift)"),
    ),
    ("carry_forgotten+shift_rounds_down", "two at once", (_CARRY, ""), (" + 2 ** (shift - 1)", "")),
    ("mutates_arguments", "multiplied in place", ("accumulator * mantissa", "accumulator.mul_(mantissa)")),
    (
        "mutates_arguments",
        "step by step in place",
        (_SCALED, "accumulator"),
        (
            "scaled = ",
            "accumulator *= mantissa\n    accumulator += 2 ** (shift - 1)\n    accumulator >>= shift\n    scaled = ",
        ),
    ),
    ("mutates_arguments+shift_rounds_down", "in place, no half", (_SCALED, "accumulator.mul_(mantissa) >> shift")),
    ("nothing_returned", "no return", ("return mantissa,", "found = mantissa,")),
]

_UNLISTED = [
    ("failed", "one more", ("return mantissa, shift, scaled", "return mantissa, shift, scaled + 1")),
    ("failed", "the results alone", ("return mantissa, shift, scaled", "return scaled")),
    ("error", "misspelled", ("math.frexp", "math.fraction")),
    ("error", "tensors asked for", (_FREXP, "fraction, exponent = torch.frexp(multiplier)")),
]

ANSWERS = answers("quantization.requantize", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
