"""Bits and range: every value of every control draws, and the words agree with what is computed."""

import re

import ipywidgets
import pytest
import torch

from optcourse.experiments.quantization import accuracy, checkpoint
from optcourse.experiments.quantization.clipping import clipped_grid, layer_weights, range_error
from optcourse.plots import MAXIMUM_BYTES
from optcourse.quantization import Scheme, fake_quantize, mean_squared_error, simulate
from optcourse.widgets import bits_and_range


@pytest.fixture(scope="module")
def explorer():
    return bits_and_range(layer=3, bits=3)


def stops(control):
    if isinstance(control, ipywidgets.IntSlider):
        return [control.min, control.max]
    return list(control.options)[:: max(1, len(control.options) // 3)]


@pytest.mark.parametrize("name", ["layer", "bits", "range", "scales"])
def test_every_value_of_every_control_draws(explorer, name):
    assert list(explorer.controls) == ["layer", "bits", "range", "scales"]
    for value in stops(explorer.controls[name]):
        explorer.set(**{name: value})
        assert explorer.error is None
        assert 1000 < len(explorer.png) <= MAXIMUM_BYTES
        assert f"with {explorer.values['bits']} bits and a range of {explorer.values['range']} %" in explorer.alt


def test_the_words_are_what_is_measured(explorer):
    explorer.set(layer="2: 128 to 128", bits=3, range=100, scales="one for each output")
    simulated = simulate(
        checkpoint("mlp", 0),
        [torch.zeros(1, 1, 28, 28)],
        weight=Scheme(3, signed=True, symmetric=True, axis=0),
        activation=None,
    )
    assert f"accuracy of the net {accuracy(simulated):.1f} %" in explorer.alt
    weight = layer_weights()["2: 128 to 128"]
    grid = clipped_grid(weight, 3, 1.0, 0)
    error = float((mean_squared_error(weight, grid).mean()) / weight.square().mean())
    assert f"squared error {100 * error:.2g} % of" in explorer.alt
    assert "clipping 0 %" in explorer.reading
    assert "7 numbers" in explorer.reading


def test_errors_of_rounding_and_clipping_add_up():
    weight = torch.tensor([[0.05, -0.4, 1.1], [0.02, 0.0, -2.0]])
    grid = clipped_grid(weight, 4, 0.5, None)
    assert float(grid.high()) == 1.0
    error = range_error(weight, grid)
    whole = float(((fake_quantize(weight, grid) - weight) ** 2).sum() / weight.square().sum())
    assert error.total == pytest.approx(whole, rel=1e-6)
    assert error.clipping == pytest.approx((0.1**2 + 1.0**2) / float(weight.square().sum()), rel=1e-5)
    with pytest.raises(ValueError, match=r"share must lie in \(0, 1\], got 0"):
        clipped_grid(weight, 4, 0.0, None)


def test_few_bits_want_a_narrow_range(explorer):
    best = []
    for bits in (8, 2):
        explorer.set(layer="1: 784 to 128", bits=bits, scales="one for the tensor")
        best.append(int(re.search(r"at a range of (\d+) %", explorer.reading)[1]))
    assert best[0] >= 80
    assert best[1] <= 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 4}, "layer must be 1, 2 or 3, got 4"),
        ({"bits": 1}, r"bits must be in \[2, 8\], got 1"),
        ({"range": 50}, r"range must be one of 4, 8, .*, 100, got 50"),
        ({"scales": "two"}, "scales must be one of one for the tensor, one for each output, got 'two'"),
    ],
)
def test_first_setting_is_checked(options, message):
    with pytest.raises(ValueError, match=message):
        bits_and_range(**options)


def test_sliders_wait_for_the_hand_to_rest_and_labels_fit(explorer):
    for control in explorer.controls.values():
        assert getattr(control, "continuous_update", False) is False
        assert 7.5 * len(control.description) <= 108
