"""One class run: everything that is not in the journal yet is graded, in parallel, and kept as it comes."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from optcourse import catalogue
from optcourse.grading.classrun.collect import Collection, Handed
from optcourse.grading.classrun.crew import Refused, Settings, close_crews, crew_of
from optcourse.grading.classrun.journal import Journal
from optcourse.grading.classrun.roster import Roster
from optcourse.grading.classrun.rows import Row, Submission, assign, rows
from optcourse.grading.submission import ExerciseStatus, Status, SubmissionResult
from optcourse.lab.progress import Meter

MAX_BYTES = 64 * 2**20
"""A larger file is no submission; what fits is judged by the grader."""

_ERRORS = (ExerciseStatus.CRASHED, ExerciseStatus.TIMED_OUT, ExerciseStatus.OUT_OF_MEMORY)

Pool = Callable[[], AbstractContextManager[tuple[Executor, int, Callable[..., SubmissionResult]]]]
"""Opens where work is done: an executor, how many submissions it can hold at once, and what to submit to it."""


class Interrupted(Exception):  # noqa: N818 - asked for, not an error
    """The run was stopped by Ctrl-C; what was graded is kept."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        rows: as `classrun.rows` returns them.
        graded: number of files graded in this run.
        kept: number of files that an earlier run had graded.
        regraded: number of files of which one exercise was graded again.
        unread: lines of the journal that are no records.
        unfinished: the exercise of a regrade that an earlier run began and this one was not asked to finish.
    """

    rows: list[Row]
    graded: int
    kept: int
    regraded: int = 0
    unread: int = 0
    unfinished: str = ""


@dataclass(frozen=True)
class _Job:
    key: str
    handed: Handed
    learner: str
    exercises: tuple[str, ...] | None = None


def run(
    collection: Collection,
    journal: Path,
    *,
    roster: Roster | None = None,
    settings: Settings | None = None,
    lessons: Sequence[str] = (),
    regrade: str | None = None,
    workers: int | None = None,
    pool: Pool | None = None,
) -> Outcome:
    """Grade a class. May be stopped and started again at any moment: what the journal holds is not graded again.

    Args:
        collection: what was handed in.
        journal: file that keeps every result as it comes.
        roster: the expected learners; None takes everybody who handed something in.
        settings: hidden cases, isolation.
        lessons: slugs expected of everybody; () takes those that occur.
        regrade: id of an exercise to grade again in every submission, after its check was mended.
        workers: processes on this machine; None takes one a core.
        pool: where work is done instead; see `cluster.dask_pool`.

    Raises:
        Interrupted: after Ctrl-C.
        KeyError: if there is no exercise of that id.
        ValueError: if the grader refuses, the disk is full, or a cluster lost submissions; all can be gone on with.
    """
    settings = settings or Settings()
    if regrade is not None:
        catalogue.exercise(regrade)
    submissions, jobs = _jobs(collection, roster, settings)
    pool = pool or (lambda: local_pool(settings, workers))
    with Journal(journal) as kept:
        todo = [job for job in jobs if job.key not in kept.results]
        _grade(todo, pool, kept.add, "grading")
        again: list[_Job] = []
        if regrade is not None:
            done = kept.begin_regrade(regrade) | {job.key for job in todo}
            lesson = catalogue.exercise(regrade).lesson
            again = [
                replace(job, exercises=(regrade,))
                for job in jobs
                if job.key not in done and kept.results[job.key].lesson == lesson
            ]
            _grade(again, pool, lambda key, new: kept.add_regraded(key, merged(kept.results[key], new)), "regrading")
            kept.finish_regrade()
        results = {job.handed.path: kept.results[job.key] for job in jobs}
        table = rows(submissions, results, roster, lessons)
        return Outcome(table, len(todo), len(jobs) - len(todo), len(again), kept.unread, kept.regrading)


def _jobs(collection: Collection, roster: Roster | None, settings: Settings) -> tuple[list[Submission], list[_Job]]:
    submissions: list[Submission] = []
    jobs: list[_Job] = []
    for one in assign(collection, roster):
        handed = one.handed
        if handed is not None and not handed.problem:
            digest, problem = _digest(handed.path)
            one = replace(one, handed=replace(handed, problem=problem))
            if not problem:
                jobs.append(_Job(settings.key(handed.source, digest, one.learner.id), handed, one.learner.id))
        submissions.append(one)
    return submissions, jobs


def _digest(path: Path) -> tuple[str, str]:
    """SHA-256 of a file, and why it cannot be graded."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return "", f"the file cannot be read ({error.strerror})"
    if len(content) > MAX_BYTES:
        return "", f"the file is larger than {MAX_BYTES // 2**20} MiB"
    return hashlib.sha256(content).hexdigest(), ""


