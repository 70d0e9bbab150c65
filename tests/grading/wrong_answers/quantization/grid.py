"""Answers to the exercise about scale and zero-point."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def grid(low, high, quant_min, quant_max):
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return 1.0, quant_min
    scale = (high - low) / (quant_max - quant_min)
    zero_point = round(quant_min - low / scale)
    return scale, zero_point
"""

_VALID = [
    (
        "from the upper end, clamped",
        """
def grid(low, high, quant_min, quant_max):
    if low > 0:
        low = 0
    if high < 0:
        high = 0
    span = high - low
    scale = span / (quant_max - quant_min) if span > 0 else 1.0
    zero_point = quant_max - high / scale if span > 0 else quant_min
    return [scale, max(quant_min, min(quant_max, int(round(zero_point))))]
""",
    ),
    (
        "with tensors",
        """
def grid(low, high, quant_min, quant_max):
    ends = torch.tensor([low, 0.0, high], dtype=torch.float64)
    low, high = torch.aminmax(ends)
    scale = (high - low) / (quant_max - quant_min)
    scale = torch.where(scale == 0, 1.0, scale)
    zero_point = torch.clamp(quant_min - torch.round(low / scale), quant_min, quant_max)
    return scale, zero_point.to(torch.int32)
""",
    ),
    (
        "with numpy",
        """
def grid(low, high, quant_min, quant_max):
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    steps = quant_max - quant_min
    scale = (high - low) / steps or 1.0
    return np.float64(scale), np.rint(quant_min + steps * -low / (high - low or 1.0))
""",
    ),
]

_WIDEN = "    low, high = min(low, 0.0), max(high, 0.0)\n"
_STEPS = "(quant_max - quant_min)"
_SCALE = "scale = (high - low) / (quant_max - quant_min)"
_ZERO = "zero_point = round(quant_min - low / scale)"
_EMPTY = "    if low == high:\n        return 1.0, quant_min\n"

_WRONG = [
    ("range_not_widened", "as it is", (_WIDEN, "")),
    (
        "range_not_widened",
        "clamped instead",
        (_WIDEN, ""),
        (_ZERO, "zero_point = min(max(round(quant_min - low / scale), quant_min), quant_max)"),
    ),
    ("widened_on_one_side", "low alone", (_WIDEN, "    low = min(low, 0.0)\n")),
    ("widened_on_one_side", "high alone", (_WIDEN, "    high = max(high, 0.0)\n")),
    ("integers_for_steps", "256", (_STEPS, "(quant_max - quant_min + 1)")),
    ("quant_min_forgotten_in_steps", "by quant_max", (_STEPS, "quant_max")),
    ("always_8_bits", "by 255", (_STEPS, "255")),
    ("always_8_bits", "uint8 all along", (_WIDEN, f"{_WIDEN}    quant_min, quant_max = 0, 2 ** 8 - 1\n")),
    ("scale_from_maximum", "high", (_SCALE, "scale = high / (quant_max - quant_min)")),
    ("scale_from_maximum", "largest size", (_SCALE, "scale = max(-low, high) / (quant_max - quant_min)")),
    ("symmetric_scale", "twice the largest size", (_SCALE, "scale = 2 * max(-low, high) / (quant_max - quant_min)")),
    ("ends_added", "low + high", (_SCALE, "scale = (high + low) / (quant_max - quant_min)")),
    ("scale_inverted", "steps by range", (_SCALE, "scale = (quant_max - quant_min) / (high - low)")),
    ("scale_inverted", "at the end", ("return scale, zero_point", "return 1 / scale, zero_point")),
    ("zero_point_sign", "plus", ("quant_min - low / scale", "quant_min + low / scale")),
    ("zero_point_not_divided", "low itself", ("quant_min - low / scale", "quant_min - low")),
    ("zero_point_not_divided", "times scale", ("low / scale", "low * scale")),
    ("quant_min_forgotten", "from 0", ("quant_min - low / scale", "-low / scale")),
    ("quant_min_forgotten", "taken off", ("quant_min - low / scale", "-low / scale - quant_min")),
    ("zero_point_not_rounded", "a float", (_ZERO, "zero_point = quant_min - low / scale")),
    ("zero_point_cut_off", "int", ("round(", "int(")),
    ("zero_point_cut_off", "floor", ("round(", "math.floor(")),
    ("zero_point_cut_off", "ceil", ("round(", "math.ceil(")),
    ("empty_range", "not looked at", (_EMPTY, "")),
    ("empty_range", "with tensors", (_EMPTY, "    if low == high:\n        return 0.0, torch.tensor(0.0) / 0\n")),
    ("empty_range", "scale 0", ("return 1.0, quant_min", "return 0.0, quant_min")),
    ("empty_range", "zero-point 0", ("return 1.0, quant_min", "return 1.0, 0")),
    ("empty_range", "before widening", (_WIDEN + _EMPTY, _EMPTY + _WIDEN)),
    ("order_swapped", "zero-point first", ("return scale, zero_point", "return zero_point, scale")),
    (
        "order_swapped",
        "zero-point first, of an empty range too",
        ("return scale, zero_point", "return zero_point, scale"),
        ("return 1.0, quant_min", "return quant_min, 1.0"),
    ),
    (
        "range_not_widened+zero_point_sign",
        "two at once",
        (_WIDEN, ""),
        ("quant_min - low / scale", "quant_min + low / scale"),
    ),
    (
        "integers_for_steps+zero_point_cut_off",
        "256 and int",
        (_STEPS, "(quant_max - quant_min + 1)"),
        ("round(", "int("),
    ),
    ("nothing_returned", "no return", ("return scale, zero_point", "scale, zero_point")),
]

_UNLISTED = [
    ("failed", "half a scale", (_SCALE, f"{_SCALE} / 2")),
    ("failed", "the scale alone", ("return scale, zero_point", "return scale")),
    ("error", "misspelled", ("max(high, 0.0)", "maximum(high, 0.0)")),
    ("error", "other arguments", ("low, high, quant_min, quant_max", "x, bits")),
]

ANSWERS = answers("quantization.grid", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
