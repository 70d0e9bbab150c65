"""A paper beside our measurements: one row a claim, from its record."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from optcourse.experiments import claims, record_path
from optcourse.lab.claims import ClaimRecord, Result

SEEDS = 5


@dataclass(frozen=True, repr=False)
class PaperTable:
    """Results of one paper and ours, shown as paper / ours / verdict.

    Attributes:
        source: the paper, as cited.
        results: the claims with their first `SEEDS` recorded seeds, or with all where the claim is kept as undecided.
    """

    source: str
    results: tuple[Result, ...]

    def __repr__(self) -> str:
        rows = [f"  {r.claim.id} | {r.claim.paper} | {_ours(r)} | {r.verdict}" for r in self.results]
        return "\n".join([f"{self.source}: paper | ours | verdict", *rows])

    def _repr_html_(self) -> str:
        cell = "text-align:left;vertical-align:top;padding:.35em .6em;white-space:normal"
        head = ("what", "paper", "ours (mean and range)", "verdict")
        rows = [
            (
                f"{html.escape(result.claim.text)}<br><code>{html.escape(result.claim.id)}</code>",
                html.escape(result.claim.paper),
                html.escape(_ours(result)),
                f"<b>{result.verdict}</b><br>asked {html.escape(str(result.claim.asks))}",
            )
            for result in self.results
        ]
        body = "".join(f"<tr>{''.join(f'<td style={cell!r}>{text}</td>' for text in row)}</tr>" for row in rows)
        names = "".join(f"<th style={cell!r}>{name}</th>" for name in head)
        caption = f"<caption style='text-align:left'><b>{html.escape(self.source)}</b></caption>"
        return f"<table style='width:100%'>{caption}<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def paper_table(source: str, ids: Sequence[str]) -> PaperTable:
    """The table of these claims.

    Args:
        source: the paper, as in "Glorot & Bengio 2010".
        ids: claims with a `paper` figure, of one lesson.

    Raises:
        ValueError: for no claims, an unknown one, or one without a figure of a paper.
        FileNotFoundError: for a claim that was never recorded.
    """
    if not ids:
        raise ValueError("a table needs at least one claim, got none")
    results = []
    for id in ids:
        known = claims(id.partition(".")[0])
        if id not in known or not known[id].paper:
            raise ValueError(f"{id!r} is not a claim with a paper's figure; there are {', '.join(known)}")
        values = ClaimRecord.load(record_path(id)).values
        undecided = known[id].expected == "undecided"  # few seeds may look decided
        results.append(Result(known[id], values if undecided else dict(list(values.items())[:SEEDS])))
    return PaperTable(source, tuple(results))


def _ours(result: Result) -> str:
    unit = f" {result.claim.unit}" if result.claim.unit else ""
    return f"⟨{result.measured()}⟩{unit}, {len(result.values)} seeds"
