"""Rosters in the forms that instructors have, and whose a submission is."""

from pathlib import Path

import pytest

from optcourse.grading.classrun import read_roster
from optcourse.grading.classrun.roster import CANVAS, ID, NAME, PARTICIPANT, Learner

CANVAS_GRADEBOOK = """Student,ID,SIS User ID,SIS Login ID,Section,Optimizers (4711),Final Score
Points Possible,,,,,17,(read only)
"Doe, Jane",12345,s-1,jdoe,Section A,,
"O'Leary, Shu",7,s-2,soleary,Section A,,
"Student, Test",99,,abcdef,Section A,,
"""
MOODLE_WORKSHEET = """Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,Last modified (grade)
Participant 123,Jane Doe,m1,jane@example.org,Submitted,-,17.00,-
Participant 9,Zoë O'Neil,m2,zoe@example.org,No submission,-,17.00,-
"""


def roster(tmp_path: Path, text: str, encoding: str = "utf-8"):
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode(encoding))
    return read_roster(path)


def ids(learners) -> list[str]:
    return [learner.id for learner in learners]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,name,email\nada,Ada Lovelace,ada@example.org\n", Learner("ada", "Ada Lovelace", "ada@example.org")),
        ("\ufeffid;name\r\nada;Ada Lovelace\r\n;;\r\n", Learner("ada", "Ada Lovelace")),
        ("id\tfirst_name\tlast_name\temail\nada\tAda\tLovelace\ta@b.c\n", Learner("ada", "Ada Lovelace", "a@b.c")),
        ("First name,Surname,Email address\nAda,Lovelace,a@b.c\n", Learner("a@b.c", "Ada Lovelace", "a@b.c")),
        ('id,name\nada,"Love\nlace, Ada"\n', Learner("ada", "Ada Love lace")),
    ],
)
def test_tables(tmp_path, text, expected):
    (learner,) = roster(tmp_path, text).learners
    assert (learner.id, learner.name, learner.email) == (expected.id, expected.name, expected.email)


def test_canvas_gradebook(tmp_path):
    read = roster(tmp_path, CANVAS_GRADEBOOK)
    assert [(one.id, one.name) for one in read.learners] == [("jdoe", "Jane Doe"), ("soleary", "Shu O'Leary")]
    assert read.learners[0].record["ID"] == "12345"
    for keys in (
        [(CANVAS, "12345")],
        [(NAME, "doejane")],
        [(ID, "JDOE")],
        [(ID, "s-1")],
        [(CANVAS, "0"), (NAME, "doejane")],
    ):
        assert ids(read.owners(keys)) == ["jdoe"], keys
    assert ids(read.owners([(NAME, "olearyshu")])) == ["soleary"]
    assert read.owners([(ID, "12345")]) == [], "the LMS's number is no learner's id"


def test_moodle_worksheet(tmp_path):
    read = roster(tmp_path, MOODLE_WORKSHEET)
    assert ids(read.learners) == ["m1", "m2"]
    assert ids(read.owners([(PARTICIPANT, "123"), (NAME, "Somebody Else")])) == ["m1"], "the surest key decides"
    assert ids(read.owners([(NAME, "Zoe ONeil")])) == ["m2"], "without accents"
    assert ids(read.owners([(ID, "zoe@example.org")])) == ["m2"]


def test_two_learners_with_one_name(tmp_path):
    read = roster(tmp_path, "id,name\nj1,Jane Doe\nj2,Doe Jane\nx,Xi\n")
    assert ids(read.owners([(NAME, "Jane Doe")])) == ["j1", "j2"]
    assert ids(read.owners([(ID, "j2"), (NAME, "Jane Doe")])) == ["j2"]
    assert read.owners([(NAME, "---")]) == [], "a name without letters is nobody's"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,group\nAda,1\n", "needs a column with the learners' ids; .* has name, group"),
        ("id,name\nada,A\nAda,B\n", "an id may occur once"),
        ("id,name\nada,A\nada,A\n", "an id may occur once"),
        ("id,name\n,Ada\n", r"every learner needs an id; .*line 2"),
        ("id,name\n", "names no learner"),
        ("", "needs a column"),
    ],
)
def test_a_roster_that_cannot_be_used_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        roster(tmp_path, text)


def test_another_encoding_is_refused(tmp_path):
    with pytest.raises(ValueError, match="save it as UTF-8"):
        roster(tmp_path, "id,name\nzoe,Zoë\n", "latin-1")
