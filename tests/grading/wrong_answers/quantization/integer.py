"""Answers to the exercise about a linear layer in integers."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def integer_linear(q_x, x_grid, q_w, w_grid, bias, y_grid):
    (x_scale, x_zero), (w_scale, w_zero), (y_scale, y_zero) = x_grid, w_grid, y_grid
    products = (q_x.long() - x_zero) @ (q_w.long() - w_zero).T
    q_bias = torch.round(bias / (x_scale * w_scale)).long()
    accumulator = products + q_bias
    multiplier = x_scale * w_scale / y_scale
    q_y = torch.round(accumulator * multiplier) + y_zero
    return accumulator, torch.clamp(q_y, 0, 255)
"""

_VALID = [
    (
        "the four terms, as processors do it",
        """
def integer_linear(q_x, x_grid, q_w, w_grid, bias, y_grid):
    s_x, z_x = x_grid
    s_w, z_w = w_grid
    x, w = q_x.int(), q_w.int()
    a = x @ w.T - z_w * x.sum(1, keepdim=True) - z_x * w.sum(1) + x.shape[1] * z_x * z_w
    a += (bias / s_x / s_w).round().int()
    q_y = (a.double() * s_x * s_w / y_grid[0]).round() + y_grid[1]
    return a, q_y.clamp(0, 255).to(torch.uint8)
""",
    ),
    (
        "with numpy",
        """
def integer_linear(q_x, x_grid, q_w, w_grid, bias, y_grid):
    x = q_x.numpy().astype(np.int32) - x_grid[1]
    w = q_w.numpy().astype(np.int32) - w_grid[1]
    unit = x_grid[0] * w_grid[0]
    a = np.einsum("bi,oi->bo", x, w) + np.rint(bias.numpy() / unit).astype(np.int32)
    return a, np.clip(np.rint(a * (unit / y_grid[0])) + y_grid[1], 0, 255)
""",
    ),
    (
        "number by number",
        """
def integer_linear(q_x, x_grid, q_w, w_grid, bias, y_grid):
    a = [[0] * len(q_w) for _ in q_x]
    q_y = [[0] * len(q_w) for _ in q_x]
    for i, row in enumerate(q_x.tolist()):
        for j, weights in enumerate(q_w.tolist()):
            a[i][j] = round(bias[j].item() / (x_grid[0] * w_grid[0]))
            for p, q in zip(row, weights):
                a[i][j] += (p - x_grid[1]) * (q - w_grid[1])
            y = round(a[i][j] * x_grid[0] * w_grid[0] / y_grid[0]) + y_grid[1]
            q_y[i][j] = min(max(y, 0), 255)
    return torch.tensor(a), torch.tensor(q_y)
""",
    ),
]

_X, _W = "(q_x.long() - x_zero)", "(q_w.long() - w_zero)"
_PRODUCTS = f"products = {_X} @ {_W}.T"
_BIAS = "q_bias = torch.round(bias / (x_scale * w_scale)).long()"
_SUM = "accumulator = products + q_bias"
_MULTIPLIER = "multiplier = x_scale * w_scale / y_scale"
_OUTPUT = "q_y = torch.round(accumulator * multiplier) + y_zero"
_CLAMP = "torch.clamp(q_y, 0, 255)"


def _terms(last: str) -> tuple[str, str]:
    return _PRODUCTS, (
        "x, w = q_x.long(), q_w.long()\n"
        f"    products = x @ w.T - w_zero * x.sum(1, keepdim=True) - x_zero * w.sum(1){last}"
    )


def _multiplier(text: str) -> tuple[str, str]:
    return _MULTIPLIER, f"multiplier = {text}"


