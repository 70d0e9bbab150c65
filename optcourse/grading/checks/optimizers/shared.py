"""What can go wrong in any optimizer: mistakes of the loop around the formula, and what is seen rather than computed."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optcourse.grading.checks.optimizers.problems import GRADIENTS, ZERO_GRAD, probe
from optcourse.grading.checks.optimizers.rules import Update, train
from optcourse.grading.definitions import RESULT, Ask, Behaviour, Deviation, Observation, Result, Variant

GROUPS_ADVICE = "Loop over `self.param_groups` and read every option from the group, in every step."
NONE_ADVICE = "In step(), start the loop over parameters with: if its `.grad` is None, go on to the next one."
CLAMP_ADVICE = "Look for `clamp`, `clip_grad_norm_`, `clip_grad_value_`, `minimum`, `min` or `max` in your code."

VARIANTS = (
    *(
        Variant("ignores_groups", {"options": source}, message, GROUPS_ADVICE)
        for source, message in (
            ("constructor", "step() uses the options given to the constructor; param_groups is not read."),
            ("first group", "Every group is trained with the options of the first group."),
            ("last group", "Every group is trained with the options of the last group."),
            ("as constructed", "Options that change in param_groups after construction have no effect."),
            ("lr alone", "lr is read from the group, the other options from the constructor."),
            ("all but lr", "lr is read from the constructor, the other options from the group."),
        )
    ),
    Variant(
        "decays_without_gradient",
        {"missing": "zero"},
        "A parameter without gradient is treated as if its gradient were 0: what is remembered of it decays, and it "
        "may move. Without a gradient nothing at all may change.",
        NONE_ADVICE,
    ),
    *(
        Variant("stops_at_none_gradient", {"missing": kind}, message, NONE_ADVICE)
        for kind, message in (
            ("break", "The first parameter without gradient ends the loop: those after it are not updated."),
            ("return", "The first parameter without gradient ends step(): those after it are not updated."),
            ("skip step", "When one parameter has no gradient, no parameter is updated."),
        )
    ),
    Variant(
        "state_reset",
        {"state": "reset"},
        "What should be remembered from step to step starts anew in every step.",
        "Make the state of a parameter once, on its first step, and keep it in `self.state[p]`.",
    ),
    *(
        Variant(
            "shared_state",
            {"state": kind},
            f"Parameters {of} share one state: each update mixes in the gradients of another parameter.",
            "Keep a state of its own for each parameter, as `self.state[p]` does.",
        )
        for kind, of in (("shared", ""), ("by group", "of one group"))
    ),
    Variant(
        "sign_flipped",
        {"direction": "up"},
        "The parameters move up the gradient instead of down.",
        "Follow the sign of the update from the formula to the line that changes the parameter.",
    ),
)


def clamps(update: Update, options: Mapping[str, Any]) -> tuple[Variant, ...]:
    """Bounds that nobody asked for; `fit` finds the bound by probing.

    Args:
        options: hyper-parameters under which one step shows how large a gradient it was made from (large lr and eps).
    """
    kinds = {
        "gradient": "each gradient is cut to ±{bound}",
        "gradient norm": "the gradient of each parameter is shortened to norm {bound}",
        "gradient norm of all": "all gradients together are shortened to norm {bound}",
        "update": "each update is cut to ±{bound}",
        "parameter": "the parameters are kept in [{bound}]",
    }
    return tuple(
        Variant(
            "hidden_clamp",
            {},
            f"Your optimizer bounds what its formula leaves free: {text.format(bound='a bound')}.",
            CLAMP_ADVICE,
            fit=_bound_finder(kind, update, options),
        )
        for kind, text in kinds.items()
    )


def _bound_finder(kind: str, update: Update, options: Mapping[str, Any]) -> Callable[[Ask], Mapping[str, Any] | None]:
    model = train(update)

    def found(ask: Ask, gradient: float) -> float | None:
        """The bound under which one step goes where the answer's went; None when it went as far as the formula."""
        case = probe(options, gradient)
        result = ask(case)
        seen = [item for item in result.observed if item.channel == RESULT]
        if result.passed or len(seen) < 2:
            return None
        reached = float(seen[1].value[0])
        low, high = -9.0, 9.0  # exponents of ten
        for _ in range(60):
            middle = (low + high) / 2
            bound: Any = 10.0**middle
            if kind == "parameter":
                bound = (-bound, bound)
            moved = float(list(model(case.problem, {"clamp": (kind, bound)}))[1].value[0])
            # the bound is too tight while the answer has gone further
            tight = (reached < moved) if gradient > 0 else (reached > moved)
            low, high = (middle, high) if tight else (low, middle)
        return float(f"{10.0**low:.9g}")

    def fit(ask: Ask) -> Mapping[str, Any] | None:
        if kind != "parameter":
            bound = found(ask, 1e4)
            return None if bound is None else {"clamp": (kind, bound)}
        ends = [_reached(ask, options, gradient) for gradient in (1e4, -1e4)]
        lower, upper = ends
        if lower is None and upper is None:
            return None
        return {"clamp": (kind, (-math.inf if lower is None else lower, math.inf if upper is None else upper))}

    return fit


