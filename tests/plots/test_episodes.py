"""Cart and pole: an animation that stays light and shows the states it was given."""

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from optcourse.plots import MAXIMUM_BYTES, cartpole


def states(steps, *, angle=0.05):
    t = np.arange(steps + 1)
    return np.stack([np.sin(t / 40), 0 * t, angle * np.sin(t / 9), 0 * t], axis=1)


def pixels(png):
    with Image.open(io.BytesIO(png)) as picture:
        frames = []
        for number in range(picture.n_frames):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB")).astype(int))
        return frames


def test_light_and_as_many_frames_as_asked():
    figure, png = cartpole(states(300), title="An episode", frames=8)
    frames = pixels(png)
    assert len(png) <= MAXIMUM_BYTES
    assert len(frames) == 8
    assert all((one != other).any() for one, other in pairwise(frames[1:]))
    assert frames[0].shape[1] / frames[0].shape[0] == pytest.approx(6.4 / 4.2, rel=0.02)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["An episode", ""]
    drawn = figure.axes[1].lines[0].get_ydata()
    np.testing.assert_allclose(drawn, np.degrees(states(300)[:, 2]) / 12)


def test_cart_stands_where_the_state_says():
    still = np.zeros((3, 4))
    left, right = still.copy(), still.copy()
    left[-1, 0], right[-1, 0] = -2.0, 2.0
    centers = []
    for where in (left, right):
        last = pixels(cartpole(where, title="x", frames=2)[1])[0]
        black = (last[: last.shape[0] // 3].sum(axis=2) < 60) & (np.arange(last.shape[0] // 3) > 60)[:, None]
        centers.append(np.flatnonzero(black.any(axis=0)).mean() / last.shape[1])
    assert centers[0] < 0.35
    assert centers[1] > 0.65


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (np.zeros((1, 4)), {}, r"shape \(steps \+ 1, 4\), got shape \(1, 4\)"),
        (np.zeros((5, 3)), {}, r"got shape \(5, 3\)"),
        (np.full((5, 4), np.nan), {}, "finite"),
        (np.zeros((5, 4)), {"frames": 1}, "at least 2 frames, got 1"),
    ],
)
def test_bad_input(given, options, message):
    with pytest.raises(ValueError, match=message):
        cartpole(given, title="x", **options)
