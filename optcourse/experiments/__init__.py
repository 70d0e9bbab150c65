"""What the lessons measure: functions of a seed, and the claims that rest on them.

One module or package a lesson, named by its slug; each holds `CLAIMS`, and `SWEEPS` or `CURVES` when trainings ship as
records, of which it stores the end or every look. The notebook, `make claims` and the tests call
the same functions. `python -m optcourse.experiments` records them.
"""

import importlib
import platform
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch

from optcourse.experiments.recorded_runs import load_runs
from optcourse.lab.claims import Claim, ClaimRecord, Result, ResultTable
from optcourse.lab.code_hash import code_hash
from optcourse.lab.data import TEXTS, load, load_texts
from optcourse.lab.device import seeds
from optcourse.lab.records import Run
from optcourse.runtimes.requirements import INSTALL

COMMAND = "make claims"


@cache
def claims(lesson: str) -> dict[str, Claim]:
    """The claims of the lesson with this slug, by id and in the order of the lesson."""
    rows = importlib.import_module(f"{__name__}.{lesson}").CLAIMS
    table = {claim.id: claim for claim in rows}
    if len(table) != len(rows) or any(not id.startswith(f"{lesson}.") for id in table):
        raise ValueError(f"claim ids of lesson {lesson!r} must differ and start with {lesson + '.'!r}: {list(table)}")
    return table


def sweeps(lesson: str) -> Mapping[str, Callable[[int], tuple[Run, ...]]]:
    """Trainings of this lesson that ship as records, its `SWEEPS` and its `CURVES`, by id: seed -> runs."""
    module = importlib.import_module(f"{__name__}.{lesson}")
    named = getattr(module, "SWEEPS", {}) | getattr(module, "CURVES", {})
    return {f"{lesson}.{name}": train for name, train in named.items()}


def is_curve(id: str) -> bool:
    """Whether trainings ship with all their records, not only the last of each."""
    lesson, _, name = id.partition(".")
    return name in getattr(importlib.import_module(f"{__name__}.{lesson}"), "CURVES", {})


def recorded_runs(id: str) -> tuple[Run, ...]:
    """The recorded trainings with this id, over all recorded seeds, for figures with bands."""
    return load_runs(record_path(id))


def record_path(id: str) -> Path:
    """Where the record of a claim or of trainings ships."""
    lesson, _, name = id.partition(".")
    return Path(__file__).parent / "records" / lesson / f"{name}.json"


def data_used(claim: Claim) -> str:
    """Which data a claim is measured on, in one line; empty for a made-up problem."""
    if not claim.data:
        return ""
    return (load_texts if claim.data in TEXTS else load)(claim.data, device="cpu").description


def versions() -> dict[str, str]:
    """Releases that a measured number may depend on."""
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}


def make_record(claim: Claim, values: Mapping[int, float], seeds_per_set: int) -> ClaimRecord:
    """The record of values just measured, with what they depend on."""
    code = code_hash(claim.measure.__module__)
    return ClaimRecord(claim.id, dict(values), seeds_per_set, code, COMMAND, versions(), data_used(claim))


class Ledger:
    """The claims of one lesson, as a notebook makes them.

    Calling it puts one claim to the test and keeps the result; `table` shows them all.

    Example:
        claim = Ledger("optimizers")
        claim("optimizers.adam_memory")

    Raises, when called:
        KeyError: for an id that is not a claim of this lesson.
        ClaimError: if the measurement contradicts the lesson.
    """

    def __init__(self, lesson: str):
        self.claims = claims(lesson)
        self.results: dict[str, Result] = {}

    def __call__(self, id: str, values: Mapping[int, float] | None = None) -> Result:
        """Tests one claim.

        Args:
            id: the claim's id.
            values: seed -> number measured already; without it, the claim's own `measure` runs for each seed of the
                profile (live), or its record is read and the first seed recomputed (recorded).
        """
        if id not in self.claims:
            raise KeyError(f"no claim {id!r} in this lesson; there are {', '.join(self.claims)}")
        claim = self.claims[id]
        if claim.kind == "recorded":
            record = ClaimRecord.load(record_path(id))
            seed = next(iter(record.values))
            recomputed = (seed, values[seed] if values else _recompute(claim, seed))
            values = record.values if claim.expected == "undecided" else record.sets()[0]
            result = Result(claim, values, recomputed, record.command, record.data)
        else:
            measured = values or {seed: claim.measure(seed) for seed in seeds()}
            result = Result(claim, measured, data=data_used(claim))
        self.results[id] = result.require()
        return result

    def table(self) -> ResultTable:
        """All claims of the lesson.

        Raises:
            ValueError: if one was not made; the message names it.
        """
        missing = [id for id in self.claims if id not in self.results]
        if missing:
            raise ValueError(f"the lesson has claims that were not made: {', '.join(missing)}; run their cells first")
        return ResultTable(self.results[id] for id in self.claims)


def _recompute(claim: Claim, seed: int) -> float | str:
    """One seed's number, measured now; in words what is missing where an extra of the course is not installed."""
    try:
        return (claim.recheck or claim.measure)(seed)
    except ImportError as missing:
        if INSTALL not in str(missing):
            raise
        return f"not here, {missing}"
