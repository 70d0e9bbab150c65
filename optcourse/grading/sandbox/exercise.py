"""One exercise of one submission: whether its answer is run, what it gets, and what the learner is told."""

import dataclasses
import functools
import time
from collections.abc import Sequence
from typing import Any

from optcourse import catalogue
from optcourse.grading import card as cards
from optcourse.grading.candidate import Session
from optcourse.grading.card import Card
from optcourse.grading.checks import find
from optcourse.grading.engine import ADVICE, PUBLIC_SEED, how_it_ended
from optcourse.grading.engine import grade as run_check
from optcourse.grading.forbidden import Use, uses, violations_among
from optcourse.grading.limits import OUTPUT_LIMIT, Fault
from optcourse.grading.notebooks import Answer, Slot, shown
from optcourse.grading.prepared import prepared
from optcourse.grading.sandbox.answers import Answers
from optcourse.grading.sandbox.importserver import SandboxError
from optcourse.grading.sandbox.limits import Limits
from optcourse.grading.submission import ExerciseResult, ExerciseStatus, card_fields

Guard = tuple[tuple[str, ...], tuple[str, ...]]  # what is forbidden, and what of it is permitted
_LONGEST = 4000  # characters of a text on a card
_WAITING = 4.0  # times as long for a test, which waits for what it is run against to come through the pipe
_WORST = {
    "crash": ExerciseStatus.CRASHED,
    "memory": ExerciseStatus.OUT_OF_MEMORY,
    "timeout": ExerciseStatus.TIMED_OUT,
}


@functools.cache
def _of_lesson(lesson: str) -> Guard:
    """What any exercise of a lesson forbids, and what any permits."""
    rows = catalogue.exercises(lesson)
    forbids = dict.fromkeys(name for row in rows for name in row.forbids)
    permits = dict.fromkeys(name for row in rows for name in row.permits)
    return (*forbids,), (*permits,)


_prepared = functools.lru_cache(maxsize=256)(prepared)


def _count(exercise: str, seed: int) -> int:
    return len(_prepared(exercise, seed).cases(seed))


