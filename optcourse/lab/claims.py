"""Claims: sentences that are measured, asserted and shown with their band.

A `Claim` says what is measured and what is asked of it; a `Result` adds the values measured and has one of three
verdicts. Numbers a machine may change stand between the marks ⟨ ⟩, the only text that a comparison of stored
outputs may overlook.
"""

import html
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Verdict = Literal["reproduced", "not reproduced", "undecided"]

SEED_SETS = 5
"""A claim's verdict must be the same on this many disjoint sets of seeds before it is committed."""

LEAST_MARGIN = 2.0
"""Least distance of the mean to the nearest bound asked, in band widths, before a claim is committed."""


class ClaimError(AssertionError):
    """A claim's measurement contradicts what the lesson says of it."""


@dataclass(frozen=True)
class Interval:
    """What is asked of a measured number: low <= value <= high.

    Raises:
        ValueError: unless low < high.
    """

    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self):
        if not self.low < self.high:
            raise ValueError(f"an interval needs low < high, got low={self.low}, high={self.high}; swap or widen them")

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"at least {self.low:g}"
        if self.low == -math.inf:
            return f"at most {self.high:g}"
        return f"{self.low:g} to {self.high:g}"


def at_least(value: float) -> Interval:
    """Asks for `value` or more."""
    return Interval(low=value)


def at_most(value: float) -> Interval:
    """Asks for `value` or less."""
    return Interval(high=value)


def within(low: float, high: float) -> Interval:
    """Asks for a value from `low` to `high`."""
    return Interval(low, high)


@dataclass(frozen=True)
class Claim:
    """A sentence of a lesson, and how it is put to the test.

    A claim is committed when its band lies inside `asks` on `SEED_SETS` disjoint sets of seeds, at least `LEAST_MARGIN`
    band widths from the nearest bound. One that fails this may be kept with `expected="undecided"` and its reason; it
    is recorded, and shown over all recorded seeds.

    Attributes:
        id: `<lesson slug>.<name>`; prose cites it beside each number.
        text: the sentence.
        asks: where every seed's value must lie for the sentence to be true.
        measure: seed -> the measured number. Module-level, so that its code can be hashed.
        unit: unit of the number; empty for a ratio.
        paper: the figure the source gives, with authors and year; "(recalled)" when it was not looked up again.
        kind: "live" is computed in the notebook for every seed; "recorded" is shipped, and one seed recomputed.
        expected: the verdict the lesson states. A claim that does not reproduce is shown so, with its `reason`.
        recheck: for a recorded claim, a shorter way to one seed's number, from what the record says was best.
        tolerance: for a recorded claim, how far one recomputed seed may lie from its record, in `unit`.
        digits: significant digits shown.
        data: name of the data set it is measured on; empty for a made-up problem.
    """

    id: str
    text: str
    asks: Interval
    measure: Callable[[int], float]
    unit: str = ""
    paper: str = ""
    kind: Literal["live", "recorded"] = "live"
    expected: Verdict = "reproduced"
    reason: str = ""
    recheck: Callable[[int], float] | None = None
    tolerance: float = 0.0
    digits: int = 3
    data: str = ""

    def __post_init__(self):
        if self.expected != "reproduced" and not self.reason:
            raise ValueError(f"claim {self.id!r} expects {self.expected!r}: give the reason")
        if self.expected == "undecided" and self.kind != "recorded":
            raise ValueError(f"claim {self.id!r} expects 'undecided': record it, few seeds cannot show that")
        if self.kind == "recorded" and not self.tolerance > 0:
            raise ValueError(f"claim {self.id!r} is recorded: give the tolerance of its recomputed seed, > 0")


