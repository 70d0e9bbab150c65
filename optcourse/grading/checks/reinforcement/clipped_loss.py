"""PPO's clipped loss, and where its gradient flows."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from optcourse.grading.candidate import Candidate
from optcourse.grading.checks.reinforcement.shared import as_numbers, fault_with
from optcourse.grading.definitions import RESULT, Behaviour, Case, Observation, Result, Tolerance, Variant, observe
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers
from optcourse.grading.kinds import function_check

_PARTS = ("the loss", *(f"the gradient of {name}" for name in ("log_prob", "old_log_prob", "advantage")))

MINIMUM_ADVICE = (
    "Two terms a row, `ratio * advantage` and the same with the clamped ratio; the smaller one of each row."
)
RATIO_ADVICE = "The quotient of two probabilities is the exponential of the difference of their logarithms."
CLAMP_ADVICE = "The ratio stays between 1 - clip and 1 + clip; then it is multiplied by the advantage."
REDUCTION_ADVICE = "One number: the mean over all rows, with a minus in front."
GRADIENT_ADVICE = "`detach()` what comes from the policy that played, and leave `log_prob` as it is."


def clipped_loss(
    log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float, **switches: Any
) -> Iterator[Tensor]:
    """The loss, then its gradients by the three tensors; the switches say which mistake is made at each place."""
    given = [tensor.to(torch.float64, copy=True).requires_grad_() for tensor in (log_prob, old_log_prob, advantage)]
    flows = {"log_prob": (0,), "nowhere": (), "old too": (0, 1), "advantage too": (0, 2), "all": (0, 1, 2)}
    flowing = flows[switches.get("flows", "log_prob")]
    new, old, worth = (tensor if place in flowing else tensor.detach() for place, tensor in enumerate(given))
    if switches.get("worth") == "normalized":
        centered = worth - worth.mean()
        worth = centered / (((centered**2).sum() / (len(worth) - 1)).sqrt() + 1e-8)
    each = _objective(_ratio(new, old, switches), worth, switches.get("bound", clip), switches)
    reduction = switches.get("reduction", "mean")
    loss = each.mean() if reduction == "mean" else each.sum() if reduction == "sum" else each
    if switches.get("sign") != "plus":
        loss = -loss
    yield loss.detach()
    if flowing:
        yield from torch.autograd.grad(loss.sum(), given, materialize_grads=True)
    else:
        yield from map(torch.zeros_like, given)


def _ratio(new: Tensor, old: Tensor, switches: Mapping[str, Any]) -> Tensor:
    return {
        "new over old": lambda: (new - old).exp(),
        "old over new": lambda: (old - new).exp(),
        "of the logs": lambda: new / old,
        "difference": lambda: new - old,
        "new alone": new.exp,
    }[switches.get("ratio", "new over old")]()


def _objective(ratio: Tensor, worth: Tensor, clip: float, switches: Mapping[str, Any]) -> Tensor:
    """What is to become large, row by row."""
    product, low, high = ratio * worth, 1 - clip, 1 + clip
    clamped: dict[str, Callable[[], Tensor]] = {
        "the ratio": lambda: ratio.clamp(low, high) * worth,
        "below alone": lambda: ratio.clamp(min=low) * worth,
        "above alone": lambda: ratio.clamp(max=high) * worth,
        "around 0": lambda: ratio.clamp(-clip, clip) * worth,
        "by a quotient": lambda: ratio.clamp(1 / high, high) * worth,
        "the log of the ratio": lambda: ratio.log().clamp(-clip, clip).exp() * worth,
        "the ratio, without the advantage": lambda: ratio.clamp(low, high),
        "the product": lambda: product.clamp(low, high),
        "the product, by bounds times the advantage": lambda: product.clamp(low * worth, high * worth),
    }
    second = clamped[switches.get("clamped", "the ratio")]()
    joined: dict[str, Callable[[], Tensor]] = {
        "smaller": lambda: torch.minimum(product, second),
        "larger": lambda: torch.maximum(product, second),
        "second alone": lambda: second,
        "first alone": lambda: product,
        "smaller of the means": lambda: torch.minimum(product.mean(), second.mean()),
        "smaller ratio": lambda: torch.minimum(ratio, ratio.clamp(low, high)) * worth,
    }
    return joined[switches.get("joined", "smaller")]()


VARIANTS = (
    *(
        Variant(id, {"joined": kind}, message, MINIMUM_ADVICE)
        for id, kind, message in (
            (
                "max_for_min",
                "larger",
                "The larger of the two terms is taken. The smaller one is cautious: it never promises more than the "
                "clamped ratio does.",
            ),
            (
                "clamped_term_alone",
                "second alone",
                "Only the clamped term counts. Where the policy has moved too far the wrong way, its gradient is 0 and "
                "nothing brings it back.",
            ),
            ("never_clipped", "first alone", "Nothing is clipped: the ratio may grow without bound."),
            (
                "min_of_the_means",
                "smaller of the means",
                "Two means are compared, one number with one number. The smaller term is chosen row by row.",
            ),
            (
                "min_of_the_ratios",
                "smaller ratio",
                "The smaller of the two *ratios* is taken, then multiplied by the advantage. Where the advantage is "
                "negative the smaller ratio gives the larger product.",
            ),
        )
    ),
    *(
        Variant(id, {"clamped": kind}, message, CLAMP_ADVICE)
        for id, kind, message in (
            (
                "clamped_around_0",
                "around 0",
                "The ratio is clamped to [-clip, clip]. It is 1 where nothing has changed.",
            ),
            ("lower_bound_forgotten", "above alone", "The ratio is bounded above, but not at 1 - clip."),
            ("upper_bound_forgotten", "below alone", "The ratio is bounded below, but not at 1 + clip."),
            ("quotient_for_lower_bound", "by a quotient", "The lower bound is 1 / (1 + clip); asked for is 1 - clip."),
            (
                "log_ratio_clamped",
                "the log of the ratio",
                "The logarithm of the ratio is clamped to [-clip, clip]. Asked for is the ratio between 1 - clip and 1 "
                "+ clip.",
            ),
            (
                "advantage_in_one_term_alone",
                "the ratio, without the advantage",
                "The clamped ratio stands alone in its term; it is multiplied by the advantage like the other one.",
            ),
            (
                "product_clamped",
                "the product",
                "The product of ratio and advantage is clamped. The bounds are those of the ratio alone.",
            ),
            (
                "bounds_times_advantage",
                "the product, by bounds times the advantage",
                "The product is clamped between (1 - clip) A and (1 + clip) A. Where A is negative the first of them "
                "is the larger one: the bounds are exchanged there.",
            ),
        )
    ),
    Variant(
        "clip_hard_coded", {"bound": 0.2}, "The clip is 0.2, whatever `clip` says.", "Read it from the argument `clip`."
    ),
    *(
        Variant(id, {"ratio": kind}, message, RATIO_ADVICE)
        for id, kind, message in (
            ("ratio_inverted", "old over new", "The ratio is upside down: old over new."),
            (
                "ratio_of_logs",
                "of the logs",
                "The logarithms are divided. Asked for is the quotient of the probabilities themselves.",
            ),
            ("exp_forgotten", "difference", "The difference of the logarithms stands where the ratio belongs."),
            ("old_policy_ignored", "new alone", "The probability under the new policy is not divided by the old one."),
        )
    ),
    Variant(
        "sign_forgotten",
        {"sign": "plus"},
        "The sign is wrong: an optimizer that makes this small makes good actions rare.",
        REDUCTION_ADVICE,
    ),
    *(
        Variant(id, {"reduction": kind}, message, REDUCTION_ADVICE)
        for id, kind, message in (
            ("sum_for_mean", "sum", "The rows are added; asked for is their mean."),
            ("not_averaged", "none", "You return a number for each row; asked for is their mean."),
        )
    ),
    Variant(
        "advantage_normalized",
        {"worth": "normalized"},
        "The advantages are centered and scaled first. Many programs do so, before they call the loss; here they count "
        "as they are given.",
        "Use `advantage` as it is.",
    ),
    Variant(
        "no_gradient",
        {"flows": "nowhere"},
        "The loss has lost its graph: no gradient reaches `log_prob`, and the policy would never change.",
        "`detach`, `item` and `no_grad` each cut the way back; between `log_prob` and the loss none of them may stand.",
    ),
    *(
        Variant(id, {"flows": kind}, message, GRADIENT_ADVICE)
        for id, kind, message in (
            (
                "gradient_into_old_log_prob",
                "old too",
                "A gradient flows into `old_log_prob`. The policy that played is the past: it is a constant.",
            ),
            (
                "gradient_into_advantage",
                "advantage too",
                "A gradient flows into `advantage`. How good an action was is measured; the loss must not change it.",
            ),
            (
                "gradient_into_constants",
                "all",
                "A gradient flows into `old_log_prob` and into `advantage` too. Both are constants here.",
            ),
        )
    ),
)


def cases(seed: int) -> Sequence[Case]:
    """From one row to both signs on both sides of the clip; no two ratios and no two advantages are equal."""
    numbers = Numbers("reinforcement.clipped_loss", seed)

    def problem(moves: Sequence[float], signs: Sequence[int], *, dtype: torch.dtype = torch.float64) -> tuple:
        """Moves are those of the ratio away from 1, in units of clip, a little more or less."""
        clip = numbers.between(0.26, 0.38)
        ratio = 1 + clip * torch.tensor(moves, dtype=torch.float64) * (0.8 + 0.35 * numbers.uniform(len(moves)))
        old = -1.0 - numbers.uniform(len(moves)) * 1.5
        advantage = torch.tensor(signs) * (0.6 + 2 * numbers.uniform(len(moves)))
        return *(tensor.to(dtype) for tensor in (old + ratio.log(), old, advantage)), clip

    corners = [(move, sign) for move in (-2.0, -0.5, 0.5, 2.0) for sign in (1, -1)]
    return (
        Case("one row", problem([0.5], [1])),
        Case("the policy that played: every ratio is 1", problem([0.0] * 5, [1, -1, 1, 1, -1])),
        Case("ratios inside the clip", problem([-0.7, 0.4, 0.7, -0.4], [1, 1, -1, -1])),
        Case("ratios above the clip", problem([1.8, 6.0, 0.6, 2.0, 1.5], [-1, -1, 1, -1, 1])),
        Case("ratios below the clip", problem([-1.8, -1.5, -0.6, -2.0, -1.6], [-1, -1, 1, -1, -1])),
        Case("both signs on both sides", problem(*zip(*corners, strict=True))),
        Case("a policy far away", problem([8.0, -2.1, 15.0, -1.9, 0.3, 11.0], [-1, 1, 1, -1, 1, 1])),
        Case("in float32", problem(*zip(*corners[::-1], strict=True), dtype=torch.float32)),
    )


def _drive(candidate: Candidate, problem: tuple) -> Iterator[Observation]:
    *tensors, clip = problem
    seen = candidate.examine(*tensors, differentiated=(0, 1, 2), clip=clip)
    yield from _seen([as_numbers(seen.result), *seen.gradients])


def _model(problem: tuple, switches: Mapping[str, Any]) -> Iterator[Observation]:
    yield from _seen(clipped_loss(*problem, **switches))


def _seen(parts: Iterable[Any]) -> Iterator[Observation]:
    for place, part in zip(_PARTS, parts, strict=True):
        yield from observe(place, part)


def _facts(results: Sequence[Result]) -> Sequence[str]:
    """How far it is right, in the first case that is not."""
    result = next((result for result in results if RESULT in result.deviations), None)
    if result is None:
        return ()
    deviation = result.deviations[RESULT]
    yours, right = deviation.observed, deviation.expected
    if yours is None or right is None or deviation.kind != "value":
        return ("What you return is no tensor with one number.",)
    if right.place == _PARTS[0]:
        return (f"In this case your loss is {float(yours.value / right.value):.4g} times what is expected.",)
    return (f"In this case {', '.join(_PARTS[: _PARTS.index(right.place)])} is right; {right.place} is not.",)


_BEHAVIOURS = (
    Behaviour(
        "builtin_min",
        fault_with(("Boolean value of Tensor with more than one value",)),
        "Python's `min` and `if` ask for one answer; here every row has its own.",
        "`torch.minimum(a, b)` takes the smaller number of each row.",
    ),
    Behaviour(
        "leaves_autograd",
        fault_with(("on Tensor that requires grad", "converted to Python scalars", "converted to Scalar")),
        "The loss has to be made of torch's operations, or no gradient reaches the policy: numpy and math know of "
        "none.",
        "`torch.exp`, `torch.clamp`, `torch.minimum` do the same with tensors.",
    ),
    Behaviour(
        "mutates_arguments",
        fault_with(("a leaf Variable that requires grad",)),
        "Your function writes into what it was given. The next epoch needs the same numbers again.",
        "Make a new tensor: `x = x - y` instead of `x -= y`.",
    ),
    NOTHING_RETURNED,
)

CLIPPED_LOSS = dataclasses.replace(
    function_check(
        "reinforcement.clipped_loss",
        cases,
        clipped_loss,
        variants=VARIANTS,
        behaviours=_BEHAVIOURS,
        facts=_facts,
        tolerance=Tolerance(1e-5, 1e-6),
        look_next=MINIMUM_ADVICE,
        praise="Right: the policy gains nothing by moving too far, and is always drawn back.",
    ),
    drive=_drive,
    model=_model,
)