_WRONG = [
    ("x_zero_point_ignored", "stored integers of x", (_X, "q_x.long()")),
    ("w_zero_point_ignored", "stored integers of w", (_W, "q_w.long()")),
    ("zero_point_added", "of x", (_X, "(q_x.long() + x_zero)")),
    ("zero_point_added", "of w", (_W, "(q_w.long() + w_zero)")),
    ("zero_points_exchanged", "exchanged", (_X, "(q_x.long() - w_zero)"), (_W, "(q_w.long() - x_zero)")),
    ("corner_term", "forgotten", _terms("")),
    ("corner_term", "minus", _terms(" - q_x.shape[1] * x_zero * w_zero")),
    ("corner_term", "once", _terms(" + x_zero * w_zero")),
    ("corner_term", "by outputs", _terms(" + len(q_w) * x_zero * w_zero")),
    ("corner_term", "off the sum", (_PRODUCTS, "products = q_x.long() @ q_w.long().T - x_zero * w_zero")),
    ("difference_in_8_bits", "of x", (_X, "(q_x - x_zero).long()")),
    ("difference_in_8_bits", "of w", (_W, "(q_w - w_zero).long()")),
    ("difference_in_8_bits", "of both", (_X, "(q_x - x_zero).long()"), (_W, "(q_w - w_zero).long()")),
    ("weights_not_transposed", "no T", (".T", "")),
    ("bias_forgotten", "no bias", (_SUM, "accumulator = products")),
    ("bias_sign", "minus", (_SUM, "accumulator = products - q_bias")),
    (
        "bias_after_accumulator",
        "as a real number",
        (_SUM, "accumulator = products"),
        (_OUTPUT, "q_y = torch.round(accumulator * multiplier + bias / y_scale) + y_zero"),
    ),
    ("bias_in_wrong_steps", "of x", ("bias / (x_scale * w_scale)", "bias / x_scale")),
    ("bias_in_wrong_steps", "of w", ("bias / (x_scale * w_scale)", "bias / w_scale")),
    ("bias_in_wrong_steps", "of y", ("bias / (x_scale * w_scale)", "bias / y_scale")),
    ("bias_in_wrong_steps", "of 1", ("bias / (x_scale * w_scale)", "bias")),
    ("bias_not_rounded", "a fraction", (_BIAS, "q_bias = bias / (x_scale * w_scale)")),
    ("bias_cut_off", "a cast", (_BIAS, "q_bias = (bias / (x_scale * w_scale)).long()")),
    ("bias_cut_off", "floor", (_BIAS, "q_bias = (bias / (x_scale * w_scale)).floor().long()")),
    ("wrong_multiplier", "upside down", _multiplier("y_scale / (x_scale * w_scale)")),
    ("wrong_multiplier", "without y", _multiplier("x_scale * w_scale")),
    ("wrong_multiplier", "times y", _multiplier("x_scale * w_scale * y_scale")),
    ("wrong_multiplier", "without w", _multiplier("x_scale / y_scale")),
    ("wrong_multiplier", "without x", _multiplier("w_scale / y_scale")),
    ("output_zero_point_forgotten", "no zero-point", (_OUTPUT, "q_y = torch.round(accumulator * multiplier)")),
    (
        "output_zero_point_subtracted",
        "minus",
        (_OUTPUT, "q_y = torch.round(accumulator * multiplier) - y_zero"),
    ),
    ("not_clamped", "no clamp", (_CLAMP, "q_y")),
    ("clamped_to_int8", "-128 and 127", (_CLAMP, "torch.clamp(q_y, -128, 127)")),
    (
        "clamped_before_zero_point",
        "clamp, then shift",
        (_OUTPUT, "q_y = torch.clamp(torch.round(accumulator * multiplier), 0, 255) + y_zero"),
        (_CLAMP, "q_y"),
    ),
    ("wraps_around", "a cast", (_CLAMP, "q_y.long().to(torch.uint8)")),
    ("floor_for_round", "floor", ("torch.round(accumulator * multiplier)", "torch.floor(accumulator * multiplier)")),
    ("floor_for_round", "a cast", ("torch.round(accumulator * multiplier)", "(accumulator * multiplier).long()")),
    ("not_rounded", "no rounding", ("torch.round(accumulator * multiplier)", "accumulator * multiplier")),
    ("bias_forgotten+not_clamped", "two at once", (_SUM, "accumulator = products"), (_CLAMP, "q_y")),
    (
        "w_zero_point_ignored+x_zero_point_ignored",
        "no zero-point at all",
        (_PRODUCTS, "products = q_x.long() @ q_w.long().T"),
    ),
    ("mutates_arguments", "the bias in place", ("bias / (x_scale * w_scale)", "bias.div_(x_scale * w_scale)")),
    ("difference_in_8_bits+mutates_arguments", "x in place", (_X, "(q_x.sub_(x_zero)).long()")),
    (
        "difference_in_8_bits+mutates_arguments",
        "both in place",
        (_PRODUCTS, "q_x -= x_zero\n    q_w -= w_zero\n    products = q_x.long() @ q_w.long().T"),
    ),
    ("nothing_returned", "no return", ("return accumulator,", "result = accumulator,")),
]

_UNLISTED = [
    ("failed", "twice the bias", (_SUM, "accumulator = products + 2 * q_bias")),
    ("failed", "outputs alone", ("return accumulator, ", "return ")),
    ("error", "misspelled", ("torch.clamp", "torch.limit")),
    ("error", "stored types multiplied", (_PRODUCTS, "products = q_x @ q_w.T")),
]

ANSWERS = answers("quantization.integer_linear", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
