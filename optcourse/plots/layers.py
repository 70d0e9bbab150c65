"""What happens from layer to layer of a net: one value a layer, on a logarithmic scale, with a prediction beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter

from optcourse.plots.style import Appearance, appearances, in_style_of

FLOAT32 = (2.0**-298, 2.0**256)
"""Squares of the smallest and of the largest number of float32: beyond them a mean square is 0 or infinite."""

_LEAST_RANGE = 100.0  # of the y axis, largest over smallest value: two decades, so that decades label it


def layer_curves(
    values: Mapping[str, Sequence[Sequence[float]]],
    ax: Axes,
    *,
    label: str,
    predicted: Mapping[str, Sequence[float]] | None = None,
    title: str | None = None,
    legend: bool = True,
) -> None:
    """One line a name over the layers of a net, with a band from the lowest to the highest of its nets.

    Values that are 0 or not finite cannot be drawn on a logarithmic scale: the line ends in a cross beside them, and
    the prediction where it leaves float32.

    Args:
        values: name -> a sequence of values, layer by layer, for each net (its seeds); all of one length.
        ax: drawn into, its y axis logarithmic; labels and legend are set.
        label: of the y axis, with its unit.
        predicted: name -> values layer by layer, drawn as a thin black dashed line.
        title: what there is to see.
        legend: whether the names are explained here.

    Raises:
        ValueError: for no values, nets of different depths, or a prediction of another depth.

    Example:
        >>> from optcourse.plots import figure
        >>> _, ax = figure()
        >>> layer_curves({"he": [[1.0, 1.1], [0.9, 1.0]]}, ax, label="variance", predicted={"he": [1.0, 1.0]})
        >>> ax.get_yscale(), len(ax.lines)
        ('log', 2)
    """
    curves = {name: _checked(name, nets) for name, nets in values.items()}
    if not curves:
        raise ValueError("no values to draw; give at least one name with its nets")
    for name, row in (predicted or {}).items():
        if name not in curves or len(row) != curves[name].shape[1]:
            raise ValueError(f"the prediction {name!r} must have a value for each layer of the values of that name")
    with in_style_of(ax):
        ax.set_yscale("log")
        looks = appearances(["predicted", *curves])  # black is the prediction's
        for name, nets in curves.items():
            _draw(ax, name, nets, looks[name])
        for number, row in enumerate((predicted or {}).values()):
            line = np.asarray(row, dtype=float)
            line = np.where((line >= FLOAT32[0]) & (line <= FLOAT32[1]), line, np.nan)
            text = None if number else "predicted"
            ax.plot(np.arange(1, len(line) + 1), line, "k--", linewidth=1.2, label=text, zorder=4)
        deepest = max(nets.shape[1] for nets in curves.values())
        ax.set_xlim(1 - 0.03 * deepest, deepest * 1.03)  # also where a line ends early
        low, high = ax.get_ylim()
        if high < _LEAST_RANGE * low:  # a level line is level
            middle = (low * high) ** 0.5
            ax.set_ylim(middle / _LEAST_RANGE**0.5, middle * _LEAST_RANGE**0.5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.set_xlabel("layer (from the input)")
        ax.set_ylabel(label)
        if title is not None:
            ax.set_title(title)
        if legend:
            most = max(len(nets) for nets in curves.values())
            text = None if most == 1 else f"line: geometric mean, band: lowest\nto highest of {most} nets"
            ax.legend(title=text, alignment="left")


def _draw(ax: Axes, name: str, nets: np.ndarray, look: Appearance) -> None:
    layers = np.arange(1, nets.shape[1] + 1)
    drawable = (np.isfinite(nets) & (nets > 0)).all(axis=0)
    shown = np.where(drawable, nets, np.nan)
    middle = np.exp(np.log(shown).mean(axis=0))
    line: dict[str, Any] = {"color": look.color, "marker": look.marker, "markevery": max(1, len(layers) // 10)}
    ax.plot(layers, middle, label=name, **line)
    ax.fill_between(layers, shown.min(axis=0), shown.max(axis=0), color=look.color, alpha=0.18, linewidth=0)
    beside_a_gap = drawable & (_shifted(drawable, 1) | _shifted(drawable, -1))
    mark: dict[str, Any] = {"color": look.color, "markersize": 10, "markeredgewidth": 2.5, "zorder": 6}
    if beside_a_gap.any():
        ax.plot(layers[beside_a_gap], middle[beside_a_gap], "x", **mark)


def _shifted(drawable: np.ndarray, by: int) -> np.ndarray:
    """Whether the neighbor on one side cannot be drawn; beyond the ends there is none."""
    gaps = np.roll(~drawable, by)
    gaps[0 if by == 1 else -1] = False
    return gaps


def _checked(name: str, nets: Sequence[Sequence[float]]) -> np.ndarray:
    try:
        rows = np.asarray([list(net) for net in nets], dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name!r} must be a sequence of nets of one depth, each a sequence of numbers") from error
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"{name!r} must be a sequence of nets of one depth, at least one layer deep, got {rows.shape}")
    return rows
