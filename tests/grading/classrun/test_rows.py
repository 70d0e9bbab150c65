"""One row a learner and lesson: which file counts, who is missing, whose a file is."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from optcourse.grading.classrun import Row, collect, read_roster, rows
from optcourse.grading.classrun.rows import MOST_FILES, assign
from optcourse.grading.submission import ExerciseResult, Status, SubmissionResult


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def result(points: float, lesson: str = "optimizers", status: Status = Status.PARTLY, **more) -> SubmissionResult:
    exercises = (ExerciseResult("optimizers.adam", "failed", points, 17.0),) if lesson else ()
    more = {"digest": f"{points}", **more}
    return SubmissionResult("", lesson, "", status, points, 17.0 * bool(lesson), True, "fake", exercises, **more)


CORRUPT = SubmissionResult("", "", "", Status.CORRUPT, 0.0, 0.0, True, "fake", message="Torn.")


def table(folder: Path, results: Mapping[str, SubmissionResult], roster: str = "", lessons=()) -> list[Row]:
    read = None
    if roster:
        (folder.parent / "roster.csv").write_text(roster)
        read = read_roster(folder.parent / "roster.csv")
    return rows(
        assign(collect(folder), read), {folder / name: result for name, result in results.items()}, read, lessons
    )


def short(table: list[Row]) -> list[tuple[str, str, float]]:
    return [(row.learner.id, str(row.result.status), row.result.points) for row in table]


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "handed"


def test_a_row_for_each_expected_learner_and_for_files_that_are_nobodys(folder):
    put(folder, "ada/x.ipynb", "Jane Doe/x.ipynb", "stranger/x.ipynb", "zip/all.zip")
    results = {"ada/x.ipynb": result(4), "Jane Doe/x.ipynb": result(9), "stranger/x.ipynb": result(11)}
    roster = "id,name\nada,Ada\nj1,Jane Doe\nj2,Jane Doe\nzip,Z\nnil,Nil\n"
    got = table(folder, results, roster)
    assert short(got) == [
        ("ada", "partly", 4),
        ("j1", "missing", 0),
        ("j2", "missing", 0),
        ("zip", "missing", 0),
        ("nil", "missing", 0),
        ("Jane Doe", "ambiguous owner", 9),
        ("stranger", "unknown owner", 11),
    ]
    assert [row.expected for row in got] == [True] * 5 + [False] * 2
    assert "Jane Doe/x.ipynb may be theirs" in got[1].message
    assert "Jane Doe (j1); Jane Doe (j2)" in got[5].message
    assert "all.zip was handed in, which is no notebook" in got[3].message
    assert {row.result.max_points for row in got} == {17.0}
    assert all(row.result.learner == row.learner.id for row in got)


def test_several_versions(folder):
    put(folder, "ada/1.ipynb", "ada/2.ipynb", "ada/again.ipynb", "bob/1.ipynb", "bob/2.ipynb")
    same = result(5)
    results = {"ada/1.ipynb": result(4), "ada/2.ipynb": result(9), "ada/again.ipynb": result(9)}
    results |= {"bob/1.ipynb": same, "bob/2.ipynb": same}
    got = table(folder, results)
    assert short(got) == [("ada", "duplicate", 9), ("bob", "partly", 5)]
    assert "2 different notebooks, the best counts" in got[0].message
    assert "ada/1.ipynb: 4 points" in got[0].message
    assert got[1].message == "", "the same file twice is one"


def test_the_newest_version_counts_where_the_layout_tells(folder):
    put(folder, "doejane_1_5_x.ipynb", "doejane_1_6_x-1.ipynb", "roe_LATE_2_7_x.ipynb")
    results = {"doejane_1_5_x.ipynb": result(9), "doejane_1_6_x-1.ipynb": result(4), "roe_LATE_2_7_x.ipynb": result(1)}
    got = table(folder, results)
    assert short(got) == [("doejane_1", "partly", 4), ("roe_2", "partly", 1)]
    assert got[0].message == "The newest of 2 versions counts."
    assert got[1].message == "Handed in late."
    assert got[0].learner.record == {"ID": "1"}


def test_a_torn_file_beside_a_good_one_costs_nothing(folder):
    put(folder, "ada/good.ipynb", "ada/torn.ipynb", "bob/torn.ipynb")
    got = table(folder, {"ada/good.ipynb": result(4), "ada/torn.ipynb": CORRUPT, "bob/torn.ipynb": CORRUPT})
    assert short(got) == [("ada", "partly", 4), ("bob", "corrupt", 0)]
    assert "Also handed in: ada/torn.ipynb: corrupt." in got[0].message
    assert got[1].message == "Torn."
    assert got[1].result.lesson == "optimizers", "there is one lesson it can belong to"


def test_files_that_are_no_notebooks_make_no_duplicate(folder):
    put(folder, "ada/notes.pdf", "ada/x.ipynb", "bob/a.pdf", "bob/b.zip", "cyd/1.ipynb", "cyd/2.ipynb")
    results = {"ada/x.ipynb": result(4), "cyd/1.ipynb": CORRUPT, "cyd/2.ipynb": CORRUPT}
    got = table(folder, results)
    assert short(got) == [("ada", "partly", 4), ("bob", "missing", 0), ("cyd", "corrupt", 0)]
    assert "a.pdf was handed in, which is no notebook" in got[1].message
    assert "Also handed in: bob/b.zip: no notebook." in got[1].message
    assert "Also handed in: cyd/2.ipynb: corrupt." in got[2].message


def test_moodle_text_beside_a_file_is_one_owner(folder):
    name = "Jane Doe_123_assignsubmission"
    put(folder, f"{name}_file_/x.ipynb", f"{name}_onlinetext_/onlinetext.html", "Max_9_assignsubmission_file_/y.ipynb")
    (folder / "Max_9_assignsubmission_onlinetext_").mkdir()
    got = table(folder, {f"{name}_file_/x.ipynb": result(4), "Max_9_assignsubmission_file_/y.ipynb": result(5)})
    assert short(got) == [("Jane Doe_123", "partly", 4), ("Max_9", "partly", 5)]
    assert got[0].message == f"Also handed in: {name}_onlinetext_/onlinetext.html: no notebook."
    assert got[0].learner.record == {"Identifier": "Participant 123"}


def test_several_lessons(folder):
    put(folder, "ada/a.ipynb", "ada/p.ipynb", "bob/04_optimizers.ipynb", "bob/what.ipynb")
    results = {"ada/a.ipynb": result(4), "ada/p.ipynb": result(3, "pruning")}
    results |= {"bob/04_optimizers.ipynb": CORRUPT, "bob/what.ipynb": CORRUPT}
    got = [(row.learner.id, row.result.lesson, str(row.result.status)) for row in table(folder, results)]
    assert got == [
        ("ada", "optimizers", "partly"),
        ("ada", "pruning", "partly"),
        ("bob", "optimizers", "corrupt"),
        ("bob", "pruning", "missing"),
        ("bob", "", "corrupt"),
    ]
    assert table(folder, results)[-1].result.max_points == 0, "of an unknown lesson nothing is known"


def test_a_lesson_that_nobody_handed_in(folder):
    (folder / "ada").mkdir(parents=True)
    got = table(folder, {}, lessons=["optimizers"])
    assert [(row.learner.id, row.result.status, row.result.max_points) for row in got] == [("ada", Status.MISSING, 17)]


def test_thousands_of_files_of_one_learner_are_not_graded(folder):
    put(folder, *(f"ada/{number}.ipynb" for number in range(MOST_FILES + 5)), "bob/1.ipynb")
    submissions = assign(collect(folder), None)
    left = [one for one in submissions if one.handed.problem]
    assert len(left) == 5
    assert {one.learner.id for one in left} == {"ada"}
    assert "more than 20 notebooks" in left[0].handed.problem
