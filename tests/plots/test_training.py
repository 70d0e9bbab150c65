"""Curves and learning rates: what is drawn is what was recorded, and nothing that diverged disappears."""

import math

import numpy as np
import pytest
from matplotlib.colors import to_hex

from optcourse.lab.records import Record, Run
from optcourse.plots import appearances, curves, figure, learning_rates, to_png


def run(optimizer="sgd", seed=0, accuracies=(0.1, 0.5, 0.7), lr=0.1, diverged=False, **values):
    records = tuple(
        Record(step=10 * i, epoch=i / 2, loss=0.5 if a is None else 1 - a, lr=lr, test_accuracy=a, values=values)
        for i, a in enumerate(accuracies)
    )
    return Run({"optimizer": optimizer, "seed": seed, "lr": lr}, records, "made up", diverged)


@pytest.fixture
def ax():
    return figure()[1]


def lines(ax):
    """Label -> (x, y) of the lines that the legend names."""
    return {line.get_label(): line.get_data() for line in ax.lines if not line.get_label().startswith("_")}


def crosses(ax):
    """(x, height as share of the axes, color) of the crosses."""
    found = [line for line in ax.lines if line.get_marker() == "x"]
    assert all(line.get_transform() == ax.get_xaxis_transform() for line in found)
    return [(x, y, to_hex(line.get_color())) for line in found for x, y in zip(*line.get_data(), strict=True)]


def legend_title(ax):
    return ax.get_legend().get_title().get_text()


SEEDS = [run(seed=s, accuracies=(0.1, 0.2 + s / 10, 0.9 - s / 20)) for s in range(3)]


def test_line_is_the_median_and_band_goes_from_lowest_to_highest(ax):
    curves(SEEDS, ax)
    x, y = lines(ax)["sgd"]
    assert x.tolist() == [0, 10, 20]
    np.testing.assert_allclose(y, [0.1, 0.3, 0.85])
    [band] = ax.collections
    corners = band.get_paths()[0].vertices
    for step, low, high in ((0, 0.1, 0.1), (10, 0.2, 0.4), (20, 0.8, 0.9)):
        there = corners[corners[:, 0] == step][:, 1]
        np.testing.assert_allclose([there.min(), there.max()], [low, high])
    assert legend_title(ax) == "line: median, band: lowest to highest\nof 3 runs"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step (updates)", "test accuracy (%)")
    assert ax.yaxis.get_major_formatter()(0.5) == "50"


def test_mean_is_said_and_drawn(ax):
    curves([run(accuracies=(0.0,)), run(accuracies=(0.1,)), run(accuracies=(0.8,))], ax, center="mean")
    np.testing.assert_allclose(lines(ax)["sgd"][1], [0.3])
    assert "line: mean" in legend_title(ax)


def test_values_not_evaluated_are_left_out_and_lengths_may_differ(ax):
    curves([run(accuracies=(0.1, None, 0.3)), run(accuracies=(0.3, None, 0.5, 0.6))], ax)
    x, y = lines(ax)["sgd"]
    assert x.tolist() == [0, 20, 30]
    np.testing.assert_allclose(y, [0.2, 0.4, 0.6])
    assert crosses(ax) == []


def test_diverged_run_is_counted_and_marked_at_the_upper_edge_where_it_broke_off(ax):
    curves([run(), run(seed=1, accuracies=(0.1, 0.3), diverged=True)], ax)
    assert list(lines(ax)) == ["sgd (× 1 of 2 diverged)"]
    assert crosses(ax) == [(10, 1.0, "#000000")]


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_value_that_is_not_finite_ends_a_run(ax, broken):
    curves([run(accuracies=(0.1, 0.2, broken, 0.4))], ax)
    assert lines(ax)["sgd (× 1 of 1 diverged)"][0].tolist() == [0, 10]
    assert crosses(ax) == [(20, 1.0, "#000000")]
    assert np.isfinite(ax.get_ylim()).all()


def test_runs_that_all_broke_at_the_first_step_still_draw_their_crosses(ax):
    curves([run("adam", accuracies=(0.1, math.nan)), run("sgd", accuracies=(math.nan,))], ax)
    assert [x for x, _, _ in crosses(ax)] == [10, 0]
    to_png(ax.figure)


def test_groups_by_setting_or_function_get_fixed_looks(ax):
    runs = [run("adam", lr=0.1), run("sgd", lr=0.2)]
    curves(runs, ax)
    assert {line.get_label(): to_hex(line.get_color()) for line in ax.lines} == {
        name: look.color.lower() for name, look in appearances(["adam", "sgd"]).items()
    }
    _, other = figure()
    curves(runs, other, by=lambda run: f"lr {run.config['lr']}", y="loss", x="epoch", label="loss (nats)", title="T")
    assert list(lines(other)) == ["lr 0.1", "lr 0.2"]
    assert legend_title(other) == "one run each"
    assert (other.get_ylabel(), other.get_xlabel(), other.get_title(loc="left")) == (
        "loss (nats)",
        "epoch (passes over the training set)",
        "T",
    )


