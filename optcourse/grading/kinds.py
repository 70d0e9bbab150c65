"""Checks of the simpler kinds of answer: value, choice, function, test.  A class's check brings its own drive."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from optcourse.grading.candidate import AnswerError, Candidate
from optcourse.grading.definitions import Behaviour, Case, Check, Observation, Result, Tolerance, Variant, observe
from optcourse.grading.limits import Fault

ANSWER = "your answer"


def value_check(
    exercise: str, expected: Any, *, variants: Sequence[Variant] = (), relative: float = 1e-3, **further: Any
) -> Check:
    """A number (or list, or dict of numbers) to be found.

    Args:
        expected: the right value.
        variants: wrong ones, each with switches {"answer": value}.
        relative: accepted error, as a share of the expected value.
        further: other fields of `Check`.
    """

    def drive(candidate: Candidate, problem: Any) -> Iterator[Observation]:
        value = candidate.value()
        if isinstance(value, torch.Tensor) and value.numel() == 1:
            value = value.item()
        if isinstance(expected, (int, float)) and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise AnswerError(Fault("form", message=f"The answer is a number; yours is a `{type(value).__name__}`."))
        yield from observe(ANSWER, value)

    def model(problem: Any, switches: Mapping[str, Any]) -> Iterator[Observation]:
        return observe(ANSWER, switches.get("answer", expected))

    return Check(
        exercise,
        cases=lambda seed: (Case("the value", None),),
        drive=drive,
        model=model,
        variants=variants,
        tolerance=Tolerance(relative, 0.0),
        reveals=False,
        **further,
    )


def choice_check(
    exercise: str,
    expected: Mapping[str, str],
    options: Sequence[str],
    *,
    variants: Sequence[Variant] = (),
    **further: Any,
) -> Check:
    """A choice for each of several questions, given as a dict question -> option.

    Args:
        expected: the right choices.
        options: all that may be chosen.
        variants: wrong ones, each with switches {question: option}.
        further: other fields of `Check`.
    """

    def drive(candidate: Candidate, problem: Any) -> Iterator[Observation]:
        chosen = candidate.value()
        if not isinstance(chosen, dict) or set(chosen) != set(expected):
            questions = ", ".join(f"`{question!r}`" for question in expected)
            raise AnswerError(Fault("form", message=f"The answer is a dict with one entry for each of {questions}."))
        if all(choice is None or choice is Ellipsis for choice in chosen.values()):
            raise AnswerError(Fault("stub"))
        for question in expected:
            choice = chosen[question].strip().lower() if isinstance(chosen[question], str) else chosen[question]
            if choice not in options:
                text = f"`{choice!r}` for {question} is none of the options: {', '.join(options)}."
                raise AnswerError(Fault("form", message=text))
            yield Observation(question, choice)

    def model(problem: Any, switches: Mapping[str, Any]) -> Iterator[Observation]:
        for question, right in expected.items():
            yield Observation(question, switches.get(question, right))

    def facts(results: Sequence[Result]) -> Sequence[str]:
        seen = results[0].observed
        right = sum(observation.value == expected[observation.place] for observation in seen)
        return (f"{right} of {len(expected)} are right.",) if len(seen) == len(expected) else ()

    return Check(
        exercise,
        cases=lambda seed: (Case("the choices", None),),
        drive=drive,
        model=model,
        variants=variants,
        facts=facts,
        reveals=False,
        **further,
    )


def function_check(
    exercise: str,
    cases: Callable[[int], Sequence[Case]],
    solution: Callable[..., Any],
    *,
    function: str = "",
    **further: Any,
) -> Check:
    """A function to be written.

    Args:
        cases: each problem is the tuple of arguments.
        solution: called as solution(*arguments, **switches): the right result, or a variant's; it may raise
            `VariantError` where the variant's code would raise.
        function: name in the answer where it is a dict or object of several functions.
        further: other fields of `Check`.
    """

    def drive(candidate: Candidate, problem: tuple) -> Iterator[Observation]:
        yield from observe("the result", candidate.call(function, *problem))

    def model(problem: tuple, switches: Mapping[str, Any]) -> Iterator[Observation]:
        yield from observe("the result", solution(*problem, **switches))

    def accepts(description: Mapping[str, Any]) -> str | None:
        if function or description["is_callable"]:
            return None
        return f"The answer is a function; yours is a `{description['type']}`. Pass the function itself, uncalled."

    return Check(exercise, cases=cases, drive=drive, model=model, accepts=accepts, **further)


def test_check(
    exercise: str, right: Mapping[str, Any], mutants: Mapping[str, tuple[Any, str]], **further: Any
) -> Check:
    """A test to be written: it must accept each right implementation and raise AssertionError on each mutant.

    Args:
        right: implementations by name.
        mutants: id of the mistake -> (implementation, what is wrong with it).
        further: other fields of `Check`.
    """
    names = dict.fromkeys(right, "accepts") | dict.fromkeys(mutants, "rejects")

    def drive(candidate: Candidate, problem: str) -> Iterator[Observation]:
        yield Observation("the verdict of your test", candidate.judge(problem))

    def model(problem: str, switches: Mapping[str, Any]) -> Iterator[Observation]:
        yield Observation("the verdict of your test", switches.get(problem, switches.get("all", names[problem])))

    variants = [
        Variant(
            "accepts_everything", {"all": "accepts"}, "Your test accepts every implementation, the wrong ones too."
        ),
        Variant(
            "rejects_everything", {"all": "rejects"}, "Your test rejects every implementation, the right ones too."
        ),
        *(
            Variant(f"misses_{name}", {name: "accepts"}, f"Your test lets one pass: {why}")
            for name, (_, why) in mutants.items()
        ),
    ]

    def accepts(description: Mapping[str, Any]) -> str | None:
        if description["is_callable"]:
            return None
        return f"The answer is a test function of one argument; yours is a `{description['type']}`."

    return Check(
        exercise,
        cases=lambda seed: tuple(
            Case(f"a {'right' if verdict == 'accepts' else 'wrong'} implementation", name)
            for name, verdict in names.items()
        ),
        drive=drive,
        model=model,
        variants=variants,
        behaviours=(
            Behaviour(
                "raises_instead_of_asserting",
                lambda results: _raises(results),
                "Your test stops with an exception other than AssertionError.",
                "A test says no by a failing `assert`; anything else means that the test itself broke.",
            ),
        ),
        accepts=accepts,
        implementations={**right, **{name: implementation for name, (implementation, _) in mutants.items()}},
        **further,
    )


test_check.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it


def _raises(results: Sequence[Result]) -> str | None:
    for result in results:
        if result.observed and str(result.observed[0].value).startswith("raises "):
            return f"It {result.observed[0].value} on {result.case.name}."
    return None
