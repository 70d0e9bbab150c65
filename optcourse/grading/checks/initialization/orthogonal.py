"""Orthogonal weights from given noise, judged by their products: signs and the way of orthogonalizing are free."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from optcourse.grading.candidate import AnswerError, Candidate
from optcourse.grading.checks.initialization.scaling import NOISE_IS_NEEDED
from optcourse.grading.definitions import RESULT, Case, Check, Observation, Result, Tolerance, Variant, observe
from optcourse.grading.drawing import Numbers, array
from optcourse.grading.limits import Fault
from optcourse.grading.untouched import ARGUMENTS, mutates_arguments

Problem = tuple[Tensor, Tensor, float]  # noise, other noise of its shape, gain

PLACES = ("the same matrix for the same noise (1 is yes)", "the same matrix for other noise (1 is yes)")

WIDE_ADVICE = (
    "`torch.linalg.qr` makes orthonormal columns, as many as the smaller side allows. What would you hand it for a "
    "wide matrix, and what would you do with the result?"
)
GAIN_ADVICE = "Multiply an orthogonal matrix by the gain, once: rows and columns then have the length `gain`."
LENGTH_ADVICE = "Multiply your matrix by its transpose: what stands beside the diagonal should be 0."


def drive(candidate: Candidate, problem: Problem) -> Iterator[Observation]:
    """The products of rows or columns, whichever are fewer, and whether the noise decides which matrix it is."""
    noise, other, gain = problem
    seen = candidate.examine(noise, gain)
    first = _matrix_of(seen.result)
    yield from _products(first)
    yield from observe("noise", seen.arguments[0], ARGUMENTS)
    if first.shape == tuple(noise.shape):
        for place, given in zip(PLACES, (noise, other), strict=True):
            again = _matrix_of(candidate.call("", given, gain))
            same = again.shape == first.shape and bool(np.allclose(np.abs(again), np.abs(first)))
            yield Observation(place, np.asarray(float(same)))


def _noise_as_given(problem: Problem) -> Iterator[Observation]:
    yield from observe("noise", problem[0], ARGUMENTS)


def _matrix_of(weight: Any) -> np.ndarray:
    if not isinstance(weight, Tensor) or weight.dim() != 2 or weight.is_complex():
        kind = f"`{type(weight).__name__}`"
        if isinstance(weight, Tensor):
            kind = "complex tensor" if weight.is_complex() else f"tensor of {weight.dim()} axes"
        text = f"The function returns a matrix, a tensor of real numbers with 2 axes; yours returns a {kind}."
        raise AnswerError(Fault("form", message=text))
    return array(weight)


def _products(weight: np.ndarray) -> Iterator[Observation]:
    yield Observation("the sizes of the matrix", np.asarray(weight.shape, dtype=float))
    rows, columns = weight.shape
    with np.errstate(all="ignore"):
        product = weight @ weight.T if rows <= columns else weight.T @ weight
    yield Observation(f"products of the {'rows' if rows <= columns else 'columns'}", product)


def model(problem: Problem, switches: Mapping[str, Any]) -> Iterator[Observation]:
    """What the right answer shows, or a mistake."""
    noise, _, gain = problem
    weight = _MISTAKES[switches.get("matrix", "orthogonal")](array(noise))
    factor = {"once": gain, "none": 1.0, "squared": gain**2, "root": gain**0.5, "inverted": 1 / gain}
    weight = weight * factor[switches.get("gain", "once")]
    yield from _products(weight)
    if weight.shape == tuple(noise.shape):
        decides = switches.get("noise", "decides")
        for place, same in zip(PLACES, (decides != "own", decides == "ignored"), strict=True):
            yield Observation(place, np.asarray(float(same)))


def _tall(noise: np.ndarray) -> np.ndarray:
    return noise if noise.shape[0] >= noise.shape[1] else noise.T


def _orthogonal(noise: np.ndarray) -> np.ndarray:
    q = np.linalg.qr(_tall(noise))[0]
    return q if q.shape == noise.shape else q.T


def _unit(noise: np.ndarray, axis: int) -> np.ndarray:
    return noise / np.linalg.norm(noise, axis=axis, keepdims=True)


_MISTAKES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "orthogonal": _orthogonal,
    "reduced": lambda noise: np.linalg.qr(noise)[0],
    "complete": lambda noise: np.linalg.qr(noise, mode="complete")[0],
    "complete of tall": lambda noise: np.linalg.qr(_tall(noise), mode="complete")[0],
    "tall": lambda noise: np.linalg.qr(_tall(noise))[0],
    "wide": lambda noise: np.linalg.qr(_tall(noise))[0].T,
    "of transposed": lambda noise: np.linalg.qr(noise.T)[0].T,
    "of transposed, not back": lambda noise: np.linalg.qr(noise.T)[0],
    "triangle": lambda noise: np.linalg.qr(noise)[1],
    "unit rows": lambda noise: _unit(noise, 1),
    "unit columns": lambda noise: _unit(noise, 0),
    "unit matrix norm": lambda noise: noise / np.linalg.norm(noise),
    "unit largest": lambda noise: noise / np.linalg.norm(noise, 2),
    "noise": lambda noise: noise,
    "by root of rows": lambda noise: noise / np.sqrt(noise.shape[0]),
    "by root of columns": lambda noise: noise / np.sqrt(noise.shape[1]),
}


def _matrix(id: str, message: str, advice: str, *kinds: str) -> list[Variant]:
    return [Variant(id, {"matrix": kind}, message, advice) for kind in kinds]


VARIANTS = (
    *_matrix(
        "wide_not_transposed",
        "A wide matrix loses its shape: `qr` gives as many orthonormal columns as there are rows, and no more.",
        WIDE_ADVICE,
        "reduced",
    ),
    *_matrix(
        "tall_not_transposed",
        "A tall matrix loses its shape: the transpose is for wide ones alone.",
        WIDE_ADVICE,
        "of transposed",
    ),
    *_matrix(
        "not_transposed_back",
        "The noise is transposed for `qr`, and the result is not turned back: it has the transposed shape.",
        WIDE_ADVICE,
        "tall",
        "of transposed, not back",
    ),
    *_matrix(
        "always_transposed_back",
        "The result is transposed for tall noise too: only a wide matrix was turned before `qr`.",
        WIDE_ADVICE,
        "wide",
    ),
    *_matrix(
        "square_instead",
        "An orthogonal matrix comes back, but a square one, as `eigh` and the complete `qr` make. Asked for is one "
        "of the shape of the noise.",
        WIDE_ADVICE,
        "complete",
        "complete of tall",
    ),
    *_matrix(
        "triangular_factor",
        "That is R, the triangular factor. The orthogonal one is Q, which `qr` returns first.",
        "`q, r = torch.linalg.qr(a)`",
        "triangle",
    ),
    *_matrix(
        "lengths_alone",
        "Every row has the right length, but two different ones are not at right angles.",
        LENGTH_ADVICE,
        "unit rows",
    ),
    *_matrix(
        "lengths_alone",
        "Every column has the right length, but two different ones are not at right angles.",
        LENGTH_ADVICE,
        "unit columns",
    ),
    *_matrix(
        "noise_rescaled",
        "That is the noise times one number. Random directions are not at right angles, whatever their scale.",
        LENGTH_ADVICE,
        "unit matrix norm",
        "unit largest",
        "by root of rows",
        "by root of columns",
        "noise",
    ),
    *(
        Variant("noise_ignored", {"noise": kind}, message, "Orthogonalize the noise you are given, and nothing else.")
        for kind, message in (
            ("ignored", "The matrix does not depend on the noise: every layer of this shape would get the same one."),
            ("own", "The same noise gives another matrix each time: your function draws numbers of its own."),
        )
    ),
    Variant("gain_forgotten", {"gain": "none"}, "`gain` has no effect: rows and columns have length 1.", GAIN_ADVICE),
    *(
        Variant("gain_wrong", {"gain": kind}, message, GAIN_ADVICE)
        for kind, message in (
            ("squared", "The gain is squared, or multiplied twice."),
            ("root", "The root of the gain is used."),
            ("inverted", "The matrix is divided by the gain."),
        )
    ),
)


def facts(results: Sequence[Result]) -> Sequence[str]:
    """Which products are wrong: lengths, angles or both."""
    result = next((result for result in results if RESULT in result.deviations), None)
    if result is None or len(result.observed) < 2:
        return ()
    noise, _, gain = result.case.problem
    sizes, product = result.observed[0].value, result.observed[1].value
    if tuple(sizes) != tuple(noise.shape):
        yours, asked = "×".join(f"{size:g}" for size in sizes), "×".join(map(str, noise.shape))
        return (f"Your matrix is {yours}; asked for is {asked}, the shape of the noise.",)
    if not np.isfinite(product).all():
        return ("Your numbers became NaN or infinite.",)
    lengths, beside = np.sqrt(np.diag(product)), product - np.diag(np.diag(product))
    which = result.observed[1].place.removeprefix("products of the ")
    found = [f"The lengths of your {which} are between {lengths.min():.4g} and {lengths.max():.4g}; gain is {gain:g}."]
    largest = float(np.abs(beside).max())
    angles = "at right angles" if largest < 1e-4 * gain**2 else "not at right angles"
    found.append(f"They are {angles}: the largest product of two different ones is {largest:.3g}.")
    return tuple(found)


def accepts(description: Mapping[str, Any]) -> str | None:
    """Complains about what is not a function."""
    if description["is_callable"]:
        return None
    return f"The answer is a function; yours is a `{description['type']}`. Pass the function itself, uncalled."


def cases(seed: int) -> Sequence[Case]:
    """Square, tall, wide; the gain is never 1."""
    numbers = Numbers("initialization.orthogonal", seed)
    few, many = sorted(numbers.distinct(2, (3, 5, 8)))
    gain = 1 + numbers.between(0.3, 0.6)

    def problem(rows: int, columns: int) -> Problem:
        return numbers.normal(rows, columns), numbers.normal(rows, columns), gain

    return (
        Case("a square matrix", problem(4, 4)),
        Case("a tall matrix", problem(many, few)),
        Case("a wide matrix", problem(few, many)),
    )


ORTHOGONAL = Check(
    "initialization.orthogonal",
    cases=cases,
    drive=drive,
    model=model,
    variants=VARIANTS,
    behaviours=(mutates_arguments(NOISE_IS_NEEDED),),
    expected=_noise_as_given,
    facts=facts,
    accepts=accepts,
    tolerance=Tolerance(1e-4, 1e-4),
    look_next=LENGTH_ADVICE,
    praise="Right: rows of wide and columns of tall matrices are orthogonal and as long as the gain.",
)
