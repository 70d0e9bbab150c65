"""Running a check: the ladder of cases, the diagnosis, the card."""

import dataclasses
import itertools
import math
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from optcourse import catalogue
from optcourse.grading import card as cards
from optcourse.grading.candidate import AnswerError, Servant, Session, Transport, direct
from optcourse.grading.card import Card, Number
from optcourse.grading.checks import find
from optcourse.grading.definitions import RESULT, Case, Check, Deviation, Observation, Result, compare
from optcourse.grading.diagnosis import Diagnosis, diagnose
from optcourse.grading.drawing import described
from optcourse.grading.limits import Fault, preserved_random
from optcourse.grading.points import record

PUBLIC_SEED = 0
_LONGEST = 200  # characters of a value on a card
_MOST_SEEN = 10_000  # observations of one case, many times what any check expects: a list may have as many entries
ADVICE = {
    "exit": "Leave a function with `return`: to end the program is to lose all that runs in it.",
    "input": "Take the value as an argument, or write it into your code: a check asks nobody.",
}
"""What to do about a fault, by its kind."""


def check(exercise_id: str, candidate: Any) -> Card:
    """Grade an answer, keep the points if they are the best so far, and say which mistake was made.

    Args:
        exercise_id: as printed above the exercise, such as "optimizers.adam".
        candidate: the answer: a class, a function, a value, as the exercise asks.

    Returns:
        A card; whatever the answer does (raise, loop for ever, print a lot), this function returns one.

    Raises:
        AssertionError: if nbgrader runs this cell and the answer is not right: nbgrader gives the points of a cell that
            does not raise.
        KeyError: if there is no such exercise; the message names the nearest.
        TypeError: if exercise_id is not a string.

    Example:
        >>> check("optimizers.memory", ...)
        ○ Not attempted: Memory an optimizer needs (optimizers.memory) · 0/1 point
          Nothing to check yet: write your answer in the cell above, run it, then run this cell again.
    """
    if not isinstance(exercise_id, str):
        raise TypeError(f"the first argument is the exercise's id as a string, got a {type(exercise_id).__name__}")
    exercise = catalogue.exercise(exercise_id)
    card = grade(find(exercise_id), candidate, exercise)
    if os.environ.get("NBGRADER_EXECUTION"):
        if not card.passed:
            raise AssertionError(repr(card))
        return _Shown(**vars(card))
    return dataclasses.replace(card, notes=(*card.notes, *record(card)))


class _Shown(Card):
    """A card that shows itself; as the value of its cell nbgrader would read it as a number of points."""

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display({"text/plain": repr(self), "text/html": self._repr_html_()}, raw=True)


def grade(
    definition: Check,
    answer: Any,
    exercise: catalogue.Exercise,
    *,
    seed: int = PUBLIC_SEED,
    transport: Callable[[Servant], Transport] = direct,
) -> Card:
    """Grade an answer on the cases of a seed; keeps no points.

    Args:
        answer: the learner's object, or a `Session` that reaches it elsewhere.
    """
    with preserved_random():
        torch.manual_seed(seed)
        if isinstance(answer, Session):
            return _with_printed(_graded(definition, answer, exercise, seed), answer)
        servant = Servant(answer, seconds=exercise.time_limit, implementations=definition.implementations)
        try:
            session = Session(transport(servant))
            return _with_printed(_graded(definition, session, exercise, seed), session)
        finally:
            servant.release()


def _with_printed(card: Card, session: Session) -> Card:
    """The card with what the answer printed."""
    return dataclasses.replace(card, printed=session.printed, dropped=session.dropped)


def _graded(definition: Check, session: Session, exercise: catalogue.Exercise, seed: int) -> Card:
    about: dict[str, Any] = {"exercise": exercise.id, "title": exercise.title, "max_points": exercise.points}
    try:
        description = session.describe()
    except AnswerError as error:
        return _form_card(error.fault.message, about)
    if description["is_missing"]:
        return _not_attempted(about)
    complaint = definition.accepts(description)
    if complaint:
        return _form_card(complaint, about)
    cases = definition.cases(seed)
    results = _climb(definition, session, cases)
    passed = sum(result.passed for result in results)
    about |= {"cases_passed": passed, "cases_total": len(cases)}
    if passed == len(cases):
        return Card(True, exercise.points, None, definition.praise or "Right.", status=cards.PASSED, **about)
    first = next(result for result in results if not result.passed)
    if first.fault and first.fault.kind == "stub" and first is results[0]:
        return _not_attempted(about)
    if first.fault and first.fault.kind == "form":
        return _form_card(first.fault.message, about)
    if any(result.fault and result.fault.kind == "timeout" for result in results):
        return _timed_out(definition, results, exercise, about)
    diagnosis = diagnose(definition, results, lambda case: run_case(definition, session, case))
    return _failed(definition, results, diagnosis, about)


