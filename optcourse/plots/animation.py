"""A race of optimizers as an animated PNG: it plays without a kernel, a script or a network."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from torch import Tensor

from optcourse.plots.display import LOWEST_RESOLUTION, MAXIMUM_BYTES, PNG_SIGNATURE, lower_resolution, to_indexed
from optcourse.plots.style import appearances, figure, in_style_of
from optcourse.plots.surfaces import draw_surface, journey

if TYPE_CHECKING:
    from optcourse.optimizers.surfaces import Surface

_MILLISECONDS = 80
_HOLD_MILLISECONDS = 2500


def race(
    surface: Surface, paths: Mapping[str, Tensor], *, frames: int = 40, title: str | None = None, dpi: float = 96
) -> bytes:
    """The paths growing step by step over the level lines of a surface.

    Args:
        surface, paths: as for `trajectories`; at least one path. A path that leaves the picture stops at its edge
            with a cross; a shorter one waits at its end.
        frames: pictures in the animation, from 2; evenly spread over the steps of the longest path. The last one is
            held for 2.5 s, then the animation starts again.
        title: by default the surface's name.
        dpi: dots an inch of the 6.4 x 3.8 inch picture; lowered to 60 where it would weigh too much.

    Returns:
        An animated PNG for `show_animation`; a viewer that knows only plain PNG shows the finished race.

    Raises:
        ValueError: for no paths, fewer than 2 frames, or more than `MAXIMUM_BYTES` at 60 dots an inch.
    """
    if not paths:
        raise ValueError("a race needs at least one path")
    if frames < 2:
        raise ValueError(f"an animation needs at least 2 frames, got {frames}")
    while True:
        png = encode_frames(list(_pictures(surface, paths, frames, title, dpi)))
        if len(png) <= MAXIMUM_BYTES:
            return png
        if dpi <= LOWEST_RESOLUTION:
            raise ValueError(
                f"the animation weighs {len(png):,} bytes at {dpi:g} dots an inch, more than {MAXIMUM_BYTES:,}; "
                "take fewer frames"
            )
        dpi = lower_resolution(dpi, len(png))


def encode_frames(pictures: Sequence[Image.Image]) -> bytes:
    """Pictures of one size as an endless animated PNG; the last one comes first and is held."""
    indexed = to_indexed(pictures[-1], colors=255)
    palette = np.asarray(indexed.getpalette(), dtype=np.uint8)
    frames = [
        _indices(picture, indexed, white=int(palette.reshape(-1, 3).sum(axis=1).argmax())) for picture in pictures
    ]
    # The finished race comes first: it is what a viewer of plain PNG shows, and the loop passes through it anyway.
    ordered = [frames[-1], *frames[:-1]]
    durations = [_HOLD_MILLISECONDS] + [_MILLISECONDS] * (len(ordered) - 1)
    return _animated_png(ordered, durations, palette.tobytes())


def _indices(picture: Image.Image, palette: Image.Image, white: int) -> np.ndarray:
    """The picture in the palette's colors; PIL's search is approximate, and off-white would show on a page."""
    indices = np.array(picture.quantize(palette=palette, dither=Image.Dither.NONE))
    indices[(np.asarray(picture) == 255).all(axis=2)] = white
    return indices


def _animated_png(frames: Sequence[np.ndarray], milliseconds: Sequence[int], palette: bytes) -> bytes:
    """Frames of palette indices (height, width) as an endless animated PNG.

    Each frame stores only the box that changed, and in it only the pixels that changed (the others are transparent):
    a twentieth of what PIL's own writer needs for a race. Format: PNG specification, third edition, 2025.
    """
    height, width = frames[0].shape
    transparent = 255
    chunks = [
        _chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 3, 0, 0, 0)),
        _chunk(b"acTL", struct.pack(">2I", len(frames), 0)),
        _chunk(b"PLTE", palette.ljust(768, b"\0")[:768]),
        _chunk(b"tRNS", b"\xff" * transparent + b"\x00"),
    ]
    sequence = 0
    for number, frame in enumerate(frames):
        changed = np.ones_like(frame, dtype=bool) if number == 0 else frame != frames[number - 1]
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        top, bottom = (rows[0], rows[-1] + 1) if len(rows) else (0, 1)
        left, right = (columns[0], columns[-1] + 1) if len(columns) else (0, 1)
        box = (slice(top, bottom), slice(left, right))
        pixels = np.where(changed[box], frame[box], transparent).astype(np.uint8)
        control = (sequence, right - left, bottom - top, left, top, milliseconds[number], 1000, 0, number > 0)
        chunks.append(_chunk(b"fcTL", struct.pack(">5I2H2B", *control)))
        # Each row starts with the number of its filter, 0: none.
        data = zlib.compress(np.pad(pixels, ((0, 0), (1, 0))).tobytes(), 9)
        sequence += 1
        if number == 0:
            chunks.append(_chunk(b"IDAT", data))
        else:
            chunks.append(_chunk(b"fdAT", struct.pack(">I", sequence) + data))
            sequence += 1
    return PNG_SIGNATURE + b"".join(chunks) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pictures(
    surface: Surface, paths: Mapping[str, Tensor], frames: int, title: str | None, dpi: float
) -> Iterator[Image.Image]:
    """Draw what stands still once, then for each frame only what moves."""
    picture, ax = figure(width=6.4, height=3.8)
    picture.set_dpi(dpi)
    journeys = {label: journey(path, surface.bounds) for label, path in paths.items()}
    steps = max(len(path) for path in paths.values()) - 1
    with in_style_of(ax):
        draw_surface(surface, ax)
        if title is not None:
            ax.set_title(title)
        moving: dict[str, tuple[Any, Any]] = {}
        for label, look in appearances(journeys).items():
            (trail,) = ax.plot([], [], color=look.color, linestyle=look.linestyle)
            (head,) = ax.plot([], [], color=look.color, marker=look.marker, markersize=10, markeredgecolor="black")
            moving[label] = trail, head
        ax.legend(
            [head for _, head in moving.values()],
            list(moving),
            loc="upper left",
            bbox_to_anchor=(1.01, 1.0),
            borderaxespad=0.0,
        )
        counter = ax.text(0.99, 1.02, "", transform=ax.transAxes, ha="right")
        for artist in [counter, *(artist for pair in moving.values() for artist in pair)]:
            artist.set_animated(True)
        canvas = FigureCanvasAgg(picture)
        canvas.draw()
        still = canvas.copy_from_bbox(picture.bbox)
        for step in np.linspace(0, steps, min(frames, steps + 1)).round().astype(int):
            canvas.restore_region(still)
            for label, (trail, head) in moving.items():
                points = journeys[label].points[: step + 1]
                trail.set_data(points[:, 0], points[:, 1])
                head.set_data(points[-1:, 0], points[-1:, 1])
                left = journeys[label].left_at
                if left is not None and step >= left:
                    head.set(marker="x", markeredgecolor=head.get_color(), markeredgewidth=2.5, clip_on=False)
                ax.draw_artist(trail)
                ax.draw_artist(head)
            counter.set_text(f"step {step}")
            ax.draw_artist(counter)
            yield Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
