"""What a learner sees of a check: plain text everywhere, a card in JupyterLab and Colab (light and dark)."""

import html
import re
import textwrap
from dataclasses import dataclass

PASSED, FAILED, NOT_ATTEMPTED = "passed", "failed", "not attempted"
ERROR, TIMED_OUT, CONVENTION = "error", "timed out", "convention"

# status -> sign, words, colour of the badge (white text on each has a contrast of at least 4.5)
_LOOKS = {
    PASSED: ("✓", "Passed", "#1a7f37"),
    FAILED: ("✗", "Not yet", "#b3261e"),
    NOT_ATTEMPTED: ("○", "Not attempted", "#57606a"),
    ERROR: ("!", "Stopped by an error", "#b3261e"),
    TIMED_OUT: ("⧖", "Stopped: out of time", "#8a5300"),
    CONVENTION: ("≈", "Right in another convention", "#0550ae"),
}


# Outside JupyterLab and Colab a table may not inherit the page's color and size.
PLAIN_TABLE = "border-collapse:collapse;border:0;color:inherit;font-size:inherit"


@dataclass(frozen=True)
class Number:
    """The first number that differs.

    Attributes:
        place: where it stands: "step 3, parameter 1, element [2]".
        yours, expected: formatted.
    """

    place: str
    yours: str
    expected: str


@dataclass(frozen=True)
class Card:
    """The result of a check.

    Attributes:
        passed: whether the answer is right.
        points: earned by this answer.
        misconception: stable id of the mistake; two ids joined by "+" when both were made; None when the answer is
            right or its mistake matches none that is listed.
        message: what happened, in sentences.
        status: passed, failed, not attempted, error, timed out or convention.
        case: what was being tried when the answer first differed.
        number: the first number that differs.
        facts: observations that hold for certain ("every update is 0.5 times the expected one").
        look_next: what to look at next.
        cases_passed, cases_total: of the public cases.
        printed, dropped: the first characters that the answer printed, and how many more it did.
        notes: about the card itself, such as points that could not be kept.
    """

    passed: bool
    points: float
    misconception: str | None
    message: str
    exercise: str = ""
    title: str = ""
    status: str = FAILED
    max_points: float = 0
    case: str = ""
    number: Number | None = None
    facts: tuple[str, ...] = ()
    look_next: str = ""
    cases_passed: int = 0
    cases_total: int = 0
    printed: str = ""
    dropped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> str:
        """Points of points, as in "2/4 points"."""
        return f"{self.points:g}/{self.max_points:g} point{'s' if self.max_points != 1 else ''}"

    @property
    def tally(self) -> str:
        """How many public cases passed, and that hidden ones come later."""
        if not self.cases_total or self.status == NOT_ATTEMPTED:
            return ""
        if self.passed:
            cases = f"{self.cases_total} public case{'s' if self.cases_total != 1 else ''} passed"
        else:
            cases = f"{self.cases_passed} of {self.cases_total} public cases passed"
        return f"{cases}; hidden cases run at submission"

    @property
    def _kind(self) -> str:
        return "Convention" if self.status == CONVENTION else "Mistake"

    def __repr__(self) -> str:
        sign, words, _ = _LOOKS[self.status]
        lines = [f"{sign} {words}: {self.title or self.exercise} ({self.exercise}) · {self.score}"]
        lines += _wrapped(self.message, "  ")
        if self.number:
            lines += _wrapped(f"First number that differs: {self.case}, {self.number.place}", "  ")
            lines += [f"    yours    {self.number.yours}", f"    expected {self.number.expected}"]
        for fact in self.facts:
            lines += _wrapped(f"- {fact}", "  ", "    ")
        if self.misconception:
            lines.append(f"  {self._kind}: {self.misconception}")
        if self.look_next:
            lines += _wrapped(f"Look next: {self.look_next}", "  ")
        if self.printed:
            lines.append(f"  Your code printed{self._dropped_text()}:")
            lines += [f"    | {line}" for line in self.printed.splitlines()]
        lines += [f"  {self.tally}"] if self.tally else []
        for note in self.notes:
            lines += _wrapped(note, "  ")
        return "\n".join(lines)

    def _dropped_text(self) -> str:
        return f" (first {len(self.printed):,} characters; {self.dropped:,} more dropped)" if self.dropped else ""

    def _repr_html_(self) -> str:
        sign, words, color = _LOOKS[self.status]
        body = [
            f'<div style="display:flex;flex-wrap:wrap;gap:.6em;align-items:baseline">'
            f'<span style="background:{color};color:#fff;border-radius:4px;padding:.1em .6em;font-weight:600">'
            f'<span aria-hidden="true">{sign}</span> {words}</span>'
            f"<strong>{_rich(self.title or self.exercise)}</strong>"
            f'<span style="opacity:.8">{html.escape(self.exercise)}</span>'
            f'<span style="margin-left:auto;font-weight:600">{self.score}</span></div>',
            f'<p style="margin:.6em 0">{_rich(self.message)}</p>' if self.message else "",
        ]
        if self.number:
            body.append(_table(self.case, self.number))
        if self.facts:
            body.append(f'<ul style="margin:.4em 0">{"".join(f"<li>{_rich(fact)}</li>" for fact in self.facts)}</ul>')
        if self.misconception:
            body.append(f'<p style="margin:.4em 0">{self._kind}: <code>{html.escape(self.misconception)}</code></p>')
        if self.look_next:
            body.append(f'<p style="margin:.4em 0"><strong>Look next:</strong> {_rich(self.look_next)}</p>')
        if self.printed:
            body.append(
                f"<details><summary>Your code printed{self._dropped_text()}</summary>"
                f'<pre style="white-space:pre-wrap;margin:.3em 0">{html.escape(self.printed)}</pre></details>'
            )
        small = [self.tally, *self.notes]
        body += [f'<div style="opacity:.8;font-size:90%">{_rich(text)}</div>' for text in small if text]
        return (
            f'<div role="group" aria-label="{html.escape(words + ": " + (self.title or self.exercise))}" '
            f'style="border:1px solid rgba(127,127,127,.45);border-left:6px solid {color};border-radius:6px;'
            f'padding:.7em 1em;margin:.3em 0;max-width:52em;line-height:1.45">{"".join(body)}</div>'
        )


def _wrapped(text: str, indent: str, later: str | None = None) -> list[str]:
    lines = []
    for paragraph in text.splitlines() or [""]:
        lines += textwrap.wrap(
            paragraph,
            100,
            initial_indent=indent,
            subsequent_indent=later or indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _rich(text: str) -> str:
    """Escaped text with `code` between backquotes and line breaks."""
    style = 'style="background:rgba(127,127,127,.16);border-radius:3px;padding:0 .25em"'
    text = re.sub(r"`([^`\n]+)`", rf"<code {style}>\1</code>", html.escape(text))
    return text.replace("\n", "<br>")


def _table(case: str, number: Number) -> str:
    cell = 'style="text-align:left;padding:.15em .8em .15em 0;font-family:monospace"'
    head = 'scope="row" style="text-align:left;padding:.15em .8em .15em 0;font-weight:400;opacity:.8"'
    rows = "".join(
        f"<tr><th {head}>{name}</th><td {cell}>{html.escape(value)}</td></tr>"
        for name, value in (("yours", number.yours), ("expected", number.expected))
    )
    where = _rich(f"First number that differs: {case}, {number.place}")
    return f'<p style="margin:.4em 0 .1em">{where}</p><table style="margin:0 0 .4em;{PLAIN_TABLE}">{rows}</table>'
