"""What trainings recorded, drawn: curves over steps, and final values over learning rates."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, PercentFormatter

from optcourse.lab.records import Record, Run
from optcourse.plots.style import Appearance, appearances, in_style_of

By = str | Callable[[Run], object]
Legend = Literal["inside", "outside", "none"]

_AXIS_LABELS: Mapping[str, str] = {
    "step": "step (updates)",
    "epoch": "epoch (passes over the training set)",
    "loss": "mini-batch loss",
    "test_loss": "test loss",
    "test_accuracy": "test accuracy (%)",
    "lr": "learning rate",
}
_CENTERS: Mapping[str, Callable] = {"median": np.median, "mean": np.mean}


class _Series(NamedTuple):
    """One run's finite values in order of step, and where it left the finite numbers (None if it did not)."""

    x: np.ndarray
    y: np.ndarray
    broke_at: float | None


def curves(
    runs: Sequence[Run],
    ax: Axes,
    *,
    y: str = "test_accuracy",
    x: str = "step",
    by: By = "optimizer",
    center: str = "median",
    label: str | None = None,
    title: str | None = None,
    legend: Legend = "inside",
) -> None:
    """One line a group of runs with a band from its lowest to its highest run (its seeds).

    A run is drawn up to its first value that is not finite. One that ended so, or is flagged as diverged, gets a
    cross at the upper edge where it broke off, the legend counts it, and from there on line and band are those of the
    runs left. Runs of different lengths count at the steps where they have a value.

    Args:
        runs: at least one.
        ax: drawn into; its labels and legend are set.
        y, x: a field of `Record` ("test_accuracy", "test_loss", "loss", "step", "epoch") or the name of a probe.
        by: the setting whose values are the groups, or a function from a run to its group's label.
        center: "median" or "mean" of the group, the line.
        label: of the y axis, with its unit; by default the field's.
        title: what there is to see.
        legend: "inside" the Axes where it hides least, "outside" to the right of them, or "none", as when panels share.

    Raises:
        ValueError: for no runs, a field that no record has, an unknown center, or groups without the setting.
    """
    groups = _grouped(runs, by)
    _check_choices(center, legend)
    series = {name: [_series(run, x, y) for run in members] for name, members in groups.items()}
    if not any(len(one.x) for members in series.values() for one in members):
        _raise_for_missing(runs, y)
    with in_style_of(ax):
        looks = appearances(series)
        for row, (name, members) in enumerate(series.items()):
            lost = [one.broke_at is not None for one in members]
            _draw_group(ax, _counted(name, lost), members, looks[name], center, shift=row / len(series))
        _finish(ax, x, y, label, title)
        _legend(ax, {name: len(members) for name, members in groups.items()}, center, legend)


def learning_rates(
    runs: Sequence[Run],
    ax: Axes,
    *,
    metric: str = "test_accuracy",
    by: By = "optimizer",
    center: str = "median",
    label: str | None = None,
    title: str | None = None,
    legend: Legend = "inside",
) -> None:
    """The last value of each run against its learning rate: a line a group, a band from its lowest to highest run.

    A diverged run has no last value. It gets a cross at the edge of the bad side (the lower one for an accuracy, the
    upper one for a loss), one row of crosses a group; line and band are those of the runs left at that rate.

    Args:
        runs: at least one; each config has an `lr` > 0.
        ax, by, center, label, title, legend: as in `curves`.
        metric: a field of `Record` or the name of a probe, of the last record that has it.

    Raises:
        ValueError: as in `curves`, or for a run without a positive lr.
    """
    groups = _grouped(runs, by)
    _check_choices(center, legend)
    for run in runs:
        if not run.config.get("lr", math.nan) > 0:
            raise ValueError(f"each run needs a learning rate lr > 0 in its config, got {run.config.get('lr')!r}")
    if not any(run.diverged or not math.isnan(run.final(metric)) for run in runs):
        _raise_for_missing(runs, metric)
    with in_style_of(ax):
        looks = appearances(groups)
        _log_rates(ax, sorted({run.config["lr"] for run in runs}))
        for row, (name, members) in enumerate(groups.items()):
            finals = [_Series(np.array([run.config["lr"]]), np.array([run.final(metric)]), None) for run in members]
            finite = [one for one in finals if math.isfinite(one.y[0])]
            lost = [one.x[0] for one in finals if not math.isfinite(one.y[0])]
            _draw_group(
                ax, _counted(name, [not math.isfinite(one.y[0]) for one in finals]), finite, looks[name], center
            )
            height = 0.02 + 0.035 * row
            _crosses(ax, lost, 1 - height if metric.endswith("loss") else height, looks[name])
        _finish(ax, "lr", metric, label, title)
        _legend(ax, {name: _seeds(members) for name, members in groups.items()}, center, legend)


