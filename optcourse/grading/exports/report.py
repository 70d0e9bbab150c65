"""The page an instructor opens in the morning: what became of everybody, and what the class got wrong."""

import base64
import statistics
from collections import Counter
from collections.abc import Sequence

from optcourse import catalogue
from optcourse.grading.classrun.rows import Row
from optcourse.grading.exports.pages import bar, page, text
from optcourse.grading.exports.statistics import FEWEST, Item, alike, items
from optcourse.grading.exports.tables import mark, points_text
from optcourse.grading.submission import Status
from optcourse.plots import css_pixels, figure, marks, to_png

_LISTED = 50  # rows of a table that is a hint, not a record
_PLAIN = (Status.GRADED, Status.PARTLY, Status.NOT_ATTEMPTED, Status.MISSING)  # nothing for an instructor to do


def report_page(rows: Sequence[Row]) -> str:
    """One page, complete in itself: pictures are inside it."""
    lessons = list(dict.fromkeys(row.result.lesson for row in rows))
    body = ["<h1>Class report</h1>", _warnings(rows), _attention(rows)]
    for lesson in lessons:
        theirs = [row for row in rows if row.result.lesson == lesson and row.expected]
        if theirs:
            body += [_heading(lesson), _tiles(theirs), _statuses(theirs)]
        if lesson and any(row.result.exercises for row in theirs):
            table = items(theirs, lesson)
            body += [_histogram(theirs), _exercises(table), _mistakes(table), _equal(theirs, lesson)]
    return page("Class report", "\n".join(filter(None, body)))


def _heading(lesson: str) -> str:
    title = f"{catalogue.lesson(lesson).number:02d} {catalogue.lesson(lesson).title}" if lesson else "Lesson unknown"
    return f"<h2>{text(title)}</h2>"


def _warnings(rows: Sequence[Row]) -> str:
    bare = sum(not row.result.isolated for row in rows)
    if not bare:
        return ""
    return (
        f'<section class="card warn"><strong>{bare} of {len(rows)} rows were graded without isolation.</strong> '
        "What ran there could have read and changed anything that you can. Trust neither these marks nor this machine "
        "before you have looked at the notebooks.</section>"
    )


def _attention(rows: Sequence[Row]) -> str:
    chosen = [row for row in rows if row.result.status not in _PLAIN or _is_ungraded_file(row)]
    if not chosen:
        return ""
    lines = [[row.learner.label, row.result.status, mark(row), row.result.source, row.message] for row in chosen]
    table = _table(["Learner", "Status", "Points", "File", "What to know"], lines, right=(2,))
    return f"<h2>To look at: {len(chosen)}</h2>\n{table}"


def _is_ungraded_file(row: Row) -> bool:
    """Whether something was handed in that is no notebook: an archive may hold one."""
    return bool(row.result.source) and not row.result.exercises


def _tiles(rows: Sequence[Row]) -> str:
    points = [row.result.points for row in rows if row.result.exercises]
    most = rows[0].result.max_points
    tiles = {"learners": str(len(rows)), "graded": str(len(points))}
    if points:
        tiles[f"mean of {points_text(most)}"] = f"{statistics.fmean(points):.1f}"
        tiles["median"] = points_text(statistics.median(points))
        tiles["full marks"] = str(sum(got >= most for got in points))
    inner = "".join(
        f'<div class="tile"><b>{value}</b><span class="soft">{name}</span></div>' for name, value in tiles.items()
    )
    return f'<div class="tiles">{inner}</div>'


def _statuses(rows: Sequence[Row]) -> str:
    counts = Counter(str(row.result.status) for row in rows)
    lines = [[status, counts[status]] for status in map(str, Status) if counts[status]]
    return _table(["Status", "Learners"], lines, right=(1,), style="narrow")


