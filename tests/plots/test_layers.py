"""Curves over layers: bands, predictions, and what cannot be drawn on a logarithmic scale."""

import math

import numpy as np
import pytest

from optcourse.plots import figure, layer_curves


@pytest.fixture
def ax():
    return figure()[1]


def data_lines(ax):
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def test_line_is_the_geometric_mean_and_the_band_spans_the_nets(ax):
    layer_curves({"he": [[1.0, 2.0, 4.0], [1.0, 8.0, 1.0]]}, ax, label="variance", title="Look")
    line = data_lines(ax)["he"]
    np.testing.assert_allclose(line.get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(line.get_ydata(), [1, 4, 2])
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (1, 8)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("layer (from the input)", "variance", "log")
    assert ax.get_title(loc="left") == "Look"
    assert all(tick == round(tick) for tick in ax.get_xticks())
    assert "of 2 nets" in ax.get_legend().get_title().get_text()


def test_names_and_prediction_are_told_apart(ax):
    nets = {name: [[1.0, 2.0]] for name in ("he", "xavier", "default")}
    layer_curves(nets, ax, label="variance", predicted={name: [1.0, 2.0] for name in nets})
    lines = data_lines(ax)
    assert set(lines) == {"he", "xavier", "default", "predicted"}
    assert len({(line.get_color(), line.get_marker()) for line in lines.values()}) == 4
    assert lines["predicted"].get_linestyle() == "--"
    assert ax.get_legend().get_title().get_text() == ""


@pytest.mark.parametrize(
    ("values", "crosses"),
    [([1.0, 2.0, math.inf, math.nan], [2.0]), ([0.0, 0.0, 3.0, 4.0], [3.0]), ([1.0, math.inf, 3.0, 4.0], [1.0, 3.0])],
)
def test_a_cross_beside_what_cannot_be_drawn(ax, values, crosses):
    layer_curves({"he": [values, [1.0] * 4]}, ax, label="variance", legend=False)
    marked = [line for line in ax.lines if line.get_marker() == "x"]
    np.testing.assert_allclose(np.concatenate([line.get_ydata() for line in marked]) ** 2, crosses)
    assert ax.get_legend() is None
    low, high = ax.get_xlim()
    assert low < 1
    assert high > 4
    assert np.isfinite(ax.get_ylim()).all()


def test_nothing_to_be_drawn_is_no_error(ax):
    layer_curves({"he": [[math.inf, math.nan]]}, ax, label="variance", predicted={"he": [1.0, 1e100]})
    np.testing.assert_array_equal(np.isnan(data_lines(ax)["predicted"].get_ydata()), [False, True])
    assert not [line for line in ax.lines if line.get_marker() == "x"]


def test_a_level_line_is_level(ax):
    layer_curves({"he": [[1.0, 1.01, 0.99]]}, ax, label="variance")
    low, high = ax.get_ylim()
    assert high / low == pytest.approx(100)
    assert low < 0.99 < 1.01 < high


@pytest.mark.parametrize(
    ("values", "predicted", "message"),
    [
        ({}, None, "no values to draw"),
        ({"he": [[1.0], [1.0, 2.0]]}, None, "'he' must be a sequence of nets of one depth"),
        ({"he": []}, None, "at least one layer deep"),
        ({"he": 3.0}, None, "'he' must be a sequence"),
        ({"he": [[1.0, 2.0]]}, {"he": [1.0]}, "the prediction 'he' must have a value for each layer"),
        ({"he": [[1.0, 2.0]]}, {"xavier": [1.0, 2.0]}, "the prediction 'xavier'"),
    ],
)
def test_bad_input(ax, values, predicted, message):
    with pytest.raises(ValueError, match=message):
        layer_curves(values, ax, label="variance", predicted=predicted)
    assert not ax.lines