def _climb(definition: Check, session: Session, cases: Sequence[Case]) -> list[Result]:
    results: list[Result] = []
    for case in cases:
        result = run_case(definition, session, case)
        results.append(result)
        kind = result.fault.kind if result.fault else ""
        if kind in ("timeout", "exit", "crash", "form") or (kind == "stub" and len(results) == 1):
            break
    return results


def run_case(definition: Check, session: Session, case: Case) -> Result:
    """What an answer does on one case, and where it first differs in each channel."""
    observed: list[Observation] = []
    fault = None
    try:
        seen = itertools.islice(definition.drive(session, case.problem), _MOST_SEEN)
        for observation in seen:  # not extend: what came before a fault counts
            observed.append(observation)  # noqa: PERF402
    except AnswerError as error:
        fault = error.fault
    expected = list(definition.model(case.problem, {}))
    if definition.expected is not None:
        expected += definition.expected(case.problem)
    deviations = {}
    for channel in dict.fromkeys(item.channel for item in (*expected, *observed)):
        pairs = _paired(observed, expected, channel, cut=fault is not None)
        differing = (compare(yours, right, definition.tolerance) for yours, right in pairs)
        first = next((deviation for deviation in differing if deviation), None)
        if first is not None:
            deviations[channel] = first
    return Result(case, tuple(observed), fault, deviations)


def _paired(
    observed: Sequence[Observation], expected: Sequence[Observation], channel: str, *, cut: bool
) -> list[tuple[Observation | None, Observation | None]]:
    yours = [item for item in observed if item.channel == channel]
    right = [item for item in expected if item.channel == channel]
    length = len(yours) if cut else max(len(yours), len(right))
    return [
        (yours[index] if index < len(yours) else None, right[index] if index < len(right) else None)
        for index in range(length)
    ]


def _not_attempted(about: Mapping[str, Any]) -> Card:
    text = "Nothing to check yet: write your answer in the cell above, run it, then run this cell again."
    return Card(False, 0, None, text, status=cards.NOT_ATTEMPTED, **about)


def _form_card(complaint: str, about: Mapping[str, Any]) -> Card:
    return Card(False, 0, None, complaint, status=cards.ERROR, **about)


def _timed_out(
    definition: Check, results: Sequence[Result], exercise: catalogue.Exercise, about: Mapping[str, Any]
) -> Card:
    stopped = next(result for result in results if result.fault and result.fault.kind == "timeout")
    text = (
        f"Your code did not return within {exercise.time_limit:g} seconds and was stopped, in the case "
        f'"{stopped.case.name}".{_line_text(stopped.fault)}'
    )
    advice = "Look for a loop whose condition never becomes false, or one over something that grows."
    for behaviour in definition.behaviours:
        if behaviour.explains_timeout and (evidence := behaviour.found(results)):
            text = f"{behaviour.message} {evidence}\n{text}"
            return Card(False, 0, behaviour.id, text, status=cards.TIMED_OUT, look_next=behaviour.look_next, **about)
    return Card(False, 0, None, text, status=cards.TIMED_OUT, look_next=advice, **about)


def _failed(definition: Check, results: Sequence[Result], diagnosis: Diagnosis, about: Mapping[str, Any]) -> Card:
    sentences = [variant.message for variant in diagnosis.variants]
    sentences += [f"{behaviour.message} {evidence}" for behaviour, evidence in diagnosis.behaviours]
    advice = [variant.look_next for variant in diagnosis.variants]
    advice += [behaviour.look_next for behaviour, _ in diagnosis.behaviours]
    faulty = next((result for result in results if result.fault), None)
    differing = next((result for result in results if RESULT in result.deviations), None)
    if faulty is not None:
        sentences.append(_fault_text(definition, faulty))
    sentences += _ladder_text(definition, results)
    unexplained = differing is not None and not diagnosis.explains_numbers
    if unexplained:
        sentences.append("What differs matches none of the mistakes that this check knows by name.")
    status = cards.FAILED
    if diagnosis.is_convention:
        status = cards.CONVENTION
    elif faulty is not None and diagnosis.misconception is None:
        status = cards.ERROR
    general = definition.look_next
    if status == cards.ERROR and faulty is not None and faulty.fault is not None:
        general = ADVICE.get(faulty.fault.kind, "Mend that line first; the check then goes on.")
    case, number = "", None
    if differing is not None and definition.reveals:
        case, number = differing.case.name, _number(differing.deviations[RESULT])
    return Card(
        False,
        0,
        diagnosis.misconception,
        "\n".join(sentences),
        status=status,
        case=case,
        number=number,
        facts=tuple(definition.facts(results)) if unexplained or not definition.reveals else (),
        look_next=next((text for text in advice if text), general),
        **about,
    )


