"""What each part of deep Q-learning is worth, from recorded trainings."""

import html
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from optcourse.experiments import recorded_runs
from optcourse.experiments.reinforcement.parts import STEPS
from optcourse.lab.records import Record, Run


@dataclass(frozen=True)
class Row:
    """One part over its seeds.

    Attributes:
        part: what was changed.
        done_at: steps until training was done, sorted; of the seeds that were.
        best: return of the best policy of each seed, sorted.
    """

    part: str
    done_at: tuple[int, ...]
    best: tuple[float, ...]

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Part, how many were done, their steps, and the best return."""
        return self.part, f"{len(self.done_at)} of {len(self.best)}", _band(self.done_at), _band(self.best)


def _band(numbers: Sequence[float]) -> str:
    return f"{statistics.median(numbers):,.0f} [{numbers[0]:,.0f}, {numbers[-1]:,.0f}]" if numbers else ""


NAIVE = "one sample"
HEAD = ("what is changed", "done", "steps until done", "return of the best policy")


@dataclass(frozen=True, repr=False)
class PartsTable:
    """A row a part: median, lowest and highest of its seeds."""

    rows: tuple[Row, ...]

    def __repr__(self) -> str:
        title = f"within {STEPS:,} steps: median [lowest, highest]"
        return "\n".join([title, " | ".join(HEAD), *(" | ".join(row.cells) for row in self.rows)])

    def _repr_html_(self) -> str:
        body = "".join(f"<tr>{_cells('td', row.cells)}</tr>" for row in self.rows)
        caption = f"<caption style='text-align:left'>Within {STEPS:,} steps: median [lowest, highest]</caption>"
        return f"<table>{caption}<thead><tr>{_cells('th', HEAD)}</tr></thead><tbody>{body}</tbody></table>"


def _cells(tag: str, texts: Sequence[str]) -> str:
    style = "text-align:left;padding:.25em .8em"
    return "".join(f"<{tag} style='{style}'>{html.escape(text)}</{tag}>" for text in texts)


def part_records() -> tuple[Run, ...]:
    """The recorded trainings of all parts, and of the one-sample loop."""
    naive = [Run({**run.config, "part": NAIVE}, run.records, run.data) for run in recorded_runs("reinforcement.naive")]
    return (*recorded_runs("reinforcement.parts"), *naive)


def parts_table(runs: Sequence[Run]) -> PartsTable:
    """What became of each part.

    Args:
        runs: as `part_records` gives them.

    Raises:
        ValueError: for no runs.
    """
    if not runs:
        raise ValueError("a table needs at least one run, got none")
    rows = []
    for part in dict.fromkeys(run.config["part"] for run in runs):
        several = [run for run in runs if run.config["part"] == part]
        steps = sorted(run.config["done_at"] for run in several if run.config.get("done_at") is not None)
        rows.append(Row(part, tuple(steps), tuple(sorted(run.final("best") for run in several))))
    return PartsTable(tuple(rows))


def carried(runs: Sequence[Run], *, every: int = 1_000) -> list[Run]:
    """Runs on common steps, for bands: looks come a little late, and a training that was done ends sooner.

    Args:
        runs: looked at about every `every` steps.
        every: distance of the common steps. A look belongs to the nearest; the last one is carried on to the end.
    """
    nearest = [{every * round(look.step / every): look for look in run.records} for run in runs]
    start, end = max(min(looks) for looks in nearest), max(max(looks) for looks in nearest)
    made = []
    for run, looks in zip(runs, nearest, strict=True):
        last, records = looks[min(looks)], []
        for step in range(start, end + 1, every):
            last = looks.get(step, last)
            records.append(Record(step, math.nan, math.nan, math.nan, values=last.values))
        made.append(Run(run.config, tuple(records), run.data))
    return made