def _histogram(rows: Sequence[Row]) -> str:
    points = [row.result.points for row in rows if row.result.exercises]
    most = rows[0].result.max_points
    drawing, ax = figure(height=2.9)
    marks(points, ax, maximum=most)
    alt = (
        f"Histogram of the points of {len(points)} learners, from {points_text(min(points))} to "
        f"{points_text(max(points))} of {points_text(most)}, median {points_text(statistics.median(points))}."
    )
    width, height = css_pixels(drawing.get_size_inches())
    data = base64.b64encode(to_png(drawing, alt=alt)).decode("ascii")
    return f'<p><img alt="{text(alt)}" width="{width}" height="{height}" src="data:image/png;base64,{data}"></p>'


def _exercises(table: Sequence[Item]) -> str:
    rows = []
    for item in table:
        share = f"{100 * item.difficulty:.0f} %"
        value = item.discrimination
        if value is None:
            shown = "–"
        else:
            shown = f"{value:.2f}" + (" ⚠ look at its check" if value < 0 else " weak" if value < 0.2 else "")
        rows.append(
            f"<tr><td>{text(item.exercise.title)}<br><span class='soft small'>{text(item.exercise.id)}</span></td>"
            f'<td class="right">{item.attempted}</td><td class="right">{item.passed}</td>'
            f'<td class="right">{share}</td><td>{bar(item.difficulty, share)}</td><td class="right">{shown}</td></tr>'
        )
    head = '<tr><th>Exercise</th><th class="right">Attempted</th><th class="right">Passed</th>'
    head += '<th class="right" colspan="2">Mean share of points</th><th class="right">Discrimination</th></tr>'
    return (
        f'<h3>Exercises</h3><div class="wide"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'
        '<p class="soft small">Mean share: 100 % is easy, 0 % is hard. Discrimination: correlation of the points in '
        "this exercise with those in all others; above 0.2 it tells strong from weak, below 0 something is wrong with "
        f"it. Not computed for fewer than {FEWEST} learners, or when everybody has the same.</p>"
    )


def _mistakes(table: Sequence[Item]) -> str:
    lines = [
        [item.exercise.id if first else "", name, count, f"{100 * count / item.attempted:.0f} %"]
        for item in table
        for first, (name, count) in zip([True] + [False] * 4, item.misconceptions, strict=False)
    ]
    if not lines:
        return ""
    shown = _table(["Exercise", "Mistake", "Learners", "of those who tried"], lines, right=(2, 3))
    return f"<h3>Most common mistakes</h3>{shown}"


def _equal(rows: Sequence[Row], lesson: str) -> str:
    found = alike(rows, lesson)
    if not found:
        return ""
    titles = {exercise.id: exercise.title for exercise in catalogue.exercises(lesson)}
    lines = [
        ["; ".join(group.learners), len(group.exercises), ", ".join(titles[id] for id in group.exercises)]
        for group in found[:_LISTED]
    ]
    more = f'<p class="soft small">{len(found) - _LISTED} more groups.</p>' if len(found) > _LISTED else ""
    return (
        "<h3>Equal answers</h3><p>A hint, not a verdict: the same code, whatever its names and comments. Those who "
        "learn together, or from one page, write alike; one short exercise says nothing, several long ones may.</p>"
        f"{_table(['Learners', 'Exercises', 'Which'], lines, right=(1,))}{more}"
    )


def _table(header: Sequence[str], lines: Sequence[Sequence[object]], right: Sequence[int] = (), style: str = "") -> str:
    def cells(tag: str, line: Sequence[object]) -> str:
        return "".join(
            f'<{tag} class="right">{text(item)}</{tag}>' if column in right else f"<{tag}>{text(item)}</{tag}>"
            for column, item in enumerate(line)
        )

    body = "".join(f"<tr>{cells('td', line)}</tr>" for line in lines)
    head = f"<thead><tr>{cells('th', header)}</tr></thead>"
    return f'<div class="wide"><table class="{style}">{head}<tbody>{body}</tbody></table></div>'
