"""The spread of marks."""

import math

import pytest

from optcourse.plots import figure, marks, to_png


def heights(points, maximum) -> list[int]:
    _, ax = figure()
    marks(points, ax, maximum=maximum)
    return [int(bar.get_height()) for bar in ax.patches]


@pytest.mark.parametrize("maximum", [1, 17, 17.5, 30, 31, 49, 50, 100, 1000, 0.5])
def test_everybody_is_in_one_bar(maximum):
    points = [0, maximum, maximum, maximum / 2, maximum / 3]
    bars = heights(points, maximum)
    assert sum(bars) == len(points)
    assert len(bars) <= 32
    assert bars[0] >= 1


def test_it_can_be_drawn():
    drawing, ax = figure()
    marks([1.0, 2.5], ax, maximum=17, title="Marks")
    assert ax.get_xlabel() == "points of 17"
    assert to_png(drawing).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("points", "maximum"), [([], 3), ([-1], 3), ([4], 3), ([math.nan], 3), ([1], 0), ([1], math.nan)]
)
def test_what_cannot_be_drawn_is_refused(points, maximum):
    _, ax = figure()
    with pytest.raises(ValueError, match="must be"):
        marks(points, ax, maximum=maximum)