def _check_choices(center: str, legend: str) -> None:
    if center not in _CENTERS:
        raise ValueError(f"center must be 'median' or 'mean', got {center!r}")
    if legend not in get_args(Legend):
        raise ValueError(f"legend must be 'inside', 'outside' or 'none', got {legend!r}")


def _log_rates(ax: Axes, rates: Sequence[float]) -> None:
    """A log axis with the rates themselves as its ticks while they are few; decades alone otherwise."""
    ax.set_xscale("log")
    if len(rates) <= 7:
        ax.set_xticks(rates, [f"{rate:.3g}" for rate in rates])
        ax.minorticks_off()
    else:
        ax.xaxis.set_minor_formatter(NullFormatter())


def _grouped(runs: Sequence[Run], by: By) -> dict[str, list[Run]]:
    if not runs:
        raise ValueError("no runs to draw; give at least one Run")
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if not callable(by) and by not in run.config:
            raise ValueError(f"a run has no setting {by!r} to group by; its settings are {', '.join(run.config)}")
        groups.setdefault(str(by(run) if callable(by) else run.config[by]), []).append(run)
    return groups


def _seeds(members: Sequence[Run]) -> int:
    rates = [run.config["lr"] for run in members]
    return max(rates.count(rate) for rate in rates)


def _value(record: Record, name: str) -> float | None:
    value = getattr(record, name) if name in _AXIS_LABELS else record.values.get(name)
    return None if value is None else float(value)


def _series(run: Run, x: str, y: str) -> _Series:
    points = [(_value(record, x), _value(record, y)) for record in run.records]
    known = [(a, b) for a, b in points if a is not None and b is not None]
    finite: list[tuple[float, float]] = []
    for point in known:
        if not math.isfinite(point[1]):
            return _Series(*_columns(finite), broke_at=point[0])
        finite.append(point)
    last = max((a for a, _ in points if a is not None), default=0.0)
    return _Series(*_columns(finite), broke_at=last if run.diverged else None)


def _columns(points: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.asarray(points, dtype=float).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _draw_group(
    ax: Axes, label: str, members: Sequence[_Series], look: Appearance, center: str, shift: float = 0.0
) -> None:
    """Line and band of a group; shift moves its markers by a share of their distance, so that none hides another's."""
    values: dict[float, list[float]] = {}
    for one in members:
        for a, b in zip(one.x, one.y, strict=True):
            values.setdefault(float(a), []).append(float(b))
    xs = sorted(values)
    middle = [float(_CENTERS[center](values[a])) for a in xs]
    every = max(1, len(xs) // 10)
    ax.plot(xs, middle, label=label, markevery=(int(shift * every), every), **look.line)
    ax.fill_between(
        xs, [min(values[a]) for a in xs], [max(values[a]) for a in xs], color=look.color, alpha=0.18, linewidth=0
    )
    _crosses(ax, [one.broke_at for one in members if one.broke_at is not None], 1.0, look)


def _crosses(ax: Axes, xs: Sequence[float], height: float, look: Appearance) -> None:
    """Mark where runs were lost: x in data units, height as a share of the axes."""
    if len(xs):
        edge = matplotlib.rcParams["lines.markersize"] / 2.5
        mark: dict[str, Any] = {
            "linestyle": "none",
            "marker": "x",
            "color": look.color,
            "markeredgewidth": edge,
            "clip_on": False,
        }
        ax.plot(xs, [height] * len(xs), transform=ax.get_xaxis_transform(), zorder=5, **mark)


def _counted(name: str, lost: Sequence[bool]) -> str:
    return f"{name} (× {sum(lost)} of {len(lost)} diverged)" if any(lost) else name


def _finish(ax: Axes, x: str, y: str, label: str | None, title: str | None) -> None:
    ax.set_xlabel(_AXIS_LABELS.get(x, x.replace("_", " ")))
    ax.set_ylabel(label or _AXIS_LABELS.get(y, y.replace("_", " ")))
    if title is not None:
        ax.set_title(title)
    if y == "test_accuracy":
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))


def _legend(ax: Axes, seeds: Mapping[str, int], center: str, where: Legend) -> None:
    if where == "none":
        return
    counts = sorted(set(seeds.values()))
    span = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    title = "one run each" if counts == [1] else f"line: {center}, band: lowest to highest\nof {span} runs"
    place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5)} if where == "outside" else {}
    ax.legend(title=title, alignment="left", **place)


def _raise_for_missing(runs: Sequence[Run], name: str) -> Any:
    known = {key for run in runs for record in run.records for key in record.values}
    fields = [field for field in _AXIS_LABELS if any(_value(r, field) is not None for run in runs for r in run.records)]
    raise ValueError(
        f"no record has a value {name!r}; there are {', '.join([*fields, *sorted(known)]) or 'no records'}"
    )
