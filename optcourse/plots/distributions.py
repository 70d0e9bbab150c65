"""How the marks of a class are spread."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from optcourse.plots.style import PALETTE, in_style_of

_MOST_BARS = 30


def marks(points: Sequence[float], ax: Axes, *, maximum: float, title: str | None = None) -> None:
    """Histogram of points, from 0 to the most there are, with the median as a line.

    Args:
        points: one number a learner, each in [0, maximum].
        ax: drawn into; its labels are set.
        maximum: the most points to be had, > 0. Up to 30 each point has a bar of its own.
        title: what there is to see.

    Raises:
        ValueError: for no points, NaN, or a number outside [0, maximum].

    Example:
        >>> from optcourse.plots import figure
        >>> _, ax = figure()
        >>> marks([0, 2, 2, 3], ax, maximum=3)
        >>> [int(bar.get_height()) for bar in ax.patches]
        [1, 0, 2, 1]
    """
    values = np.asarray(points, dtype=float)
    if not math.isfinite(maximum) or maximum <= 0:
        raise ValueError(f"maximum must be a finite number above 0, got {maximum}")
    if values.size == 0 or not ((values >= 0) & (values <= maximum)).all():
        raise ValueError(f"points must be numbers in [0, {maximum:g}], at least one; got {points!r}")
    step = max(1, math.ceil(maximum / _MOST_BARS))
    edges = np.arange(-0.5, maximum + step, step) if maximum >= 1 else np.linspace(0, maximum, 11)
    with in_style_of(ax):
        ax.hist(values, bins=edges.tolist(), color=PALETTE["blue"], edgecolor="white", linewidth=0.8)
        median = float(np.median(values))
        ax.axvline(median, color=PALETTE["vermillion"], linestyle="--", label=f"median {median:g}")
        ax.set_xlim(edges[0], edges[-1])
        ax.grid(False, axis="x")
        ax.xaxis.set_major_locator(MaxNLocator(integer=maximum >= 1, nbins=12))
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel(f"points of {maximum:g}")
        ax.set_ylabel("learners")
        ax.legend()
        if title is not None:
            ax.set_title(title)