def _grade(jobs: Sequence[_Job], pool: Pool, keep: Callable[[str, SubmissionResult], None], what: str) -> None:
    if not jobs:
        return
    done = 0
    lost: list[str] = []
    with pool() as (executor, window, work), Meter(f"{what} submissions", len(jobs)) as meter:
        try:
            for job, future in _completed(executor, window, work, jobs):
                try:
                    result = future.result()
                except Refused:
                    raise
                except Exception as error:  # of a cluster: its worker died, its machine went away
                    lost.append(f"{job.handed.source} ({type(error).__name__})")
                    continue
                keep(job.key, replace(result, learner=job.learner, source=job.handed.source))
                done += 1
                meter.update(done)
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped after {done} of {len(jobs)}; the same command goes on where this one ended"
            ) from None
        except OSError as error:
            raise ValueError(_unkept(error, done, len(jobs))) from error
    if lost:
        raise ValueError(
            f"{len(lost)} of {len(jobs)} submissions were lost with their workers ({'; '.join(lost[:3])}); the others "
            "are kept, and the same command grades what is left"
        )


def _unkept(error: OSError, done: int, total: int) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    reason = "the disk is full" if full else f"results cannot be kept ({error.strerror or error})"
    return f"{reason}; {done} of {total} submissions are kept. Make room, and the same command goes on from there"


def _completed(
    executor: Executor, window: int, work: Callable, jobs: Sequence[_Job]
) -> Iterator[tuple[_Job, "Future[SubmissionResult]"]]:
    """Jobs as they are done, with no more than `window` of them on their way at a time."""
    pending: dict[Future, _Job] = {}
    waiting = iter(jobs)
    try:
        while True:
            for job in waiting:
                pending[executor.submit(work, job.handed.path, job.learner, job.exercises)] = job
                if len(pending) >= window:
                    break
            if not pending:
                return
            finished, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                yield pending.pop(future), future
    finally:
        for future in pending:
            future.cancel()


@contextmanager
def local_pool(settings: Settings, workers: int | None) -> Iterator[tuple[Executor, int, Callable]]:
    """Processes of this machine, one grader each; all are gone when this is left."""
    count = workers or _cores()
    crew = crew_of(settings)
    threads = ThreadPoolExecutor(count)
    try:
        yield threads, count, crew.grade
    except BaseException:
        close_crews(at_once=True)  # else the threads would wait for what is being graded
        raise
    finally:
        threads.shutdown(cancel_futures=True)
        close_crews()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def merged(old: SubmissionResult, new: SubmissionResult) -> SubmissionResult:
    """The old result with the exercises of the new one in the place of its own.

    A new result without exercises (the file could not be run) leaves the old one as it is.
    """
    replaced = {result.exercise: result for result in new.exercises}
    if not replaced:
        return old
    exercises = [replaced.pop(result.exercise, result) for result in old.exercises] + list(replaced.values())
    points = sum(result.points for result in exercises)
    most = sum(result.max_points for result in exercises)
    isolated = old.isolated and new.isolated
    return replace(
        old,
        exercises=(*exercises,),
        points=points,
        max_points=most,
        status=_status([result.status for result in exercises], points, most),
        isolated=isolated,
        isolation=new.isolation if isolated else min(old, new, key=lambda result: result.isolated).isolation,
    )


def _status(statuses: Sequence[str], points: float, most: float) -> Status:
    if points >= most:
        return Status.GRADED
    if set(statuses) <= {ExerciseStatus.NOT_ATTEMPTED, ExerciseStatus.MISSING}:
        return Status.NOT_ATTEMPTED
    stopped = next((status for status in _ERRORS if status in statuses), None)
    return Status(stopped) if stopped is not None and not points else Status.PARTLY