def test_markers_of_equal_curves_do_not_hide_each_other(ax):
    curves([run(name, accuracies=[0.5] * 60) for name in ("sgd", "adam", "sam")], ax)
    marked = [set(range(line.get_markevery()[0], 60, line.get_markevery()[1])) for line in ax.lines]
    assert min(map(len, marked)) >= 9
    assert not marked[0] & marked[1] | marked[1] & marked[2] | marked[0] & marked[2]


def test_probes_are_found_by_name(ax):
    curves([run(sharpness=20.0)], ax, y="sharpness")
    assert lines(ax)["sgd"][1].tolist() == [20, 20, 20]
    assert ax.get_ylabel() == "sharpness"


@pytest.mark.parametrize("draw", [curves, learning_rates])
def test_bad_input_says_what_is_missing(draw, ax):
    name = {curves: "y", learning_rates: "metric"}[draw]
    with pytest.raises(ValueError, match="no runs to draw"):
        draw([], ax)
    with pytest.raises(ValueError, match=r"no record has a value 'acuracy'; there are .*test_accuracy.*sharpness"):
        draw([run(sharpness=1.0)], ax, **{name: "acuracy"})
    with pytest.raises(ValueError, match="no setting 'optimiser' to group by; its settings are optimizer, seed, lr"):
        draw([run()], ax, by="optimiser")
    with pytest.raises(ValueError, match="center must be 'median' or 'mean', got 'mode'"):
        draw([run()], ax, center="mode")
    with pytest.raises(ValueError, match="there are no records"):
        draw([run(accuracies=())], ax)
    assert not ax.lines


def test_learning_rates_draw_the_last_value_of_each_rate(ax):
    runs = [run("adam", seed=s, lr=lr, accuracies=(0.1, lr + s / 100)) for lr in (0.1, 0.01) for s in range(3)]
    learning_rates(runs, ax)
    x, y = lines(ax)["adam"]
    assert x.tolist() == [0.01, 0.1]
    np.testing.assert_allclose(y, [0.02, 0.11])
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "learning rate"
    assert legend_title(ax) == "line: median, band: lowest to highest\nof 3 runs"


def test_few_rates_are_the_ticks_and_many_get_decades(ax):
    learning_rates([run(lr=lr) for lr in (0.003, 0.01, 0.03)], ax)
    ax.figure.draw_without_rendering()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.003", "0.01", "0.03"]
    assert not ax.get_xticklabels(minor=True)
    _, other = figure()
    learning_rates([run(lr=10**-k) for k in range(9)], other)
    other.figure.draw_without_rendering()
    assert {text.get_text() for text in other.get_xticklabels(minor=True)} <= {""}


@pytest.mark.parametrize(("metric", "edge"), [("test_accuracy", 0.02), ("loss", 0.98)])
def test_diverged_rates_are_marked_at_the_bad_edge(ax, metric, edge):
    learning_rates([run(lr=0.1), run(lr=1.0, diverged=True), run(lr=10.0, diverged=True)], ax, metric=metric)
    assert lines(ax)["sgd (× 2 of 3 diverged)"][0].tolist() == [0.1]
    assert crosses(ax) == [(1.0, edge, "#000000"), (10.0, edge, "#000000")]


def test_crosses_of_two_groups_do_not_hide_each_other(ax):
    learning_rates([run("sgd", diverged=True), run("adam", diverged=True), run("adam", lr=0.01)], ax)
    assert len({height for _, height, _ in crosses(ax)}) == 2


@pytest.mark.parametrize("lr", [0.0, -1.0, math.nan])
def test_rate_that_no_log_axis_can_show_is_refused(ax, lr):
    with pytest.raises(ValueError, match="learning rate lr > 0"):
        learning_rates([run(lr=lr)], ax)


@pytest.mark.parametrize("draw", [curves, learning_rates])
def test_a_legend_goes_where_it_is_asked_to(draw):
    runs = [Run({"optimizer": "sgd", "lr": 0.1}, (Record(1, 1.0, 0.5, 0.1, test_accuracy=0.5),), "digits")]
    _, (inside, outside, none) = figure(columns=3)
    draw(runs, inside)
    draw(runs, outside, legend="outside")
    draw(runs, none, legend="none")
    assert inside.get_legend().get_bbox_to_anchor().x1 == inside.bbox.x1
    assert outside.get_legend().get_bbox_to_anchor().x0 > outside.bbox.x1
    assert none.get_legend() is None
    with pytest.raises(ValueError, match=r"legend must be 'inside'.*got 'top'"):
        draw(runs, none, legend="top")
