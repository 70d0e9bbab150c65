"""Integer products and requantization against whole-number arithmetic in Python, and against each other."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optcourse.quantization import (
    fixed_point,
    integer_conv2d,
    integer_conv2d_reference,
    integer_matmul,
    integer_matmul_reference,
    quantize_bias,
    requantize,
    requantize_fixed_point,
)
from tests.quantization.cases import draw, draw_integers

quick = settings(max_examples=60, deadline=None)
CONVOLUTIONS = [
    {},
    {"stride": 2},
    {"padding": 2},
    {"padding": (0, 3), "stride": (1, 2)},
    {"dilation": (2, 1), "padding": 1},
    {"groups": 2, "padding": 1},
    {"groups": 4, "stride": (2, 1), "padding": (2, 1), "dilation": 2},
]
SIGNED = {"low": -128, "high": 127, "dtype": torch.int8}


def test_matmul_is_the_sum_of_products() -> None:
    q_x, q_w = draw_integers(0, 2, 3), draw_integers(1, 4, 3, **SIGNED)
    z_x, z_w = 37, [5, -7, 1, 90]
    expected = [
        [sum((int(q_x[i, k]) - z_x) * (int(q_w[j, k]) - z_w[j]) for k in range(3)) for j in range(4)] for i in range(2)
    ]
    for product in (integer_matmul_reference, integer_matmul):
        result = product(q_x, q_w, z_x, torch.tensor(z_w))
        assert result.dtype == torch.int32
        assert result.tolist() == expected


@pytest.mark.parametrize("x_dtype", [torch.uint8, torch.int8, torch.int16])
@pytest.mark.parametrize("w_zero_point", [3, torch.tensor(-5, dtype=torch.int32), torch.tensor([1, -2, 9, 40, 7])])
@pytest.mark.parametrize("shape", [(6, 11), (2, 3, 11), (11,), (0, 11)])
def test_matmul_twins_agree(x_dtype: torch.dtype, w_zero_point: object, shape: tuple[int, ...]) -> None:
    limits = torch.iinfo(x_dtype)
    q_x = draw_integers(2, *shape, low=max(limits.min, -9000), high=min(limits.max, 9000), dtype=x_dtype)
    q_w = draw_integers(3, 5, 11, **SIGNED)
    z_x = torch.tensor(17, dtype=torch.int32)
    reference = integer_matmul_reference(q_x, q_w, z_x, w_zero_point)
    assert torch.equal(integer_matmul(q_x, q_w, z_x, w_zero_point), reference)
    assert reference.shape == (*shape[:-1], 5)
    if reference.numel():
        assert not torch.equal(integer_matmul(q_x, q_w, 0, w_zero_point), reference)
        assert not torch.equal(integer_matmul(q_x, q_w, z_x, 0), reference)


def test_matmul_is_exact_where_float32_is_not() -> None:
    """4,000 products of 255 x 255 are 2.6e8, beyond the 2^24 up to which float32 holds every integer."""
    q_x, q_w = draw_integers(4, 3, 4000, low=200), draw_integers(5, 2, 4000, low=201)
    result = integer_matmul(q_x, q_w, 1, 2)
    assert torch.equal(result, integer_matmul_reference(q_x, q_w, 1, 2))
    inexact = ((q_x.float() - 1) @ (q_w.float() - 2).T).to(torch.int32)
    assert not torch.equal(result, inexact)


@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("per_channel", [False, True])
def test_conv_twins_agree(options: dict, per_channel: bool) -> None:
    q_x = draw_integers(6, 2, 4, 9, 7)
    q_w = draw_integers(7, 8, 4 // options.get("groups", 1), 3, 2, **SIGNED)
    z_w = torch.tensor([1, -2, 9, 40, 7, -90, 3, 5]) if per_channel else 11
    reference = integer_conv2d_reference(q_x, q_w, 37, z_w, **options)
    assert reference.dtype == torch.int32
    assert torch.equal(integer_conv2d(q_x, q_w, torch.tensor(37), z_w, **options), reference)
    floats = torch.nn.functional.conv2d(
        q_x.double() - 37, q_w.double() - torch.as_tensor(z_w).double().expand(8)[:, None, None, None], None, **options
    )
    assert torch.equal(reference, floats.int())


def test_padding_is_the_zero_point() -> None:
    """An image that is 0 everywhere gives 0 everywhere, at its border too."""
    q_x, q_w = torch.full((1, 1, 3, 4), 50, dtype=torch.uint8), draw_integers(8, 2, 1, 3, 3)
    for convolve in (integer_conv2d, integer_conv2d_reference):
        assert not convolve(q_x, q_w, 50, 7, padding=1).any()


multipliers = st.floats(2.0**-31, 2.0**29)
accumulators = st.integers(-(2**31), 2**31 - 1)


@quick
@given(multiplier=multipliers)
def test_fixed_point_is_near(multiplier: float) -> None:
    mantissa, shift = (int(part) for part in fixed_point(torch.tensor(multiplier, dtype=torch.float64)))
    assert 2**30 <= mantissa < 2**31
    assert 1 <= shift <= 62
    assert abs(Fraction(mantissa, 2**shift) / Fraction(multiplier) - 1) <= Fraction(1, 2**31)


def test_fixed_point_carries() -> None:
    """Just below a power of two the mantissa rounds up to 2^31, which has 32 bits."""
    for multiplier in (1 - 2.0**-40, 2.0**-31, 2.0**30 * (1 - 2.0**-33)):
        mantissa, shift = fixed_point(torch.tensor(multiplier, dtype=torch.float64))
        assert int(mantissa) == 2**30
        assert int(mantissa) / 2.0 ** int(shift) == pytest.approx(multiplier, rel=2.0**-31)


@quick
@given(multiplier=multipliers, accumulator=accumulators, zero_point=st.integers(0, 255))
def test_fixed_point_is_whole_number_arithmetic(multiplier: float, accumulator: int, zero_point: int) -> None:
    mantissa, shift = fixed_point(torch.tensor(multiplier, dtype=torch.float64))
    exact = (accumulator * int(mantissa) + 2 ** (int(shift) - 1)) // 2 ** int(shift) + zero_point
    result = requantize_fixed_point(
        torch.tensor([accumulator]), mantissa, shift, zero_point=torch.tensor(zero_point), quant_min=3, quant_max=250
    )
    assert result.tolist() == [min(max(exact, 3), 250)]


@quick
@given(multiplier=st.floats(1e-5, 0.1), accumulator=accumulators, zero_point=st.integers(1, 254))
def test_float_scale_is_rational_arithmetic(multiplier: float, accumulator: int, zero_point: int) -> None:
    exact = Fraction(multiplier) * accumulator
    result = requantize(
        torch.tensor([accumulator]),
        torch.tensor(multiplier, dtype=torch.float64),
        zero_point=torch.tensor(zero_point),
        quant_min=-(10**9),
        quant_max=10**9,
    )
    # The float64 product is rounded once, so within 1e-7 of a tie it may fall on the other side.
    if abs(exact - round(exact * 2) * Fraction(1, 2)) > 1e-7 or exact.denominator == 1:
        assert result.tolist() == [round(exact) + zero_point]


def test_both_roundings_agree_within_a_step() -> None:
    """Per channel, 16,000 accumulators; they differ at ties and where float32 rounds the product."""
    a = draw_integers(9, 2000, 8, low=-60000, high=60000, dtype=torch.int32)
    multiplier = torch.linspace(0.0007, 0.0041, 8)
    limits = {"zero_point": torch.tensor(113), "quant_min": 0, "quant_max": 255}
    floats = requantize(a, multiplier, **limits)
    fixed = requantize_fixed_point(a, *fixed_point(multiplier), **limits)
    difference = (floats - fixed).abs()
    assert int(difference.max()) <= 1
    assert float((difference != 0).float().mean()) < 0.001
    assert len(floats.unique()) == 256


@pytest.mark.parametrize(
    ("accumulator", "even", "up"), [(1, 10, 11), (3, 12, 12), (-1, 10, 10), (-3, 8, 9), (2, 11, 11)]
)
def test_ties(accumulator: int, even: int, up: int) -> None:
    a, half = torch.tensor([accumulator]), torch.tensor(0.5)
    limits = {"zero_point": torch.tensor(10), "quant_min": 0, "quant_max": 255}
    assert requantize(a, half, **limits).tolist() == [even]
    assert requantize_fixed_point(a, *fixed_point(half), **limits).tolist() == [up]


def test_bias_has_the_scale_of_the_products() -> None:
    bias, input_scale, weight_scale = draw(10, 5), torch.tensor(0.05).double(), (draw(11, 5).abs() + 0.1) / 50
    q = quantize_bias(bias, input_scale, weight_scale)
    assert q.dtype == torch.int32
    exact = [
        Fraction(float(b)) / (Fraction(float(input_scale)) * Fraction(float(s)))
        for b, s in zip(bias, weight_scale, strict=True)
    ]
    assert q.tolist() == [round(value) for value in exact]
    assert q.abs().min() > 10


def test_sums_beyond_32_bits_are_refused() -> None:
    q = torch.full((1, 3), 2**15, dtype=torch.int32)
    for product in (integer_matmul, integer_matmul_reference):
        with pytest.raises(ValueError, match=r"must fit into 32 bits, got 3221225472"):
            product(q, q, 0, 0)
