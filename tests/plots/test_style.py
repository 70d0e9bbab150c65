"""Looks: told apart without color, the same everywhere, and no setting of matplotlib's left changed."""

import itertools
import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from optcourse.optimizers import OPTIMIZERS
from optcourse.plots import PALETTE, appearances, bars, figure, style

# Machado, Oliveira & Fernandes, IEEE TVCG 2009, severity 1.0, on linear RGB.
COLOR_BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "none": np.eye(3),
}
RGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
XYZ_OF_WHITE = np.array([0.9505, 1.0, 1.089])


def linear_rgb(color):
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(linear):
    relative = RGB_TO_XYZ @ linear / XYZ_OF_WHITE
    root = np.where(relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("sight", COLOR_BLINDNESS)
def test_palette_is_told_apart_with_each_kind_of_sight(sight):
    seen = [lab(np.clip(COLOR_BLINDNESS[sight] @ linear_rgb(color), 0, 1)) for color in PALETTE.values()]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 10  # 2.3 is just noticeable


def test_palette_stands_out_from_white():
    for name, color in PALETTE.items():
        luminance = RGB_TO_XYZ[1] @ linear_rgb(color)
        assert 1.05 / (luminance + 0.05) > 2.0, name


def test_every_optimizer_has_a_look_of_its_own_that_does_not_depend_on_its_company():
    together = appearances(OPTIMIZERS)
    for name in OPTIMIZERS:
        assert appearances(["mine", name, "other"])[name] == appearances([name.upper()])[name.upper()] == together[name]
    assert set(OPTIMIZERS) <= {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "sam"}, (
        "give the new optimizer a fixed look in optcourse/plots/style.py and name it here"
    )


@pytest.mark.parametrize("fixed", [[], OPTIMIZERS], ids=["none fixed", "all optimizers"])
def test_any_two_looks_differ_in_two_cues(fixed):
    looks = list(appearances([*fixed, *(f"variant {i}" for i in range(12))]).values())
    for a, b in itertools.combinations(looks, 2):
        assert (a.color != b.color) + (a.marker != b.marker) + (str(a.linestyle) != str(b.linestyle)) >= 2


def test_label_that_starts_with_an_optimizer_takes_its_look_while_it_is_free():
    looks = appearances(["adam, no bias correction", "sgd (lr 0.1)", "sgd"])
    assert looks["adam, no bias correction"] == appearances(["adam"])["adam"]
    assert looks["sgd"] == appearances(["sgd"])["sgd"] != looks["sgd (lr 0.1)"]


def test_too_many_labels_are_refused():
    with pytest.raises(ValueError, match="of 65 labels only 32 can be told apart"):
        appearances(str(i) for i in range(65))


def test_style_puts_settings_back_even_after_an_error():
    before = dict(matplotlib.rcParams)

    with pytest.raises(RuntimeError), style("slides"):
        raise RuntimeError(matplotlib.rcParams["font.size"])
    assert dict(matplotlib.rcParams) == before


def test_style_does_not_inherit_the_callers_settings():
    with matplotlib.rc_context({"axes.facecolor": "black", "lines.linewidth": 9}), style():
        assert matplotlib.rcParams["axes.facecolor"] == "white"
        assert matplotlib.rcParams["lines.linewidth"] == 1.8


def test_unknown_style_names_the_known_ones():
    with pytest.raises(ValueError, match="'notebook', 'slides', got 'poster'"), style("poster"):
        pass
    with pytest.raises(ValueError, match="got 'poster'"):
        figure(style="poster")


def test_slides_are_drawn_large_also_outside_the_context():
    sizes = {}
    for name in ("notebook", "slides"):
        made, ax = figure(style=name)
        bars({"adam": 1.0}, ax, unit="points", title="A title")
        heights = [text.get_fontsize() for text in (ax.title, ax.xaxis.label, ax.get_yticklabels()[0])]
        sizes[name] = np.array(heights) / (72 * made.get_figheight())  # share of the picture's height
    assert (sizes["slides"] > 0.04).all()
    assert (sizes["slides"] > 0.9 * sizes["notebook"]).all()


def test_figure_shapes():
    assert figure(2, 3)[1].shape == (2, 3)
    assert figure(width=5, height=2)[0].get_size_inches().tolist() == [5, 2]
    with pytest.raises(ValueError, match="at least 1 row and 1 column, got 0 x 2"):
        figure(0, 2)


def test_pyplot_is_neither_loaded_nor_told():
    code = "import optcourse.plots as p, sys; p.to_png(p.figure()[0]); assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
