"""The checks, one module a lesson: `optcourse.grading.checks.<slug>` with a tuple `CHECKS`.

To add the checks of a lesson:

1. Give each exercise its row in catalogue.toml.
2. Write `checks/<slug>.py` (a package of that name when it passes 400 lines) that ends with `CHECKS = (...)`, one
   `Check` an exercise.  For kinds value, choice, function and test, `grading.kinds` builds it; for a class, give

       cases(seed)                 the ladder, simple to hard: from fresh numbers and never degenerate
       drive(candidate, problem)   asks the candidate, and yields an `Observation` for each thing seen: an
                                   optimizer by `construct`, `step` and `read`, any other class by `make` and `ask`, a
                                   function by `examine` where its gradients count, or what it does to its arguments
       model(problem, switches)    what the right answer shows there (no switches), and what each mistake does:
                                   one function with a switch at each place where learners go wrong
       variants                    one `Variant` a mistake: its id, its switches, what to tell the learner
       behaviours                  one `Behaviour` a mistake that is seen, not computed

   Two mistakes made together need no row of their own: their switches are joined.  A published other convention is a
   `Variant` of kind `CONVENTION`.  A mistake with an unknown number in it (a bound) has a `fit` that finds the number.
3. In tests/grading/wrong_answers/<slug>.py write, for each exercise, three or more valid answers and one wrong answer a
   mistake, as a learner would write it (not the model with a switch).  `tests/grading/test_kill_matrix.py` then holds:
   every one is judged right and named; all variants differ by 100 tolerances over 20 seeds; both transports agree.
"""

import importlib
from functools import cache

from optcourse.grading.definitions import Check


@cache
def of_lesson(slug: str) -> tuple[Check, ...]:
    """All checks of a lesson; empty when it has none."""
    name = f"{__name__}.{slug}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return ()
    return module.CHECKS


def find(exercise: str) -> Check:
    """The check of an exercise.

    Raises:
        LookupError: if this version of the course has none.
    """
    for check in of_lesson(exercise.partition(".")[0]):
        if check.exercise == exercise:
            return check
    raise LookupError(f"this version of optcourse has no check for {exercise!r}; a newer one may")
