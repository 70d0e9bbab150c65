"""Answers to the exercise about rounding to a grid and back."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def quantize(x, scale, zero_point, quant_min, quant_max):
    q = torch.round(x / scale) + zero_point
    q = torch.clamp(q, quant_min, quant_max)
    return q, (q - zero_point) * scale
"""

_VALID = [
    (
        "stored in a small integer type",
        """
def quantize(x, scale, zero_point, quant_min, quant_max):
    q = ((x / scale).round() + zero_point).clamp(quant_min, quant_max)
    q = q.to(torch.uint8 if quant_min >= 0 else torch.int8)
    return q, (q.to(x.dtype) - zero_point) * scale
""",
    ),
    (
        "clamped as numbers",
        """
def quantize(x, scale, zero_point, quant_min, quant_max):
    low, high = (quant_min - zero_point) * scale, (quant_max - zero_point) * scale
    steps = x.clamp(low, high).div(scale).round()
    return [(steps + zero_point).int(), steps * scale]
""",
    ),
    (
        "with numpy",
        """
def quantize(x, scale, zero_point, quant_min, quant_max):
    q = np.clip(np.rint(x.numpy() / scale) + zero_point, quant_min, quant_max)
    return q.astype(np.int64), scale * q - scale * zero_point
""",
    ),
    (
        "number by number",
        """
def quantize(x, scale, zero_point, quant_min, quant_max):
    q = torch.empty_like(x)
    for index in range(x.numel()):
        at = np.unravel_index(index, x.shape)
        q[at] = min(max(round(x[at].item() / scale) + zero_point, quant_min), quant_max)
    return q, (q - zero_point) * scale
""",
    ),
]

_ROUND = "torch.round(x / scale) + zero_point"
_CLAMP = "    q = torch.clamp(q, quant_min, quant_max)\n"
_BACK = "(q - zero_point) * scale"
_SMALL = "    q = q.to(torch.uint8 if quant_min >= 0 else torch.int8)\n"

_WRONG = [
    ("floor_for_round", "floor", ("torch.round", "torch.floor")),
    ("floor_for_round", "a cast to int", ("torch.round(x / scale)", "(x / scale).int()")),
    ("floor_for_round", "ceil", ("torch.round", "torch.ceil")),
    ("not_rounded", "no rounding", ("torch.round(x / scale)", "x / scale")),
    ("≈half_up", "plus a half", ("torch.round(x / scale)", "torch.floor(x / scale + 0.5)")),
    (
        "≈half_away_from_zero",
        "as in C",
        ("torch.round(x / scale)", "torch.where(x < 0, -1, 1) * torch.floor((x / scale).abs() + 0.5)"),
    ),
    ("≈rounds_with_zero_point", "round of all", (_ROUND, "torch.round(x / scale + zero_point)")),
    ("not_clamped", "no clamp", (_CLAMP, "")),
    ("clamped_on_one_side", "below", (_CLAMP, "    q = q.clamp(min=quant_min)\n")),
    ("clamped_on_one_side", "above", (_CLAMP, "    q = q.clamp(max=quant_max)\n")),
    (
        "clamped_before_zero_point",
        "clamp, then shift",
        (_ROUND, "torch.clamp(torch.round(x / scale), quant_min, quant_max) + zero_point"),
        (_CLAMP, ""),
    ),
    (
        "wraps_around",
        "a cast for a clamp",
        (
            _CLAMP,
            "    levels = quant_max - quant_min + 1\n    q = torch.remainder(q - quant_min, levels) + quant_min\n",
        ),
    ),
    ("limits_ignored", "0 and 255", ("quant_min, quant_max)\n    return", "0, 255)\n    return")),
    ("limits_ignored", "symmetric", ("quant_min, quant_max)\n    return", "-quant_max, quant_max)\n    return")),
    ("last_integer_unused", "quant_max - 1", ("quant_max)\n    return", "quant_max - 1)\n    return")),
    ("zero_point_subtracted", "minus", ("torch.round(x / scale) +", "torch.round(x / scale) -")),
    ("zero_point_forgotten", "no zero-point", (_ROUND, "torch.round(x / scale)")),
    ("multiplied_by_scale", "times", ("x / scale", "x * scale")),
    ("scale_forgotten", "x itself", ("x / scale", "x")),
    ("zero_point_added_back", "plus", (_BACK, "(q + zero_point) * scale")),
    ("zero_point_kept", "no zero-point", (_BACK, "q * scale")),
    ("zero_point_in_units_of_x", "without parentheses", (_BACK, "q * scale - zero_point")),
    ("divided_back", "by the scale", (_BACK, "(q - zero_point) / scale")),
    ("difference_in_8_bits", "uint8 and int8", (_CLAMP, _CLAMP + _SMALL)),
    ("difference_in_8_bits", "uint8 always", (_CLAMP, f"{_CLAMP}    q = q.long().to(torch.uint8)\n")),
    ("integers_do_not_fit", "int8 always", (_CLAMP, f"{_CLAMP}    q = q.long().to(torch.int8)\n")),
    ("integers_do_not_fit", "int8 at last", ("return q,", "return q.long().to(torch.int8),")),
    ("integers_do_not_fit", "uint8 at last", ("return q,", "return q.long().to(torch.uint8),")),
    (
        "zero_point_forgotten+zero_point_kept",
        "no zero-point at all",
        (_ROUND, "torch.round(x / scale)"),
        (_BACK, "q * scale"),
    ),
    ("floor_for_round+not_clamped", "floor, no clamp", ("torch.round", "torch.floor"), (_CLAMP, "")),
    ("mutates_arguments", "divided in place", ("x / scale", "x.div_(scale)")),
    (
        "mutates_arguments",
        "in the memory of x",
        (_ROUND, "numbers = x.numpy()\n    numbers /= scale\n    q = torch.round(x) + zero_point"),
    ),
    (
        "mutates_arguments",
        "clamped in place first",
        (_ROUND, f"x.clamp_((quant_min - zero_point) * scale, (quant_max - zero_point) * scale)\n    q = {_ROUND}"),
    ),
    ("floor_for_round+mutates_arguments", "floor, in place", ("torch.round(x / scale)", "x.div_(scale).floor_()")),
    ("nothing_returned", "no return", ("return q,", "x_hat = q,")),
]

_UNLISTED = [
    ("failed", "twice the step", ("x / scale", "x / (2 * scale)")),
    ("failed", "integers alone", (f"return q, {_BACK}", "return q")),
    ("failed", "rounded again", (_BACK, "torch.round((q - zero_point) * scale)")),
    ("error", "misspelled", ("torch.clamp", "torch.clip_to")),
    ("error", "another number of arguments", ("x, scale, zero_point, quant_min, quant_max", "x, scale, zero_point")),
]

ANSWERS = answers("quantization.quantize", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
