"""Grids, rounding to them and back: against rational arithmetic, torch, and the properties that define them."""

import itertools
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optcourse.quantization import (
    QuantizationParameters,
    Scheme,
    choose_parameters,
    dequantize,
    dequantize_reference,
    fake_quantize,
    fake_quantize_,
    fake_quantize_reference,
    mean_squared_error,
    parameters_for,
    quantize,
    quantize_reference,
    range_of,
    straight_through,
    straight_through_reference,
)
from tests.quantization.cases import SCHEMES, as_keywords, draw, grid, name_of

every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=name_of)
quick = settings(max_examples=60, deadline=None)
finite = st.floats(-1e6, 1e6, allow_nan=False, width=64)
numbers = st.lists(finite, min_size=1, max_size=12)
schemes = st.builds(Scheme, bits=st.integers(2, 16), signed=st.booleans(), symmetric=st.booleans())


def tensor(values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@every_scheme
def test_quantize_is_rational_arithmetic(scheme: Scheme) -> None:
    """The nearest integer, found by Python's exact fractions, with the parameters as they came out."""
    x = draw(0, 3, 5) * 2
    parameters = parameters_for(x, scheme)
    q = quantize(x * 1.3, parameters)  # some of it beyond the grid
    for i, j in itertools.product(range(3), range(5)):
        channel = {None: (), 0: (i,), 1: (j,)}[scheme.axis]
        scale, zero_point = Fraction(float(parameters.scale[channel])), int(parameters.zero_point[channel])
        nearest = round(Fraction(float(x[i, j] * 1.3)) / scale) + zero_point  # ties to even, as torch
        assert int(q[i, j]) == min(max(nearest, scheme.quant_min), scheme.quant_max)


@every_scheme
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_twins_agree(scheme: Scheme, dtype: torch.dtype) -> None:
    x = draw(1, 4, 7, dtype=dtype)
    parameters = parameters_for(x, scheme)
    wide = x * 1.5
    options = as_keywords(parameters, x)
    reference = fake_quantize_reference(wide, **options)
    in_place = wide.clone()
    assert fake_quantize_(in_place, **options) is in_place
    q = quantize(wide, parameters)
    assert q.dtype == parameters.dtype
    for other in (in_place, fake_quantize(wide, parameters), dequantize(q, parameters)):
        assert torch.equal(other, reference)
        assert other.dtype == dtype
    assert torch.equal(quantize_reference(wide, **options), q.to(dtype))
    unclamped = torch.round(wide / options["scale"]) + options["zero_point"]
    assert bool((unclamped != q).any()), "the case must clamp"
    assert bool((reference != wide).any())


@every_scheme
def test_within_one_step_of_torch(scheme: Scheme) -> None:
    """torch multiplies by the rounded 1 / scale, so it may fall on the other side of a tie, and nowhere else."""
    x = draw(2, 6, 500, dtype=torch.float32)
    parameters = parameters_for(x, scheme)
    wide = x * 1.2
    if scheme.axis is None:
        theirs = torch.fake_quantize_per_tensor_affine(
            wide, parameters.scale, parameters.zero_point, scheme.quant_min, scheme.quant_max
        )
    else:
        theirs = torch.fake_quantize_per_channel_affine(
            wide, parameters.scale, parameters.zero_point, scheme.axis, scheme.quant_min, scheme.quant_max
        )
    ours = fake_quantize(wide, parameters)
    scale, _ = parameters.broadcast(wide)
    steps = ((ours - theirs) / scale).round()
    assert float(steps.abs().max()) <= 1
    position = (wide / scale).double()
    from_tie = (position - position.floor() - 0.5).abs()
    # x/s and x * (1/s) differ by two roundings, relatively 2^-23 of x/s, which is below 2^bits.
    assert float(from_tie[steps != 0].max() if bool((steps != 0).any()) else 0) <= 2.0 ** (scheme.bits + 1 - 23)


@quick
@given(values=numbers, scheme=schemes)
def test_round_trip_is_within_half_a_step(values: list[float], scheme: Scheme) -> None:
    x = tensor(values)
    parameters = parameters_for(x, scheme)
    inside = (x >= parameters.low()) & (x <= parameters.high())
    error = (fake_quantize(x, parameters) - x).abs()
    assert bool((error[inside] <= parameters.scale / 2 * (1 + 1e-6)).all())
    # Rounding the zero-point moves the grid by half a step at most, so nothing is off by more than one.
    assert bool((error <= parameters.scale * (1 + 1e-6)).all())


@quick
@given(low=finite, width=st.floats(0, 1e6), scheme=schemes)
def test_zero_is_exact_and_the_zero_point_inside(low: float, width: float, scheme: Scheme) -> None:
    parameters = choose_parameters(tensor([low])[0], tensor([low + width])[0], scheme)
    assert scheme.quant_min <= int(parameters.zero_point) <= scheme.quant_max
    assert int(quantize(tensor([0.0]), parameters)) == int(parameters.zero_point)
    assert float(fake_quantize(tensor([0.0]), parameters)) == 0.0


@quick
@given(values=st.lists(finite, min_size=2, max_size=12), scheme=schemes, factor=st.floats(0.1, 2))
def test_monotone_and_idempotent(values: list[float], scheme: Scheme, factor: float) -> None:
    x = tensor(sorted(values))
    parameters = parameters_for(x * factor, scheme)
    q = quantize(x, parameters).long()
    assert bool((q.diff() >= 0).all())
    once = fake_quantize(x, parameters)
    assert torch.equal(fake_quantize(once, parameters), once)
    assert torch.equal(quantize(dequantize(q, parameters), parameters).long(), q)


@quick
@given(values=numbers, bits=st.integers(2, 8), exponent=st.integers(-20, 20))
def test_scaling_by_powers_of_two_commutes(values: list[float], bits: int, exponent: int) -> None:
    """Units do not matter: metres or kilometres, the integers are the same."""
    x, factor = tensor(values), 2.0**exponent
    scheme = Scheme(bits=bits)
    if float(x.abs().max()) * min(factor, 1.0) < 1e-200 and bool((x != 0).any()):
        return  # the floor of the scale, the smallest normal number, is not scaled
    assert torch.equal(quantize(x, parameters_for(x, scheme)), quantize(x * factor, parameters_for(x * factor, scheme)))


@quick
@given(values=numbers, bits=st.integers(2, 8))
def test_one_more_bit_halves_the_step(values: list[float], bits: int) -> None:
    x = tensor(values)
    narrow, wide = (parameters_for(x, Scheme(bits=b)).scale for b in (bits, bits + 1))
    if bool((x != 0).any()) and float(narrow) > 1e-300:
        assert float(wide / narrow) == pytest.approx((2**bits - 1) / (2 ** (bits + 1) - 1), rel=1e-12)


def test_known_grids() -> None:
    """Worked by hand: range, not maximum, over 2^b - 1, not 2^b, steps."""
    parameters = choose_parameters(torch.tensor(-1.0), torch.tensor(4.1))
    torch.testing.assert_close(parameters.scale, torch.tensor(5.1 / 255))
    assert int(parameters.zero_point) == 50
    signed = choose_parameters(torch.tensor(-1.0), torch.tensor(4.1), Scheme(signed=True))
    assert int(signed.zero_point) == 50 - 128
    positive = choose_parameters(torch.tensor(2.0), torch.tensor(5.1))  # widened to hold 0
    torch.testing.assert_close(positive.scale, torch.tensor(0.02))
    assert int(positive.zero_point) == 0
    negative = choose_parameters(torch.tensor(-5.1), torch.tensor(-2.0))
    assert int(negative.zero_point) == 255
    symmetric = choose_parameters(torch.tensor(-1.0), torch.tensor(4.1), Scheme(signed=True, symmetric=True))
    torch.testing.assert_close(symmetric.scale, torch.tensor(4.1 / 127))
    middle = choose_parameters(torch.tensor(-1.0), torch.tensor(4.1), Scheme(symmetric=True))
    assert (float(middle.scale), int(middle.zero_point)) == (float(symmetric.scale), 128)


def test_ties_go_to_the_even_step() -> None:
    q = quantize(torch.tensor([0.25, 0.75, 1.25, -0.25]), grid(0.5, 3))
    assert q.tolist() == [3, 5, 5, 3]


def test_uint8_does_not_wrap_around() -> None:
    """uint8 minus a 0-d integer tensor stays uint8 in torch: 3 - 50 would be 209."""
    q = torch.tensor([3, 50, 255], dtype=torch.uint8)
    assert dequantize(q, grid(0.5, 50)).tolist() == [-23.5, 0.0, 102.5]
    options = {"scale": torch.tensor(0.5), "zero_point": torch.tensor(50, dtype=torch.int32)}
    assert dequantize_reference(q, **options).tolist() == [-23.5, 0.0, 102.5]


@pytest.mark.parametrize("value", [0.0, 3.7, -0.2, 1e-30, -1e30])
@pytest.mark.parametrize("scheme", [Scheme(bits=4), Scheme(signed=True, symmetric=True), Scheme(axis=1)], ids=name_of)
def test_constant_tensors(value: float, scheme: Scheme) -> None:
    x = torch.full((2, 3), value)
    parameters = parameters_for(x, scheme)
    assert bool((parameters.scale > 0).all())
    assert bool(parameters.scale.isfinite().all())
    torch.testing.assert_close(fake_quantize(x, parameters), x, rtol=1e-6, atol=0)


def test_tiny_ranges_keep_a_positive_scale() -> None:
    """The smallest subnormal number divided by 255 would be 0."""
    parameters = choose_parameters(torch.tensor(0.0), torch.tensor(1e-45))
    assert float(parameters.scale) == torch.finfo(torch.float32).tiny
    assert quantize(torch.tensor([0.0, 1e-45]), parameters).tolist() == [0, 0]


def test_infinities_go_to_the_ends() -> None:
    assert quantize(torch.tensor([torch.inf, -torch.inf]), grid(0.1, 7, -8, 7)).tolist() == [7, -8]


def test_every_channel_is_as_if_alone() -> None:
    x = draw(3, 4, 6) * torch.tensor([1.0, 10.0, 0.1, 3.0]).double()[:, None]
    together = parameters_for(x, Scheme(axis=0))
    for i, row in enumerate(x):
        alone = parameters_for(row)
        assert torch.equal(together.scale[i], alone.scale)
        assert torch.equal(quantize(x, together)[i], quantize(row, alone))
    low, high = range_of(x.T, axis=1)
    assert torch.equal(low, x.min(1).values)
    assert torch.equal(high, x.max(1).values)


def test_per_channel_saves_rescaled_channels() -> None:
    """The relative error of a small channel beside a large one, per tensor and per channel."""
    x = draw(4, 2, 300) * torch.tensor([1.0, 1e-3]).double()[:, None]
    errors = [
        float((fake_quantize(x, parameters_for(x, Scheme(axis=axis)))[1] - x[1]).norm() / x[1].norm())
        for axis in (None, 0)
    ]
    assert errors[0] > 0.9
    assert errors[1] < 0.01


def test_mean_squared_error_is_the_mean_of_squares() -> None:
    x = draw(5, 3, 8)
    for scheme in (Scheme(bits=3), Scheme(bits=3, axis=1)):
        parameters = parameters_for(x, scheme)
        squares = (fake_quantize(x, parameters) - x) ** 2
        expected = squares.mean() if scheme.axis is None else squares.mean(0)
        torch.testing.assert_close(mean_squared_error(x, parameters), expected)


@every_scheme
def test_straight_through(scheme: Scheme) -> None:
    """Both texts and torch's own: values, and a gradient that is 1 inside and 0 where x was clamped."""
    start = draw(6, 3, 40, dtype=torch.float32)
    parameters = parameters_for(start * 0.6, scheme)
    upstream = draw(7, 3, 40, dtype=torch.float32)
    gradients = []
    for text in ("reference", "stated", "torch"):
        x = start.clone().requires_grad_()
        options = as_keywords(parameters, x)
        if text == "reference":
            y = straight_through_reference(x, **options)
        elif text == "stated":
            y = straight_through(x, parameters)
        elif scheme.axis is None:
            y = torch.fake_quantize_per_tensor_affine(
                x, parameters.scale, parameters.zero_point, scheme.quant_min, scheme.quant_max
            )
        else:
            y = torch.fake_quantize_per_channel_affine(
                x, parameters.scale, parameters.zero_point, scheme.axis, scheme.quant_min, scheme.quant_max
            )
        if text != "torch":
            torch.testing.assert_close(y.detach(), fake_quantize_reference(start, **options), rtol=0, atol=0)
        y.backward(upstream)
        assert x.grad is not None
        gradients.append(x.grad)
    assert torch.equal(gradients[0], gradients[1])
    clamped = gradients[1] == 0
    assert 0 < int(clamped.sum()) < start.numel()
    assert torch.equal(gradients[1][~clamped], upstream[~clamped])
    # torch decides by x * (1/s): within a rounding of the edge it may decide otherwise.
    assert int((gradients[1] != gradients[2]).sum()) <= 1


def test_parameters_of_a_grid() -> None:
    parameters = grid(0.5, 3, 0, 15)
    assert (float(parameters.low()), float(parameters.high())) == (-1.5, 6.0)
    types = [
        QuantizationParameters(torch.tensor(1.0), torch.tensor(0, dtype=torch.int32), -(2**b), 2**b - 1).dtype
        for b in (3, 7, 8, 15)
    ]
    assert types == [torch.int8, torch.int8, torch.int16, torch.int16]
