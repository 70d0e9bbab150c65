"""The kill matrix as a web page that needs nothing from elsewhere: every answer on record, and the card it got."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from optcourse import catalogue
from tests.grading.kill_matrix import Cell, summary
from tests.grading.mutants import EQUIVALENT
from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG

README = Path(__file__).parents[2] / "README.md"
MARKED = re.compile(r"(?<=<!-- kill matrix -->\n).*?(?=<!-- end of kill matrix -->)", re.S)

KINDS = {
    SOLUTION: "the solution",
    VALID: "another right answer",
    STUB: "not attempted",
    WRONG: "wrong",
    UNLISTED: "wrong, in a way that no check lists",
}

STYLE = """
:root { color-scheme: light dark; --line: #8884; --faint: #8882; --good: #1a7f37; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --good: #57ab5a; --bad: #f47067 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .35em .6em }
th, td { border-bottom: 1px solid var(--line) } summary { cursor: pointer; font-weight: 600; padding: .4em 0 }
code { background: var(--faint); padding: .1em .3em; border-radius: .2em; overflow-wrap: anywhere }
.yes { color: var(--good) } .no { color: var(--bad); font-weight: 700 } .card { white-space: pre-line }
.yes, .no, .id { white-space: nowrap }
"""


def web_page(cells: Sequence[Cell], killed: Mapping[str, tuple[int, int]]) -> str:
    """The page.

    Args:
        cells: as `kill_matrix` gives them.
        killed: exercise -> mutants of its solution that failed, and all of them.
    """
    sections = [
        _section(row, [cell for cell in cells if cell.answer.exercise == row["exercise"]]) for row in summary(cells)
    ]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Kill matrix of the exercises' checks</title><style>{STYLE}</style></head><body>
<h1>Kill matrix</h1>
<p>Every check is run on right answers, on wrong ones that are known by name, on wrong ones that nobody listed, and on
<em>mutants</em>: the solution with one operator, number or statement changed. Right answers must pass however they are
written; wrong ones must fail, and a listed mistake must be told to the learner by its name.</p>
{_overview(cells, killed)}
{"".join(sections)}
</body></html>
"""


def lesson_table(cells: Sequence[Cell], killed: Mapping[str, tuple[int, int]]) -> str:
    """The sums of each lesson as a markdown table; arguments as for `web_page`."""
    lines = [
        "| lesson | exercises | right answers accepted | wrong answers told their mistake | unlisted mistakes "
        "rejected | mutants of the solutions killed |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for slug in dict.fromkeys(catalogue.exercise(cell.answer.exercise).lesson for cell in cells):
        rows = [row for row in summary(cells) if catalogue.exercise(row["exercise"]).lesson == slug]
        counts = [
            [sum(row[kind][i] for row in rows for kind in kinds) for i in (0, 1)]
            for kinds in ((SOLUTION, VALID), (WRONG,), (UNLISTED,))
        ]
        ids = [row["exercise"] for row in rows]
        same = sum(len(EQUIVALENT.get(id, {})) for id in ids)
        counts.append([sum(killed[id][0] for id in ids), sum(killed[id][1] for id in ids) - same])
        sums = " | ".join(f"{right:,} of {total:,}" for right, total in counts)
        lines.append(f"| {catalogue.lesson(slug).title} | {len(rows)} | {sums} |")
    return "\n".join(lines) + "\n"


def with_table(readme: str, table: str) -> str:
    """The README with this table between its marks.

    Raises:
        ValueError: if the marks are missing.
    """
    if not MARKED.search(readme):
        raise ValueError("no marks for the kill matrix; write <!-- kill matrix --> and <!-- end of kill matrix -->")
    return MARKED.sub(lambda _: table, readme)


def _overview(cells: Sequence[Cell], killed: Mapping[str, tuple[int, int]]) -> str:
    head = "".join(f"<th>{text}</th>" for text in ("exercise", *KINDS.values(), "mutants killed"))
    rows = []
    for row in summary(cells):
        counts = [_count(*row[kind]) for kind in KINDS]
        failed, total = killed[row["exercise"]]
        same = len(EQUIVALENT.get(row["exercise"], {}))
        counts.append(_count(failed, total - same))
        rows.append(f"<tr><td class='id'><code>{row['exercise']}</code></td>{''.join(counts)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _count(right: int, total: int) -> str:
    return f'<td class="{"yes" if right == total else "no"}">{right} of {total}</td>'


def _breakable(id: str) -> str:
    return html.escape(id).replace("_", "_<wbr>").replace("+", "+<wbr>")


def _section(row: Mapping, cells: Iterable[Cell]) -> str:
    exercise = catalogue.exercise(row["exercise"])
    lines = []
    for cell in cells:
        mark = '<td class="yes">✓</td>' if cell.right else '<td class="no">✗</td>'
        name = f"<code>{_breakable(cell.card.misconception)}</code>" if cell.card.misconception else ""
        lines.append(
            f"<tr>{mark}<td>{html.escape(cell.answer.name)}</td><td>{KINDS[cell.answer.kind]}</td>"
            f'<td>{name}</td><td class="card">{html.escape(cell.card.message)}</td></tr>'
        )
    same = "".join(
        f"<li><code>{html.escape(change)}</code>: {html.escape(reason)}</li>"
        for change, reason in EQUIVALENT.get(exercise.id, {}).items()
    )
    equal = f"<p>Mutants that are right all the same:</p><ul>{same}</ul>" if same else ""
    return (
        f"<details><summary>{html.escape(exercise.title)} · <code>{exercise.id}</code></summary>{equal}"
        "<table><thead><tr><th></th><th>answer</th><th>what it is</th><th>named</th><th>what the card says</th></tr>"
        f"</thead><tbody>{''.join(lines)}</tbody></table></details>"
    )
