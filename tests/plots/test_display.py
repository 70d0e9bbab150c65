"""One small picture with its words."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from optcourse.plots import MAXIMUM_BYTES, display, figure, show, show_animation, to_png


@pytest.fixture
def shown(monkeypatch):
    """What `show` hands to Jupyter, as (data, metadata) pairs."""
    from IPython.core.interactiveshell import InteractiveShell

    caught = []
    monkeypatch.setattr(InteractiveShell, "initialized", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, metadata, raw: caught.append((data, metadata)))
    return caught


def test_show_gives_one_png_with_its_words_and_its_size_on_the_page(shown):
    made, ax = figure(width=5, height=3)
    ax.plot([1, 2])
    show(made, alt="A line that\n   rises.")
    [(data, metadata)] = shown
    assert set(data) == {"image/png", "text/plain"}
    assert data["text/plain"] == "A line that rises."
    assert metadata == {"image/png": {"alt": "A line that rises.", "width": 480, "height": 288}}
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.size == (720, 432)
    assert picture.text["Description"] == "A line that rises."


def test_show_outside_jupyter_writes_the_words(capsys):
    show(figure()[0], alt="Nothing yet.")
    assert capsys.readouterr().out == "[figure] Nothing yet.\n"


@pytest.mark.parametrize("alt", ["", "  \n", None])
def test_words_are_required(alt, shown):
    with pytest.raises(ValueError, match="alt must say in words"):
        show(figure()[0], alt=alt)
    with pytest.raises(ValueError, match="alt must say in words"):
        show_animation(b"\x89PNG\r\n\x1a\n", alt=alt)
    assert shown == []


def test_show_closes_a_figure_of_pyplots(shown):
    import matplotlib

    with matplotlib.rc_context({"backend": "agg"}):
        from matplotlib import pyplot

        made, _ = pyplot.subplots()
        show(made, alt="Empty axes.")
        assert pyplot.get_fignums() == []


def test_heavy_picture_loses_resolution_and_stays_below_the_limit():
    made, ax = figure(width=6, height=4)
    ax.imshow(np.random.default_rng(0).random((60, 90)), cmap="viridis", interpolation="bilinear")
    png = to_png(made)
    assert len(png) <= MAXIMUM_BYTES
    assert 360 <= Image.open(io.BytesIO(png)).width < 6 * 144
    assert made.get_dpi() == 144


def test_picture_that_cannot_be_made_light_is_refused(monkeypatch):
    monkeypatch.setattr(display, "MAXIMUM_BYTES", 500)
    with pytest.raises(ValueError, match="bytes at 60 dots an inch, more than 500; draw fewer points"):
        to_png(figure()[0])


def test_256_colors_keep_white_white_and_the_rest_close():
    made, ax = figure()
    for i, color in enumerate(["#0072B2", "#D55E00", "#009E73"]):
        ax.plot([0, 1, 2], [i, i + 1, i], color=color)
    exact = np.asarray(display.rendered(made, 144), dtype=int)
    stored = np.asarray(Image.open(io.BytesIO(to_png(made))).convert("RGB"), dtype=int)
    assert (stored[exact.min(axis=2) == 255] == 255).all()
    assert np.abs(stored - exact).max() < 24


def test_animation_must_be_a_light_png(shown):
    with pytest.raises(ValueError, match="bytes of a PNG"):
        show_animation(b"GIF89a", alt="A race.")
    with pytest.raises(ValueError, match="more than 100,000; draw fewer frames"):
        show_animation(b"\x89PNG\r\n\x1a\n" + bytes(MAXIMUM_BYTES), alt="A race.")
    assert shown == []
