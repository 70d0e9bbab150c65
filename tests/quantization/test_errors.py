"""Bad input to grids and integer arithmetic: the type, the rule, the value given, the fix."""

import math

import pytest
import torch

from optcourse.quantization import (
    QuantizationParameters,
    Scheme,
    choose_parameters,
    dequantize,
    fake_quantize,
    fixed_point,
    integer_conv2d,
    integer_conv2d_reference,
    integer_matmul,
    integer_matmul_reference,
    parameters_for,
    quantize,
    quantize_bias,
    range_of,
    requantize,
    straight_through,
)
from tests.quantization.cases import draw_integers, grid

T = torch.tensor
ZERO = torch.tensor(0, dtype=torch.int32)
CHANNELS = QuantizationParameters(T([0.1, 0.2]), T([3, 4], dtype=torch.int32), 0, 255, axis=1)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Scheme(bits=1), ValueError, "bits must be an integer from 2 to 16, got 1"),
        (lambda: Scheme(bits=17), ValueError, "got 17"),
        (lambda: Scheme(bits=8.0), TypeError, r"got 8.0 \(float\)"),
        (lambda: Scheme(bits=True), TypeError, r"got True \(bool\)"),
        (lambda: Scheme(signed=1), TypeError, "signed must be True or False, got 1"),
        (lambda: Scheme(symmetric=None), TypeError, "symmetric must be True or False"),
        (lambda: Scheme(axis=-1), ValueError, "axis must be an integer from 0 to 15, got -1"),
        (lambda: grid(0.0, 3), ValueError, "scale must be > 0, got 0.0; widen"),
        (lambda: grid(-0.1, 3), ValueError, "scale must be > 0, got -0.1"),
        (lambda: grid(math.nan, 3), ValueError, "scale must be finite, got 1 NaN"),
        (lambda: grid(math.inf, 3), ValueError, "scale must be finite"),
        (lambda: grid(0.1, 256), ValueError, r"zero_point must lie in \[0, 255\], got 256; clamp it"),
        (lambda: grid(0.1, 3, 5, 5), ValueError, "quant_max must be an integer from 6"),
        (lambda: QuantizationParameters(T(0.1), T(3), 0, 9), TypeError, "zero_point int32, got .* torch.int64"),
        (lambda: QuantizationParameters(T(1), ZERO, 0, 9), TypeError, "scale must be floating"),
        (lambda: QuantizationParameters(T([0.1]), ZERO, 0, 9), ValueError, r"got \(1,\) and \(\) with axis=None"),
        (lambda: QuantizationParameters(T(0.1), ZERO, 0, 9, axis=0), ValueError, r"got \(\) and \(\) with axis=0"),
    ],
)
def test_grids(make, error, text) -> None:
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(
    ("low", "high", "error", "text"),
    [
        (T(2.0), T(1.0), ValueError, "low must not exceed high"),
        (T(math.nan), T(1.0), ValueError, "low must be finite, got 1 NaN"),
        (T(0.0), T(math.inf), ValueError, "high must be finite, got 0 NaN and 1 infinite"),
        (T(-3e38), T(3e38), ValueError, "high - low must be finite"),
        (T(0), T(1.0), TypeError, "low must be a floating tensor"),
        (0.0, T(1.0), TypeError, r"low must be a floating tensor, got 0.0; try torch.tensor\(low\)"),
        (T([0.0]), T([1.0]), ValueError, r"got \(1,\) and \(1,\) with axis=None"),
        (T(0.0), T([1.0]), ValueError, "of|shape"),
    ],
)
def test_ranges(low, high, error, text) -> None:
    with pytest.raises(error, match=text):
        choose_parameters(low, high)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: quantize(T([1.0, math.nan]), grid(0.1, 3)), ValueError, "x must be finite, got 1 NaN and 0 infinite"),
        (lambda: quantize(T([1]), grid(0.1, 3)), TypeError, r"floating tensor, got torch.int64; try x.float\(\)"),
        (lambda: quantize([1.0], grid(0.1, 3)), TypeError, r"got list; try torch.as_tensor\(x\)"),
        (lambda: quantize(torch.zeros(3, 5), CHANNELS), ValueError, r"2 channels along axis 1, got .*\(3, 5\)"),
        (lambda: quantize(torch.zeros(2), CHANNELS), ValueError, r"2 channels along axis 1, got .*\(2,\)"),
        (lambda: fake_quantize(T([1]), grid(0.1, 3)), TypeError, "floating tensor"),
        (lambda: straight_through(T([1]), grid(0.1, 3)), TypeError, "floating tensor"),
        (lambda: dequantize(T([0.5]), grid(0.1, 3)), TypeError, "tensor of integers, got torch.float32; quantize it"),
        (lambda: dequantize(T([True]), grid(0.1, 3)), TypeError, "got torch.bool"),
        (lambda: dequantize(3, grid(0.1, 3)), TypeError, "tensor of integers, got int"),
        (lambda: parameters_for(torch.zeros(0, 3)), ValueError, r"at least one number, got shape \(0, 3\)"),
        (lambda: parameters_for(torch.zeros(3, 0), Scheme(axis=0)), ValueError, r"got shape \(3, 0\)"),
        (lambda: parameters_for(torch.zeros(3), Scheme(axis=1)), ValueError, "axis 1 must be one of the 1 axes"),
        (lambda: range_of(T([math.inf, 0.0])), ValueError, "0 NaN and 1 infinite of 2 numbers"),
    ],
)
def test_rounding(make, error, text) -> None:
    with pytest.raises(error, match=text):
        make()


