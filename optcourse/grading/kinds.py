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
    exercise: str,
    right: Mapping[str, Any],
    mutants: Mapping[str, tuple[Any, str]],
    *,
    noun: str = "implementation",  # noqa: PT028 (test_check is no test)
    draws: int = 1,  # noqa: PT028
    **further: Any,
) -> Check:
    """A test to be written: it must accept each right implementation and raise AssertionError on each mutant.

    Args:
        right: implementations by name.
        mutants: id of the mistake -> (implementation, what is wrong with it as the end of a sentence).
        noun: what an implementation is called.
        draws: how often the test is tried on each right one, where implementations draw random numbers (a quarter as
            often on each mutant): rejecting a right one now and then, or missing a mutant once, is told.
        further: other fields of `Check`.
    """
    names = dict.fromkeys(right, "accepts") | dict.fromkeys(mutants, "rejects")

    def drive(candidate: Candidate, problem: str) -> Iterator[Observation]:
        tries = [candidate.judge(problem) for _ in range(draws if problem in right else -(-draws // 4))]
        yield Observation("the verdict of your test", _verdict(tries, names[problem]))

    def model(problem: str, switches: Mapping[str, Any]) -> Iterator[Observation]:
        yield Observation("the verdict of your test", switches.get(problem, switches.get("all", names[problem])))

    def accepts(description: Mapping[str, Any]) -> str | None:
        if description["is_callable"]:
            return None
        return f"The answer is a test function of one argument; yours is a `{description['type']}`."

    return Check(
        exercise,
        cases=lambda seed: (
            *(Case(f"a right {noun} ({name})", name, frozenset({"right"})) for name in right),
            *(Case(f"a wrong {noun}", name) for name in mutants),
        ),
        drive=drive,
        model=model,
        variants=_verdicts(right, mutants, noun),
        behaviours=_test_behaviours(mutants, noun),
        accepts=accepts,
        implementations={**right, **{name: implementation for name, (implementation, _) in mutants.items()}},
        **further,
    )


test_check.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it

TEST_ADVICE = "Ask of your test: which property of a right {} does no `assert` of it look at yet?"
STRICT_ADVICE = "Which `assert` fails on a right one? It asks for more than the exercise says."


def _verdict(tries: Sequence[str], due: str) -> str:
    """One for all tries: an exception in any; for a mutant, accepted once is accepted; for a right one, how often."""
    raised = next((verdict for verdict in tries if verdict.startswith("raises ")), None)
    if raised or len(set(tries)) == 1:
        return raised or tries[0]
    return "accepts" if due == "rejects" else f"accepts in {tries.count('accepts')} of {len(tries)} tries"


def _verdicts(right: Mapping[str, Any], mutants: Mapping[str, tuple[Any, str]], noun: str) -> tuple[Variant, ...]:
    """What a test may say of every implementation, or wrongly of one."""
    advice = TEST_ADVICE.format(noun)
    return (
        Variant(
            "accepts_everything", {"all": "accepts"}, f"Your test accepts every {noun}, the wrong ones too.", advice
        ),
        Variant(
            "rejects_everything",
            {"all": "rejects"},
            f"Your test rejects every {noun}, the right ones too.",
            STRICT_ADVICE,
        ),
        *(
            Variant(f"misses_{name}", {name: "accepts"}, f"Your test lets a wrong {noun} pass: {why}", advice)
            for name, (_, why) in mutants.items()
        ),
        *(
            Variant(
                f"rejects_right_{name.replace(' ', '_')}",
                {name: "rejects"},
                f"Your test rejects a right {noun}: {name}.",
                STRICT_ADVICE,
            )
            for name in right
        ),
    )


def _test_behaviours(mutants: Mapping[str, tuple[Any, str]], noun: str) -> tuple[Behaviour, ...]:
    return (
        Behaviour(
            "raises_instead_of_asserting",
            _raises,
            "Your test stops with an exception other than AssertionError.",
            "A test says no by a failing `assert`; anything else means that the test itself broke.",
            explains_numbers=True,
        ),
        Behaviour(
            "verdict_depends_on_the_draw",
            _depends_on_the_draw,
            f"Your test says now yes, now no to the same right {noun}: chance decides.",
            "A mean of n random numbers of standard deviation s lies within 5 s / sqrt(n) of the true one: let the "
            "tolerance be wider than that, and n so large that what is wrong lies far outside.",
            explains_numbers=True,
        ),
        Behaviour(
            "misses_several",
            lambda results: _missed(results, mutants, noun),
            f"Your test lets several wrong {noun}s pass.",
            TEST_ADVICE.format(noun),
            explains_numbers=True,
        ),
    )


def _raises(results: Sequence[Result]) -> str | None:
    for result in results:
        if result.observed and str(result.observed[0].value).startswith("raises "):
            return f"It {result.observed[0].value} on {result.case.name}."
    return None


def _depends_on_the_draw(results: Sequence[Result]) -> str | None:
    for result in results:
        if result.observed and str(result.observed[0].value).startswith("accepts in "):
            return f"It {result.observed[0].value} on {result.case.name}."
    return None


def _missed(results: Sequence[Result], mutants: Mapping[str, tuple[Any, str]], noun: str) -> str | None:
    """For more than a pair, which has names of its own; not for a test that misses all, or rejects right ones too."""
    missed = [
        result.case.problem
        for result in results
        if result.case.problem in mutants and result.observed and result.observed[0].value == "accepts"
    ]
    right = all(result.passed for result in results if result.case.problem not in mutants)
    if not right or not 2 < len(missed) < len(mutants):
        return None
    return f"It misses {len(missed)} of {len(mutants)}. In one of them, {mutants[missed[0]][1]}"
