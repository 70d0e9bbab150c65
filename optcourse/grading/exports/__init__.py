"""Results of a class run for those who need them: the LMS, the learners, the instructor.

marks.csv                  every row: status, points, what to know; a column of points for each exercise
canvas.csv, moodle-*.csv   to upload to the gradebook; nothing that was not graded has a mark
gradescope/*/results.json  one an autograder reads
results.jsonl              everything, one JSON object a row
feedback/*/*.html          a page for each learner
report.html                the class: marks, mistakes, exercises, equal answers
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from optcourse.grading.classrun.roster import Roster
from optcourse.grading.classrun.rows import Row
from optcourse.grading.exports.feedback import feedback_page
from optcourse.grading.exports.files import remove_old, safe_names, write_text
from optcourse.grading.exports.records import gradescope_record, json_line
from optcourse.grading.exports.report import report_page
from optcourse.grading.exports.tables import canvas_table, lesson_name, marks_table, moodle_table

__all__ = ["feedback_page", "report_page", "write_all"]


def write_all(rows: Sequence[Row], folder: Path, roster: Roster | None = None) -> list[Path]:
    """Write every output; each file is replaced in one step, and pages of learners who are gone are removed.

    Args:
        rows: as `classrun.rows` returns them.
        folder: made when missing.
        roster: for columns that an LMS wants back as it gave them.

    Returns:
        The files and folders at the top of `folder`, in the order above.

    Raises:
        OSError: if one cannot be written.
    """
    names = safe_names([row.learner.id for row in rows])
    expected = [row for row in rows if row.expected]
    top = [folder / "marks.csv", folder / "canvas.csv"]
    write_text(top[0], marks_table(rows))
    write_text(top[1], canvas_table(expected, roster))
    by_lesson = sorted(expected, key=lambda row: row.result.lesson)
    for lesson, group in groupby(by_lesson, key=lambda row: row.result.lesson):
        top.append(folder / f"moodle-{lesson_name(lesson)}.csv")
        write_text(top[-1], moodle_table(list(group), roster))
    current = set()
    for row in expected:
        place = Path(lesson_name(row.result.lesson)) / names[row.learner.id]
        record = folder / "gradescope" / place / "results.json"
        page = folder / "feedback" / place.parent / f"{place.name}.html"
        write_text(record, gradescope_record(row))
        write_text(page, feedback_page(row))
        current |= {record, page}
    remove_old([*folder.glob("feedback/*/*.html"), *folder.glob("gradescope/*/*/results.json")], current)
    write_text(folder / "results.jsonl", "".join(json_line(row) for row in rows))
    write_text(folder / "report.html", report_page(rows))
    return [*top, *(folder / name for name in ("gradescope", "results.jsonl", "feedback", "report.html"))]
