"""What is seen of an optimizer rather than computed: it mutates the gradient, raises on None, never moves."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from optcourse.grading.checks.optimizers.problems import GRADIENTS, TRAINABLE, ZERO_GRAD
from optcourse.grading.checks.optimizers.shared import GROUPS_ADVICE, NONE_ADVICE
from optcourse.grading.definitions import RESULT, Behaviour, Deviation, Result


def _tagged(results: Sequence[Result], tag: str) -> Result | None:
    return next((result for result in results if tag in result.case.tags), None)


def _only_fault_in(tags: set[str]) -> Callable[[Sequence[Result]], str | None]:
    def found(results: Sequence[Result]) -> str | None:
        faulty = [result for result in results if result.fault and result.fault.kind != "stub"]
        if faulty and all(result.case.tags & tags for result in faulty):
            return f'It happens in the case "{faulty[0].case.name}", and in no simpler one.'
        return None

    return found


def _changed_gradient(results: Sequence[Result]) -> list[tuple[Result, Deviation]]:
    return [(result, result.deviations[GRADIENTS]) for result in results if GRADIENTS in result.deviations]


def _cleared(deviation: Deviation) -> bool:
    value = deviation.observed.value if deviation.observed else None
    return value is None or not np.any(value)


def _mutates(results: Sequence[Result]) -> str | None:
    for result, deviation in _changed_gradient(results):
        right = deviation.expected
        if "in_place" not in result.case.tags and right and right.value is not None and not _cleared(deviation):
            return f"It was another after {right.place.partition(',')[0]}."
    return None


def _clears(results: Sequence[Result]) -> str | None:
    for result, deviation in _changed_gradient(results):
        right = deviation.expected
        if "in_place" not in result.case.tags and right and right.value is not None and _cleared(deviation):
            return f"It was gone after {right.place.partition(',')[0]}."
    return None


def _invents(results: Sequence[Result]) -> str | None:
    for _, deviation in _changed_gradient(results):
        if deviation.expected is not None and deviation.expected.value is None:
            return f"It had one after {deviation.expected.place.partition(',')[0]}."
    return None


def _aliases(results: Sequence[Result], *, alone: bool) -> str | None:
    """Alone: nothing else is wrong, so that the numbers of that case are explained too."""
    changed = _changed_gradient(results)
    others = any(not result.passed and "in_place" not in result.case.tags for result in results)
    if changed and all("in_place" in result.case.tags for result, _ in changed) and alone != others:
        return (
            "It shows where gradients are written into the same tensors again, as `zero_grad(set_to_none=False)` does."
        )
    return None


def _never_moves(results: Sequence[Result]) -> str | None:
    whole = [result for result in results if result.fault is None]
    for result in whole:
        initial = result.case.problem.initial
        for index, item in enumerate(item for item in result.observed if item.channel == RESULT):
            if not np.array_equal(item.value, initial[index % len(initial)]):
                return None
    return "In no case did any of them move." if whole else None


def _leaves_gradients(results: Sequence[Result]) -> str | None:
    return "They were still there after the first step." if any(ZERO_GRAD in r.deviations for r in results) else None


def _stops_autograd(results: Sequence[Result]) -> str | None:
    changed = next((result.deviations[TRAINABLE] for result in results if TRAINABLE in result.deviations), None)
    return f"It happened to {changed.expected.place.partition(' ')[0]}." if changed and changed.expected else None


def _exhausts(results: Sequence[Result]) -> str | None:
    wrong = [result for result in results if not result.passed]
    if wrong and all("generator" in result.case.tags for result in wrong):
        return "Everything is right with a list."
    return None


def _moves_without_gradient(results: Sequence[Result]) -> str | None:
    result = _tagged(results, "none")
    moved = result.deviations[RESULT].observed if result and RESULT in result.deviations else None
    if result is None or moved is None:
        return None
    place = moved.place
    when, _, which = place.partition(", params[")
    if not when.startswith("step "):
        return None
    step, index = int(when.removeprefix("step ")), int(which.rstrip("]"))
    return f"It happened at {place}." if result.case.problem.injected[step - 1][index] is None else None


BEHAVIOURS = (
    Behaviour(
        "mutates_gradient",
        _mutates,
        "step() changes the gradient itself. Whoever reads `.grad` afterwards (clipping, logging, a second closure) "
        "then sees another gradient than backward() computed.",
        "Look for an operation that ends in `_` (`add_`, `mul_`, `pow_`) or a `+=` on the gradient or a view of it.",
    ),
    Behaviour(
        "clears_gradient",
        _clears,
        "step() clears the gradient. That is zero_grad()'s task: gradient accumulation and logging need it kept.",
        "Take the clearing out of step().",
    ),
    Behaviour(
        "invents_gradient",
        _invents,
        "step() gives a gradient to a parameter that had none.",
        NONE_ADVICE,
    ),
    *(
        Behaviour(
            "aliases_gradient",
            partial(_aliases, alone=alone),
            "The state holds the gradient tensor itself instead of a copy: when one changes, so does the other.",
            "Copy the gradient where the state is made: `torch.clone(g)`, or start from zeros.",
            explains_numbers=alone,
        )
        for alone in (True, False)
    ),
    Behaviour(
        "crashes_on_none_gradient",
        _only_fault_in({"none"}),
        "A parameter without gradient (its `.grad` is None: frozen, or unused in this step) makes step() raise.",
        NONE_ADVICE,
    ),
    Behaviour(
        "ignores_groups",
        _only_fault_in({"groups", "rate"}),
        "The optimizer does not keep its options in param_groups: one dict a group, with `params` and every option.",
        GROUPS_ADVICE,
    ),
    Behaviour(
        "zero_grad_fails",
        _only_fault_in({"zero_grad"}),
        "zero_grad() raises.",
        "Set the `.grad` of every parameter to None, or to zeros where there is one; a torch.optim.Optimizer does.",
    ),
    Behaviour(
        "zero_grad_does_nothing",
        _leaves_gradients,
        "zero_grad() leaves gradients in place: the next backward() would add to them.",
        "Set the `.grad` of every parameter to None.",
    ),
    Behaviour(
        "stops_autograd",
        _stops_autograd,
        "After step() the next backward() would not reach a parameter: its requires_grad is off, or gradients are off "
        "for the whole program.",
        "`@torch.no_grad()` above step() is enough, and ends with it; take out what turns gradients off for good.",
    ),
    Behaviour(
        "exhausts_generator",
        _exhausts,
        "Parameters given as a generator (which is what `model.parameters()` is) are seen only once.",
        "In the constructor, make a list of the parameters first.",
        explains_numbers=True,
    ),
    Behaviour(
        "never_updates",
        _never_moves,
        "The parameters that were handed over never change.",
        "Change each parameter in place (`p.add_(...)` under `torch.no_grad()`); `p = p - ...` only names a new one.",
        explains_numbers=True,
    ),
    Behaviour(
        "moves_without_gradient",
        _moves_without_gradient,
        "A parameter without gradient moved.",
        NONE_ADVICE,
        fallback=True,
    ),
)
