"""Gradebook tables: what an LMS reads back, and that no text becomes a formula or a mark."""

import csv
import io

import pytest

from optcourse.grading.classrun import Learner, read_roster
from optcourse.grading.exports.tables import canvas_table, cell, marks_table, moodle_table, points_text
from optcourse.grading.submission import Status
from tests.grading.classrun.test_roster import CANVAS_GRADEBOOK, MOODLE_WORKSHEET
from tests.grading.exports.samples import HOSTILE, exercise, row


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def roster(tmp_path, text):
    (tmp_path / "roster.csv").write_text(text, encoding="utf-8")
    return read_roster(tmp_path / "roster.csv")


NOTHING = {"status": Status.MISSING, "source": "", "notes": ["Nothing was handed in."]}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r\n@", "\x00=", " =", "＝"])
def test_no_text_is_a_formula(start):
    learner = Learner(f"{start}id", f"{start}HYPERLINK(1)", f"{start}mail")
    rows = [row(learner, [exercise("optimizers.adam")], message=f"{start}cmd|' /C calc'!A0", source=f"{start}x.ipynb")]
    for text in (marks_table(rows), canvas_table(rows, None), moodle_table(rows, None)):
        cells = [one for line in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")) for one in line]
        assert len(cells) > 10
        assert not [one for one in cells if one.lstrip().startswith(("=", "+", "-", "@", "＝"))]


def test_names_of_all_kinds_come_back_whole():
    learner = Learner('a,"b"', 'Doe,\n "Jane" 🙂 Ω;\t=1', "a@b.c")
    for text in (marks_table([row(learner)]), canvas_table([row(learner)], None)):
        values = list(parsed(text)[-1].values())
        assert 'Doe, "Jane" 🙂 Ω; =1' in values
        assert 'a,"b"' in values


def test_marks_of_all(tmp_path):
    rows = [
        row("ada", [exercise("optimizers.adam"), exercise("optimizers.memory", "failed")], isolated=False),
        row("nil", **NOTHING),
        row("who", [exercise("optimizers.adam")], Status.UNKNOWN_OWNER, False, ["Nobody is 'who'."]),
    ]
    ada, nil, who = parsed(marks_table(rows))
    assert (ada["points"], ada["optimizers.adam"], ada["optimizers.memory"], ada["optimizers.adamw"]) == (
        "4",
        "4",
        "0",
        "",
    )
    assert ada["isolated"] == "no"
    assert (nil["status"], nil["points"], nil["max_points"]) == ("missing", "", "17"), "nothing graded is no zero"
    assert (who["status"], who["points"], who["message"]) == ("unknown owner", "4", "Nobody is 'who'.")


def test_canvas_gets_its_own_columns_back(tmp_path):
    read = roster(tmp_path, CANVAS_GRADEBOOK)
    jane, shu = read.learners
    lines = parsed(canvas_table([row(jane, [exercise("optimizers.adam")]), row(shu, **NOTHING)], read))
    assert list(lines[0]) == [
        *("Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Optimizers (4711)"),
        "Current Grade: status of optcourse",
    ]
    assert "Points Possible" in lines[0]["Student"]
    assert lines[0]["Optimizers (4711)"] == "17"
    assert lines[1] == {
        **{"Student": "Doe, Jane", "ID": "12345", "SIS User ID": "s-1", "SIS Login ID": "jdoe", "Section": "Section A"},
        **{"Optimizers (4711)": "4", "Current Grade: status of optcourse": "partly"},
    }
    assert lines[2]["Optimizers (4711)"] == "", "Canvas keeps what it has"
    assert lines[2]["Current Grade: status of optcourse"] == "missing"


def test_canvas_from_the_names_of_its_download():
    learner = Learner("doejane_12345", "doejane", record={"ID": "12345"})
    _, line = parsed(canvas_table([row(learner, [exercise("optimizers.adam")], isolated=False)], None))
    assert (line["ID"], line["04 Optimizers"], line["SIS Login ID"]) == ("12345", "4", "")
    assert line["Current Grade: status of optcourse"] == "partly, not isolated"


def test_several_lessons_are_columns_of_one_line():
    rows = [row("ada", [exercise("optimizers.adam")]), row("ada", lesson="pruning", max_points=5.0, **NOTHING)]
    _, line = parsed(canvas_table(rows, None))
    assert (line["04 Optimizers"], line["08 Pruning"]) == ("4", "")
    assert line["Current Grade: status of optcourse"] == "partly; missing"


def test_moodle_gets_its_worksheet_back(tmp_path):
    read = roster(tmp_path, MOODLE_WORKSHEET)
    jane, zoe = read.learners
    failed = exercise("optimizers.adam", "failed", "no_bias_correction")
    lines = parsed(moodle_table([row(jane, [exercise("optimizers.memory"), failed]), row(zoe, **NOTHING)], read))
    assert lines[0]["Identifier"] == "Participant 123"
    assert lines[0]["Full name"] == "Jane Doe"
    assert (lines[0]["Grade"], lines[1]["Grade"]) == ("1", "")
    assert lines[0]["Last modified (grade)"] == "'-"
    assert lines[0]["Feedback comments"].startswith("partly: 1 of 17 points.")
    assert "optimizers.adam: failed, 0/4 (no_bias_correction)." in lines[0]["Feedback comments"]
    assert lines[1]["Feedback comments"] == "missing: No mark. Nothing was handed in."


def test_points_keep_their_cents_and_large_ones_their_digits():
    assert [points_text(points) for points in (0.0, 2.5, 1 / 3, 1234567.0, 10.0)] == [
        "0",
        "2.5",
        "0.33",
        "1234567",
        "10",
    ]


def test_a_cell_is_one_line():
    assert "\n" not in cell(HOSTILE + "\r\nnext\u2028line")
    assert cell("a\u2028b") == "a b"
