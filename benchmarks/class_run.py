"""Grading a class: time against nbgrader, and 500 submissions a tenth of which are hostile; written to class_run.json.

    python benchmarks/class_run.py [--rounds 2] [--notebooks 12] [--submissions 500] [--only PART] [--out FILE]

Against nbgrader: in each round the same copies of the solved notebook are graded once by `nbgrader autograde` and once
by `optcourse grade` (two workers), in random order, each with everything that a user waits for: start, sandbox, results
on the disk. The figure is the ratio of the wall times in the same round; that of the processor times stands beside it.

The class: right, partly right and empty submissions, and as every tenth one of the attack suite, all graded by one
command with hidden cases. Every mark and status is compared with what it must be, and the memory of each process that
grades is read all along.
"""

import argparse
import csv
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from optcourse import catalogue  # noqa: E402
from tests.grading.sandbox.attacks import ATTACKS  # noqa: E402
from tests.grading.sandbox.submissions import SOLUTION, source_of, with_answers  # noqa: E402

TARGET_SPEEDUP = 10.0
TARGET_GROWTH = 1.1  # memory of a process in the last quarter of a run over that in the second
MOST = sum(row.points for row in catalogue.exercises("optimizers"))
WRONG = {
    "optimizers.memory": ("state_megabytes = 100", 1),
    "optimizers.momentum": (source_of("optimizers.momentum").replace("p -=", "p +="), 2),
    "optimizers.adam": (source_of("optimizers.adam").replace("beta1 * state", "beta2 * state"), 4),
    "optimizers.adamw": ("AdamW = None", 3),
}


def environment(home: Path) -> dict[str, str]:
    """For both graders: their own home, one thread."""
    own = {"HOME": home, "JUPYTER_CONFIG_DIR": home, "JUPYTER_DATA_DIR": home, "IPYTHONDIR": home}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own |= {"OPTCOURSE_HOME": home / "points", "PYTHONPATH": ROOT, "PATH": path, "OMP_NUM_THREADS": "1"}
    return {**os.environ, **{name: str(value) for name, value in own.items()}}


