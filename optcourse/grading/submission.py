"""What a class run knows of one submission: its status, its marks, what each exercise came to; and the hidden cases.

These records cross process and file borders as one JSON line each; nothing in them is a learner's object.
"""

import dataclasses
import enum
import hashlib
import hmac
import json
import math
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from optcourse.grading.card import Card

MAX_HIDDEN_CASES = 20
_SEEDS = 2**31 - 1  # every generator of random numbers takes seeds below this


class Status(enum.StrEnum):
    """What became of a submission.  A zero for wrong answers, for a crash and for a torn file are told apart."""

    GRADED = "graded"  # full points in every exercise
    PARTLY = "partly"  # it ran; not everything is right
    NOT_ATTEMPTED = "not attempted"  # every answer is as it was handed out
    CRASHED = "crashed"  # no points, and the answers ended their process
    TIMED_OUT = "timed out"  # no points, and the answers ran out of time
    OUT_OF_MEMORY = "out of memory"  # no points, and the answers took more memory than they may
    CORRUPT = "corrupt"  # the file cannot be read as a notebook
    OTHER_KERNEL = "other kernel"  # a notebook of another language
    OTHER_LESSON = "other lesson"  # a notebook without any exercise of this course
    MISSING = "missing"  # expected, but nothing was handed in
    DUPLICATE = "duplicate"  # handed in more than once
    UNKNOWN_OWNER = "unknown owner"
    AMBIGUOUS_OWNER = "ambiguous owner"


class ExerciseStatus(enum.StrEnum):
    """What became of one exercise: the status of its card, or why there is none."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ATTEMPTED = "not attempted"
    ERROR = "error"
    TIMED_OUT = "timed out"
    CONVENTION = "convention"
    CRASHED = "crashed"  # the answer ended its process
    OUT_OF_MEMORY = "out of memory"
    FORBIDDEN = "forbidden"  # the answer uses what the exercise forbids
    MISSING = "missing"  # its answer cell is not in the notebook
    DUPLICATE = "duplicate"  # several answer cells that differ


@dataclass(frozen=True)
class ExerciseResult:
    """One exercise of one submission.

    Attributes:
        status: a value of `ExerciseStatus`.
        misconception: as on the card: ids joined by "+", or None.
        card: the card's fields as plain values (`card_fields`).
        public_passed, public_total, hidden_passed, hidden_total: cases.
        seconds: wall time that its cell and its cases took.
        syntax: hash of the answer's normalized syntax tree; "" when there is none.
    """

    exercise: str
    status: str
    points: float
    max_points: float
    misconception: str | None = None
    card: dict[str, Any] = field(default_factory=dict)
    public_passed: int = 0
    public_total: int = 0
    hidden_passed: int = 0
    hidden_total: int = 0
    seconds: float = 0.0
    syntax: str = ""


@dataclass(frozen=True)
class SubmissionResult:
    """One submission.

    Attributes:
        lesson: slug; "" when it is not known.
        source: the submitted file, relative to the folder of submissions.
        isolated: whether the answers ran where they could reach nothing.
        isolation: how: "bubblewrap", "namespaces" or "none".
        message: one sentence for whoever reads the table.
        digest: SHA-256 of the file, in hexadecimal; "" when it cannot be read.
    """

    learner: str
    lesson: str
    source: str
    status: Status
    points: float
    max_points: float
    isolated: bool
    isolation: str
    exercises: tuple[ExerciseResult, ...] = ()
    message: str = ""
    seconds: float = 0.0
    digest: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain values; `json.dumps` of it is one line of ASCII."""
        return dataclasses.asdict(self) | {
            "status": str(self.status),
            "exercises": [dataclasses.asdict(item) for item in self.exercises],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """The result that `to_json` wrote.

        Raises:
            ValueError: if the record was not written by `to_json`.

        Example:
            >>> result = SubmissionResult("ada", "optimizers", "ada.ipynb", Status.CORRUPT, 0, 17, True, "bubblewrap")
            >>> SubmissionResult.from_json(json.loads(json.dumps(result.to_json()))) == result
            True
        """
        try:
            exercises = tuple(ExerciseResult(**item) for item in record["exercises"])
            result = cls(**{**record, "status": Status(record["status"]), "exercises": exercises})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a record of a submission: {error}") from None
        marks = (result.points, result.max_points, *(item.points for item in exercises))
        if not all(isinstance(mark, (int, float)) and math.isfinite(mark) for mark in marks):
            raise ValueError("not a record of a submission: points must be finite numbers")
        return result


def card_fields(card: Card) -> dict[str, Any]:
    """A card's fields as JSON keeps them.

    Example:
        >>> card_fields(Card(True, 2, None, "Right.", exercise="optimizers.momentum"))["message"]
        'Right.'
    """
    return json.loads(json.dumps(dataclasses.asdict(card)))


@dataclass(frozen=True)
class HiddenCases:
    """Which hidden cases a class run grades on.

    Attributes:
        seed: any text; who knows it can compute the cases, so it never leaves the instructor's machine.
        cases: sets of cases an exercise, each as many as the public ones.
        per_learner: whether each learner gets other ones.
    """

    seed: str = field(repr=False)
    cases: int = 1
    per_learner: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.seed, str) or not self.seed.strip():
            raise ValueError(f'seed is a text that nobody can guess, as in seed = "...", got {self.seed!r}')
        if type(self.cases) is not int or not 1 <= self.cases <= MAX_HIDDEN_CASES:
            raise ValueError(f"cases is a whole number from 1 to {MAX_HIDDEN_CASES}, got {self.cases!r}")
        if type(self.per_learner) is not bool:
            raise ValueError(f"per_learner is true or false, got {self.per_learner!r}")

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a TOML file with `seed`, and if wanted `cases` and `per_learner`.

        Raises:
            OSError: if the file cannot be read.
            ValueError: if it is no such file; the message says what is wrong and never quotes the seed.
        """
        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
            raise ValueError(f'{path}: not a TOML file ({reason}); write a line seed = "any text"') from None
        unknown = sorted(table.keys() - {"seed", "cases", "per_learner"})
        if unknown:
            raise ValueError(f"{path}: unknown {', '.join(unknown)}; known are seed, cases and per_learner")
        if "seed" not in table:
            raise ValueError(f'{path}: seed is missing; write a line seed = "any text that nobody can guess"')
        try:
            return cls(**table)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def seeds(self, exercise: str, learner: str = "") -> tuple[int, ...]:
        """One seed a set of cases, each from 1 to 2**31 - 1 and none that of the public cases (0).

        Example:
            >>> HiddenCases("spring", cases=2).seeds("optimizers.adam", "ada")
            (1645293673, 1941704102)
        """
        owner = learner if self.per_learner else ""

        def one(index: int) -> int:
            text = json.dumps([exercise, owner, index]).encode("ascii")
            digest = hmac.new(self.seed.encode("utf-8", "surrogatepass"), text, hashlib.sha256).digest()
            return int.from_bytes(digest[:8], "big") % _SEEDS + 1

        return tuple(one(index) for index in range(self.cases))


class Grader(Protocol):
    """Grades submissions one after another; a context manager that owns what it started."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def grade(
        self,
        path: Path,
        *,
        learner: str,
        hidden: HiddenCases | None = None,
        exercises: Collection[str] | None = None,
    ) -> SubmissionResult:
        """Grade one notebook; never raises for anything that a submission is or does.

        Args:
            path: the submitted file.
            learner: who handed it in.
            hidden: the hidden cases, if there are any.
            exercises: ids; only these are run and reported. None for all of the lesson.
        """
