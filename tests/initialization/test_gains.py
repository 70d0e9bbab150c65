"""Gains against closed forms, against Monte-Carlo, and against torch's table."""

import math

import pytest
import torch
from torch import nn

from optcourse.initialization import ACTIVATIONS, gain, moments

CLOSED_FORMS = {
    ("identity", "forward"): 1.0,
    ("identity", "backward"): 1.0,
    ("relu", "forward"): math.sqrt(2),
    ("relu", "backward"): math.sqrt(2),
    ("softplus", "backward"): 1 / math.sqrt(0.2933790),  # its slope is the sigmoid
}


@pytest.mark.parametrize(("name", "mode"), CLOSED_FORMS)
def test_closed_forms(name, mode):
    assert gain(name, mode) == pytest.approx(CLOSED_FORMS[name, mode], rel=1e-6)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3, -0.5, 1.0])
def test_leaky_relu(slope):
    for mode in ("forward", "backward"):
        assert gain("leaky_relu", mode, negative_slope=slope) == pytest.approx(math.sqrt(2 / (1 + slope**2)), rel=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_monte_carlo(name):
    """2e6 draws give a mean square with a relative error of about 1e-3; 6 standard errors are asked."""
    z = torch.randn(2_000_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    values = ACTIVATIONS[name](z)
    (slopes,) = torch.autograd.grad(values.sum(), z)
    for mode, numbers in (("forward", values.detach()), ("backward", slopes)):
        squares = numbers.square()
        error = 6 * squares.std() / len(z) ** 0.5 + 1e-12
        assert abs(squares.mean() - gain(name, mode) ** -2) <= error


@pytest.mark.parametrize("variance", [1e-6, 0.09, 1.0, 25.0, 1e8])
def test_moments_of_other_variances(variance):
    """ReLU halves whatever it gets; tanh turns into the sign, whose slope fits 4 / (3 sqrt(2 pi)) / std."""
    assert moments("relu", variance) == pytest.approx((variance / 2, 0.5), rel=1e-12)
    value, slope = moments("tanh", variance)
    if variance < 1e-4:
        assert (value, slope) == pytest.approx((variance, 1.0), rel=1e-5)
    if variance > 1e6:
        assert value == pytest.approx(1.0, abs=1e-3)
        assert slope == pytest.approx(4 / (3 * math.sqrt(2 * math.pi * variance)), rel=1e-3)


def test_what_gain_means():
    """The layer that has it hands on the mean square it received."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(400, 500, generator=draw)
    for name in ("relu", "tanh", "gelu", "sigmoid"):
        w = gain(name) * torch.randn(500, 500, generator=draw) / 500**0.5
        assert float((ACTIVATIONS[name](x) @ w.T).square().mean()) == pytest.approx(1.0, rel=0.03)


def test_torchs_table():
    """Same for what has a closed form; other numbers, stated in the documentation, for tanh, sigmoid and SELU."""
    theirs = nn.init.calculate_gain
    assert gain("identity") == theirs("linear")
    assert gain("relu") == pytest.approx(theirs("relu"), rel=1e-12)
    assert gain("leaky_relu", negative_slope=0.2) == pytest.approx(theirs("leaky_relu", 0.2), rel=1e-12)
    assert (theirs("tanh"), theirs("sigmoid"), theirs("selu")) == (5 / 3, 1, 0.75)
    found = [round(gain(name), 4) for name in ("tanh", "sigmoid", "selu")]
    assert found == [1.5925, 1.8462, 1.0]


def test_functions_and_modules():
    assert gain(torch.tanh) == gain(nn.Tanh()) == gain("tanh")
    assert gain(lambda x: 3 * x) == pytest.approx(1 / 3, rel=1e-12)
    assert gain(nn.PReLU(init=0.5)) == pytest.approx(gain("leaky_relu", negative_slope=0.5), rel=1e-6)
    noisy = nn.RReLU(0.2, 0.4).train()
    assert gain(noisy) == pytest.approx(gain("leaky_relu", negative_slope=0.3), rel=1e-6)
    assert noisy.training
    assert next(nn.PReLU().parameters()).dtype == torch.float32
    # kinks at multiples of 1/2 are ends of panels
    assert gain(nn.Hardtanh()) == pytest.approx(1 / math.sqrt(0.5160585510), rel=1e-9)


def test_gradients_switched_off_around_it():
    with torch.no_grad():
        assert moments("tanh").slope > 0.4


@pytest.mark.parametrize(
    ("activation", "options", "error", "message"),
    [
        ("rleu", {}, ValueError, "unknown activation 'rleu'; did you mean 'relu'"),
        ("ReLU", {}, ValueError, "did you mean 'relu'"),
        ("maxout", {}, ValueError, "Known: identity, relu"),
        (nn.ReLU, {}, TypeError, r"forget the \(\)"),
        (3, {}, TypeError, "a name, a function or a module, got 3"),
        ("relu", {"mode": "fan_in"}, ValueError, "mode must be 'forward' or 'backward', got 'fan_in'"),
        ("leaky_relu", {"negative_slope": math.nan}, ValueError, "negative_slope must be finite, got nan"),
        (lambda x: 0 * x, {}, ValueError, "0 everywhere"),
        (torch.sign, {"mode": "backward"}, ValueError, "slope of the activation .* 0 everywhere"),
        (torch.ones_like, {"mode": "backward"}, ValueError, "0 everywhere"),
        (lambda x: torch.softmax(x, 0), {}, ValueError, "each number by itself"),
        (lambda x: x.sum(), {}, ValueError, r"each number by itself.*\(\) for"),
        (torch.log, {}, ValueError, "NaN for some number"),
    ],
)
def test_bad_input(activation, options, error, message):
    with pytest.raises(error, match=message):
        gain(activation, **options)


@pytest.mark.parametrize("variance", [-1.0, math.nan])
def test_bad_variance(variance):
    with pytest.raises(ValueError, match="variance must be >= 0"):
        moments("relu", variance)
