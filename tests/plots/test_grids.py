"""Weights on a grid, and errors over its range."""

import math

import numpy as np
import pytest

from optcourse.plots import figure, range_errors, weight_grid

WEIGHTS = np.linspace(-1.0, 2.0, 31)


def test_every_weight_is_counted_and_every_level_drawn():
    _, ax = figure()
    weight_grid(WEIGHTS.reshape(31, 1), ax, levels=[-0.5, 0.0, 0.5, 1.0])
    bars = [patch for patch in ax.patches if patch.get_height() == round(patch.get_height()) and patch.get_width() < 1]
    assert sum(bar.get_height() for bar in bars[:80]) == 31
    (lines,) = ax.collections
    assert [segment[0, 0] for segment in lines.get_segments()] == [-0.5, 0.0, 0.5, 1.0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["weights", "grid of 4", "clipped"]


def test_of_many_levels_the_ends_are_drawn():
    _, ax = figure()
    weight_grid(WEIGHTS, ax, levels=np.linspace(-1, 1, 255))
    assert [segment[0, 0] for segment in ax.collections[0].get_segments()] == [-1.0, 1.0]
    assert "grid of 255, its ends" in [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize(
    ("weights", "levels", "message"),
    [
        ([], [0, 1], "weights must be finite"),
        ([math.nan], [0, 1], "weights must be finite"),
        ([1.0], [1.0], "ascending order"),
        ([1.0], [1.0, 0.0], "ascending order"),
        ([1.0], [0.0, math.nan], "ascending order"),
    ],
)
def test_bad_grids_are_refused(weights, levels, message):
    _, ax = figure()
    with pytest.raises(ValueError, match=message):
        weight_grid(weights, ax, levels=levels)


def test_errors_add_up_and_the_chosen_range_is_marked():
    _, ax = figure()
    range_errors([0.2, 0.6, 1.0], [0.001, 0.01, 0.04], [0.5, 0.02, 0.0], ax, chosen=0.6)
    rounding, clipping, total, mark = ax.lines
    assert rounding.get_ydata().tolist() == [0.001, 0.01, 0.04]
    assert clipping.get_ydata().tolist()[:2] == [0.5, 0.02]
    assert math.isnan(clipping.get_ydata()[2])  # 0 has no place on a logarithmic axis
    assert total.get_ydata().tolist() == pytest.approx([0.501, 0.03, 0.04])
    assert (mark.get_xdata().tolist(), mark.get_ydata().tolist()) == ([60.0], pytest.approx([0.03]))


@pytest.mark.parametrize(
    ("shares", "rounding", "chosen", "message"),
    [([0.5], [], 0.5, "as long"), ([], [], 0.5, "as long"), ([0.5], [0.1], 0.4, "one of the shares, got 0.4")],
)
def test_bad_errors_are_refused(shares, rounding, chosen, message):
    _, ax = figure()
    with pytest.raises(ValueError, match=message):
        range_errors(shares, rounding, [0.0] * len(shares), ax, chosen=chosen)
