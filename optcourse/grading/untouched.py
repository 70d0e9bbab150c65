"""Arguments that stay as they were: a function may not write into numbers that its caller still needs."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from optcourse.grading.candidate import Candidate
from optcourse.grading.definitions import Behaviour, Check, Observation, Result, observe

ARGUMENTS = "arguments"  # the channel


def leaving_alone(check: Check, *names: str, because: str, read: Callable[[Any], Any] = lambda result: result) -> Check:
    """A function's check that also compares the arguments after the call with what they were.

    An answer that changes one is named `mutates_arguments`, whether its result is right or not.

    Args:
        check: of `kinds.function_check`, without a drive or an `expected` of its own.
        names: of the first arguments, in order; those behind them are not looked at.
        because: who needs them unchanged, as a sentence.
        read: what of a result is compared, for results that may have several forms.
    """

    def arguments(values: Sequence[Any]) -> Iterator[Observation]:
        for name, value in zip(names, values, strict=False):
            yield from observe(name, value, ARGUMENTS)

    def drive(candidate: Candidate, problem: tuple) -> Iterator[Observation]:
        seen = candidate.examine(*problem)
        yield from observe("the result", read(seen.result))
        yield from arguments(seen.arguments)

    return dataclasses.replace(
        check, drive=drive, expected=arguments, behaviours=(*check.behaviours, mutates_arguments(because))
    )


def mutates_arguments(because: str) -> Behaviour:
    """Seen where a drive yields what became of the arguments in the channel `ARGUMENTS`, and `expected` what they were.

    Args:
        because: who needs them unchanged, as a sentence.
    """
    return Behaviour(
        "mutates_arguments",
        _changed,
        f"Your function changes what it was given. {because}",
        "Make new tensors: `x = x * y` instead of `x *= y` or `x.mul_(y)`; `x.numpy()` is the same memory as `x`, and "
        "`x.clone()` is not.",
    )


def _changed(results: Sequence[Result]) -> str | None:
    for result in results:
        changed = result.deviations.get(ARGUMENTS)
        if changed is not None and changed.expected is not None:
            place = changed.expected.place.removeprefix("length of ")
            return f'In the case "{result.case.name}", `{place}` is no longer what it was.'
    return None
