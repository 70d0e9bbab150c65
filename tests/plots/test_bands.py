"""Bands over a setting, and runs sorted for them."""

import math

import pytest

from optcourse.lab.records import Record, Run
from optcourse.plots import bands, by_setting, figure


def run(percent: float, **config: object) -> Run:
    return Run(config, (Record(1, math.nan, math.nan, math.nan, test_accuracy=percent / 100),), "digits")


def test_lines_are_means_and_bands_reach_every_seed():
    _, ax = figure()
    bands(
        {"ptq": {4: [80.0, 84.0], 2: [20.0, 50.0]}, "qat": {2: [83.0]}},
        ax,
        x="bits",
        y="test accuracy (%)",
        reference=("float", 85.0),
    )
    ptq, qat, reference = ax.lines
    assert (ptq.get_xdata().tolist(), ptq.get_ydata().tolist()) == ([2, 4], [35.0, 82.0])
    assert (qat.get_xdata().tolist(), qat.get_ydata().tolist()) == ([2], [83.0])
    assert set(reference.get_ydata()) == {85.0}
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (20.0, 84.0)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ptq", "qat", "float"]
    assert "highest of 2 seeds" in ax.get_legend().get_title().get_text()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2", "4"]


@pytest.mark.parametrize("values", [{}, {"ptq": {}}, {"ptq": {2: []}}, {"ptq": {2: [math.nan]}}, {"ptq": {2: 3.0}}])
def test_bad_values_are_refused(values):
    _, ax = figure()
    with pytest.raises(ValueError, match=r"at least one name|one finite number a seed"):
        bands(values, ax, x="bits", y="accuracy")


def test_runs_are_sorted_by_both_settings():
    runs = [run(50, method="ptq", bits=2), run(60, method="ptq", bits=2), run(85, method="qat", bits=4)]
    assert by_setting(runs, x="bits", by="method") == {"ptq": {2: [50.0, 60.0]}, "qat": {4: [85.0]}}
    with pytest.raises(ValueError, match="no runs"):
        by_setting([], x="bits", by="method")
    with pytest.raises(ValueError, match="no setting 'lr'; its settings are method, bits"):
        by_setting(runs, x="lr", by="method")
