"""From a figure to what a notebook shows and stores: one small PNG with its alternative text."""

import base64
import contextlib
import io
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from optcourse.plots.style import in_style_of

MAXIMUM_BYTES = 100_000
"""What one picture may weigh in a stored notebook."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

LOWEST_RESOLUTION = 60  # dots an inch; below it tick labels cannot be read


def to_png(figure: Figure, *, alt: str = "", dpi: float | None = None) -> bytes:
    """The figure as a PNG below `MAXIMUM_BYTES`, with `alt` as its Description.

    At most 256 colors, which line art does not miss and a notebook file does notice; where that is still too heavy
    the resolution is lowered, down to 60 dots an inch.

    Raises:
        ValueError: if it stays too heavy: draw fewer points, rasterize less, or split the figure.
    """
    resolution = dpi or figure.get_dpi()
    while True:
        png = _compress(rendered(figure, resolution), alt)
        if len(png) <= MAXIMUM_BYTES:
            return png
        if resolution <= LOWEST_RESOLUTION:
            raise ValueError(
                f"the picture weighs {len(png):,} bytes at {resolution:g} dots an inch, more than {MAXIMUM_BYTES:,}; "
                "draw fewer points or split it into two figures"
            )
        resolution = lower_resolution(resolution, len(png))


def lower_resolution(resolution: float, weight: int) -> float:
    """What to try after a picture of this resolution weighed too much: bytes go with the number of pixels."""
    return max(LOWEST_RESOLUTION, min(0.9, 0.95 * (MAXIMUM_BYTES / weight) ** 0.5) * resolution)


def rendered(figure: Figure, dpi: float) -> Image.Image:
    """The figure as pixels; its own resolution and canvas are as before afterwards."""
    canvas, before = figure.canvas, figure.get_dpi()
    with in_style_of(figure), contextlib.ExitStack() as afterwards:
        afterwards.callback(figure.set_canvas, canvas)
        afterwards.callback(figure.set_dpi, before)
        figure.set_dpi(dpi)
        agg = FigureCanvasAgg(figure)
        agg.draw()
        return Image.fromarray(np.asarray(agg.buffer_rgba())[..., :3].copy())


def to_indexed(image: Image.Image, colors: int = 256) -> Image.Image:
    """The image with a palette of its own. Colors that fill an area, as white does, stay exactly as they were."""
    return image.convert("RGB").quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _compress(image: Image.Image, alt: str) -> bytes:
    information = PngInfo()
    if alt:
        information.add_itxt("Description", alt)
    indexed = to_indexed(image)
    for optimize in (False, True):  # the second way takes three times as long for a twentieth less
        buffer = io.BytesIO()
        indexed.save(buffer, format="PNG", optimize=optimize, pnginfo=information)
        if buffer.tell() <= MAXIMUM_BYTES:
            break
    return buffer.getvalue()


def show(figure: Figure, *, alt: str) -> None:
    """Show the figure as one PNG with `alt` as its text, and close it.

    The text stands where a page cannot show the picture, is read aloud, and is what nbval compares: say what is drawn
    and what there is to see, and leave out figures that differ from machine to machine.

    Raises:
        ValueError: for an empty `alt`, or a picture that cannot be made small enough.
    """
    alt = _checked(alt)
    png = to_png(figure, alt=alt)
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)  # a figure made through pyplot would be shown a second time at the end of the cell
    _display(mimebundle(png, alt, inches=figure.get_size_inches()), alt)


def show_animation(png: bytes, *, alt: str) -> None:
    """Show an animated PNG, as `race` makes it, with `alt` as its text.

    Raises:
        ValueError: for an empty `alt`, bytes that are no PNG, or more than `MAXIMUM_BYTES`.
    """
    alt = _checked(alt)
    if not png.startswith(PNG_SIGNATURE):
        raise ValueError("the animation must be the bytes of a PNG, as race(...) returns them")
    if len(png) > MAXIMUM_BYTES:
        raise ValueError(f"the animation weighs {len(png):,} bytes, more than {MAXIMUM_BYTES:,}; draw fewer frames")
    _display(mimebundle(png, alt), alt)


def mimebundle(png: bytes, alt: str, *, inches: Iterable[float] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Jupyter's (data, metadata) of a picture: base64 PNG, its text, and its width and height on the page."""
    metadata: dict[str, Any] = {"alt": alt}
    if inches is not None:
        metadata["width"], metadata["height"] = css_pixels(inches)
    return {"image/png": base64.b64encode(png).decode("ascii"), "text/plain": alt}, {"image/png": metadata}


def css_pixels(inches: Iterable[float]) -> tuple[int, int]:
    """Width and height on a page, where an inch is 96 pixels whatever the screen's resolution."""
    width, height = (round(96 * length) for length in inches)
    return width, height


def _checked(alt: str) -> str:
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt must say in words what the picture shows, got {alt!r}")
    return " ".join(alt.split())


def _display(bundle: tuple[dict[str, Any], dict[str, Any]], alt: str) -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import display

    data, metadata = bundle
    if InteractiveShell.initialized():
        display(data, metadata=metadata, raw=True)
    else:
        sys.stdout.write(f"[figure] {alt}\n")
