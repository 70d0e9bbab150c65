"""A ring of transitions: where learners go wrong."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from optcourse.grading.candidate import OVERWRITTEN, AnswerError, Candidate, Script
from optcourse.grading.checks.reinforcement.replay_mistakes import RING_ADVICE, SAMPLE_ADVICE, VARIANTS
from optcourse.grading.checks.reinforcement.shared import as_numbers
from optcourse.grading.definitions import RESULT, Behaviour, Case, Check, Observation, Result, VariantError, observe
from optcourse.grading.drawing import Numbers, array
from optcourse.grading.limits import Fault

DRAWS = 150  # of 7 transitions at most, if it is right: one of them is missed once in a thousand million samples
# If all of 5 come equally often, one of them comes less often than this share of the mean once in a thousand million
# samples; some transition comes twice in a row always.
MANY, LEAST_SHARE = 4000, 0.8

Row = tuple[Tensor, int, float, Tensor, bool]  # observation, action, reward, next observation, terminated


@dataclass(frozen=True)
class Filling:
    """What a replay is given.

    Attributes:
        rows: in their order; their rewards differ, so that each can be recognized.
        looks: after how many rows it is looked at.
        reuses: whether the tensors of a row are overwritten after it was added.
        draws: rows of a sample; where there are `MANY`, it is counted how often each transition comes.
    """

    capacity: int
    rows: Sequence[Row]
    looks: Sequence[int]
    reuses: bool = False
    draws: int = DRAWS


def _drive(candidate: Candidate, problem: Filling) -> Iterator[Observation]:
    script = Script()
    script.make(problem.capacity)
    for count, row in enumerate(problem.rows, 1):
        script.ask("add", *row, reuse=problem.reuses)
        if count in problem.looks:
            script.ask("__len__")
            script.ask("sample", problem.draws)
    values = candidate.play(script)
    count = 0
    for request, value in zip(script.requests, values, strict=False):
        method = request.get("method", "make")
        count += method == "add"
        if method == "__len__":
            yield from observe(f"len after {count} transitions", value)
        elif method == "sample":
            yield from _seen(value, problem.rows[:count], counts=problem.draws == MANY)


def _seen(sample: Any, rows: Sequence[Row], *, counts: bool) -> Iterator[Observation]:
    """What came back in a sample, as numbers that do not depend on the draw."""
    count = len(rows)
    parts = [as_numbers(part) for part in sample] if isinstance(sample, (list, tuple)) else []
    if len(parts) != 5 or not all(isinstance(part, Tensor) and part.dim() and not part.is_complex() for part in parts):
        kind = "nothing" if sample is None else f"a {type(sample).__name__}{f' of {len(parts)}' if parts else ''}"
        text = (
            f"`sample` returns a tuple of five tensors, in the order of `add`, with a row for each draw; yours {kind}."
        )
        raise AnswerError(Fault("form", message=text))
    yield _sizes(count, [part.shape for part in parts])
    if len({len(part) for part in parts}) > 1 or not all(part.numel() for part in parts):
        return
    tables = [array(part).reshape(len(part), -1) for part in parts]
    rewards = np.array([row[2] for row in rows])
    same = np.abs(tables[2][:, :1] - rewards) < 1e-3  # (draws, transitions)
    others = np.concatenate([table for index, table in enumerate(tables) if index != 2], axis=1)
    found = [others[drawn] for drawn in same.T]
    together = all(np.ptp(drawn, axis=0).max() < 1e-3 for drawn in found if len(drawn))
    contents = np.stack([drawn[0] if len(drawn) and together else np.full(others.shape[1], np.nan) for drawn in found])
    yield from _looks(count, same.any(axis=0), strange=not same.any(axis=1).all(), together=together, contents=contents)
    if counts:
        shares = same.sum(axis=0)[same.any(axis=0)]
        again = bool((same[1:] & same[:-1]).any())
        yield from _chances(even=bool(shares.size and shares.min() > LEAST_SHARE * shares.mean()), again=again)


def _chances(*, even: bool, again: bool) -> Iterator[Observation]:
    yield Observation(f"whether all come about equally often in {MANY} draws (1)", np.asarray(float(even)))
    yield Observation(f"whether one ever comes twice in a row in {MANY} draws (1)", np.asarray(float(again)))


def _sizes(count: int, shapes: Sequence[Sequence[int]]) -> Observation:
    sizes = [[float(shape[0]), float(math.prod(shape[1:])), float(len(shape))] for shape in shapes]
    place = f"sizes of the five tensors after {count} transitions (rows; numbers in a row; axes)"
    return Observation(place, np.array(sizes))


def _looks(
    count: int, kept: np.ndarray, *, strange: bool, together: bool, contents: np.ndarray
) -> Iterator[Observation]:
    after = f"after {count} transitions"
    yield Observation(f"which of the transitions come back (1) {after}", kept.astype(np.float64))
    yield Observation(f"whether rows come back that were never added (1) {after}", np.asarray(float(strange)))
    yield Observation(f"whether the parts of a row belong together (1) {after}", np.asarray(float(together)))
    yield Observation(f"observation, action, next observation, terminated of each transition {after}", contents)


def _model(problem: Filling, switches: Mapping[str, Any]) -> Iterator[Observation]:
    features = len(problem.rows[0][0])
    for count in problem.looks:
        places = _ring(problem.capacity, count, switches)
        stored = [place for place in places if place is not None]
        length = {
            "stored": len(stored) + (switches.get("full") == "last place empty" and count >= problem.capacity),
            "added": count,
            "capacity": problem.capacity,
        }[switches.get("length", "stored")]
        yield Observation(f"len after {count} transitions", np.asarray(float(length)))
        drawn, draws = _drawn(places, stored, problem, count, switches)
        wide, flat = (draws, features), (draws, 1) if switches.get("parts") == "columns" else (draws,)
        yield _sizes(count, [wide, flat, flat, wide, flat])
        kept = np.array([index in drawn for index in range(count)])
        together = switches.get("rows") != "apart"
        contents = np.full((count, 2 * features + 2), np.nan)
        for index in {index for index in drawn if index is not None} if together else ():
            contents[index] = _contents(problem.rows[index], problem.reuses, switches)
        yield from _looks(count, kept, strange=None in drawn, together=together, contents=contents)
        if problem.draws == MANY:
            chance = switches.get("chance", "even")
            again = chance != "in order" and draws == MANY
            yield from _chances(even=chance != "uneven", again=again)


def _ring(capacity: int, count: int, switches: Mapping[str, Any]) -> list[int | None]:
    """Which transition stands in each place after `count` of them; None where nothing was written."""
    kind = switches.get("full", "oldest")
    size = {"one place more": capacity + 1, "one place fewer": capacity - 1, "last place empty": capacity - 1}.get(
        kind, count if kind == "grows" else capacity
    )
    places: list[int | None] = []
    for index in range(count):
        if len(places) < size:
            places.append(index)
        elif kind == "emptied":
            places = [index]
        elif kind == "newest":
            places[-1] = index
        elif kind == "second":
            places[1 + (index - size) % (size - 1)] = index
        elif kind == "moved first":
            places[(index + 1) % size] = index
        elif kind != "ignored":
            places[index % size] = index
    return places + [None] * (kind == "last place empty" and count >= capacity)


def _drawn(
    places: list[int | None], stored: list[int], problem: Filling, count: int, switches: Mapping[str, Any]
) -> tuple[list[int | None], int]:
    """The transitions that can be drawn (None: a place that was never written), and how many rows come."""
    capacity = problem.capacity
    position = count % capacity
    kind = switches.get("drawn", "stored")
    if (kind.startswith("below the position, ") and position == 0) or kind.startswith("at most once, "):
        raise VariantError(kind.rpartition(" ")[2])
    choices: dict[str, list[int | None]] = {
        "all places": [*places, *[None] * (capacity - len(places))],
        "not the last place": places[:-1],
        "not the first place": places[1:],
        "newest alone": [max(stored)],
        "first place alone": places[:1],
    }
    drawn = choices.get(kind, places[:position] if kind.startswith("below the position") else places)
    return drawn, len(drawn) if kind == "at most once" else problem.draws


def _contents(row: Row, reuses: bool, switches: Mapping[str, Any]) -> np.ndarray:
    before, after = array(row[0]), array(row[3])
    lost = np.full_like(before, OVERWRITTEN)
    kind = switches.get("parts", "copied")
    if reuses and kind in ("shared", "observation shared"):
        before = lost
    if reuses and kind in ("shared", "next observation shared"):
        after = lost
    if kind == "exchanged":
        before, after = after, before
    if kind == "next observation lost":
        after = before
    return np.concatenate([before, [row[1]], after, [row[4]]])


def cases(seed: int) -> Sequence[Case]:
    """From two transitions to a ring that has turned twice; at last, how often each comes."""
    numbers = Numbers("reinforcement.replay", seed)

    def filling(capacity: int, looks: Sequence[int], *, reuses: bool = False, draws: int = DRAWS) -> Filling:
        rows = []
        for index in range(max(looks)):
            before, after = numbers.normal(2), numbers.normal(2)
            reward = 1.0 + index + numbers.between(0.0, 0.4)
            rows.append((before, index % 3, reward, after, bool(numbers.between(0, 1) < 0.4)))
        return Filling(capacity, rows, looks, reuses, draws)

    capacity = numbers.distinct(1, (4, 5))[0]
    return (
        Case("two transitions", filling(capacity, (2,))),
        Case("not yet full", filling(capacity + 2, (3, capacity))),
        Case("exactly full", filling(capacity, (capacity,))),
        Case("one more than fits", filling(capacity, (capacity + 1,))),
        Case("a ring that has turned twice", filling(4, (6, 9))),
        Case("an environment that uses its arrays again", filling(capacity, (3,), reuses=True)),
        Case("many draws", filling(5, (7,), draws=MANY)),
    )


def _one_draw(results: Sequence[Result]) -> str | None:
    looks = [
        (result.case.problem, item.value)
        for result in results
        for item in result.observed
        if item.place.startswith("which of the transitions")
    ]
    if len(looks) < 3 or any(kept.sum() != 1 for _, kept in looks):
        return None
    places = [int(kept.argmax()) for _, kept in looks]
    newest = [len(kept) - 1 for _, kept in looks]
    first = [_ring(problem.capacity, len(kept), {})[0] for problem, kept in looks]
    return None if places in (newest, first) else "The next sample holds another one."


ONE_DRAW = Behaviour(
    "one_draw_for_the_batch",
    _one_draw,
    "All rows of a sample are the same transition: one place is drawn for the whole batch.",
    SAMPLE_ADVICE,
    explains_numbers=True,
)


def _accepts(description: Mapping[str, Any]) -> str | None:
    if description["is_class"]:
        return None
    return f"The answer is the class itself, without parentheses; yours is a `{description['type']}`."


def _facts(results: Sequence[Result]) -> Sequence[str]:
    result = next((result for result in results if RESULT in result.deviations), None)
    if result is None:
        return ()
    counts = [item for item in result.observed if item.place.startswith("which of")]
    kept = [f"{int(item.value.sum())} of {item.value.size}" for item in counts]
    came = f" Of the transitions added, {', then '.join(kept)} came back." if kept else ""
    return (f"The capacity was {result.case.problem.capacity}.{came}",)


REPLAY = Check(
    "reinforcement.replay",
    cases=cases,
    drive=_drive,
    model=_model,
    variants=VARIANTS,
    behaviours=(ONE_DRAW,),
    facts=_facts,
    accepts=_accepts,
    look_next=RING_ADVICE,
    praise="Right: the newest stay, the oldest gives way, and every transition stored may come back.",
)
