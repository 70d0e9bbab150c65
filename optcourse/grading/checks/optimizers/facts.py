"""What holds for certain of a wrong update whose mistake is not listed."""

from collections.abc import Callable, Sequence

import numpy as np

from optcourse.grading.checks.optimizers.rules import Update, train
from optcourse.grading.definitions import RESULT, Observation, Result


def facts(update: Update) -> Callable[[Sequence[Result]], Sequence[str]]:
    """What holds for certain of the first update that differs."""
    model = train(update)

    def describe(results: Sequence[Result]) -> Sequence[str]:
        result = next((result for result in results if RESULT in result.deviations), None)
        if result is None or result.deviations[RESULT].kind != "value":
            return ()
        expected = list(model(result.case.problem, {}))
        seen = [item for item in result.observed if item.channel == RESULT]
        right = result.deviations[RESULT].expected
        place = right.place if right else ""
        at = next(index for index, item in enumerate(expected) if item.place == place)
        before = at - len(result.case.problem.parameters)
        return (*_described(seen, expected, at, before), *_matching(seen, expected, at)) if before >= 0 else ()

    return describe


def _described(seen: Sequence[Observation], expected: Sequence[Observation], at: int, before: int) -> Sequence[str]:
    yours = seen[at].value
    place = seen[at].place
    if not np.isfinite(yours).all():
        what = "NaN" if np.isnan(yours).any() else "infinite"
        return (
            f"At {place} your numbers became {what}: look for a division by zero or the root of a negative number.",
        )
    moved, should = yours - seen[before].value, expected[at].value - expected[before].value
    if not np.any(moved):
        return (f"At {place} nothing moved.",)
    free = np.abs(should) > 1e-9
    if not free.all() and np.any(moved[~free]):
        return (f"At {place} something moved that should have stayed where it was.",)
    ratio = moved[free] / should[free]
    middle = float(np.median(ratio))
    if ratio.size > 1 and np.allclose(ratio, middle, rtol=2e-3):
        return (f"At {place} every element moved {middle:.4g} times as far as it should.",)
    if np.all(ratio < 0):
        return (f"At {place} every element moved the wrong way.",)
    return (
        f"At {place} the elements moved between {ratio.min():.4g} and {ratio.max():.4g} times as far as they should.",
    )


def _matching(seen: Sequence[Observation], expected: Sequence[Observation], at: int) -> Sequence[str]:
    close = np.isclose(seen[at].value, expected[at].value, rtol=1e-4, atol=1e-5)
    if close.any() and close.size > 1:
        return (f"{int(close.sum())} of its {close.size} elements are right.",)
    return ()
