"""Trainings that are too long for a lesson: their last records ship, with what reproduces them."""

import itertools
import json
import math
from collections.abc import Iterable
from pathlib import Path

from optcourse.lab.records import Record, Run

SHOWN = ("optimizer", "lr", "seed")
"""Settings that are stored; the others are in the code that is hashed."""


def save_runs(path: Path, runs: Iterable[Run], *, code: str, command: str, versions: dict[str, str]) -> None:
    """Store the last record of each run.

    Raises:
        ValueError: if there are no runs, or their data differ.
    """
    runs = list(runs)
    # What was done to the data may depend on the seed (label noise); what is common to all runs names them.
    same = itertools.takewhile(
        lambda words: len(set(words)) == 1, zip(*(run.data.split() for run in runs), strict=False)
    )
    data = " ".join(words[0] for words in same).rstrip(",")
    if not data:
        raise ValueError(
            f"the runs of one record must be of one data set, got {[run.data for run in runs] or 'no runs'}"
        )
    rows = [
        [
            *(run.config[key] for key in SHOWN),
            run.records[-1].step,
            *(None if math.isnan(run.final(name)) else run.final(name) for name in ("test_loss", "test_accuracy")),
            run.diverged,
        ]
        for run in runs
    ]
    columns = [*SHOWN, "step", "test_loss", "test_accuracy", "diverged"]
    head = {"command": command, "code": code, "versions": versions, "data": data, "columns": columns}
    body = ",\n  ".join(json.dumps(row) for row in rows)
    text = json.dumps(head, indent=1)[:-2] + f',\n "rows": [\n  {body}\n ]\n}}\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def load_runs(path: Path) -> tuple[Run, ...]:
    """The stored runs, each with its last record.

    Raises:
        FileNotFoundError: if they were never recorded; the message names the command that does it.
    """
    raw = read(path)
    runs = []
    for row in raw["rows"]:
        fields = dict(zip(raw["columns"], row, strict=True))
        config = {key: fields[key] for key in SHOWN}
        last = Record(
            fields["step"],
            math.nan,
            math.nan,
            config["lr"],
            test_loss=fields["test_loss"],
            test_accuracy=fields["test_accuracy"],
        )
        runs.append(Run(config, (last,), raw["data"], fields["diverged"]))
    return tuple(runs)


def read(path: Path) -> dict:
    """The record as stored."""
    if not path.exists():
        raise FileNotFoundError(f"no record {path.name} of these trainings; make it with `make claims`")
    return json.loads(path.read_text(encoding="utf-8"))