def _reached(ask: Ask, options: Mapping[str, Any], gradient: float) -> float | None:
    """Where a huge step ended, if not where the formula ends."""
    result = ask(probe(options, gradient))
    seen = [item for item in result.observed if item.channel == RESULT]
    return None if result.passed or len(seen) < 2 else float(seen[1].value[0])


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
        if "in_place" not in result.case.tags and deviation.expected is not None:
            if isinstance(deviation.expected.value, np.ndarray) and not _cleared(deviation):
                return f"It was another after {deviation.expected.place}."
    return None


def _clears(results: Sequence[Result]) -> str | None:
    for result, deviation in _changed_gradient(results):
        if "in_place" not in result.case.tags and deviation.expected is not None and _cleared(deviation):
            if deviation.expected.value is not None:
                return f"It was gone after {deviation.expected.place}."
    return None


def _invents(results: Sequence[Result]) -> str | None:
    for _, deviation in _changed_gradient(results):
        if deviation.expected is not None and deviation.expected.value is None:
            return f"It had one after {deviation.expected.place}."
    return None


def _aliases(results: Sequence[Result]) -> str | None:
    changed = _changed_gradient(results)
    if changed and all("in_place" in result.case.tags for result, _ in changed):
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


def _exhausts(results: Sequence[Result]) -> str | None:
    wrong = [result for result in results if not result.passed]
    if wrong and all("generator" in result.case.tags for result in wrong):
        return "Everything is right with a list."
    return None


def _moves_without_gradient(results: Sequence[Result]) -> str | None:
    result = _tagged(results, "none")
    if result is None or RESULT not in result.deviations or result.deviations[RESULT].observed is None:
        return None
    place = result.deviations[RESULT].observed.place
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
    Behaviour(
        "aliases_gradient",
        _aliases,
        "The state holds the gradient tensor itself instead of a copy: when one changes, so does the other.",
        "Copy the gradient where the state is made: `torch.clone(g)`, or start from zeros.",
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
        lambda results: next(
            (f"Seen after {r.deviations[ZERO_GRAD].expected.place}." for r in results if ZERO_GRAD in r.deviations),
            None,
        ),
        "zero_grad() leaves gradients in place: the next backward() would add to them.",
        "Set the `.grad` of every parameter to None.",
    ),
    Behaviour(
        "exhausts_generator",
        _exhausts,
        "Parameters given as a generator (which is what `model.parameters()` is) are seen only once.",
        "In the constructor, make a list of the parameters first.",
    ),
    Behaviour(
        "never_updates",
        _never_moves,
        "The parameters that were handed over never change.",
        "Change each parameter in place (`p.add_(...)` under `torch.no_grad()`); `p = p - ...` only renames a new tensor.",
    ),
    Behaviour(
        "moves_without_gradient",
        _moves_without_gradient,
        "A parameter without gradient moved.",
        NONE_ADVICE,
        fallback=True,
    ),
)


def facts(update: Update) -> Callable[[Sequence[Result]], Sequence[str]]:
    """What holds for certain of the first update that differs."""
    model = train(update)

    def describe(results: Sequence[Result]) -> Sequence[str]:
        result = next((result for result in results if RESULT in result.deviations), None)
        if result is None or result.deviations[RESULT].kind != "value":
            return ()
        expected = list(model(result.case.problem, {}))
        seen = [item for item in result.observed if item.channel == RESULT]
        place = result.deviations[RESULT].expected.place  # type: ignore[union-attr]
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


def accepts(description: Mapping[str, Any]) -> str | None:
    """Complains about what is not a class."""
    if description["is_callable"]:
        return None
    return (
        f"The answer is the class itself; yours is a `{description['type']}`. Write its name without parentheses: "
        "the check constructs it with parameters and options of its own."
    )
