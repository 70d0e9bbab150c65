"""Paths on surfaces: the picture shows the surface's bounds whatever the paths do."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from optcourse.optimizers import SGD, SURFACES, descend
from optcourse.plots import figure, journey, to_png, trajectories

BOX = ((-1.0, 1.0), (-2.0, 2.0))


def test_path_inside_is_drawn_whole():
    path = torch.tensor([[0.0, 0.0], [1.0, 2.0], [-0.5, 0.5]])
    one = journey(path, BOX)
    assert np.array_equal(one.points, path.numpy())
    assert (one.left_at, one.diverged_at) == (None, None)


@pytest.mark.parametrize(
    ("outside", "edge"), [((4.0, 0.0), (1, 0)), ((-2.0, 2.0), (-1, 1)), ((0.0, -8.0), (0, -2)), ((2.0, 8.0), (0.5, 2))]
)
def test_path_is_cut_where_its_line_crosses_the_edge(outside, edge):
    one = journey(torch.tensor([[0.0, 0.0], outside, [0.0, 0.0]]), BOX)
    np.testing.assert_allclose(one.points, [(0, 0), edge])
    assert (one.left_at, one.diverged_at) == (1, None)


def test_divergence_is_told_from_leaving():
    one = journey(torch.tensor([[0.0, 0.0], [9.0, 0.0], [math.inf, 0.0], [math.nan, math.nan]]), BOX)
    assert (one.left_at, one.diverged_at) == (1, 2)
    straight = journey(torch.tensor([[0.0, 0.0], [math.nan, 0.0]]), BOX)
    assert straight.points.tolist() == [[0.0, 0.0]]
    assert (straight.left_at, straight.diverged_at) == (1, 1)


@pytest.mark.parametrize("shape", [(0, 2), (3,), (3, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(steps \+ 1, 2\)"):
        journey(torch.zeros(shape), BOX)


@pytest.mark.parametrize("name", SURFACES)
def test_every_surface_keeps_its_bounds_beside_a_path_that_explodes(name):
    surface = SURFACES[name]
    paths = {"sgd": descend(surface, lambda params: SGD(params, lr=50.0), 60), "adam": torch.tensor([surface.start])}
    made, ax = figure(width=4, height=3)
    trajectories(surface, paths, ax)
    assert (ax.get_xlim(), ax.get_ylim()) == surface.bounds
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[0].startswith("sgd (× left at step ")
    assert labels[1] == "adam"
    picture = Image.open(io.BytesIO(to_png(made))).convert("RGB")
    assert picture.getpixel((0, 0)) == (255, 255, 255)  # off-white would show on a page


def test_surface_alone_and_labels():
    _, ax = figure()
    trajectories(SURFACES["saddle"], {}, ax)
    assert ax.get_legend() is None
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\theta_1$", r"$\theta_2$")
    assert ax.get_title(loc="left") == "saddle"
    trajectories(SURFACES["saddle"], {}, ax, title="Which way out?")
    assert ax.get_title(loc="left") == "Which way out?"


def test_path_needing_gradients_is_read_and_left_as_it_was():
    path = torch.zeros(3, 2, requires_grad=True)
    _, ax = figure()
    trajectories(SURFACES["saddle"], {"mine": path}, ax)
    assert path.requires_grad
    assert path.grad is None
