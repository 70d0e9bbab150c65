"""Grading a class: time against nbgrader, and 500 submissions a tenth of which are hostile; written to class_run.json.

    python benchmarks/class_run.py [--rounds 1] [--notebooks 48] [--submissions 500] [--only PART] [--out FILE]

Against nbgrader: in each round the same copies of the solved notebook are graded by `nbgrader autograde` and by
`optcourse grade` (two workers), in random order, each with everything that a user waits for: start, sandbox, results on
the disk; and two copies alone. The figure is the ratio of the whole runs on the clock, start included, so it grows with
the class; what each further notebook costs, and both ratios in processor time (nbgrader uses one core, the class run
two), stand beside it.

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
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from optcourse import catalogue  # noqa: E402
from tests.grading.sandbox.attacks import ATTACKS  # noqa: E402
from tests.grading.sandbox.submissions import SOLUTION, source_of, with_answers  # noqa: E402

TARGET_SPEEDUP = 10.0
FEW = 2  # notebooks for which all that starts has started: both workers
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


def timed(command: Sequence[str], folder: Path) -> np.ndarray:
    """Wall and processor seconds of a command with all its descendants."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(home), stdout=log, stderr=log)
        with Watch(process.pid) as watch:
            process.wait()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{(folder / 'log').read_text()[-3000:]}")
    # The time of a sandbox is nobody's child's: it is killed with its namespace, and read from /proc before.
    waited = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return np.array([wall, waited + sum(watch.sandboxes.values())])


def by_nbgrader(folder: Path) -> np.ndarray:
    return timed([sys.executable, "-m", "nbgrader", "autograde", "ps"], folder)


def by_optcourse(folder: Path) -> np.ndarray:
    return timed(optcourse("submitted", "results"), folder)


def optcourse(submissions: str, out: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "optcourse.cli", "grade", submissions, "--out", out, "--workers", "2", *more]


def against_nbgrader(rounds: int, notebooks: int) -> dict[str, Any]:
    """Seconds of both for all notebooks and for two, and the ratios; every figure is (wall, processor)."""
    ways: dict[str, Callable[[Path], np.ndarray]] = {"nbgrader": by_nbgrader, "optcourse": by_optcourse}
    whole: dict[str, list[np.ndarray]] = {way: [] for way in ways}
    few: dict[str, list[np.ndarray]] = {way: [] for way in ways}
    runs = [(way, size) for way in ways for size in (FEW, notebooks)]
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as temporary:
        prepared = prepare(Path(temporary) / "course")
        for number in range(rounds):
            draw.shuffle(runs)
            for way, size in runs:
                folder = Path(temporary) / f"{number}-{way}-{size}"
                shutil.copytree(prepared, folder)
                hand_in(folder, size)
                (whole if size > FEW else few)[way].append(ways[way](folder))
                if way == "optcourse":
                    check_marks(folder / "results" / "marks.csv", size)
    further = {way: (np.array(whole[way]) - np.array(few[way])) / (notebooks - FEW) for way in ways}
    return {
        "notebooks": notebooks,
        "clocks": ["wall", "processor"],
        "seconds_of_all": {way: np.median(whole[way], axis=0).tolist() for way in ways},
        "seconds_of_two": {way: np.median(few[way], axis=0).tolist() for way in ways},
        "seconds_of_each_further": {way: np.median(further[way], axis=0).tolist() for way in ways},
        "speedup": np.median(further["nbgrader"] / further["optcourse"], axis=0).tolist(),
        "speedup_of_all": np.median(np.array(whole["nbgrader"]) / np.array(whole["optcourse"]), axis=0).tolist(),
    }


def prepare(folder: Path) -> Path:
    """nbgrader's course folder with the solution as its source, released."""
    (folder / "source" / "ps").mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "optcourse"\n')
    shutil.copy(SOLUTION, folder / "source" / "ps")
    timed([sys.executable, "-m", "nbgrader", "generate_assignment", "ps"], folder)
    return folder


def hand_in(folder: Path, size: int) -> None:
    for number in range(size):
        handed = folder / "submitted" / f"learner{number}" / "ps"
        handed.mkdir(parents=True)
        shutil.copy(SOLUTION, handed)


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


class Watch(threading.Thread):
    """Looks at a process and its descendants four times a second.

    Attributes:
        seen: resident memory in MB over time, by process, of those that load torch.
        sandboxes: processor seconds of each sandbox with all that ran in it.
    """

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root, self.seen, self.sandboxes, self.stopped = root, {}, {}, threading.Event()

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.join()

    def run(self) -> None:
        while not self.stopped.wait(0.25):
            for pid in [self.root, *descendants(self.root, depth=4)]:
                if (megabytes := resident(pid)) > 50:
                    self.seen.setdefault(pid, []).append(megabytes)
                    if (seconds := sandbox_seconds(pid)) is not None:
                        self.sandboxes[pid] = seconds

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


def sandbox_seconds(pid: int) -> float | None:
    """Processor seconds of a process and of its ended children, if it is the server inside a sandbox; else None."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        parent = Path(f"/proc/{fields[1]}/cmdline").read_bytes().partition(b"\0")[0]
    except OSError:
        return None
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") if parent.endswith(b"bwrap") else None


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
        with Watch(process.pid) as watch:
            status = process.wait()
        seconds = time.perf_counter() - start
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


def stamp(asked: str) -> dict[str, Any]:
    """What reproduces a part of the record, and what it depends on."""
    return {
        "command": f"python benchmarks/class_run.py {asked}",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "cores": os.cpu_count(),
        "load_average_at_end": os.getloadavg()[0],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Grading a class: time against nbgrader, and hostile submissions.")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--notebooks", type=int, default=48, help="more than two")
    parser.add_argument("--submissions", type=int, default=500)
    parser.add_argument("--only", choices=("nbgrader", "class"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args(arguments)
    record = json.loads(options.out.read_text()) if options.out.exists() else {}
    missed = []
    if options.only != "class":
        asked = f"--only nbgrader --rounds {options.rounds} --notebooks {options.notebooks}"
        against = against_nbgrader(options.rounds, options.notebooks)
        record["nbgrader"] = stamp(asked) | against
        print(f"seconds, wall and processor: {'two':>12}{f'all {options.notebooks}':>15}{'each further':>17}")
        for way in ("nbgrader", "optcourse"):
            figures = [against[f"seconds_of_{what}"][way] for what in ("two", "all", "each_further")]
            print(f"{way:26}" + "".join(f"{wall:9.2f}{processor:7.2f}" for wall, processor in figures))
        times, of_all = against["speedup"], against["speedup_of_all"]
        print(f"all {of_all[0]:.1f} times faster, must be >= {TARGET_SPEEDUP:g}; {of_all[1]:.1f} in processor time")
        print(f"each further notebook {times[0]:.1f} times faster, {times[1]:.1f} in processor time")
        missed += ["speed-up over nbgrader"] * (of_all[0] < TARGET_SPEEDUP)
    if options.only != "nbgrader":
        graded = whole_class(options.submissions)
        record["class"] = stamp(f"--only class --submissions {options.submissions}") | graded
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
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    for what in missed:
        print(f"MISSED: {what}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
