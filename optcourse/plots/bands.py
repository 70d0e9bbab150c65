"""A number over a setting (bits, decades): a line a method, a band over its seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from optcourse.lab.records import Run
from optcourse.plots.style import appearances, in_style_of

Values = Mapping[str, Mapping[float, Sequence[float]]]


def bands(
    values: Values,
    ax: Axes,
    *,
    x: str,
    y: str,
    reference: tuple[str, float] | None = None,
    title: str | None = None,
) -> None:
    """One line a name through the means of its seeds, with a band from the lowest to the highest.

    Args:
        values: name -> setting -> one number a seed, all finite.
        ax: drawn into; its labels, legend and, where there are at most eight settings, its ticks are set.
        x, y: labels of the axes, with their units.
        reference: label and height of a dashed level line.
        title: what there is to see.

    Raises:
        ValueError: for no values, an empty sequence, or a number that is not finite.

    Example:
        >>> from optcourse.plots import figure
        >>> _, ax = figure()
        >>> bands({"ptq": {2: [50.0, 60.0], 4: [85.0, 86.0]}}, ax, x="bits", y="test accuracy (%)")
        >>> ax.lines[0].get_ydata().tolist()
        [55.0, 85.5]
    """
    if not values or not all(values.values()):
        raise ValueError("no values to draw; give at least one name with at least one setting")
    settings = sorted({setting for row in values.values() for setting in row})
    most = 0
    with in_style_of(ax):
        for name, look in appearances(values).items():
            at = sorted(values[name])
            seeds = [_checked(name, setting, values[name][setting]) for setting in at]
            most = max([most, *map(len, seeds)])
            ax.plot(at, [row.mean() for row in seeds], label=name, **look.line)
            ax.fill_between(
                at,
                [row.min() for row in seeds],
                [row.max() for row in seeds],
                color=look.color,
                alpha=0.18,
                linewidth=0,
            )
        if reference is not None:
            ax.axhline(reference[1], color="black", linestyle="--", linewidth=1.2, label=reference[0])
        if len(settings) <= 8:
            ax.set_xticks(settings, [f"{setting:g}" for setting in settings])
        ax.set_xlabel(x)
        ax.set_ylabel(y)
        ax.legend(
            title=None if most == 1 else f"line: mean, band: lowest\nto highest of {most} seeds", alignment="left"
        )
        if title is not None:
            ax.set_title(title)


def by_setting(runs: Sequence[Run], *, x: str, by: str, metric: str = "test_accuracy") -> dict[str, dict]:
    """Last values of runs as `bands` takes them: the setting `by` -> the setting `x` -> one number a run.

    Accuracies come out in percent.

    Raises:
        ValueError: for no runs, or one without such a setting.

    Example:
        >>> from optcourse.lab.records import series
        >>> runs = [series([0.5 * seed], "error", bits=2, method="ptq", seed=seed) for seed in (1, 2)]
        >>> by_setting(runs, x="bits", by="method", metric="error")
        {'ptq': {2: [0.5, 1.0]}}
    """
    if not runs:
        raise ValueError("no runs to draw; give at least one Run")
    table: dict[str, dict] = {}
    for run in runs:
        for name in (x, by):
            if name not in run.config:
                raise ValueError(f"a run has no setting {name!r}; its settings are {', '.join(run.config)}")
        factor = 100 if metric.endswith("accuracy") else 1
        table.setdefault(str(run.config[by]), {}).setdefault(run.config[x], []).append(factor * run.final(metric))
    return table


def _checked(name: str, setting: float, numbers: Sequence[float]) -> np.ndarray:
    row = np.asarray(numbers, dtype=float)
    if row.ndim != 1 or not row.size or not np.isfinite(row).all():
        raise ValueError(f"{name!r} at {setting} must have one finite number a seed, got {numbers!r}")
    return row
