"""From what was seen to the name of the mistake: named where exactly one listed mistake explains it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from optcourse.grading.definitions import (
    CONVENTION,
    RESULT,
    Ask,
    Behaviour,
    Check,
    Result,
    Variant,
    VariantError,
    compare,
)


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, as far as it is certain.

    Attributes:
        variants: those that together reproduce every number seen; empty when none or more than one set does.
        behaviours: those seen, each with its evidence.
    """

    variants: tuple[Variant, ...] = ()
    behaviours: tuple[tuple[Behaviour, str], ...] = ()

    @property
    def misconception(self) -> str | None:
        """The ids in alphabetical order, joined by "+"; None when there is none."""
        ids = {variant.id for variant in self.variants} | {behaviour.id for behaviour, _ in self.behaviours}
        return "+".join(sorted(ids)) or None

    @property
    def explains_numbers(self) -> bool:
        """Whether what differs is accounted for."""
        return bool(self.variants) or any(behaviour.explains_numbers for behaviour, _ in self.behaviours)

    @property
    def is_convention(self) -> bool:
        """Whether the answer is right in another convention, and nothing else is wrong."""
        return not self.behaviours and len(self.variants) == 1 and self.variants[0].kind == CONVENTION


def diagnose(check: Check, results: Sequence[Result], ask: Ask) -> Diagnosis:
    """Compare what was seen with every listed mistake.

    Args:
        results: at least one failed.
        ask: runs the answer on a further case (for variants that are fitted to it).
    """
    seen = [(behaviour, behaviour.found(results)) for behaviour in check.behaviours]
    behaviours = [(behaviour, evidence) for behaviour, evidence in seen if evidence]
    explained = any(behaviour.explains_numbers for behaviour, _ in behaviours)
    variants = () if explained else _explaining(check, results, ask)
    certain = [pair for pair in behaviours if not pair[0].fallback]
    if not certain and not variants:
        certain = behaviours[:1]
    return Diagnosis(variants, tuple(certain))


def _explaining(check: Check, results: Sequence[Result], ask: Ask) -> tuple[Variant, ...]:
    if not any(RESULT in result.deviations or result.fault for result in results):
        return ()
    # What explains nothing then mostly shows it in the first case that is looked at.
    results = sorted(results, key=lambda result: RESULT not in result.deviations)
    plain = [variant for variant in check.variants if variant.fit is None]
    singles = [variant for variant in plain if explains(check, variant.switches, results)]
    if not singles:
        singles = list(_fitted(check, results, ask))
    if singles:
        return (singles[0],) if len({variant.id for variant in singles}) == 1 else ()
    if not any(RESULT in result.deviations for result in results):
        return ()
    pairs = [
        (first, second)
        for first, second in combinations(plain, 2)
        if first.id != second.id
        and not first.switches.keys() & second.switches.keys()
        and explains(check, {**first.switches, **second.switches}, results)
    ]
    return pairs[0] if len({frozenset((first.id, second.id)) for first, second in pairs}) == 1 else ()


def _fitted(check: Check, results: Sequence[Result], ask: Ask) -> Iterator[Variant]:
    for variant in check.variants:
        fitted = None if variant.fit is None else variant.fit(ask)
        if fitted is not None and explains(check, fitted.switches, results):
            yield fitted


def explains(check: Check, switches: Mapping[str, Any], results: Sequence[Result]) -> bool:
    """Whether the model with these switches shows, on every case, every number seen, and is not the right answer.

    A case on which the answer raised counts up to there.  Where the variant's code raises, the answer must raise the
    same exception at the same place; that alone is evidence only if no other exception is left unexplained.
    """
    numbers = stops = unexplained = False
    for result in results:
        same, stopped = _follows(check, result, switches)
        if not same:
            return False
        numbers |= RESULT in result.deviations
        stops |= stopped
        unexplained |= result.fault is not None and not stopped
    return numbers or (stops and not unexplained)


def _follows(check: Check, result: Result, switches: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the variant shows what was seen in one case, and whether both stopped by the same exception."""
    seen = [observation for observation in result.observed if observation.channel == RESULT]
    count = 0
    try:
        for foretold in check.model(result.case.problem, switches):
            if count == len(seen):
                return result.fault is not None, False
            if compare(seen[count], foretold, check.tolerance) is not None:
                return False, False
            count += 1
    except VariantError as error:
        stopped = count == len(seen) and result.fault is not None and result.fault.type == str(error)
        return stopped, stopped
    return count == len(seen), False
