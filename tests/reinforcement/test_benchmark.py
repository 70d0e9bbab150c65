"""The benchmark's table, on made-up runs: medians over what was solved, and which promise was missed."""

import importlib.util
from pathlib import Path

PATH = Path(__file__).parents[2] / "benchmarks" / "reinforcement.py"


def load():
    spec = importlib.util.spec_from_file_location("reinforcement_benchmark", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def runs(method, seconds, returns):
    return [
        {"method": method, "steps": 1000 * s, "seconds": s, "wall": 2 * s, "solved": fresh >= 475}
        for s, fresh in zip(seconds, returns, strict=True)
    ]


def test_table_and_promises():
    benchmark = load()
    good = runs("course", [3, 5, 14], [500, 480, 475])
    table = benchmark.summary(good + runs("cleanrl", [90, 10], [500, 474]))
    assert benchmark.missed(table) == []
    assert (table["course"]["median_steps"], table["course"]["worst_seconds"]) == (5000, 14)
    assert (table["cleanrl"]["solved"], table["cleanrl"]["worst_seconds"]) == (0.5, 90)
    for worse, name in [
        (runs("course", [1], [400]), "solved"),
        (runs("course", [7, 8, 9], [500] * 3), "median_seconds"),
        (runs("course", [1, 2, 16], [500] * 3), "worst_seconds"),
    ]:
        assert benchmark.missed(benchmark.summary(good + worse)) == [name]
    assert benchmark.missed(benchmark.summary(runs("course", [1], [0]))) == list(benchmark.TARGETS)