def _ladder_text(definition: Check, results: Sequence[Result]) -> list[str]:
    if len(results) == 1:
        return []
    if not any(result.passed for result in results):
        return ["Not right yet in any of the cases, not even the simplest."]
    cases = Counter(result.case.name for result in results)

    def listed(passed: bool) -> str:
        counts = Counter(result.case.name for result in results if result.passed is passed)
        return "; ".join(name if cases[name] == 1 else f"{name} ({n} of {cases[name]})" for name, n in counts.items())

    return [f"Right for: {listed(True)}.", f"Not right for: {listed(False)}."]


def _fault_text(definition: Check, result: Result) -> str:
    fault = result.fault
    assert fault is not None
    if fault.kind == "result":
        return f"What your code returned cannot be checked: {fault.message}"
    seen = sum(observation.channel == RESULT for observation in result.observed)
    foretold = list(definition.model(result.case.problem, {}))
    at = foretold[seen].place.split(",")[0].removeprefix("length of ") if seen < len(foretold) else "the end"
    # What it did before went down with its process; and a function gives nothing before its result.
    place = "" if fault.kind == "crash" or at == "the result" else f" at {at},"
    return f'In the case "{result.case.name}",{place} your code {how_it_ended(fault)}.{_line_text(fault)}'


def how_it_ended(fault: Fault) -> str:
    """The end of a sentence that begins with "your code"."""
    said = f"{fault.type}: {fault.message}" if fault.message else fault.type
    return {
        "stub": "raised NotImplementedError",
        "recursion": "called itself without end (RecursionError)",
        "memory": f"ran out of memory ({fault.type})",
        "exit": f"tried to end the program ({fault.type})",
        "input": "waits for input, and nobody is there to type",
        "timeout": "did not return in time",
        "crash": f"ended its process ({fault.type})",
    }.get(fault.kind, f"raised `{said}`")


def _line_text(fault: Fault | None) -> str:
    if fault is None or not fault.line:
        return ""
    return f" Line {fault.line_number} of your code: `{fault.line}`"


def _number(deviation: Deviation) -> Number:
    yours, expected = deviation.observed, deviation.expected
    place = _cut((expected or yours).place)  # type: ignore[union-attr]
    if deviation.kind == "shape":
        return Number(f"shape of {place}", str(tuple(yours.value.shape)), str(tuple(expected.value.shape)))  # type: ignore[union-attr]
    if deviation.kind == "missing":
        return Number(place.removeprefix("length of "), described(yours), described(expected))
    left, right = yours.value, expected.value  # type: ignore[union-attr]
    if isinstance(right, np.ndarray) and isinstance(left, np.ndarray):
        left, right = left[deviation.element].item(), right[deviation.element].item()
        if deviation.element:
            place += f", element [{', '.join(map(str, deviation.element))}]"
    return Number(place, *formatted(left, right))


def formatted(yours: Any, expected: Any) -> tuple[str, str]:
    """Two values as text, with as many digits as it takes to tell them apart (6 at least).

    Example:
        >>> formatted(0.5, 0.51), formatted(1.00000001, 1.0)
        (('0.5', '0.51'), ('1.00000001', '1'))
        >>> formatted(None, np.array(0.5))
        ('None', '0.5')
    """
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (yours, expected)):
        return _short(yours), _short(expected)
    digits = 6
    while digits < 17 and f"{yours:.{digits}g}" == f"{expected:.{digits}g}" and not math.isnan(yours):
        digits += 1
    return f"{yours:.{digits}g}", f"{expected:.{digits}g}"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"a tensor of shape {value.shape}" if value.shape else repr(value.item())
    return _cut(repr(value))


def _cut(text: str) -> str:
    """A text of the answer's, such as a key of a dict, as far as a card has room for it."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."
