"""Paths of optimizers over a test surface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from optcourse.plots.style import appearances, in_style_of

if TYPE_CHECKING:
    from optcourse.optimizers.surfaces import Surface

_GRID = 121  # points a side: fine enough for smooth level lines at the size of a notebook's figure
_LEVELS = 14
_SHADES = [str(round(shade, 3)) for shade in np.linspace(0.99, 0.85, _LEVELS - 1)]  # light: paths stand out


class Journey(NamedTuple):
    """The part of a path that can be drawn.

    Attributes:
        points: (N, 2), from the start up to the first point outside the picture; that one is moved to its edge.
        left_at: step at which the path left the picture, None if it stayed.
        diverged_at: step of the first point that is not finite, None if there is none.
    """

    points: np.ndarray
    left_at: int | None
    diverged_at: int | None


def journey(path: Tensor | np.ndarray, bounds: tuple[tuple[float, float], tuple[float, float]]) -> Journey:
    """Cut a path (T, 2) where it leaves the picture, so that a diverging one does not set the scale.

    Example:
        >>> journey(np.array([[0.0, 0.0], [3.0, 0.0], [np.inf, 0.0]]), ((-1, 1), (-1, 1)))
        Journey(points=array([[0., 0.], [1., 0.]]), left_at=1, diverged_at=2)
    """
    points = path.detach().cpu().double().numpy() if isinstance(path, Tensor) else np.asarray(path, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"a path must have shape (steps + 1, 2) with at least one point, got {points.shape}")
    finite = np.isfinite(points).all(axis=1)
    low, high = np.asarray(bounds, dtype=float).T
    inside = finite & (points >= low).all(axis=1) & (points <= high).all(axis=1)
    diverged_at = int(np.argmin(finite)) if not finite.all() else None
    if inside.all():
        return Journey(points, None, None)
    left_at = int(np.argmin(inside))
    drawn = points[:left_at]
    if left_at and finite[left_at]:
        drawn = np.vstack([drawn, _edge_point(points[left_at - 1], points[left_at], low, high)])
    return Journey(drawn, left_at, diverged_at)


def _edge_point(start: np.ndarray, end: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where the straight line from start (inside) to end (outside) crosses the edge of the picture."""
    direction = end - start
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(direction > 0, (high - start) / direction, (low - start) / direction)
    return start + direction * np.nanmin(np.where(direction == 0, np.inf, shares))


def trajectories(surface: Surface, paths: Mapping[str, Tensor], ax: Axes, *, title: str | None = None) -> None:
    """Paths over the level lines of a surface, from the common start (ring) to their ends (large markers).

    The picture shows the surface's bounds and nothing else: a path that leaves them is drawn up to the edge and ends
    in a cross, and the legend says at which step it left. Level lines enclose equal areas, not equal differences.

    Args:
        surface: its function, start, minimum and bounds are used.
        paths: label -> (steps + 1, 2), the start first. May be empty (the surface alone).
        ax: drawn into; its labels, limits and legend are set.
        title: by default the surface's name.

    Raises:
        ValueError: for a path of another shape.
    """
    journeys = {label: journey(path, surface.bounds) for label, path in paths.items()}
    with in_style_of(ax):
        draw_surface(surface, ax)
        size = matplotlib.rcParams["lines.markersize"]
        for (label, one), look in zip(journeys.items(), appearances(journeys).values(), strict=True):
            x, y = one.points.T
            every = max(1, len(x) // 12)
            text = label if one.left_at is None else f"{label} (× left at step {one.left_at})"
            ax.plot(x, y, label=text, markevery=every, markeredgecolor="white", markeredgewidth=0.5, **look.line)
            if len(x) and one.left_at is None:
                ax.plot(
                    x[-1:], y[-1:], color=look.color, marker=look.marker, markersize=2 * size, markeredgecolor="black"
                )
            elif len(x):
                cross: dict[str, Any] = {
                    "color": look.color,
                    "markersize": 10,
                    "markeredgewidth": 2.5,
                    "clip_on": False,
                }
                ax.plot(x[-1:], y[-1:], marker="x", zorder=6, **cross)
        if title is not None:
            ax.set_title(title)
        if journeys:
            ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)


def draw_surface(surface: Surface, ax: Axes) -> None:
    """Level lines, start and minimum of a surface; sets labels and limits."""
    (x0, x1), (y0, y1) = surface.bounds
    xs, ys = np.linspace(x0, x1, _GRID), np.linspace(y0, y1, _GRID)
    grid = torch.from_numpy(np.stack(np.meshgrid(xs, ys), axis=-1))
    with torch.no_grad():
        heights = surface.function(grid).double().numpy()
    # Levels at squared quantiles: closer together near the bottom, where optimizers differ.
    levels = np.unique(np.quantile(heights, np.linspace(0, 1, _LEVELS) ** 2))
    if len(levels) > 1:
        ax.contourf(xs, ys, heights, levels=levels, colors=_SHADES[-len(levels) + 1 :])
        ax.contour(xs, ys, heights, levels=levels, colors="#999999", linewidths=0.6)
    size = matplotlib.rcParams["lines.markersize"]
    mark: dict[str, Any] = {"linestyle": "none", "markeredgecolor": "black", "zorder": 1.9}  # below the paths
    ax.plot(*surface.start, marker="o", markersize=2.2 * size, markerfacecolor="none", **mark)
    ax.plot(*surface.minimum, marker="*", markersize=3 * size, markerfacecolor="#F0E442", **mark)
    ax.grid(False)
    ax.set(xlim=(x0, x1), ylim=(y0, y1), xlabel=r"$\theta_1$", ylabel=r"$\theta_2$", title=surface.name)
