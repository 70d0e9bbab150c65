"""Tables for gradebooks and spreadsheets. Text in a cell is never a formula, and what was not graded has no mark."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from optcourse import catalogue
from optcourse.grading.classrun.roster import Learner, Roster, clean
from optcourse.grading.classrun.rows import Row

_CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
# Canvas drops columns whose title speaks of a current grade; any other title would be offered as a new assignment.
_CANVAS_STATUS = "Current Grade: status of optcourse"
_MOODLE_COLUMNS = (
    *("Identifier", "Full name", "ID number", "Email address", "Status", "Grade", "Maximum Grade"),
    *("Last modified (grade)", "Feedback comments"),
)


def lesson_name(lesson: str) -> str:
    """Number and slug, as in "04_optimizers"; "unknown" for ""."""
    return catalogue.lesson(lesson).stem if lesson else "unknown"


def cell(text: object) -> str:
    """Text for a cell: one line, and never read as a formula by a spreadsheet.

    Example:
        >>> cell("=1+1"), cell("Doe,\\n Jane"), cell(-1)
        ("'=1+1", 'Doe, Jane', "'-1")
    """
    line = clean(str(text))
    return f"'{line}" if line[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠") else line


def points_text(points: float) -> str:
    """Points with at most two decimals, as in "12", "2.5"."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def mark(row: Row) -> str:
    """The points for a gradebook; "" where nothing was graded, which is not a zero."""
    return points_text(row.result.points) if row.result.exercises else ""


def score_text(row: Row) -> str:
    """The points of a graded row in words, or that there are none."""
    result = row.result
    return f"{points_text(result.points)} of {points_text(result.max_points)} points" if result.exercises else "No mark"


def status_text(row: Row) -> str:
    """The status, and whether the answers ran without isolation."""
    return f"{row.result.status}, not isolated" if not row.result.isolated else str(row.result.status)


def _written(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([cell(item) for item in row] for row in rows)
    return text.getvalue()


def marks_table(rows: Sequence[Row]) -> str:
    """All rows, those of unknown owners too, with the points of each exercise."""
    lessons = {row.result.lesson for row in rows}
    exercises = [exercise.id for exercise in catalogue.exercises() if exercise.lesson in lessons]
    header = ["learner", "name", "email", "lesson", "status", "points", "max_points", "isolated", "file", "message"]
    table: list[Sequence[object]] = [[*header, *exercises]]
    for row in rows:
        result, learner = row.result, row.learner
        earned = {one.exercise: points_text(one.points) for one in result.exercises}
        table.append(
            [
                *(learner.id, learner.name, learner.email, result.lesson, result.status, mark(row)),
                *(points_text(result.max_points), "yes" if result.isolated else "no", result.source, row.message),
                *(earned.get(exercise, "") for exercise in exercises),
            ]
        )
    return "\ufeff" + _written(table)  # the mark by which spreadsheets know UTF-8


def canvas_table(rows: Sequence[Row], roster: Roster | None) -> str:
    """Canvas's gradebook import: one line a learner, one column a lesson; an empty cell leaves what Canvas has.

    The column of a roster that came from Canvas is used where its title names the lesson.
    """
    given = roster.columns if roster and {"Student", "Section"} <= set(roster.columns) else _CANVAS_COLUMNS
    columns = given[: given.index("Section") + 1]
    lessons = list(dict.fromkeys(row.result.lesson for row in rows if row.result.lesson))
    titles = [_canvas_title(lesson, given) for lesson in lessons]
    most = {row.result.lesson: points_text(row.result.max_points) for row in rows}
    table: list[Sequence[object]] = [[*columns, *titles, _CANVAS_STATUS]]
    table.append(["    Points Possible", *[""] * (len(columns) - 1), *(most[lesson] for lesson in lessons), ""])
    for learner, theirs in _by_learner(rows):
        about = [_canvas_cell(learner, column) for column in columns]
        marks = [mark(theirs[lesson]) if lesson in theirs else "" for lesson in lessons]
        said = "; ".join(status_text(row) for row in theirs.values())
        table.append([*about, *marks, said])
    return _written(table)


def _canvas_title(lesson: str, given: Sequence[str]) -> str:
    row = catalogue.lesson(lesson)
    names = {row.title.casefold(), row.slug, row.stem, f"{row.number:02d} {row.title}".casefold()}
    return next(
        (title for title in given if title.rpartition(" (")[0].casefold() in names or title.casefold() in names),
        f"{row.number:02d} {row.title}",
    )


def _canvas_cell(learner: Learner, column: str) -> str:
    if column in learner.record:
        return learner.record[column]
    return {"Student": learner.name or learner.id, "SIS Login ID": "" if "ID" in learner.record else learner.id}.get(
        column, ""
    )


def _by_learner(rows: Iterable[Row]) -> list[tuple[Learner, dict[str, Row]]]:
    table: dict[str, tuple[Learner, dict[str, Row]]] = {}
    for row in rows:
        table.setdefault(row.learner.id, (row.learner, {}))[1][row.result.lesson] = row
    return list(table.values())


def moodle_table(rows: Sequence[Row], roster: Roster | None) -> str:
    """Moodle's grading worksheet for one lesson; the one given as roster is handed back with grades and feedback."""
    given = roster.columns if roster and {"Identifier", "Grade"} <= set(roster.columns) else ()
    columns = tuple(dict.fromkeys([*given, *_MOODLE_COLUMNS]))
    table: list[Sequence[object]] = [columns]
    table += [[_moodle_cells(row).get(column, "") for column in columns] for row in rows]
    return _written(table)


def _moodle_cells(row: Row) -> Mapping[str, str]:
    learner, result = row.learner, row.result
    comments = [f"{status_text(row)}: {score_text(row)}."]
    comments += [row.message] if row.message else []
    comments += [
        f"{one.exercise}: {one.status}, {points_text(one.points)}/{points_text(one.max_points)}"
        f"{f' ({one.misconception})' if one.misconception else ''}."
        for one in result.exercises
    ]
    about = {"Full name": learner.name, "Email address": learner.email}
    if "Identifier" not in learner.record:
        about["ID number"] = learner.id
    ours = {
        "Status": status_text(row),
        "Grade": mark(row),
        "Maximum Grade": points_text(result.max_points),
        "Feedback comments": " ".join(comments),
    }
    return {**about, **learner.record, **ours}