Q_X, Q_W, IMAGE, KERNEL = (draw_integers(0, *shape) for shape in [(3, 5), (4, 5), (2, 4, 5, 6), (6, 2, 3, 2)])
both_products = pytest.mark.parametrize("product", [integer_matmul, integer_matmul_reference])
both_convolutions = pytest.mark.parametrize("convolve", [integer_conv2d, integer_conv2d_reference])


@both_products
def test_products(product) -> None:
    for q_x, q_w, error, text in [
        (Q_X.float(), Q_W, TypeError, "q_x must be a tensor of integers, got torch.float32"),
        (Q_X, Q_W.double(), TypeError, "q_w must be a tensor of integers"),
        (Q_X, Q_W.T, ValueError, r"same K, got \(3, 5\) and \(5, 4\); weights have their outputs first"),
        (Q_X, Q_W[0], ValueError, r"got \(3, 5\) and \(5,\)"),
        (Q_X[0, 0], Q_W, ValueError, r"got \(\) and \(4, 5\)"),
    ]:
        with pytest.raises(error, match=text):
            product(q_x, q_w, 3, 4)


@both_convolutions
def test_convolutions(convolve) -> None:
    for options, error, text in [
        ({}, ValueError, r"multiple of groups, got .* with groups=1"),
        ({"groups": 0}, ValueError, "groups must be an integer from 1"),
        ({"groups": 2, "stride": 0}, ValueError, "stride must be an integer from 1"),
        ({"groups": 2, "padding": -1}, ValueError, "padding must be an integer from 0"),
        ({"groups": 2, "padding": "same"}, TypeError, "got 'same'"),
        ({"groups": 2, "dilation": (1, 2, 3)}, ValueError, "dilation must be one integer or two"),
        ({"groups": 2, "dilation": 6}, ValueError, "must fit into the padded image.*pad more"),
    ]:
        with pytest.raises(error, match=text):
            convolve(IMAGE, KERNEL, 3, 4, **options)
    with pytest.raises(TypeError, match="q_x must be a tensor of integers"):
        convolve(IMAGE.float(), KERNEL, 3, 4, groups=2)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: fixed_point(T(0.0)), ValueError, r"multiplier must be in \[2\^-31, 2\^30\), got 0 to 0"),
        (lambda: fixed_point(T([1.0, -1.0])), ValueError, "got -1 to 1"),
        (lambda: fixed_point(T(2.0**30)), ValueError, "do not belong together"),
        (lambda: fixed_point(T(math.nan)), ValueError, "1 NaN"),
        (lambda: fixed_point(T(1)), TypeError, "floating tensor"),
        (lambda: quantize_bias(T([math.inf]), T(0.1), T(0.1)), ValueError, "bias must be finite"),
        (lambda: quantize_bias(T([1.0]), T(1e-6), T(1e-6)), ValueError, r"below 2\^31 steps.*got 1e\+12 steps"),
        (lambda: requantize(T([0.5]), T(0.1), zero_point=ZERO, quant_min=0, quant_max=9), TypeError, "accumulator"),
    ],
)
def test_requantization(make, error, text) -> None:
    with pytest.raises(error, match=text):
        make()
