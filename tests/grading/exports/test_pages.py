"""Pages and files of a class run: complete in themselves, escaped, one for each learner and nowhere else."""

import base64
import html.parser
import json
import re
import string
from pathlib import Path

import pytest

from optcourse.grading.classrun import Learner
from optcourse.grading.exports import feedback_page, files, report_page, write_all
from optcourse.grading.exports.files import safe_names, write_text
from optcourse.grading.submission import ExerciseStatus, Status
from tests.grading.exports.samples import HOSTILE, classroom, exercise, row


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words += data


def hostile_row():
    one = exercise("optimizers.adam", "failed", HOSTILE)
    number = dict.fromkeys(("place", "yours", "expected"), HOSTILE)
    card = dict.fromkeys(("title", "message", "case", "look_next", "printed"), HOSTILE)
    card |= {"number": number, "facts": [HOSTILE], "notes": [HOSTILE], "dropped": 3}
    one = type(one)(**{**vars(one), "card": card})
    return row(
        Learner(HOSTILE, HOSTILE, HOSTILE), [one], source=HOSTILE, message=HOSTILE, notes=[HOSTILE], digest=HOSTILE
    )


@pytest.mark.parametrize("make", [feedback_page, lambda one: report_page([one]), lambda one: report_page([one] * 3)])
def test_hostile_text_stays_text(make):
    row_ = hostile_row()
    for status in (Status.PARTLY, Status.UNKNOWN_OWNER):
        text = make(
            type(row_)(**{**vars(row_), "result": type(row_.result)(**{**vars(row_.result), "status": status})})
        )
        page = Page(text)
        assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "object", "form", "link", "a")]
        assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on")]
        sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
        assert all(source.startswith("data:image/png;base64,") for source in sources)
        assert '<script>alert("x")</script>' in page.words
        assert not re.search("[\x00-\x08\u202a-\u202e]", text), "no control signs, no turned reading direction"
        assert "http:" not in text
        assert "https:" not in text
        assert "default-src 'none'" in text


@pytest.mark.parametrize("status", list(ExerciseStatus))
def test_every_status_of_an_exercise_has_its_words(status):
    words = Page(feedback_page(row("ada", [exercise("optimizers.adam", str(status))]))).words
    assert "optimizers.adam" in words
    assert "!" not in words or status in ("error", "crashed", "out of memory", "duplicate")


@pytest.mark.parametrize("status", list(Status))
def test_every_status_of_a_submission_has_a_page_that_says_it(status):
    words = Page(feedback_page(row("ada", [], status, source=""))).words
    assert str(status) in words
    Page(report_page([row("ada", [], status, source="")]))


def test_what_was_not_graded_has_no_zero_and_says_what_to_do():
    notes = ["Not graded: x.pdf was handed in, which is no notebook (.ipynb)."]
    handed = row("ada", [], Status.MISSING, source="ada/x.pdf", notes=notes)
    nothing = row("bob", [], Status.MISSING, source="", notes=["Nothing was handed in."])
    torn = row("cyd", [], Status.CORRUPT, message="The file is empty.")
    for one, sentence in (
        (handed, "Hand in the notebook"),
        (nothing, "Nothing was"),
        (torn, "save it, and"),
    ):
        page = Page(feedback_page(one))
        assert "No mark" in page.words
        assert "0 of 17" not in page.words
        assert page.words.count(sentence) == 1
        assert not [tag for tag, about in page.tags if about.get("role") == "img"]
    assert "Nothing was handed in" not in feedback_page(handed)
    assert "Hand in" not in feedback_page(nothing)
    looked_at = Page(report_page([handed, nothing, torn])).words
    assert "To look at: 2" in looked_at
    assert "x.pdf" in looked_at


def test_feedback_says_what_a_learner_needs():
    answers = [exercise("optimizers.adam", "failed", "no_bias_correction"), exercise("optimizers.memory")]
    words = Page(feedback_page(row(Learner("ada", "Ada"), answers))).words
    for piece in ("Ada (ada)", "1 of 17 points", "no_bias_correction", "0.513", "0.509", "step 2, parameter 1"):
        assert piece in words
    assert "4 of 4 public cases, 8 of 8 hidden cases passed" in words
    assert "Write down the first update by hand." in words


def test_the_report_names_what_is_to_be_done():
    text = report_page(classroom())
    words = Page(text).words
    for piece in (
        "To look at: 3",
        "Nobody in the roster is 'who'.",
        "Learner 3 (s003); Learner 7 (s007)",
        "04 Optimizers",
    ):
        assert piece in words
    picture = base64.b64decode(re.search(r"base64,([^\"]+)", text)[1])
    assert picture.startswith(b"\x89PNG")
    assert "without isolation" not in words
    assert "1 of 1 rows were graded without isolation" in Page(report_page([row("ada", isolated=False)])).words


def test_a_class_without_anything_graded_has_a_report():
    words = Page(report_page([row("ada", [], Status.MISSING, source="", lesson="")])).words
    assert "Lesson unknown" in words
    assert "missing" in words


def test_all_outputs(tmp_path):
    rows = [*classroom(), hostile_row()]
    written = write_all(rows, tmp_path)
    assert all(path.exists() for path in written)
    expected = [one for one in rows if one.expected]
    pages = list((tmp_path / "feedback" / "04_optimizers").iterdir())
    assert len(pages) == len(expected)
    assert all(page.parent == tmp_path / "feedback" / "04_optimizers" for page in pages)
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["learner"] for line in lines] == [one.learner.id for one in rows]
    assert len(list((tmp_path / "gradescope").rglob("results.json"))) == len(expected)
    record = json.loads((tmp_path / "gradescope" / "04_optimizers" / "s000" / "results.json").read_text())
    assert record["score"] == sum(test["score"] for test in record["tests"]) == rows[0].result.points
    assert {test["status"] for test in record["tests"]} <= {"passed", "failed"}
    assert not list(tmp_path.rglob(".new-*"))


def test_pages_of_learners_who_are_gone_go_and_other_files_stay(tmp_path):
    write_all(classroom()[:5], tmp_path)
    mine = tmp_path / "feedback" / "04_optimizers" / "mine.html"
    mine.write_text("my own notes")
    write_all(classroom()[:3], tmp_path)
    left = {page.name for page in mine.parent.iterdir()}
    assert "mine.html" in left
    assert "s002.html" in left
    assert not {"s003.html", "s004.html"} & left
    assert sorted(path.name for path in (tmp_path / "gradescope" / "04_optimizers").iterdir()) == [
        "s000",
        "s001",
        "s002",
    ]


def test_file_names_cannot_escape_or_collide():
    ids = ["../../etc/passwd", "..", ".", "", "/abs", "a/b", "a\\b", "Ada", "ada", "ADA", "con", "nul.txt", "x" * 300]
    ids += ["Zoë", "Zoe\u0308", "a\x00b", "\udc80", "a.", "tail.", "~", "a%2Fb", "ada@example.org"]
    names = safe_names(ids)
    allowed = set(string.ascii_letters + string.digits + "%_-.@+~")
    assert len({name.casefold() for name in names.values()}) == len(ids)
    for name in names.values():
        assert set(name) <= allowed
        assert 0 < len(name) <= 120
        assert name[0] != "."
        assert name[-1] != "."
        assert name.casefold() not in ("con", "nul")
    assert names["ada@example.org"] == "ada@example.org"


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    place = tmp_path / "report.html"
    write_text(place, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_text(place, "new")
    assert place.read_text() == "old"
    assert [path.name for path in Path(tmp_path).iterdir()] == ["report.html"]
