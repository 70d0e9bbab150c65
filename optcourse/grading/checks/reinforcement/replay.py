"""A ring of transitions: where learners go wrong."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from optcourse.grading.candidate import OVERWRITTEN, AnswerError, Candidate, Script
from optcourse.grading.checks.reinforcement.shared import as_numbers
from optcourse.grading.definitions import RESULT, Case, Check, Observation, Result, Variant, VariantError, observe
from optcourse.grading.drawing import Numbers, array
from optcourse.grading.limits import Fault

DRAWS = 150  # of 7 transitions at most, if it is right: one of them is missed once in a thousand million samples
RING_ADVICE = (
    "Keep one number: the place that is written next. After each `add` it moves on by one, and from the last place "
    "to place 0: `(place + 1) % capacity`. There stands the oldest."
)
SAMPLE_ADVICE = "Draw places from 0 to `len(self) - 1`, both included: `torch.randint(len(self), (batch_size,))`."
COPY_ADVICE = (
    "Store `observation.clone()`, or write it into a tensor of your own: `self.observation[place] = ...` copies."
)

Row = tuple[Tensor, int, float, Tensor, bool]  # observation, action, reward, next observation, terminated


@dataclass(frozen=True)
class Filling:
    """What a replay is given.

    Attributes:
        rows: in their order; their rewards differ, so that each can be recognized.
        looks: after how many rows it is looked at.
        reuses: whether the tensors of a row are overwritten after it was added.
    """

    capacity: int
    rows: Sequence[Row]
    looks: Sequence[int]
    reuses: bool = False


def _drive(candidate: Candidate, problem: Filling) -> Iterator[Observation]:
    script = Script()
    script.make(problem.capacity)
    for count, row in enumerate(problem.rows, 1):
        script.ask("add", *row, reuse=problem.reuses)
        if count in problem.looks:
            script.ask("__len__")
            script.ask("sample", DRAWS)
    values = candidate.play(script)
    count = 0
    for request, value in zip(script.requests, values, strict=False):
        method = request.get("method", "make")
        count += method == "add"
        if method == "__len__":
            yield from observe(f"len after {count} transitions", value)
        elif method == "sample":
            yield from _seen(value, problem.rows[:count])


def _seen(sample: Any, rows: Sequence[Row]) -> Iterator[Observation]:
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


def _sizes(count: int, shapes: Sequence[Sequence[int]]) -> Observation:
    sizes = [[float(shape[0]), float(math.prod(shape[1:])), float(len(shape))] for shape in shapes]
    place = f"(rows, numbers in a row, axes) of the five tensors after {count} transitions"
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
        drawn, draws = _drawn(places, stored, problem.capacity, count, switches)
        wide, flat = (draws, features), (draws, 1) if switches.get("parts") == "columns" else (draws,)
        yield _sizes(count, [wide, flat, flat, wide, flat])
        kept = np.array([index in drawn for index in range(count)])
        together = switches.get("rows") != "apart"
        contents = np.full((count, 2 * features + 2), np.nan)
        for index in {index for index in drawn if index is not None} if together else ():
            contents[index] = _contents(problem.rows[index], problem.reuses, switches)
        yield from _looks(count, kept, strange=None in drawn, together=together, contents=contents)


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
        elif kind != "ignored":
            places[index % size] = index
    return places + [None] * (kind == "last place empty" and count >= capacity)


def _drawn(
    places: list[int | None], stored: list[int], capacity: int, count: int, switches: Mapping[str, Any]
) -> tuple[list[int | None], int]:
    """The transitions that can be drawn (None: a place that was never written), and how many rows come."""
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
    return drawn, len(drawn) if kind == "at most once" else DRAWS


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


VARIANTS = (
    *(
        Variant(id, {"full": kind}, message, RING_ADVICE)
        for id, kind, message in (
            (
                "overwrites_the_newest",
                "newest",
                "When it is full, the transition added last gives way. The oldest should: it is the most outdated.",
            ),
            ("grows_past_capacity", "grows", "It never throws anything away: more than `capacity` are kept."),
            ("ignores_when_full", "ignored", "When it is full, new transitions are ignored: it learns no more."),
            ("emptied_when_full", "emptied", "When it is full, everything is thrown away at once."),
            ("keeps_one_more", "one place more", "One transition more than `capacity` is kept."),
            ("keeps_one_fewer", "one place fewer", "One transition fewer than `capacity` is kept."),
            (
                "wraps_to_the_second_place",
                "second",
                "After the last place it goes on with the second: the very first transition is never replaced.",
            ),
            (
                "last_place_never_written",
                "last place empty",
                "The ring turns one place too early: the last place is never written, and drawn nevertheless.",
            ),
        )
    ),
    *(
        Variant("wrong_length", {"length": kind}, message, "`len` is the number of transitions that are stored.")
        for kind, message in (
            ("added", "`len` counts every transition ever added, also those that are gone."),
            ("capacity", "`len` is the capacity, also while it is not full."),
        )
    ),
    *(
        Variant(id, {"drawn": kind}, message, SAMPLE_ADVICE)
        for id, kind, message in (
            (
                "draws_unwritten_places",
                "all places",
                "Places that were never written are drawn as well: zeros that no environment ever gave.",
            ),
            ("never_draws_the_last", "not the last place", "The last place is never drawn: the bound is one too low."),
            ("never_draws_the_first", "not the first place", "Place 0 is never drawn."),
            ("draws_the_newest_alone", "newest alone", "Only the newest transition comes back. That is no replay."),
            ("draws_one_place", "first place alone", "Only the transition in place 0 comes back."),
            (
                "at_most_once",
                "at most once",
                "Each transition comes at most once, so that a batch cannot be larger than what is stored. Asked for "
                "are independent draws.",
            ),
            *(
                (
                    "at_most_once",
                    f"at most once, {error}",
                    "Each transition may come at most once, which fails for a batch larger than what is stored. Asked "
                    "for are independent draws.",
                )
                for error in ("ValueError", "RuntimeError")
            ),
            *(
                (
                    "draws_below_the_position",
                    f"below the position, {error}",
                    "Only places below the one that is written next are drawn. Once the ring has turned, those above "
                    "hold transitions too.",
                )
                for error in ("RuntimeError", "ValueError")
            ),
        )
    ),
    Variant(
        "parts_drawn_apart",
        {"rows": "apart"},
        "Observation, action and the rest are drawn each for itself: rows are put together from several transitions.",
        "Draw the places once, and use them for all five.",
    ),
    *(
        Variant(id, {"parts": kind}, message, advice)
        for id, kind, message, advice in (
            *(
                (
                    "stores_no_copy",
                    kind,
                    f"{which} not copied. Environments write the next observation into the same array, and with it "
                    "into your replay.",
                    COPY_ADVICE,
                )
                for kind, which in (
                    ("shared", "Observations are"),
                    ("observation shared", "The observation is"),
                    ("next observation shared", "The next observation is"),
                )
            ),
            (
                "numbers_as_columns",
                "columns",
                "Action, reward and terminated come back as columns of shape (batch_size, 1). Asked for is "
                "(batch_size,): a column minus such a vector is a whole matrix, and the loss wrong without a word.",
                "Store plain numbers, or `squeeze(1)` the columns.",
            ),
            (
                "observations_exchanged",
                "exchanged",
                "Observation and next observation are exchanged.",
                "In the order of `add`: observation, action, reward, next_observation, terminated.",
            ),
            (
                "next_observation_lost",
                "next observation lost",
                "The observation comes back in place of the next observation.",
                "In the order of `add`: observation, action, reward, next_observation, terminated.",
            ),
        )
    ),
)


def cases(seed: int) -> Sequence[Case]:
    """From two transitions to a ring that has turned twice."""
    numbers = Numbers("reinforcement.replay", seed)

    def filling(capacity: int, looks: Sequence[int], *, reuses: bool = False) -> Filling:
        rows = []
        for index in range(max(looks)):
            before, after = numbers.normal(2), numbers.normal(2)
            reward = 1.0 + index + numbers.between(0.0, 0.4)
            rows.append((before, index % 3, reward, after, bool(numbers.between(0, 1) < 0.4)))
        return Filling(capacity, rows, looks, reuses)

    capacity = numbers.distinct(1, (4, 5))[0]
    return (
        Case("two transitions", filling(capacity, (2,))),
        Case("not yet full", filling(capacity + 2, (3, capacity))),
        Case("exactly full", filling(capacity, (capacity,))),
        Case("one more than fits", filling(capacity, (capacity + 1,))),
        Case("a ring that has turned twice", filling(4, (6, 9))),
        Case("an environment that uses its arrays again", filling(capacity, (3,), reuses=True)),
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
    facts=_facts,
    accepts=_accepts,
    look_next=RING_ADVICE,
    praise="Right: the newest stay, the oldest gives way, and every transition stored may come back.",
)
