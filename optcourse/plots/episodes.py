"""Cart and pole, drawn from recorded states: no window, no game library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from optcourse.plots.animation import encode_frames
from optcourse.plots.display import LOWEST_RESOLUTION, MAXIMUM_BYTES, lower_resolution
from optcourse.plots.style import PALETTE, figure, in_style_of

TRACK = 2.4
FALLEN = 12.0
_POLE = 1.0
_CART = (0.5, 0.3)


def cartpole(
    states: np.ndarray, *, title: str, seconds_a_step: float = 0.02, frames: int = 50, dpi: float = 96
) -> tuple[Figure, bytes]:
    """An episode: the scene as it moves, and below it angle and position over time.

    Args:
        states: (steps + 1, 4) position in m, its velocity, angle in rad, its velocity.
        title: what there is to see.
        seconds_a_step: for the axis of time.
        frames: pictures in the animation, from 2, evenly spread over the steps.
        dpi: dots an inch; lowered to 60 where the animation would weigh too much.

    Returns:
        The figure as it is at the end, and the animation as a PNG for `show_animation`.

    Raises:
        ValueError: for states of another shape or not finite, fewer than 2 frames, or more than `MAXIMUM_BYTES` at 60
            dots an inch.
    """
    states = np.asarray(states, dtype=float)
    if states.ndim != 2 or states.shape[1] != 4 or len(states) < 2 or not np.isfinite(states).all():
        raise ValueError(f"states must be finite numbers of shape (steps + 1, 4), got shape {states.shape}")
    if frames < 2:
        raise ValueError(f"an animation needs at least 2 frames, got {frames}")
    while True:
        picture, axes = figure(rows=2, width=6.4, height=4.2)
        png = encode_frames(list(_pictures(picture, axes, states, title, seconds_a_step, frames, dpi)))
        if len(png) <= MAXIMUM_BYTES:
            return picture, png
        if dpi <= LOWEST_RESOLUTION:
            raise ValueError(
                f"the animation weighs {len(png):,} bytes at {dpi:g} dots an inch, more than {MAXIMUM_BYTES:,}; "
                "take fewer frames"
            )
        dpi = lower_resolution(dpi, len(png))


def _pictures(
    picture: Figure, axes: Any, states: np.ndarray, title: str, seconds: float, frames: int, dpi: float
) -> Iterator[Image.Image]:
    """Draw what stands still once, then for each frame only what moves."""
    scene, curves = axes
    with in_style_of(picture):
        picture.set_dpi(dpi)
        _scene(scene, title)
        time = seconds * np.arange(len(states))
        _curves(curves, time, states)
        cart = scene.add_patch(Rectangle((0, 0), *_CART, color=PALETTE["black"]))
        (pole,) = scene.plot([], [], color=PALETTE["orange"], linewidth=6, solid_capstyle="round")
        counter = scene.text(0.99, 0.9, "", transform=scene.transAxes, ha="right")
        cursor = curves.axvline(0, color=PALETTE["black"], linewidth=1)
        moving = (cart, pole, counter, cursor)
        for artist in moving:
            artist.set_animated(True)
        canvas = FigureCanvasAgg(picture)
        canvas.draw()
        still = canvas.copy_from_bbox(picture.bbox)
        for step in np.linspace(0, len(states) - 1, min(frames, len(states))).round().astype(int):
            canvas.restore_region(still)
            x, _, angle, _ = states[step]
            cart.set_xy((x - _CART[0] / 2, 0))
            pole.set_data([x, x + _POLE * np.sin(angle)], [_CART[1], _CART[1] + _POLE * np.cos(angle)])
            counter.set_text(f"step {step}")
            cursor.set_xdata([time[step]] * 2)
            for artist in moving:
                (curves if artist is cursor else scene).draw_artist(artist)
            yield Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        for artist in moving:
            artist.set_animated(False)


def _scene(ax: Axes, title: str) -> None:
    ax.set_title(title)
    ax.set_xlim(-TRACK - 0.6, TRACK + 0.6)
    ax.set_ylim(-0.15, 1.5)
    ax.set_aspect("equal")
    ax.grid(False)
    ax.axhline(0, color=PALETTE["gray"], linewidth=1)
    for edge in (-TRACK, TRACK):
        ax.plot([edge, edge], [0, 0.5], color=PALETTE["vermillion"], linestyle="--", linewidth=1.5)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("position (m)")


def _curves(ax: Axes, time: np.ndarray, states: np.ndarray) -> None:
    ax.plot(time, np.degrees(states[:, 2]) / FALLEN, color=PALETTE["orange"], label="angle, 1 is 12°")
    ax.plot(time, states[:, 0] / TRACK, color=PALETTE["blue"], linestyle="--", label="position, 1 is 2.4 m")
    for edge in (-1, 1):
        ax.axhline(edge, color=PALETTE["vermillion"], linestyle="--", linewidth=1.2)
    ax.set_ylim(-1.3, 1.3)
    ax.set_xlim(0, max(float(time[-1]), 1.0))
    ax.set_xlabel("time (s)")
    ax.set_ylabel("share of the limit")
    ax.legend(loc="upper right", ncols=2)