def timed(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Wall and processor seconds of a command with all its descendants."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment(home), capture_output=True, text=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def by_nbgrader(folder: Path) -> tuple[float, float]:
    return timed([sys.executable, "-m", "nbgrader", "autograde", "ps"], folder)


def by_optcourse(folder: Path) -> tuple[float, float]:
    shutil.rmtree(folder / "results", ignore_errors=True)
    return timed(optcourse("submitted", "results"), folder)


def optcourse(submissions: str, out: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "optcourse.cli", "grade", submissions, "--out", out, "--workers", "2", *more]


def against_nbgrader(rounds: int, notebooks: int) -> dict[str, Any]:
    """Seconds of both, and the ratios."""
    ways: dict[str, Callable[[Path], tuple[float, float]]] = {"nbgrader": by_nbgrader, "optcourse": by_optcourse}
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    order = list(ways)
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as temporary:
        prepared = Path(temporary) / "course"
        (prepared / "source" / "ps").mkdir(parents=True)
        (prepared / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "optcourse"\n')
        shutil.copy(SOLUTION, prepared / "source" / "ps")
        timed([sys.executable, "-m", "nbgrader", "generate_assignment", "ps"], prepared)
        for number in range(notebooks):
            handed = prepared / "submitted" / f"learner{number}" / "ps"
            handed.mkdir(parents=True)
            shutil.copy(SOLUTION, handed)
        for number in range(rounds):
            folder = Path(temporary) / f"round{number}"
            shutil.copytree(prepared, folder)
            draw.shuffle(order)
            for way in order:
                times[way].append(ways[way](folder))
            check_marks(folder / "results" / "marks.csv", notebooks)
    ratios = [
        [theirs[clock] / ours[clock] for theirs, ours in zip(times["nbgrader"], times["optcourse"], strict=True)]
        for clock in (0, 1)
    ]
    return {
        "notebooks": notebooks,
        "seconds_a_notebook": {
            way: {clock: statistics.median(t[i] for t in measured) / notebooks for i, clock in enumerate(CLOCKS)}
            for way, measured in times.items()
        },
        "speedup": {clock: statistics.median(ratios[i]) for i, clock in enumerate(CLOCKS)},
        "speedup_lowest": {clock: min(ratios[i]) for i, clock in enumerate(CLOCKS)},
    }


CLOCKS = ("wall", "processor")


def check_marks(path: Path, notebooks: int) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == notebooks
    assert {float(row["points"]) for row in rows} == {MOST}


def lay_out(folder: Path, submissions: int) -> dict[str, tuple[float, str]]:
    """A class's submissions; points and status that each must get."""
    expected = {}
    draw = random.Random(0)
    attacks = draw.sample(ATTACKS, k=len(ATTACKS))
    for number in range(submissions):
        learner = f"learner{number:04}"
        if number % 10 == 9:
            attack = attacks[number // 10 % len(attacks)]
            content = attack.content()
            lost = catalogue.exercise(attack.exercise).points if attack.status != "passed" else 0.0
            expected[learner] = (MOST - lost if attack.status else 0.0, attack.submission)
        elif number % 10 == 4:
            content = (ROOT / "exercises" / SOLUTION.name).read_bytes()
            expected[learner] = (0.0, "not attempted")
        else:
            wrong = draw.sample(sorted(WRONG), k=draw.choice([0, 0, 0, 1, 2]))
            content = with_answers({id: WRONG[id][0] for id in wrong})
            expected[learner] = (MOST - sum(WRONG[id][1] for id in wrong), "partly" if wrong else "graded")
        (folder / learner).mkdir(parents=True)
        (folder / learner / "04.ipynb").write_bytes(content)
    return expected


class MemoryWatch(threading.Thread):
    """Reads the resident memory of a process's descendants that load torch, twice a second.

    Attributes:
        seen: by process id, MB over time.
    """

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root, self.seen, self.stopped = root, {}, threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.5):
            for pid in [self.root, *descendants(self.root, depth=4)]:
                if (megabytes := resident(pid)) > 50:
                    self.seen.setdefault(pid, []).append(megabytes)

    def growth(self) -> dict[str, float]:
        """Peak in MB, and for processes that were there throughout the last quarter over the second."""
        longest = max(map(len, self.seen.values()), default=0)
        whole = [values for values in self.seen.values() if len(values) > 0.9 * longest]
        quarters = [(values[len(values) // 4 : len(values) // 2], values[-(len(values) // 4) :]) for values in whole]
        ratios = [max(last) / max(second) for second, last in quarters if second and last]
        return {
            "processes": len(whole),
            "peak_megabytes": max((max(values) for values in whole), default=0.0),
            "growth": max(ratios, default=1.0),
        }


def descendants(root: int, depth: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            children = [int(pid) for pid in task.read_text().split()]
        except OSError:
            continue
        found += children
        if depth:
            found += [pid for child in children for pid in descendants(child, depth - 1)]
    return found


def resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    except (OSError, IndexError):
        return 0.0


def whole_class(submissions: int) -> dict[str, Any]:
    """Marks and statuses against what they must be, seconds, memory."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        expected = lay_out(folder / "handed", submissions)
        (folder / "hidden.toml").write_text('seed = "a seed that nobody knows"\n')
        (folder / "roster.csv").write_text("id\n" + "".join(f"{learner}\n" for learner in [*expected, "absent"]))
        (folder / "home").mkdir()
        command = optcourse("handed", "results", "--hidden", "hidden.toml", "--roster", "roster.csv")
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment(folder / "home"))
        watch = MemoryWatch(process.pid)
        watch.start()
        status = process.wait()
        seconds = time.perf_counter() - start
        watch.stopped.set()
        watch.join()
        with (folder / "results" / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
            got = {row["learner"]: (float(row["points"] or 0), row["status"]) for row in csv.DictReader(file)}
        left = [line for line in _commands() if str(folder) in line]
    expected["absent"] = (0.0, "missing")
    wrong = {
        learner: {"got": got.get(learner), "must": must}
        for learner, must in expected.items()
        if got.get(learner) != must
    }
    return {
        "submissions": submissions,
        "hostile": submissions // 10,
        "exit_status": status,
        "rows": len(got),
        "wrong_or_missing_rows": wrong,
        "processes_left": len(left),
        "seconds": seconds,
        "seconds_a_submission": seconds / submissions,
        "memory": watch.growth(),
    }


def _commands() -> list[str]:
    """Command lines of all processes."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_text(errors="replace"))
        except OSError:
            continue
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Grading a class: time against nbgrader, and hostile submissions.")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--notebooks", type=int, default=12)
    parser.add_argument("--submissions", type=int, default=500)
    parser.add_argument("--only", choices=("nbgrader", "class"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args(arguments)
    record = json.loads(options.out.read_text()) if options.out.exists() else {}
    missed = []
    if options.only != "class":
        record["nbgrader"] = against = against_nbgrader(options.rounds, options.notebooks)
        print(f"{'':12}{'wall s':>9}{'processor s':>13}   a notebook, of {options.notebooks} in one run")
        for way, figures in against["seconds_a_notebook"].items():
            print(f"{way:12}{figures['wall']:9.2f}{figures['processor']:13.2f}")
        speedup = against["speedup"]
        print(
            f"{'times faster':12}{speedup['wall']:9.1f}{speedup['processor']:13.1f}   "
            f"wall time must be >= {TARGET_SPEEDUP:g}"
        )
        missed += ["speed-up over nbgrader"] * (speedup["wall"] < TARGET_SPEEDUP)
    if options.only != "nbgrader":
        record["class"] = graded = whole_class(options.submissions)
        print(
            f"{graded['submissions']} submissions, {graded['hostile']} hostile: {graded['rows']} rows, "
            f"{len(graded['wrong_or_missing_rows'])} wrong or missing, {graded['seconds_a_submission']:.2f} s each"
        )
        memory = graded["memory"]
        print(
            f"memory of {memory['processes']} processes: at most {memory['peak_megabytes']:.0f} MB, "
            f"growth x{memory['growth']:.2f}"
        )
        for learner, difference in graded["wrong_or_missing_rows"].items():
            print(f"  {learner}: {difference}")
        missed += ["marks"] * bool(graded["wrong_or_missing_rows"] or graded["exit_status"] or graded["processes_left"])
        missed += ["flat memory"] * (memory["growth"] > TARGET_GROWTH)
    record |= {
        "command": f"python benchmarks/class_run.py --rounds {options.rounds} --notebooks {options.notebooks} "
        f"--submissions {options.submissions}",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "cores": os.cpu_count(),
        "load_average_at_end": os.getloadavg()[0],
    }
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    for what in missed:
        print(f"MISSED: {what}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
