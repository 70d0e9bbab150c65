"""A grader that does what a submission's file says, in the place of the sandbox: quick, and it can die on demand."""

import hashlib
import json
import os
import time
from pathlib import Path

from optcourse import catalogue
from optcourse.grading.submission import ExerciseResult, Status, SubmissionResult

FACTORY = f"{__name__}:open_grader"
_STOPPED = {"crashed": Status.CRASHED, "timed out": Status.TIMED_OUT}


def write(path: Path, answers: dict[str, str] | None = None, **orders) -> Path:
    """A submission: status by exercise id ("optimizers." left out); orders: gate, sleep, die, fail, hang, lesson."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"answers": answers or {}, **orders}))
    return path


class FakeGrader:
    def __init__(self, unsafe: bool, slot: int) -> None:
        self.unsafe, self.slot = unsafe, slot

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        pass

    def grade(self, path, *, learner, hidden=None, exercises=None) -> SubmissionResult:
        content = path.read_bytes()
        about = {"isolated": not self.unsafe, "isolation": "fake", "digest": hashlib.sha256(content).hexdigest()}
        try:
            orders = json.loads(content)
        except ValueError:
            message = "The file is no notebook."
            return SubmissionResult(learner, "", path.name, Status.CORRUPT, 0.0, 0.0, message=message, **about)
        _log(path, learner, exercises)
        _wait_for(orders.get("gate"))
        time.sleep(orders.get("sleep", 0))
        if "die" in orders:
            os._exit(9)
        if "fail" in orders:
            raise RuntimeError("the sandbox broke")
        if "hang" in orders:
            time.sleep(60)
        lesson = orders.get("lesson", "optimizers")
        rows = [row for row in catalogue.exercises(lesson) if exercises is None or row.id in exercises]
        answers = {f"{lesson}.{name}": status for name, status in orders["answers"].items()}
        results = tuple(_exercise(row, answers.get(row.id, "not attempted"), hidden) for row in rows)
        points, most = (sum(getattr(result, name) for result in results) for name in ("points", "max_points"))
        stopped = next((_STOPPED[result.status] for result in results if result.status in _STOPPED), None)
        status = Status.GRADED if points == most else (stopped if stopped and not points else Status.PARTLY)
        return SubmissionResult(learner, lesson, path.name, status, points, most, exercises=results, **about)


def _exercise(row: catalogue.Exercise, status: str, hidden) -> ExerciseResult:
    status, _, misconception = status.partition(":")
    rank = os.environ.get("FAKE_POINTS")
    points = row.points if status == "passed" else 0.0
    if rank and points:
        points = float(rank)
    card = {"status": status, "message": f"It {status}.", "exercise": row.id, "title": row.title}
    passed = int(status == "passed")
    return ExerciseResult(
        row.id, status, points, row.points, misconception or None, card, 3 * passed, 3, passed, int(hidden is not None)
    )


def _wait_for(gate: str | None) -> None:
    """Until a file exists, so that a test can stop a run where it wants to, however busy the machine is."""
    deadline = time.monotonic() + 600
    while gate and not Path(gate).exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def _log(path, learner, exercises) -> None:
    """What was really graded, for tests that count."""
    if log := os.environ.get("FAKE_LOG"):
        with Path(log).open("a") as file:
            file.write(json.dumps([path.name, learner, exercises, os.getpid()]) + "\n")


def die_at_once(**_) -> None:
    os._exit(1)


def open_grader(*, unsafe: bool = False, slot: int = 0) -> FakeGrader:
    if os.environ.get("FAKE_REFUSES"):
        raise RuntimeError("nothing isolates here; install bubblewrap")
    return FakeGrader(unsafe, slot)
