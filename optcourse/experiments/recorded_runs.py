"""Trainings that are too long for a lesson: their records ship, with what reproduces them."""

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from optcourse.lab.records import Record, Run

_MEASURED = ("step", "loss", "test_loss", "test_accuracy")


def save_runs(
    path: Path, runs: Iterable[Run], *, code: str, command: str, versions: dict[str, str], whole: bool = False
) -> None:
    """Store the last record of each run, or all its records.

    Stored are the settings in which the runs differ, the rate and the seed; the others are in the code that is hashed.

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
    settings = _settings(runs)
    measured = _MEASURED if whole else tuple(name for name in _MEASURED if name != "loss")
    probes = sorted({name for run in runs for record in run.records for name in record.values})
    rows = [
        [
            *(run.config[key] for key in settings),
            *(_number(getattr(record, name)) for name in measured),
            *(_number(record.values.get(name)) for name in probes),
            run.diverged,
        ]
        for run in runs
        for record in (run.records if whole else run.records[-1:])
    ]
    columns = [*settings, *measured, *probes, "diverged"]
    head = {"command": command, "code": code, "versions": versions, "data": data, "columns": columns}
    body = ",\n  ".join(json.dumps(row) for row in rows)
    text = json.dumps(head, indent=1)[:-2] + f',\n "rows": [\n  {body}\n ]\n}}\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _settings(runs: Sequence[Run]) -> list[str]:
    shared = [key for key in runs[0].config if all(key in run.config for run in runs)]
    return [key for key in shared if key in ("lr", "seed") or len({run.config[key] for run in runs}) > 1]


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def load_runs(path: Path) -> tuple[Run, ...]:
    """The stored runs, each with the records that were stored of it.

    Raises:
        FileNotFoundError: if they were never recorded; the message names the command that does it.
    """
    raw = read(path)
    first = next(i for i, name in enumerate(raw["columns"]) if name in _MEASURED)
    runs = []
    for setting, rows in itertools.groupby(raw["rows"], lambda row: row[:first]):
        config = dict(zip(raw["columns"][:first], setting, strict=True))
        looks = [dict(zip(raw["columns"], row, strict=True)) for row in rows]
        records = tuple(_record(look, config.get("lr", math.nan)) for look in looks)
        runs.append(Run(config, records, raw["data"], looks[-1]["diverged"]))
    return tuple(runs)


def _record(look: dict[str, Any], lr: float) -> Record:
    loss = look.get("loss")
    tested = {name: look[name] for name in ("test_loss", "test_accuracy")}
    names = list(look)
    probes = names[names.index("test_accuracy") + 1 : names.index("diverged")]
    values = {name: look[name] for name in probes if look[name] is not None}
    return Record(look["step"], math.nan, math.nan if loss is None else loss, lr, **tested, values=values)


def read(path: Path) -> dict:
    """The record as stored."""
    if not path.exists():
        raise FileNotFoundError(f"no record {path.name} of these trainings; make it with `make claims`")
    return json.loads(path.read_text(encoding="utf-8"))
