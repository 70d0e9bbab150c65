"""From graded files to one row a learner and lesson: which file counts, who handed in nothing, whose file is whose."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from optcourse import catalogue
from optcourse.grading.classrun.collect import Collection, Handed, Owner
from optcourse.grading.classrun.roster import CANVAS, NAME, PARTICIPANT, Learner, Roster
from optcourse.grading.submission import Status, SubmissionResult

MOST_FILES = 20
"""Notebooks of one learner that are graded; an unpacked archive of thousands costs its owner, not the class."""


@dataclass(frozen=True)
class Submission:
    """One file and whose it is.

    Attributes:
        learner: of the roster, or made from the file's owner where that is not one in the roster.
        uncertain: `Status.UNKNOWN_OWNER` or `AMBIGUOUS_OWNER`, None for a certain owner.
        candidates: who an ambiguous file may belong to.
        handed: None for an owner without any file.
    """

    learner: Learner
    uncertain: Status | None
    candidates: tuple[Learner, ...]
    handed: Handed | None


@dataclass(frozen=True)
class Row:
    """What a learner has in a lesson.

    Attributes:
        result: its status, marks and exercises; `result.learner` is `learner.id`.
        expected: False for a file that is nobody's in the roster.
        notes: what an instructor should know besides `result.message`.
    """

    learner: Learner
    result: SubmissionResult
    expected: bool = True
    notes: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The result's message and the notes."""
        return " ".join(filter(None, [self.result.message, *self.notes]))


def assign(collection: Collection, roster: Roster | None) -> list[Submission]:
    """Find the learner of every file. Without a roster everybody with a folder or file is one."""
    files: dict[Owner, list[Handed]] = defaultdict(list)
    for handed in collection.files:
        files[handed.owner].append(handed)
    submissions = []
    for owner in collection.owners:
        made = _learner_from(owner)
        owners = [made] if roster is None else roster.owners(owner.keys)
        learner = owners[0] if len(owners) == 1 else made
        uncertain = (None, Status.UNKNOWN_OWNER, Status.AMBIGUOUS_OWNER)[0 if len(owners) == 1 else 1 + bool(owners)]
        candidates = tuple(owners) if uncertain else ()
        found: list[Handed | None] = [*_limited(files[owner])]
        submissions += [Submission(learner, uncertain, candidates, handed) for handed in found or [None]]
    return submissions


def _limited(files: list[Handed]) -> list[Handed]:
    newest = sorted(files, key=lambda handed: handed.order, reverse=True)
    problem = f"more than {MOST_FILES} notebooks were handed in; this one was not looked at"
    return newest[:MOST_FILES] + [replace(handed, problem=handed.problem or problem) for handed in newest[MOST_FILES:]]


def _learner_from(owner: Owner) -> Learner:
    keys = dict(owner.keys)
    record = {}
    if CANVAS in keys:
        record = {"ID": keys[CANVAS]}
    if PARTICIPANT in keys:
        record = {"Identifier": f"Participant {keys[PARTICIPANT]}"}
    return Learner(owner.label, keys.get(NAME, "") if record else "", keys=owner.keys, record=record)


def rows(
    submissions: Sequence[Submission],
    results: Mapping[Path, SubmissionResult],
    roster: Roster | None = None,
    lessons: Sequence[str] = (),
) -> list[Row]:
    """One row for every expected learner and lesson, in the roster's order, then one for every file that is nobody's.

    Args:
        submissions: as `assign` returns them.
        results: by `Handed.path`, for every file without a problem.
        lessons: slugs that are expected of everybody; () takes those that occur.
    """
    graded = [(one, _result(one.handed, results) if one.handed else None) for one in submissions]
    occurring = {result.lesson for _, result in graded if result is not None and result.lesson}
    expected = [row.slug for row in catalogue.lessons() if row.slug in (lessons or occurring)] or [""]
    known: dict[str, Learner] = {learner.id: learner for learner in roster.learners} if roster else {}
    theirs: dict[str, list[tuple[Handed, SubmissionResult]]] = defaultdict(list)
    hints: dict[str, list[str]] = defaultdict(list)
    strangers = []
    for one, result in graded:
        if one.uncertain:
            strangers.append(_stranger(one, result))
            for candidate in one.candidates:
                hints[candidate.id].append(f"{strangers[-1].result.source or one.learner.id} may be theirs.")
        else:
            known.setdefault(one.learner.id, one.learner)
            if one.handed is not None and result is not None:
                theirs[one.learner.id].append((one.handed, result))
    table = []
    for id, learner in known.items():
        table += _of_learner(learner, theirs[id], expected, tuple(dict.fromkeys(hints[id])))
    return table + strangers


