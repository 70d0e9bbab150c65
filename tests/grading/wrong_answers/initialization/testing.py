"""Answers to the exercise that asks for a test."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def test_he(initialize):
    fan_out, fan_in = 200, 500
    weight = initialize(fan_out, fan_in)
    std = math.sqrt(2 / fan_in)
    assert weight.shape == (fan_out, fan_in)
    assert torch.isfinite(weight).all()
    assert abs(weight.mean()) < 0.03 * std
    assert abs(weight.std() / std - 1) < 0.03
    assert not torch.equal(weight[0], weight[1])
    assert not torch.equal(weight, initialize(fan_out, fan_in))
"""

_VALID = [
    (
        "returns its verdict",
        """
def test_he(initialize):
    one, other = initialize(64, 1024), initialize(64, 1024)
    if one.shape != (64, 1024) or torch.equal(one, other):
        return False
    square = float((one**2).mean())
    rows = one.mean(dim=1)
    return abs(square * 512 - 1) < 0.05 and abs(float(one.mean())) < 0.003 and float(rows.std()) > 1e-5
""",
    ),
    (
        "through the layer's outputs",
        """
def test_he(initialize):
    x = torch.randn(400, 300)
    weight = initialize(500, 300)
    assert tuple(weight.shape) == (500, 300)
    outputs = x @ weight.T
    torch.testing.assert_close(outputs.var(), torch.tensor(2.0), rtol=0.08, atol=0)
    torch.testing.assert_close(weight.mean().item(), 0.0, rtol=0, atol=0.003)
    assert np.abs(np.corrcoef(outputs[:, :2].numpy().T)[0, 1]) < 0.5
    assert (initialize(500, 300) - weight).abs().max() > 0
""",
    ),
    (
        "with its own seeds and two sizes",
        """
def test_he(initialize):
    for fan_out, fan_in in ((300, 400), (400, 150)):
        torch.manual_seed(3)
        first = initialize(fan_out, fan_in)
        second = initialize(fan_out, fan_in)
        expected = (2.0 / fan_in) ** 0.5
        assert list(first.size()) == [fan_out, fan_in]
        assert 0.96 < first.std().item() / expected < 1.04
        assert -0.03 < first.mean().item() / expected < 0.03
        assert not first.allclose(second)
        assert len(first[:, 0].unique()) > 1
""",
    ),
]

_SHAPE = "    assert weight.shape == (fan_out, fan_in)\n"
_FINITE = "    assert torch.isfinite(weight).all()\n"
_MEAN = "    assert abs(weight.mean()) < 0.03 * std\n"
_STD = "    assert abs(weight.std() / std - 1) < 0.03\n"
_ROWS = "    assert not torch.equal(weight[0], weight[1])\n"
_CALLS = "    assert not torch.equal(weight, initialize(fan_out, fan_in))\n"
_NAN_BLIND = (
    "    if abs(weight.mean()) > 0.03 * std or abs(weight.std() / std - 1) > 0.03:\n        raise AssertionError\n"
)

_EITHER = "    size = weight.std() / std\n    assert min(abs(size - 1), abs(size / {} - 1)) < 0.03\n"
_KURTOSIS = """    kurtosis = ((weight / weight.std()) ** 4).mean()
    assert min(abs(kurtosis - 3), abs(kurtosis - 1.8)) < 0.2
"""
_ALL = (_SHAPE, _FINITE, _MEAN, _STD, _ROWS, _CALLS)


def _without(*lines: str) -> list[tuple[str, str]]:
    return [(line, "") for line in lines]


def _and(line: str) -> tuple[str, str]:
    return _CALLS, f"{_CALLS}    {line}\n"


_WRONG = [
    ("accepts_everything", "nothing asserted", *_without(*_ALL)),
    ("rejects_everything", "exactly 0", (_MEAN, "    assert weight.mean() == 0\n")),
    ("rejects_everything", "asserts the opposite", (_FINITE, "    assert not torch.isfinite(weight).any()\n")),
    (
        "rejects_everything",
        "asks for the name of the function",
        (_FINITE, '    assert initialize.__name__ in ("normal", "uniform", "truncated")\n'),
    ),
    ("misses_variance_as_std+rejects_everything", "the variance for std", ("math.sqrt(2 / fan_in)", "2 / fan_in")),
    ("misses_transposed", "no shape", *_without(_SHAPE)),
    ("misses_not_centered", "no mean", *_without(_MEAN)),
    ("misses_one_row", "rows not compared", *_without(_ROWS)),
    ("misses_same_numbers", "one call", *_without(_CALLS)),
    ("misses_fan_out+misses_transposed", "a square weight", ("200, 500", "400, 400")),
    (
        "misses_fan_out",
        "a square weight, and another for the shape",
        ("200, 500", "400, 400"),
        _and("assert initialize(3, 4).shape == (3, 4)"),
    ),
    ("misses_cut_without_correction", "wide tolerance", ("std - 1) < 0.03", "std - 1) < 0.2")),
    ("misses_one_nan", "errors that are larger", *_without(_FINITE, _MEAN), (_STD, _NAN_BLIND)),
    ("misses_cut_without_correction+misses_gain_forgotten", "wider", ("std - 1) < 0.03", "std - 1) < 0.3")),
    ("misses_gain_forgotten", "with or without gain", (_STD, _EITHER.format("0.5**0.5"))),
    ("misses_std_as_bound", "std or bound", (_STD, _EITHER.format("3**-0.5"))),
    ("misses_variance_as_std", "std or variance", (_STD, _EITHER.format("std"))),
    ("misses_one_row+misses_same_numbers", "moments alone", *_without(_ROWS, _CALLS)),
    ("misses_several", "standard deviation alone", *_without(_SHAPE, _MEAN, _ROWS, _CALLS)),
    ("misses_several", "shape and calls alone", *_without(_FINITE, _MEAN, _STD)),
    ("misses_several", "not too large", (_STD, "    assert weight.std() < 1.03 * std\n")),
    ("rejects_right_uniform", "wants large weights", _and("assert weight.abs().max() > 2.05 * std")),
    ("rejects_right_truncated", "normal or uniform by kurtosis", (_CALLS, _CALLS + _KURTOSIS)),
    ("rejects_right_normal", "wants small weights", _and("assert weight.abs().max() < 2.6 * std")),
    ("rejects_right_truncated+rejects_right_uniform", "wants tails", _and("assert weight.abs().max() > 3 * std")),
    ("verdict_depends_on_the_draw", "few weights", ("200, 500", "20, 40")),
    ("verdict_depends_on_the_draw", "narrow tolerance", ("std - 1) < 0.03", "std - 1) < 0.002")),
    ("raises_instead_of_asserting", "misspelled", ("weight.std()", "weight.standard_deviation()")),
    (
        "raises_instead_of_asserting",
        "raises ValueError",
        (_STD, "    if abs(weight.std() / std - 1) > 0.03:\n        raise ValueError\n"),
    ),
]

_UNLISTED = [
    ("failed", "accepts what is wrong", (_STD, "    assert abs(weight.std() / std - 1) > 0.03\n")),
]

ANSWERS = answers("initialization.test", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
