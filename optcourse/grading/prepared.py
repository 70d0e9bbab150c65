"""A check with what is the same for every answer computed once: the cases of a seed, and what is foretold."""

import dataclasses
import random
from collections.abc import Iterator, Mapping
from typing import Any

from optcourse.grading.checks import find
from optcourse.grading.definitions import Check, Observation, VariantError
from optcourse.grading.engine import PUBLIC_SEED

Foretold = tuple[list[Observation], str | None]  # what is shown, and the text of the `VariantError` that ends it


def prepared(exercise: str, seed: int) -> Check:
    """The check of an exercise for many answers: the same verdicts, its cases of one seed alone.

    What a listed mistake shows is kept for the public cases, where most wrong answers stop; other seeds keep only what
    is right. Hidden cases of a test come in another order, since a test that only knows the order is none.
    """
    definition = find(exercise)
    cases = list(definition.cases(seed))
    if definition.implementations and seed != PUBLIC_SEED:
        random.Random(seed).shuffle(cases)
    places = {id(case.problem): number for number, case in enumerate(cases)}
    # Each is alive as long as the check: the id of a dict that is gone may become that of two mistakes at once.
    kept = definition.variants if seed == PUBLIC_SEED else ()
    numbers = {id(variant.switches): number for number, variant in enumerate(kept, 1)}
    known: dict[tuple[int, int], Foretold] = {}

    def model(problem: Any, switches: Mapping[str, Any]) -> Iterator[Observation]:
        place, number = places.get(id(problem)), numbers.get(id(switches)) if switches else 0
        if place is None or number is None:  # a case made for one answer, or two mistakes at once
            yield from definition.model(problem, switches)
            return
        if (place, number) not in known:
            known[place, number] = _foretold(definition, problem, switches)
        shown, error = known[place, number]
        yield from shown
        if error is not None:
            raise VariantError(error)  # not the one that came first: its traceback would grow

    return dataclasses.replace(definition, cases=lambda _: cases, model=model)


def _foretold(definition: Check, problem: Any, switches: Mapping[str, Any]) -> Foretold:
    shown: list[Observation] = []
    try:
        shown.extend(definition.model(problem, switches))
    except VariantError as error:
        return shown, str(error)
    return shown, None
