"""Weights on a grid of few numbers, and what its range costs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from optcourse.plots.style import PALETTE, in_style_of

BARS = 80
MOST_LEVELS = 64  # more cannot be told apart
_ROOM = 40  # times the highest bar, for the legend above it


def weight_grid(
    weights: Sequence[float] | np.ndarray,
    ax: Axes,
    *,
    levels: Sequence[float] | np.ndarray,
    label: str = "weight",
    title: str | None = None,
) -> None:
    """Histogram of weights, the numbers of a grid as lines over it, and what lies beyond the grid shaded.

    Args:
        weights: finite numbers, of any shape.
        ax: drawn into, its y axis logarithmic; labels and legend are set.
        levels: the numbers of the grid, ascending, at least two. Of more than 64 the ends alone are drawn.
        label: of the x axis.
        title: what there is to see.

    Raises:
        ValueError: for no weights, numbers that are not finite, or levels that do not ascend.

    Example:
        >>> from optcourse.plots import figure
        >>> _, ax = figure()
        >>> weight_grid([-0.9, -0.1, 0.0, 0.2, 1.5], ax, levels=[-1, 0, 1])
        >>> len(ax.collections[0].get_segments())
        3
    """
    values, grid = np.asarray(weights, dtype=float).ravel(), np.asarray(levels, dtype=float)
    if not values.size or not np.isfinite(values).all():
        raise ValueError("weights must be finite numbers, at least one; got none, NaN or infinities")
    if grid.ndim != 1 or len(grid) < 2 or not (np.diff(grid) > 0).all():
        raise ValueError("levels must be two or more finite numbers in ascending order")
    end = max(float(np.abs(values).max()), -float(grid[0]), float(grid[-1])) * 1.03
    with in_style_of(ax):
        ax.set_yscale("log")
        ax.hist(values, bins=np.linspace(-end, end, BARS + 1).tolist(), color=PALETTE["sky"], label="weights")
        low, high = ax.get_ylim()
        drawn = grid if len(grid) <= MOST_LEVELS else grid[[0, -1]]
        name = f"grid of {len(grid)}" + ("" if len(grid) <= MOST_LEVELS else ", its ends")
        ax.vlines(drawn, low, high, color=PALETTE["blue"], linewidth=0.9, label=name)
        beyond: dict[str, Any] = {"color": PALETTE["vermillion"], "alpha": 0.15, "linewidth": 0, "zorder": 0}
        ax.axvspan(-end, grid[0], **beyond)
        ax.axvspan(grid[-1], end, label="clipped", **beyond)
        ax.set(xlim=(-end, end), ylim=(max(low, 0.5), _ROOM * high))
        ax.set_xlabel(label)
        ax.set_ylabel("weights in a bar")
        ax.legend(loc="upper right")
        if title is not None:
            ax.set_title(title)


def range_errors(
    shares: Sequence[float],
    rounding: Sequence[float],
    clipping: Sequence[float],
    ax: Axes,
    *,
    chosen: float,
    title: str | None = None,
) -> None:
    """The error of rounding and of clipping over where the range ends, their sum, and the range chosen.

    Args:
        shares: ends of the range as shares of the largest magnitude, ascending, in (0, 1].
        rounding, clipping: mean squared errors at each, over the weights' mean square; >= 0.
        ax: drawn into, its y axis logarithmic; labels and legend are set.
        chosen: the share that is marked; one of `shares`.
        title: what there is to see.

    Raises:
        ValueError: for sequences of different lengths, or a chosen share that is not among them.

    Example:
        >>> from optcourse.plots import figure
        >>> _, ax = figure()
        >>> range_errors([0.5, 1.0], [0.01, 0.04], [0.02, 0.0], ax, chosen=0.5)
        >>> float(ax.lines[-1].get_ydata()[0])
        0.03
    """
    x, inside, outside = (np.asarray(row, dtype=float) for row in (shares, rounding, clipping))
    if not len(x) == len(inside) == len(outside) or not len(x):
        raise ValueError(f"shares, rounding and clipping must be as long, got {len(x)}, {len(inside)}, {len(outside)}")
    (found,) = np.nonzero(np.isclose(x, chosen))
    if not len(found):
        raise ValueError(f"chosen must be one of the shares, got {chosen}")
    with in_style_of(ax):
        ax.set_yscale("log")
        total = inside + outside
        ax.plot(100 * x, inside, "--", color=PALETTE["blue"], label="rounding")
        ax.plot(100 * x, np.where(outside > 0, outside, np.nan), "-.", color=PALETTE["vermillion"], label="clipping")
        ax.plot(100 * x, total, color="black", linewidth=2, label="both")
        ax.plot(100 * x[found], total[found], "o", color="black", markersize=9, label="yours")
        ax.set_ylim(bottom=total[total > 0].min() / 30 if (total > 0).any() else None)
        ax.xaxis.set_major_formatter(PercentFormatter(decimals=0))
        ax.set_xlabel("end of the range (% of the largest magnitude)")
        ax.set_ylabel("squared error / mean square")
        ax.legend()
        if title is not None:
            ax.set_title(title)