@dataclass(frozen=True)
class Band:
    """Mean, lowest and highest of one measurement over seeds."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Mapping[int, float]) -> "Band":
        numbers = [float(value) for value in values.values()]
        if not numbers:
            raise ValueError("a band needs at least one seed's value, got none; measure more seeds")
        if any(math.isnan(number) for number in numbers):
            return cls(math.nan, math.nan, math.nan)
        return cls(sum(numbers) / len(numbers), min(numbers), max(numbers))

    def verdict(self, asks: Interval) -> Verdict:
        """Reproduced when the whole band lies inside, not reproduced when none of it does (or it is NaN)."""
        if self.low in asks and self.high in asks:
            return "reproduced"
        if math.isnan(self.mean) or self.high < asks.low or self.low > asks.high:
            return "not reproduced"
        return "undecided"

    def margin(self, asks: Interval) -> float:
        """Distance of the mean to the nearest finite bound, in band widths; inf for a band of no width."""
        distance = min(abs(self.mean - bound) for bound in (asks.low, asks.high) if math.isfinite(bound))
        width = self.high - self.low
        if math.isnan(self.mean):
            return math.nan
        return distance / width if width > 0 else math.inf


@dataclass(frozen=True)
class Result:
    """A claim with what was measured.

    Attributes:
        values: seed -> measured number.
        recomputed: for a recorded claim, the seed recomputed now and its value, or in words why it could not be.
        command: for a recorded claim, what reproduces the record.
        data: one line that says which data were used.
    """

    claim: Claim
    values: Mapping[int, float]
    recomputed: tuple[int, float | str] | None = None
    command: str = ""
    data: str = ""

    @property
    def band(self) -> Band:
        return Band.of(self.values)

    @property
    def verdict(self) -> Verdict:
        """That of the band; a claim kept as undecided is so too when its band lies inside by too thin a margin."""
        thin = self.claim.expected == "undecided" and self.band.margin(self.claim.asks) < LEAST_MARGIN
        return "undecided" if thin else self.band.verdict(self.claim.asks)

    def require(self) -> "Result":
        """Itself, if it agrees with what the lesson says; an undecided band is shown, not refused.

        Raises:
            ClaimError: if the verdict contradicts the expected one, or a recomputed seed left its record or what a
                reproduced claim asks for.
        """
        claim = self.claim
        unit = f" {claim.unit}" if claim.unit else ""
        if self.verdict not in (claim.expected, "undecided"):
            raise ClaimError(
                f"{claim.id}: the lesson says {claim.expected}, this run says {self.verdict}: "
                f"measured {self.measured()}{unit}, asked {claim.asks}{unit}; by seed {dict(self.values)}"
            )
        seed, value = self.recomputed or (None, "")
        if seed is None or isinstance(value, str):  # in words why it could not be
            return self
        if not abs(value - self.values[seed]) <= claim.tolerance:
            raise ClaimError(
                f"{claim.id}: seed {seed} recomputed gives {value:.6g}, its record {self.values[seed]:.6g}; "
                f"they may differ by {claim.tolerance:g}. Run `make claims` if the code changed on purpose"
            )
        if claim.expected == "reproduced" and value not in claim.asks:
            raise ClaimError(
                f"{claim.id}: seed {seed} recomputed gives {value:.6g}{unit}, asked {claim.asks}{unit}: here the "
                f"claim does not hold. Its record is {self.values[seed]:.6g}"
            )
        return self

    def measured(self) -> str:
        """`mean [low, high]`, to the claim's digits."""
        band, digits = self.band, self.claim.digits
        return f"{_number(band.mean, digits)} [{_number(band.low, digits)}, {_number(band.high, digits)}]"

    def _parts(self) -> dict[str, str]:
        claim = self.claim
        unit = f" {claim.unit}" if claim.unit else ""
        seeds = f"{len(self.values)} seed{'s' if len(self.values) > 1 else ''}"
        parts = {
            "measured": f"⟨{self.measured()}⟩{unit} over {seeds}",
            "asked": f"{claim.asks}{unit}",
            "paper": claim.paper,
            "data": self.data,
        }
        if self.recomputed is not None:
            seed, value = self.recomputed
            now = value if isinstance(value, str) else _number(value, claim.digits)
            parts["recorded"] = f"by {self.command}; seed {seed} recomputed now: ⟨{now}⟩{unit}"
        if claim.reason:
            parts["reason"] = claim.reason
        return {key: value for key, value in parts.items() if value}

    def __repr__(self) -> str:
        lines = [f"{self.verdict} | {self.claim.id} | {self.claim.text}"]
        return "\n".join(lines + [f"  {key}: {value}" for key, value in self._parts().items()])

    def _repr_html_(self) -> str:
        return _table([self])


class ResultTable(tuple):
    """Several results, shown as one table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(f"{r.verdict} | {r.claim.id} | ⟨{r.measured()}⟩ | asked {r.claim.asks}" for r in self)

    def _repr_html_(self) -> str:
        return _table(self)


_MARKS = {"reproduced": ("✓", "#0072B2"), "not reproduced": ("✗", "#D55E00"), "undecided": ("?", "#8a6d00")}


def _table(results) -> str:
    cell = "text-align:left;vertical-align:top;padding:.35em .6em;white-space:normal"
    rows = []
    for result in results:
        mark, color = _MARKS[result.verdict]
        details = "<br>".join(f"<b>{key}</b> {html.escape(value)}" for key, value in result._parts().items())
        rows.append(
            f'<tr><td style="{cell};border-left:.3em solid {color}"><b>{mark} {result.verdict}</b><br>'
            f'<code style="white-space:normal">{_breakable(result.claim.id)}</code></td>'
            f'<td style="{cell}">{html.escape(result.claim.text)}</td><td style="{cell}">{details}</td></tr>'
        )
    head = "".join(f'<th style="{cell}">{name}</th>' for name in ("verdict", "claim", "numbers"))
    return f'<table style="width:100%"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _breakable(id: str) -> str:
    """A claim's id that may be broken behind "." and "_": a long one would run into the next column."""
    return html.escape(id).replace(".", ".<wbr>").replace("_", "_<wbr>")


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"


# --- records -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClaimRecord:
    """What `make claims` stores of one claim.

    Attributes:
        values: seed -> value, `SEED_SETS` disjoint sets of `seeds_per_set` one after another.
        code: `code_hash` of the module that measures, when it was measured.
        command, versions: how to get the same numbers again.
        data: which data were used, as `Data.description` says it.
    """

    id: str
    values: Mapping[int, float]
    seeds_per_set: int
    code: str
    command: str
    versions: Mapping[str, str]
    data: str = ""

    @classmethod
    def load(cls, path: Path) -> "ClaimRecord":
        """Reads one record.

        Raises:
            FileNotFoundError: if the claim was never recorded; the message names the command that does it.
        """
        if not path.exists():
            raise FileNotFoundError(f"no record {path.name} of this claim; make it with `make claims`")
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["values"] = {int(seed): float(value) for seed, value in raw["values"].items()}
        return cls(**raw)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = dict(vars(self), values={str(seed): value for seed, value in self.values.items()})
        path.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")

    def sets(self) -> list[dict[int, float]]:
        """The disjoint sets of seeds with their values."""
        items, size = list(self.values.items()), self.seeds_per_set
        return [dict(items[start : start + size]) for start in range(0, len(items), size)]
