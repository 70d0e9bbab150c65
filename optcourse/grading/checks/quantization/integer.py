"""A linear layer in integers: where learners go wrong."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from optcourse.grading.checks.quantization.raising import raises
from optcourse.grading.definitions import Case, Tolerance, Variant
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, facts
from optcourse.grading.kinds import function_check
from optcourse.grading.untouched import leaving_alone

PRODUCT_ADVICE = "An integer q stands for (q - z) · s. Write the sum of products with that, and take s_x · s_w out."
BIAS_ADVICE = "One step of the accumulator is worth s_x · s_w. Only a bias in these steps can be added to it."
OUTPUT_ADVICE = "q_y = clamp(round(a · s_x · s_w / s_y) + z_y, 0, 255)"
WIDE_ADVICE = "Convert first: `q_x.long() - x_zero_point`."

Grid = tuple[float, int]


def integer_linear(
    q_x: Tensor, x_grid: Grid, q_w: Tensor, w_grid: Grid, bias: Tensor, y_grid: Grid, **switches: str
) -> tuple[Tensor, Tensor]:
    """(accumulator, q_y); the switches say which mistake is made at each place."""
    (x_scale, _), (w_scale, _), (y_scale, z_y) = x_grid, w_grid, y_grid
    products = _products(q_x, x_grid[1], q_w, w_grid[1], switches)
    unit = {"both": x_scale * w_scale, "x": x_scale, "w": w_scale, "y": y_scale, "none": 1.0}
    steps = bias / unit[switches.get("bias unit", "both")]
    bias_roundings: dict[str, Callable[[Tensor], Tensor]] = {
        "nearest": torch.round,
        "cut": torch.trunc,
        "down": torch.floor,
        "none": lambda t: t,
    }
    steps = bias_roundings[switches.get("bias rounding", "nearest")](steps)
    accumulator = {
        "added": lambda: products + steps,
        "forgotten": lambda: products,
        "after": lambda: products,
        "subtracted": lambda: products - steps,
    }[switches.get("addition", "added")]()
    multiplier = {
        "both by y": x_scale * w_scale / y_scale,
        "inverted": y_scale / (x_scale * w_scale),
        "without y": x_scale * w_scale,
        "times y": x_scale * w_scale * y_scale,
        "x by y": x_scale / y_scale,
        "w by y": w_scale / y_scale,
    }[switches.get("multiplier", "both by y")]
    real = accumulator * multiplier
    if switches.get("addition") == "after":
        real = real + bias / y_scale
    return accumulator, _to_output(real, z_y, switches)


def _products(q_x: Tensor, z_x: int, q_w: Tensor, z_w: int, switches: dict[str, str]) -> Tensor:
    if switches.get("exchange"):
        z_x, z_w = z_w, z_x
    x, w = q_x.double(), q_w.double()
    x_less, w_less = x - z_x, w - z_w
    if switches.get("width") in ("x", "both"):
        x_less = x_less % 256
    if switches.get("width") in ("w", "both"):
        w_less = (w_less + 128) % 256 - 128
    x_sign, w_sign = (-1 if switches.get(f"{side} zero-point") == "added" else 1 for side in "xw")
    x_less = {"ignored": x, "added": x + z_x}.get(switches.get("x zero-point", ""), x_less)
    w_less = {"ignored": w, "added": w + z_w}.get(switches.get("w zero-point", ""), w_less)
    length, outputs = x.shape[1], len(w)
    corner = x_sign * w_sign * z_x * z_w
    terms: dict[str, Callable[[], Tensor]] = {
        "all": lambda: x_less @ w_less.T,
        "corner forgotten": lambda: x_less @ w_less.T - length * corner,
        "corner subtracted": lambda: x_less @ w_less.T - 2 * length * corner,
        "corner once": lambda: x_less @ w_less.T - (length - 1) * corner,
        "corner by outputs": lambda: x_less @ w_less.T - (length - outputs) * corner,
        "taken off the sum": lambda: x @ w.T - z_x * z_w,
    }
    return terms[switches.get("terms", "all")]()


def _to_output(real: Tensor, z_y: int, switches: dict[str, str]) -> Tensor:
    roundings: dict[str, Callable[[Tensor], Tensor]] = {
        "nearest": torch.round,
        "down": torch.floor,
        "cut": torch.trunc,
        "none": lambda t: t,
    }
    rounded = roundings[switches.get("rounding", "nearest")](real)
    z = {"added": z_y, "forgotten": 0, "subtracted": -z_y}[switches.get("output", "added")]
    clamps: dict[str, Callable[[], Tensor]] = {
        "uint8": lambda: (rounded + z).clamp(0, 255),
        "never": lambda: rounded + z,
        "int8": lambda: (rounded + z).clamp(-128, 127),
        "first": lambda: rounded.clamp(0, 255) + z,
        "wraps": lambda: (rounded + z) % 256,
    }
    return clamps[switches.get("clamp", "uint8")]()


VARIANTS = (
    Variant(
        "x_zero_point_ignored",
        {"x zero-point": "ignored"},
        "The input's zero-point is not taken off. It adds z_x times the sum of a row's weights to every output.",
        PRODUCT_ADVICE,
    ),
    Variant(
        "w_zero_point_ignored",
        {"w zero-point": "ignored"},
        "The weight's zero-point is not taken off: an integer of 0 then counts as no weight, which it is not.",
        PRODUCT_ADVICE,
    ),
    *(
        Variant(
            "zero_point_added",
            {f"{side} zero-point": "added"},
            f"The zero-point of {what} is added. On the way from integers to numbers it is taken off.",
            PRODUCT_ADVICE,
        )
        for side, what in (("x", "the input"), ("w", "the weight"))
    ),
    Variant(
        "zero_points_exchanged",
        {"exchange": "yes"},
        "The zero-points of input and weight are exchanged.",
        PRODUCT_ADVICE,
    ),
    *(
        Variant("corner_term", {"terms": kind}, message, "Multiply (q_x - z_x)(q_w - z_w) out and sum over K products.")
        for kind, message in (
            ("corner forgotten", "The term K · z_x · z_w is missing; all others are there."),
            ("corner subtracted", "The term K · z_x · z_w is taken off; minus times minus is plus."),
            ("corner once", "z_x · z_w is there once. It stands in each of the K products that are summed."),
            ("corner by outputs", "z_x · z_w is counted once for each output. It stands in each of the K products."),
            ("taken off the sum", "z_x · z_w is taken off the sum of q_x q_w; two mixed terms are missing."),
        )
    ),
    *(
        Variant("difference_in_8_bits", {"width": kind}, message, WIDE_ADVICE)
        for kind, message in (
            ("x", "q_x - z_x is computed in uint8, where it wraps around: 3 - 50 is 209."),
            ("w", "q_w - z_w is computed in int8, where it wraps around: -120 - 30 is 106."),
            ("both", "Zero-points are taken off in 8 bits, where differences wrap around: 3 - 50 is 209 as uint8."),
        )
    ),
    Variant(
        "bias_forgotten",
        {"addition": "forgotten"},
        "The bias is missing, in the accumulator and after it.",
        BIAS_ADVICE,
    ),
    Variant("bias_sign", {"addition": "subtracted"}, "The bias is taken off.", BIAS_ADVICE),
    Variant(
        "bias_after_accumulator",
        {"addition": "after"},
        "The bias is added as a real number, after the sums. Here it belongs into the accumulator, as an integer.",
        BIAS_ADVICE,
    ),
    *(
        Variant("bias_in_wrong_steps", {"bias unit": unit}, f"The bias is {what}.", BIAS_ADVICE)
        for unit, what in (
            ("x", "counted in steps of the input, s_x"),
            ("w", "counted in steps of the weight, s_w"),
            ("y", "counted in steps of the output, s_y"),
            ("none", "rounded as it is, without a scale"),
        )
    ),
    Variant(
        "bias_not_rounded",
        {"bias rounding": "none"},
        "The bias is added with its fraction. An accumulator holds integers alone.",
        BIAS_ADVICE,
    ),
    *(
        Variant(
            "bias_cut_off",
            {"bias rounding": kind},
            f"The bias is {what} instead of to the nearest integer.",
            "`torch.round` before you convert it to an integer type.",
        )
        for kind, what in (("cut", "cut off toward 0"), ("down", "rounded down"))
    ),
    *(
        Variant("wrong_multiplier", {"multiplier": kind}, f"The accumulator is multiplied by {what}.", OUTPUT_ADVICE)
        for kind, what in (
            ("inverted", "s_y / (s_x · s_w), which is upside down"),
            ("without y", "s_x · s_w: that is the number itself, not its steps of s_y"),
            ("times y", "s_x · s_w · s_y: dividing by s_y counts the output's steps"),
            ("x by y", "s_x / s_y, without the weight's scale"),
            ("w by y", "s_w / s_y, without the input's scale"),
        )
    ),
    Variant(
        "output_zero_point_forgotten",
        {"output": "forgotten"},
        "The output's zero-point is not added: negative numbers are all clamped to 0.",
        OUTPUT_ADVICE,
    ),
    Variant(
        "output_zero_point_subtracted", {"output": "subtracted"}, "The output's zero-point is taken off.", OUTPUT_ADVICE
    ),
    Variant("not_clamped", {"clamp": "never"}, "The output is not clamped to 0 and 255.", OUTPUT_ADVICE),
    Variant(
        "clamped_to_int8",
        {"clamp": "int8"},
        "The output is clamped to -128 and 127, but it is uint8: 0 to 255.",
        OUTPUT_ADVICE,
    ),
    Variant(
        "clamped_before_zero_point",
        {"clamp": "first"},
        "The clamp comes before the output's zero-point is added.",
        OUTPUT_ADVICE,
    ),
    Variant(
        "wraps_around",
        {"clamp": "wraps"},
        "Outputs beyond 0 and 255 come out at the other end, as a cast to uint8 wraps them.",
        OUTPUT_ADVICE,
    ),
    *(
        Variant("floor_for_round", {"rounding": kind}, f"Outputs are {what}, not to the nearest one.", OUTPUT_ADVICE)
        for kind, what in (("down", "rounded down"), ("cut", "cut off toward 0"))
    ),
    Variant("not_rounded", {"rounding": "none"}, "Outputs keep their fractions.", OUTPUT_ADVICE),
)


WEIGHTS_NOT_TRANSPOSED = raises(
    "weights_not_transposed",
    ("cannot be multiplied", "size mismatch", "mismatch in its core dimension"),
    "The weight has its outputs first, so the product needs its transpose.",
    "`x @ w.T`",
)


def cases(seed: int) -> Sequence[Case]:
    """No zero-point is 0, no two sizes are equal, and no number lies midway between two integers."""
    numbers = Numbers("quantization.integer_linear", seed)
    shapes = ((1, 2, 3), numbers.distinct(3, (2, 3, 5, 7)), numbers.distinct(3, (3, 4, 6, 9)), (5, 40, 3))
    names = ("two inputs", "a few inputs", "other sizes", "many inputs")
    cases = [Case(name, _layer(numbers, *shape)) for name, shape in zip(names, shapes, strict=True)]
    return (*cases, Case("outputs beyond the grid", _layer(numbers, 4, 5, 7, share=0.4)))


_EXACT_BIAS: dict[str, Any] = {"bias rounding": "none"}
_EXACT_OUTPUT: dict[str, Any] = {"rounding": "none", "clamp": "never"}


def _layer(numbers: Numbers, batch: int, inputs: int, outputs: int, share: float = 1.0) -> tuple:
    """share: how much of the outputs' range the output's grid covers."""
    while True:
        q_x = (256 * numbers.uniform(batch, inputs)).floor().to(torch.uint8)
        q_w = (256 * numbers.uniform(outputs, inputs) - 128).floor().to(torch.int8)
        q_x[0, 0], q_w[0, 0] = 3, -120  # so that differences leave 8 bits
        # Scales are not rounded: products of short decimals would be ties, under some mistakes.
        x_scale, w_scale = (numbers.uniform(2) * 0.04 + 0.02).tolist()
        x_grid = x_scale, numbers.distinct(1, range(60, 140))[0]
        w_grid = w_scale, numbers.distinct(1, range(17, 40))[0]
        bias = 40 * x_grid[0] * numbers.normal(outputs)
        real = ((q_x.double() - x_grid[1]) @ (q_w.double() - w_grid[1]).T) * x_grid[0] * w_grid[0] + bias
        low, high = min(float(real.min()), 0.0), max(float(real.max()), 0.0)
        y_scale = share * (high - low) / 230
        y_grid = y_scale, max(1, min(254, round(12 - share * low / y_scale)))
        problem = (q_x, x_grid, q_w, w_grid, bias, y_grid)
        exact = integer_linear(*problem, **_EXACT_BIAS)[0]
        steps = integer_linear(*problem, **_EXACT_OUTPUT)[1]
        ties = torch.cat([(values - values.floor() - 0.5).abs().flatten() for values in (steps, exact)])
        fractions = (exact - exact.round()).abs()
        telling = (fractions > 0.15).any() and (steps - steps.floor() > 0.6).any()
        if bool((ties > 0.01).all()) and bool(telling):
            return problem


INTEGER_LINEAR = leaving_alone(
    function_check(
        "quantization.integer_linear",
        cases,
        integer_linear,
        variants=VARIANTS,
        behaviours=(NOTHING_RETURNED, WEIGHTS_NOT_TRANSPOSED),
        facts=facts(integer_linear),
        tolerance=Tolerance(0.0, 1e-3),
        look_next=PRODUCT_ADVICE,
        praise="Right: 8-bit numbers in, 32-bit sums, 8-bit numbers out, with both zero-points.",
    ),
    "q_x",
    "x_grid",
    "q_w",
    "w_grid",
    "bias",
    because="They are the layer: with the next batch it would compute something else.",
)
