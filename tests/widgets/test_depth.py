"""Variance through depth: every value of every control draws, and the words agree with what is measured."""

import math
import re

import ipywidgets
import pytest

from optcourse.initialization import gain
from optcourse.plots import MAXIMUM_BYTES
from optcourse.widgets import variance_through_depth


@pytest.fixture(scope="module")
def explorer():
    return variance_through_depth(depth=6, width=32)


def rates(explorer):
    """Factors a layer, of the signal and of the gradient."""
    return [float(number) for number in re.findall(r"a factor ([\d.]+) a layer", explorer.alt)]


def stops(control):
    if isinstance(control, ipywidgets.FloatLogSlider):
        return [control.base**control.min, 1.5, control.base**control.max]
    if isinstance(control, ipywidgets.IntSlider):
        return [control.min, control.max]
    return list(control.options)


@pytest.mark.parametrize("name", ["activation", "gain", "depth", "width", "weights"])
def test_every_value_of_every_control_draws(explorer, name):
    assert list(explorer.controls) == ["activation", "gain", "depth", "width", "weights"]
    explorer.set(activation="relu", gain=1.5, depth=6, width=32, weights="normal")
    for value in stops(explorer.controls[name]):
        explorer.set(**{name: value})
        assert explorer.error is None
        assert 1000 < len(explorer.png) <= MAXIMUM_BYTES
        assert explorer.alt.startswith(f"Variance through {explorer.values['depth']} layers")


@pytest.mark.parametrize(
    ("activation", "chosen", "rate"), [("identity", 1.0, 1.0), ("relu", 1.0, 0.5), ("relu", 2.0, 2.0)]
)
def test_factors_are_those_of_theory(explorer, activation, chosen, rate):
    explorer.set(activation=activation, gain=chosen, depth=30, width=256, weights="normal")
    forward, backward = rates(explorer)
    assert forward == pytest.approx(rate, rel=0.06)
    assert backward == pytest.approx(rate, rel=0.06)


def test_the_gain_that_keeps_the_signal_keeps_it(explorer):
    """Not so GELU: a variance a little above 1 grows from layer to layer under its gain."""
    for activation in ("relu", "tanh"):
        explorer.set(activation=activation, gain=gain(activation), depth=20, width=256, weights="orthogonal")
        assert rates(explorer)[0] == pytest.approx(1.0, abs=0.06)
        assert f"keeps the signal is {gain(activation):.3f}" in explorer.reading


def test_overflow_and_underflow_are_said(explorer):
    explorer.set(activation="relu", gain=10.0, depth=60, width=32, weights="normal")
    layers = int(re.search(r"signal overflows after (\d+) layers", explorer.alt)[1])
    assert layers == pytest.approx(128 / math.log2(10 / 2**0.5), abs=4)
    explorer.set(gain=0.1)
    layers = int(re.search(r"signal is exactly 0 after (\d+) layers", explorer.alt)[1])
    assert layers == pytest.approx(149 / math.log2(10 * 2**0.5), abs=4)


def test_same_controls_same_picture():
    one, two = (variance_through_depth(depth=4, width=32, gain=1.2) for _ in range(2))
    assert one.png == two.png


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "rleu"}, "activation must be one of identity, relu, .*, got 'rleu'"),
        ({"gain": 0.0}, r"gain must be in \[0.1, 10\], got 0.0"),
        ({"depth": 1}, r"depth must be in \[2, 60\], got 1"),
        ({"width": 100}, "width must be one of 32, 128, 256, got 100"),
        ({"weights": "uniform"}, "weights must be one of normal, orthogonal, got 'uniform'"),
    ],
)
def test_first_setting_is_checked(options, message):
    with pytest.raises(ValueError, match=message):
        variance_through_depth(**options)


def test_sliders_wait_for_the_hand_to_rest_and_labels_fit(explorer):
    for control in explorer.controls.values():
        assert getattr(control, "continuous_update", False) is False
        assert 7.5 * len(control.description) <= 108
