"""The stored time of a step says how it was measured and keeps the project's targets."""

import json
from pathlib import Path

STORED = Path(__file__).parents[2] / "benchmarks" / "optimizer_step.json"


def test_stored_figures_keep_their_targets() -> None:
    record = json.loads(STORED.read_text())
    assert record["targets"] == {"Adam": 0.80, "AdamW": 0.80, "SGD": 1.0, "Momentum": 1.0}
    for name, target in record["targets"].items():
        assert record["results"][name]["ratio"] <= target
    assert record["threads"] == 1
    assert {"command", "seed", "rounds", "clock", "versions", "machine"} <= set(record)
