"""Grades one notebook after another: answers run in the sandbox, every verdict is made here."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from optcourse import catalogue
from optcourse.grading.forbidden import imported
from optcourse.grading.notebooks import Given, Notebook, NotebookError, Slot, plan, read, shown
from optcourse.grading.sandbox.answers import Answers
from optcourse.grading.sandbox.exercise import Attempt
from optcourse.grading.sandbox.importserver import ImportServer, SandboxError
from optcourse.grading.sandbox.isolation import NONE
from optcourse.grading.sandbox.limits import Limits
from optcourse.grading.submission import ExerciseResult, ExerciseStatus, HiddenCases, Status, SubmissionResult

_WITH_CASES = ("function", "class", "test")  # kinds whose cases a seed changes


class SandboxGrader:
    """A `Grader` with an import server of its own.

    Args:
        server: started or not; ended with the grader.
    """

    def __init__(self, server: ImportServer, limits: Limits) -> None:
        self.server, self.limits = server, limits

    def __enter__(self) -> Self:
        if not self.server.alive:
            self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()

    def grade(
        self,
        path: Path,
        *,
        learner: str,
        hidden: HiddenCases | None = None,
        exercises: Collection[str] | None = None,
    ) -> SubmissionResult:
        """Grade one notebook; as `Grader.grade`.

        Raises:
            SandboxError: if the sandbox fails twice, which is nobody's mark.
        """
        started = time.monotonic()
        base: dict[str, Any] = {"learner": learner, "source": str(path)}
        base |= {"isolated": self.server.way != NONE, "isolation": self.server.way}
        try:
            notebook = read(Path(path))
        except NotebookError as error:
            return SubmissionResult(
                **base,
                lesson="",
                status=error.status,
                points=0.0,
                max_points=0.0,
                message=shown(error),
                digest=error.digest,
                seconds=time.monotonic() - started,
            )
        wanted = [row for row in catalogue.exercises(notebook.lesson) if exercises is None or row.id in exercises]
        try:
            results = self._all(notebook, wanted, learner, hidden)
        except SandboxError:
            self.server.start()
            results = self._all(notebook, wanted, learner, hidden)
        status = _status(results)
        return SubmissionResult(
            **base,
            lesson=notebook.lesson,
            status=status,
            points=sum(result.points for result in results),
            max_points=sum(result.max_points for result in results),
            exercises=tuple(results),
            message=_MESSAGES.get(status, ""),
            digest=notebook.digest,
            seconds=time.monotonic() - started,
        )

    def _all(
        self, notebook: Notebook, wanted: Sequence[catalogue.Exercise], learner: str, hidden: HiddenCases | None
    ) -> list[ExerciseResult]:
        """Every wanted exercise; the cells of the others run too, since an answer may build on them."""
        rows = {row.id: row for row in catalogue.exercises(notebook.lesson)}
        answers = Answers(self.server, self.limits, time.monotonic() + self.limits.submission)
        results: dict[str, ExerciseResult] = {}
        names = _imports(notebook)
        last = max((index for index, step in enumerate(plan(notebook.lesson)) if _is_of(step, wanted)), default=-1)
        try:
            for index, step in enumerate(plan(notebook.lesson)[: last + 1]):
                if isinstance(step, Given):
                    answers.given(step, f"<given {index}>")
                    continue
                row, answer = rows[step.exercise], notebook.answers[step.exercise]
                one = Attempt(row, step, answer, answers, self.limits, names)
                seeds = hidden.seeds(row.id, learner) if hidden is not None and row.kind in _WITH_CASES else ()
                if row in wanted:
                    results[row.id] = one.graded(seeds)
                else:
                    one.run_along()
        finally:
            answers.close()
        return [results[row.id] for row in wanted]


def _is_of(step: Given | Slot, wanted: Sequence[catalogue.Exercise]) -> bool:
    return isinstance(step, Slot) and any(row.id == step.exercise for row in wanted)


def _imports(notebook: Notebook) -> dict[str, str]:
    """What all cells of a notebook together import: local name -> dotted name."""
    names: dict[str, str] = {}
    for step in plan(notebook.lesson):
        names |= step.imports if isinstance(step, Given) else imported(notebook.answers[step.exercise].tree)
    return names


def _status(results: Sequence[ExerciseResult]) -> Status:
    statuses = {result.status for result in results}
    if statuses == {ExerciseStatus.PASSED}:
        return Status.GRADED
    if not any(result.points for result in results):
        for of_exercise, status in _WITHOUT_POINTS.items():
            if of_exercise in statuses:
                return status
        if statuses <= {ExerciseStatus.NOT_ATTEMPTED, ExerciseStatus.MISSING}:
            return Status.NOT_ATTEMPTED
    return Status.PARTLY


_WITHOUT_POINTS = {
    ExerciseStatus.CRASHED: Status.CRASHED,
    ExerciseStatus.OUT_OF_MEMORY: Status.OUT_OF_MEMORY,
    ExerciseStatus.TIMED_OUT: Status.TIMED_OUT,
}
_MESSAGES = {
    Status.CRASHED: "No answer earned points, and at least one ended its process.",
    Status.OUT_OF_MEMORY: "No answer earned points, and at least one took more memory than it may.",
    Status.TIMED_OUT: "No answer earned points, and at least one ran out of time.",
    Status.NOT_ATTEMPTED: "Every answer is as it was handed out.",
}
