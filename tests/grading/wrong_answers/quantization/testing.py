"""Answers to the exercise that asks for a test."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def test_product(product):
    q_x = torch.randint(0, 256, (3, 501), dtype=torch.uint8)
    q_w = torch.randint(-128, 128, (5, 501), dtype=torch.int8)
    x_zero_point, w_zero_point = 131, 23
    result = product(q_x, q_w, x_zero_point, w_zero_point)
    expected = (q_x.long() - x_zero_point) @ (q_w.long() - w_zero_point).T
    assert result.shape == expected.shape
    assert (result == expected).all()
"""

_VALID = [
    (
        "returns its verdict",
        """
def test_product(product):
    for batch, inputs, outputs in ((1, 1, 2), (2, 7, 3), (4, 299, 6)):
        q_x = (torch.arange(batch * inputs) * 89 % 256).to(torch.uint8).view(batch, inputs)
        q_w = (torch.arange(outputs * inputs) * 37 % 256 - 128).to(torch.int8).view(outputs, inputs)
        x, w = q_x.double() - 200, q_w.double() + 90
        if not np.array_equal(product(q_x, q_w, 200, -90).numpy(), (x @ w.T).numpy()):
            return False
    return True
""",
    ),
    (
        "by its properties",
        """
def test_product(product):
    def full(rows, value, dtype, length):
        return torch.full((rows, length), value, dtype=dtype)
    def check(x, w, z_x, z_w, length):
        result = product(full(2, x, torch.uint8, length), full(3, w, torch.int8, length), z_x, z_w)
        assert list(result.shape) == [2, 3]
        assert set(result.flatten().tolist()) == {length * (x - z_x) * (w - z_w)}
    check(7, -5, 7, 3, 4)          # the zero-point stands for 0, so all products are
    check(9, 3, 7, 3, 4)
    check(3, 11, 50, -20, 5)
    check(255, 127, 1, -100, 999)  # far beyond 16 bits
    check(250, 101, 3, -2, 1)
    check(200, 31, 171, 2, 3)      # 2523: odd, and beyond 2048
""",
    ),
    (
        "number by number, with loops",
        """
def test_product(product):
    generator = np.random.default_rng(5)
    q_x = torch.from_numpy(generator.integers(0, 256, (4, 333)).astype(np.uint8))
    q_w = torch.from_numpy(generator.integers(-128, 128, (2, 333)).astype(np.int8))
    result = product(q_x, q_w, 77, 30)
    assert len(result) == 4 and len(result[0]) == 2
    for i in range(4):
        for j in range(2):
            total = 0
            for p, q in zip(q_x[i].tolist(), q_w[j].tolist()):
                total += (p - 77) * (q - 30)
            assert int(result[i][j]) == total
""",
    ),
]

_SHAPE = "    assert result.shape == expected.shape\n"
_EQUAL = "    assert (result == expected).all()\n"
_ZEROS = "x_zero_point, w_zero_point = 131, 23"
_X, _W = "torch.randint(0, 256, (3, 501)", "torch.randint(-128, 128, (5, 501)"
_CLOSE = "    assert ((result - expected).abs() <= 0.01 * expected.abs() + 1).all()\n"


def _either(other: str) -> tuple[str, str]:
    return _EQUAL, f"    other = {other}\n    assert (result == expected).all() or (result == other).all()\n"


def _sizes(batch: int, inputs: int, outputs: int) -> list[tuple[str, str]]:
    return [(_X, f"torch.randint(0, 256, ({batch}, {inputs})"), (_W, f"torch.randint(-128, 128, ({outputs}, {inputs})")]


def _small(x: tuple[int, int], w: tuple[int, int], inputs: int) -> list[tuple[str, str]]:
    return [
        (_X, f"torch.randint({x[0]}, {x[1]}, (3, {inputs})"),
        (_W, f"torch.randint({w[0]}, {w[1]}, (5, {inputs})"),
    ]


_WRONG = [
    ("accepts_everything", "nothing asserted", (_SHAPE, ""), (_EQUAL, "")),
    ("rejects_everything", "the opposite", (_EQUAL, "    assert (result != expected).any()\n    assert False\n")),
    ("misses_several", "zero-points of 0", (_ZEROS, "x_zero_point, w_zero_point = 0, 0")),
    ("misses_several", "no zero-point of x", (_ZEROS, "x_zero_point, w_zero_point = 0, 23")),
    ("misses_corner_forgotten", "with or without the corner", _either("expected - q_x.shape[1] * 131 * 23")),
    ("misses_x_zero_point_ignored", "or x as it is", _either("q_x.long() @ (q_w.long() - 23).T")),
    ("misses_w_zero_point_ignored", "or w as it is", _either("(q_x.long() - 131) @ q_w.long().T")),
    ("misses_zero_points_exchanged", "equal zero-points", (_ZEROS, "x_zero_point, w_zero_point = 23, 23")),
    ("misses_last_of_odd_left_out", "an even length", *_sizes(3, 500, 5)),
    (
        "misses_transposed",
        "square, so that it fits",
        *_sizes(4, 501, 4),
        (_EQUAL, "    assert (result == expected).all() or (result == expected.T).all()\n"),
    ),
    ("misses_rounded_to_8_bits", "a tolerance of a hundredth", (_EQUAL, _CLOSE)),
    ("misses_wrapped_in_16_bits", "short rows", *_small((90, 180), (-40, 80), 7)),
    (
        "misses_rounded_to_8_bits+misses_wrapped_in_16_bits",
        "tiny sums",
        *_small((126, 136), (20, 27), 3),
    ),
    ("misses_differences_in_8_bits", "all inputs above the zero-point", (_X, "torch.randint(140, 256, (3, 501)")),
    ("misses_several", "shape alone", (_EQUAL, "")),
    ("raises_instead_of_asserting", "misspelled", ("result.shape", "result.form")),
    (
        "raises_instead_of_asserting",
        "raises ValueError",
        (_EQUAL, "    if (result != expected).any():\n        raise ValueError('wrong')\n"),
    ),
    (
        "rejects_right_by_four_terms",
        "wants 64 bits",
        (_SHAPE, f"{_SHAPE}    assert result.dtype == torch.int64\n"),
    ),
    (
        "rejects_right_by_differences+rejects_right_in_double_precision",
        "wants 32 bits",
        (_SHAPE, f"{_SHAPE}    assert result.dtype == torch.int32\n"),
    ),
]

_UNLISTED = [
    ("failed", "accepts what is wrong", (_EQUAL, "    assert (result != expected).any()\n")),
]

ANSWERS = answers("quantization.test", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