def _result(handed: Handed, results: Mapping[Path, SubmissionResult]) -> SubmissionResult:
    if not handed.problem:
        return replace(results[handed.path], source=handed.source)
    status = Status.CORRUPT if handed.path.suffix == ".ipynb" else Status.MISSING
    message = f"Not graded: {handed.problem}."
    return SubmissionResult("", "", handed.source, status, 0.0, 0.0, True, "", message=message)


def _of_learner(
    learner: Learner, files: list[tuple[Handed, SubmissionResult]], expected: Sequence[str], hints: tuple[str, ...]
) -> list[Row]:
    by_lesson: dict[str, list[tuple[Handed, SubmissionResult]]] = defaultdict(list)
    for handed, result in files:
        by_lesson[result.lesson or _likely_lesson(handed, expected)].append((handed, result))
    table = []
    for lesson in dict.fromkeys([*expected, *by_lesson]):
        if lesson in by_lesson:
            result, notes = _counting(by_lesson[lesson])
        else:
            result, notes = (
                SubmissionResult("", "", "", Status.MISSING, 0.0, 0.0, True, ""),
                ("Nothing was handed in.",),
            )
        most = result.max_points or sum(
            exercise.points for exercise in catalogue.exercises() if exercise.lesson == lesson
        )
        result = replace(result, learner=learner.id, lesson=lesson, max_points=float(most))
        table.append(Row(learner, result, notes=notes + (hints if result.status is Status.MISSING else ())))
    return table


def _likely_lesson(handed: Handed, expected: Sequence[str]) -> str:
    """For a file whose lesson cannot be read from it: the only one expected, or the one its name speaks of."""
    if len(expected) == 1:
        return expected[0]
    name = PurePosixPath(handed.source).name.casefold()
    return next((slug for slug in expected if slug and slug in name), "")


def _counting(files: list[tuple[Handed, SubmissionResult]]) -> tuple[SubmissionResult, tuple[str, ...]]:
    """Which of a learner's files for one lesson counts, and what to say of it and of the others."""
    notebooks = [pair for pair in files if pair[1].exercises] or files
    different = list({pair[1].digest or pair[0].source: pair for pair in notebooks}.values())
    orders = [handed.order for handed, _ in different]
    if len(different) > 1 and len(set(orders)) == len(orders):
        handed, result = max(different, key=lambda pair: pair[0].order)
        notes = [f"The newest of {len(different)} versions counts."]
    else:
        handed, result = max(different, key=lambda pair: pair[1].points)
        notes = []
        if len(different) > 1 and result.exercises:
            others = "; ".join(f"{one.source}: {got.points:g} points" for one, got in different)
            notes = [f"{len(different)} different notebooks, the best counts ({others})."]
            result = replace(result, status=Status.DUPLICATE)
    left = [
        f"{one.source}: {'no notebook' if got.status is Status.MISSING else got.status}"
        for one, got in files
        if not got.exercises and one is not handed
    ]
    if left:
        notes.append(f"Also handed in: {_listed(left)}.")
    if handed.late:
        notes.append("Handed in late.")
    return result, (*notes,)


def _stranger(one: Submission, result: SubmissionResult | None) -> Row:
    assert one.uncertain is not None
    if one.uncertain is Status.UNKNOWN_OWNER:
        note = f"Nobody in the roster is {one.learner.id!r}."
    else:
        note = f"{one.learner.id!r} may be {_listed(candidate.label for candidate in one.candidates)}."
    if result is None:
        empty = SubmissionResult(one.learner.id, "", "", one.uncertain, 0.0, 0.0, True, "")
        return Row(one.learner, empty, False, (note, "Nothing was handed in."))
    notes = (note, f"What was handed in is {result.status}.")
    return Row(one.learner, replace(result, learner=one.learner.id, status=one.uncertain), False, notes)


def _listed(items: Iterable[str], most: int = 5) -> str:
    listed = list(items)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return "; ".join(listed[:most]) + more
