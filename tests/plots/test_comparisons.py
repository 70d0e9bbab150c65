"""Bars: lengths, whiskers, numbers, and what diverged."""

import math

import numpy as np
import pytest

from optcourse.plots import PALETTE, bars, figure, kill_matrix


@pytest.fixture
def ax():
    return figure()[1]


def test_bar_is_the_median_and_the_whisker_spans_the_runs(ax):
    bars({"sgd": 3.14159, "adam": [1.0, 5.0, 2.0]}, ax, unit="bytes a parameter", digits=3)
    assert [bar.get_width() for bar in ax.patches] == [3.14159, 2.0]
    assert [list(line.get_xdata()) for line in ax.lines] == [[1.0, 5.0]]
    assert [text.get_text() for text in ax.texts] == ["3.14", "2"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["sgd", "adam"]
    assert ax.get_xlabel() == "bytes a parameter\n(bar: median, whisker: lowest to highest of 3 runs)"
    assert ax.yaxis_inverted()


def test_single_numbers_need_no_word_on_runs_and_mean_is_mean(ax):
    bars({"adam": np.array([1.0, 2.0, 6.0])}, ax, unit="s", center="mean", title="Slow")
    assert ax.patches[0].get_width() == 3
    _, other = figure()
    bars({"adam": 1}, other, unit="s")
    assert other.get_xlabel() == "s"


def test_diverged_runs_are_counted_not_averaged(ax):
    bars({"sgd": [0.5, math.inf, 0.7], "adam": math.inf}, ax, unit="loss")
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], [0.6, 0])
    assert [text.get_text() for text in ax.texts] == ["0.6  × 1 of 3 diverged", "× 1 of 1 diverged"]
    assert np.isfinite(ax.get_xlim()).all()


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({}, {}, "no values to draw"),
        ({"adam": []}, {}, "'adam' has no numbers"),
        ({"adam": [1.0, math.nan]}, {}, "'adam' has a NaN"),
        ({"adam": 1.0}, {"unit": " "}, "unit must name"),
        ({"adam": 1.0}, {"center": "mode"}, "center must be 'median' or 'mean', got 'mode'"),
    ],
)
def test_bad_input(ax, values, options, message):
    with pytest.raises(ValueError, match=message):
        bars(values, ax, **{"unit": "s", **options})
    assert not ax.patches


COUNTS = {"adam": {"right": (2, 2), "clamp": (1, 3), "absent": (0, 0)}, "sgd": {"right": (1, 1), "lr twice": (0, 1)}}


def test_kill_matrix_tells_what_slipped_through(ax):
    kill_matrix(COUNTS, ax, title="Who was caught")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["adam", "sgd"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["right", "clamp", "absent", "lr twice"]
    seen = {(line.get_xdata()[0], line.get_ydata()[0]): (line.get_marker(), line.get_color()) for line in ax.lines}
    caught, slipped = ("o", PALETTE["blue"]), ("X", PALETTE["vermillion"])
    assert seen == {(0, 0): caught, (0, 1): slipped, (1, 0): caught, (1, 3): slipped}
    assert [text.get_text() for text in ax.texts] == ["2", "1/3", "1", "0/1"]


def test_kill_matrix_draws_the_rows_asked_for(ax):
    kill_matrix(COUNTS, ax, rows=["lr twice", "right"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["lr twice", "right"]
    assert sorted(text.get_text() for text in ax.texts) == ["0/1", "1", "2"]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "no answers to draw"),
        ({"adam": {"right": (0, 0)}}, "no answers to draw"),
        ({"adam": {"clamp": (3, 2)}}, "'clamp': 3 of 2 answers judged right; need 0 <= right <= all"),
        ({"adam": {"clamp": (-1, 2)}}, "need 0 <= right <= all"),
    ],
)
def test_kill_matrix_refuses_impossible_counts(ax, counts, message):
    with pytest.raises(ValueError, match=message):
        kill_matrix(counts, ax)
    assert not ax.texts
