"""What grading one right submission costs, sandbox and all; written to submission_cost.json beside this file.

    python benchmarks/submission_cost.py [--count 20] [--out FILE]

Two sizes: one exercise of arrays of a few numbers (each class of the lesson on optimizers in turn), and that lesson's
whole set of seven. One grader grades all, as in a class run, and its start is paid once. The figure is the processor
time of the grader and of everything in the sandbox, which a busy machine changes little; the time on the clock is told
too.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from optcourse import catalogue
from optcourse.grading.sandbox import open_grader
from optcourse.grading.sandbox.grader import SandboxGrader

SOLUTION = Path(__file__).resolve().parents[1] / "solutions" / f"{catalogue.lesson('optimizers').stem}.ipynb"
ONE = [[row.id] for row in catalogue.exercises("optimizers") if row.kind == "class"]
TARGETS = {"one exercise": 0.15, "whole set": 0.5}  # seconds of the processor, at most


def processor_seconds(process: int) -> float:
    """Used so far by this process, by another and by everything that one started, ended or not."""
    parents, used = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(") ")[2].split()
                parents[int(folder.name)] = int(fields[1])
                used[int(folder.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    family = {process}
    while further := {child for child, parent in parents.items() if parent in family} - family:
        family |= further
    return time.process_time() + sum(used[member] for member in family if member in used)


def cost(grader: SandboxGrader, batches: Sequence[list[str] | None]) -> tuple[float, float]:
    """Mean processor seconds and median seconds on the clock of grading each batch of exercises."""
    process = grader.server.pid
    before, clock = processor_seconds(process), []
    for exercises in batches:
        started = time.perf_counter()
        result = grader.grade(SOLUTION, learner="ada", exercises=exercises)
        clock.append(time.perf_counter() - started)
        if str(result.status) != "graded":
            raise SystemExit(f"the solution was not graded right: {result}")
    time.sleep(1.0)  # the last child is ended without waiting for it
    return (processor_seconds(process) - before) / len(batches), statistics.median(clock)


def measured(count: int) -> dict:
    """Both sizes, after some that pay for what is done once."""
    sizes = {"one exercise": [ONE[index % len(ONE)] for index in range(count)], "whole set": [None] * count}
    rows: dict[str, dict] = {}
    with open_grader() as grader:
        cost(grader, [None, *ONE])
        for name, batches in sizes.items():
            processor, clock = cost(grader, batches)
            rows[name] = {"processor seconds": processor, "clock seconds": clock, "target": TARGETS[name]}
            rows[name]["isolation"] = grader.server.way
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="submissions of each size (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    rows = measured(arguments.count)
    about = {"torch": torch.__version__, "python": platform.python_version(), "count": arguments.count}
    arguments.out.write_text(json.dumps({"environment": about, "costs": rows}, indent=1) + "\n", encoding="utf-8")
    for name, row in rows.items():
        verdict = "ok" if row["processor seconds"] <= row["target"] else "TOO SLOW"
        print(
            f"{name:<14} {row['processor seconds']:.3f} s of the processor (at most {row['target']}), "
            f"{row['clock seconds']:.3f} s on the clock  {verdict}"
        )
    return 0 if all(row["processor seconds"] <= row["target"] for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