@dataclasses.dataclass
class Attempt:
    """One exercise of one submission.

    Attributes:
        row, slot: the exercise, and where its answer belongs.
        answers: runs the notebook's cells; those before this one have run.
        imports: what the notebook's cells import: local name -> dotted name.
    """

    row: catalogue.Exercise
    slot: Slot
    answer: Answer
    answers: Answers
    limits: Limits
    imports: dict[str, str]

    @property
    def name(self) -> str:
        """Of the cell, as a file name in error messages."""
        return f"<{self.row.id}>"

    @functools.cached_property
    def uses(self) -> list[Use]:
        """Every name that the answer uses."""
        return uses(self.answer.tree, self.imports)

    def graded(self, seeds: Sequence[int]) -> ExerciseResult:
        started = time.monotonic()
        try:
            refusal = self.refusal()
            result = self._tried(seeds) if refusal is None else self._result(refusal[0], self._card(refusal[1]))
        except SandboxError:
            raise
        except Exception as error:  # none should: but if one does, it costs this exercise and no other
            self.answers.distrust(self.name)
            result = self._result(ExerciseStatus.ERROR, self._card(_unjudged("answer", error)))
        if self.answers.worst:
            self.answers.distrust(self.name)
        return dataclasses.replace(result, seconds=time.monotonic() - started)

    def refusal(self) -> tuple[ExerciseStatus, str] | None:
        """Why this answer is not run: its status and a sentence; None when it is."""
        answer = self.answer
        if answer.problem:
            status = {"missing": ExerciseStatus.MISSING, "duplicate": ExerciseStatus.DUPLICATE}
            return status.get(answer.problem, ExerciseStatus.ERROR), answer.message
        if answer.syntax == self.slot.stub_syntax or not answer.syntax:
            return ExerciseStatus.NOT_ATTEMPTED, "The answer is as it was handed out."
        found = violations_among(self.uses, self.row.forbids, self.row.permits)
        if found:
            use = found[0]
            line = answer.source.splitlines()[use.line - 1].strip()[:120]
            text = f"This exercise is to be solved without `{use.name}`. Line {use.line} of your code: `{line}`"
            return ExerciseStatus.FORBIDDEN, text
        return None

    def run_along(self) -> None:
        """Run the answer without grading it: those after it may build on it."""
        try:
            if self.refusal() is None:
                self.run_cell()
        except SandboxError:
            raise
        except Exception:
            self.answers.distrust(self.name)

    def run_cell(self, guard: Guard | None = None) -> dict:
        self.answers.begin(*(guard or self._guards()[0]))
        return self.answers.cell(self.answer.source, self.name)

    def _guards(self) -> list[Guard]:
        """What to forbid, in the order of trying: what any exercise of the lesson does, then what this one does.

        Another guard is another child, so that a lesson's answers should share one; but an answer that only touches
        what other exercises forbid must not suffer for it.
        """
        own, shared = (self.row.forbids, self.row.permits), _of_lesson(self.row.lesson)
        if violations_among(self.uses, *shared):
            return [own]
        return [shared, own] if set(own[0]) != set(shared[0]) else [shared]

    def _tried(self, seeds: Sequence[int]) -> ExerciseResult:
        *others, last = self._guards()
        for guard in others:
            result = self._attempted(guard, seeds)
            if not self.answers.touched:
                return result
            self.answers.distrust(self.name)
        return self._attempted(last, seeds)

    def _attempted(self, guard: Guard, seeds: Sequence[int]) -> ExerciseResult:
        reply = self.run_cell(guard)
        stopped = None if reply["fault"] is None else Fault(**reply["fault"])
        if self.answers.worst:
            return self._lost(stopped, reply)
        seconds = min(self.row.time_limit, self.limits.exercise)
        self.answers.implementations = find(self.row.id).implementations
        if self.answers.implementations:
            seconds *= _WAITING
        missing = self.answers.bind(self.slot.expression, seconds)
        if missing is not None:
            return self._unbound(stopped or missing, reply)
        notes = () if not stopped else (f"The cell itself stopped: {_told(stopped)}",)
        public = self._card_of(PUBLIC_SEED, seconds)
        further: list[Card] = []
        for seed in seeds if public.passed else ():
            fault = self.answers.bind(self.slot.expression, seconds)
            if fault is not None:
                break
            further.append(self._card_of(seed, seconds))
            if not further[-1].passed:
                break
        return self._judged(public, further, seeds, reply, notes)

    def _card_of(self, seed: int, seconds: float) -> Card:
        row = dataclasses.replace(self.row, time_limit=seconds)
        try:
            return run_check(_prepared(self.row.id, seed), Session(self.answers.transport), row, seed=seed)
        except Exception as error:
            # What came over the pipe is plain, yet can be anything plain: whatever a check cannot read is not right.
            self.answers.distrust(self.name)
            return self._card(_unjudged("code's result", error))

    def _judged(
        self, public: Card, further: list[Card], seeds: Sequence[int], reply: dict, notes: tuple[str, ...]
    ) -> ExerciseResult:
        card = public
        if public.passed and len(seeds) != sum(item.passed for item in further):
            card = further[-1] if further else self._card("Your answer could not be taken up again for hidden cases.")
            notes = ("All public cases passed; a hidden one did not.", *notes)
        passed = public.passed and card.passed
        card = dataclasses.replace(
            card,
            points=self.row.points if passed else 0,
            passed=passed,
            # Not what it printed on hidden cases: it could print them.
            printed=(reply["printed"] + public.printed)[:OUTPUT_LIMIT],
            dropped=reply["dropped"] + public.dropped,
            notes=(*card.notes, *notes, *([self.answer.message] if self.answer.message else [])),
        )
        result = self._result(self._status_of(card), card)
        return dataclasses.replace(
            result,
            public_passed=public.cases_passed,
            public_total=_count(self.row.id, PUBLIC_SEED),
            hidden_passed=sum(item.cases_passed for item in further),
            hidden_total=sum(_count(self.row.id, seed) for seed in seeds),
        )

    def _status_of(self, card: Card) -> ExerciseStatus:
        if card.passed:
            return ExerciseStatus.PASSED
        if self.answers.touched:
            return ExerciseStatus.FORBIDDEN
        return _WORST.get(self.answers.worst) or ExerciseStatus(card.status)

    def _lost(self, fault: Fault | None, reply: dict) -> ExerciseResult:
        return self._stopped(f"The answer's cell did not come to its end: {_told(fault)}", fault, reply)

    def _unbound(self, fault: Fault, reply: dict) -> ExerciseResult:
        if fault.kind == "stub":
            return self._result(ExerciseStatus.NOT_ATTEMPTED, self._card("The answer is as it was handed out."))
        text = f"There is no `{self.slot.expression}` after this cell has run: {_told(fault)}"
        if fault.type == "NameError":
            text += (
                " In a class run only the answer cells and what was handed out run: put what you need into the cell."
            )
        return self._stopped(text, fault, reply)

    def _stopped(self, text: str, fault: Fault | None, reply: dict) -> ExerciseResult:
        """The result of an answer that no case was tried on."""
        advice = "" if fault is None else ADVICE.get(fault.kind, "")
        printed = {name: reply[name] for name in ("printed", "dropped")}
        card = dataclasses.replace(self._card(text), look_next=advice, **printed)
        return self._result(self._status_of(card), card)

    def _card(self, text: str) -> Card:
        return Card(
            False,
            0,
            None,
            text,
            exercise=self.row.id,
            title=self.row.title,
            status=cards.ERROR,
            max_points=self.row.points,
        )

    def _result(self, status: ExerciseStatus, card: Card) -> ExerciseResult:
        fields = _shown(card_fields(card))
        return ExerciseResult(
            self.row.id,
            str(status),
            float(card.points),
            float(self.row.points),
            card.misconception,
            fields | {"status": str(status)},
            syntax=self.answer.syntax,
        )


def _unjudged(what: str, error: Exception) -> str:
    return f"Your {what} cannot be judged ({type(error).__name__})."


def _shown(value: Any) -> Any:
    """A card's fields with every text in them `shown`, and short enough for a page."""
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return shown(value[:_LONGEST]) if isinstance(value, str) else value


def _told(fault: Fault | None) -> str:
    if fault is None:
        return "it was stopped."
    line = f" Line {fault.line_number} of your code: `{fault.line}`" if fault.line else ""
    return f"your code {how_it_ended(fault)}.{line}"
