"""Numbers side by side: bars, and the matrix of checks against wrong answers."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from optcourse.plots.style import PALETTE, appearances, in_style_of


def bars(
    values: Mapping[str, float | Sequence[float]],
    ax: Axes,
    *,
    unit: str,
    digits: int = 3,
    center: str = "median",
    title: str | None = None,
) -> None:
    """One horizontal bar a label, its number beside it; several numbers a label give a bar and a whisker.

    Args:
        values: label -> a number, or one number a seed. An infinite number is a diverged run: it is counted beside
            the bar and left out of it.
        ax: drawn into; its x label is set.
        unit: what the numbers are, with their unit, as in "bytes a parameter"; the label of the axis.
        digits: significant digits of the numbers.
        center: "median" or "mean", the length of the bar; the whisker goes from the lowest to the highest number.
        title: what there is to see.

    Raises:
        ValueError: for no values, an empty sequence, NaN, an empty unit, or another center.

    Example:
        >>> from optcourse.plots import figure
        >>> _, ax = figure()
        >>> bars({"sgd": 0, "momentum": 4, "adam": 8.0}, ax, unit="bytes a parameter")
        >>> [round(bar.get_width()) for bar in ax.patches]
        [0, 4, 8]
    """
    if center not in ("median", "mean"):
        raise ValueError(f"center must be 'median' or 'mean', got {center!r}")
    if not unit.strip():
        raise ValueError(f"unit must name what the bars measure, got {unit!r}")
    groups = _checked_groups(values)
    with in_style_of(ax):
        looks = appearances(groups)
        ends = []
        for row, (label, numbers) in enumerate(groups.items()):
            finite = [number for number in numbers if math.isfinite(number)]
            length = float(np.median(finite) if center == "median" else np.mean(finite)) if finite else 0.0
            low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
            ax.barh(row, length, height=0.62, color=looks[label].color, edgecolor="black", linewidth=0.8)
            if high > low:
                ax.plot([low, high], [row, row], color="#444444", linewidth=2, marker="|", markersize=9)
            ends.append(max(high, length, 0.0))
            _annotate(ax, row, ends[-1], length if finite else None, len(numbers) - len(finite), len(numbers), digits)
        ax.set_yticks(range(len(groups)), list(groups))
        ax.invert_yaxis()
        ax.grid(False, axis="y")
        several = max(len(numbers) for numbers in groups.values())
        ax.set_xlabel(
            unit if several == 1 else f"{unit}\n(bar: {center}, whisker: lowest to highest of {several} runs)"
        )
        if title is not None:
            ax.set_title(title)
        if max(ends) > 0:
            ax.set_xlim(right=max(ends) * 1.22)  # room for the numbers


def _checked_groups(values: Mapping[str, float | Sequence[float]]) -> dict[str, list[float]]:
    if not values:
        raise ValueError("no values to draw; give at least one label with a number")
    groups = {str(label): [float(number) for number in np.atleast_1d(value)] for label, value in values.items()}
    for label, numbers in groups.items():
        if not numbers:
            raise ValueError(f"{label!r} has no numbers; give at least one or leave the label out")
        if any(math.isnan(number) for number in numbers):
            raise ValueError(f"{label!r} has a NaN; a diverged run is inf, a missing one is left out")
    return groups


def _annotate(ax: Axes, row: int, end: float, number: float | None, lost: int, total: int, digits: int) -> None:
    text = "" if number is None else f"{number:.{digits}g}"
    if lost:
        text = f"{text}  × {lost} of {total} diverged".strip()
    ax.annotate(text, (end, row), xytext=(6, 0), textcoords="offset points", va="center", ha="left")


def kill_matrix(
    counts: Mapping[str, Mapping[str, tuple[int, int]]], ax: Axes, *, rows: Sequence[str] = (), title: str | None = None
) -> None:
    """Checks against answers whose verdict is known: a disc where each was judged right, a cross where not.

    Args:
        counts: exercise -> kind of answer -> (judged as they should be, all answers of this kind). A kind that an
            exercise has no answers of is left out or has (0, 0): an empty cell.
        ax: drawn into, one column an exercise; its ticks and labels are set.
        rows: the kinds to draw, from the top; by default all, in order of appearance.
        title: what there is to see.

    Raises:
        ValueError: for no cells to draw, or counts that are not 0 <= judged right <= all.

    Example:
        >>> from optcourse.plots import figure
        >>> _, ax = figure()
        >>> kill_matrix({"adam": {"no bias correction": (2, 2), "hidden clamp": (4, 5)}}, ax)
        >>> [text.get_text() for text in ax.texts]
        ['2', '4/5']
    """
    kinds = list(rows) or list(dict.fromkeys(kind for row in counts.values() for kind in row))
    cells = [
        (x, kinds.index(kind), right, total)
        for x, row in enumerate(counts.values())
        for kind, (right, total) in row.items()
        if kind in kinds and total
    ]
    if not cells:
        raise ValueError("no answers to draw; give at least one exercise with a kind of answer")
    for _, y, right, total in cells:
        if not 0 <= right <= total:
            raise ValueError(f"{kinds[y]!r}: {right} of {total} answers judged right; need 0 <= right <= all")
    with in_style_of(ax):
        for x, y, right, total in cells:
            good = right == total
            color, marker, size = (PALETTE["blue"], "o", 13) if good else (PALETTE["vermillion"], "X", 17)
            ax.plot([x], [y], color=color, marker=marker, markersize=size, linestyle="none")
            text = f"{total}" if good else f"{right}/{total}"
            ax.text(x, y, text, ha="center", va="center", color="white", fontsize=7.5 if good else 6, weight="bold")
        ax.set_xticks(range(len(counts)), list(counts), rotation=45, ha="left", rotation_mode="anchor")
        ax.set_yticks(range(len(kinds)), kinds)
        ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        ax.set(xlim=(-0.6, len(counts) - 0.4), ylim=(len(kinds) - 0.4, -0.6))
        ax.spines[:].set_visible(False)
        if title is not None:
            ax.set_title(title)
