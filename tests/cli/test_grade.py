"""`optcourse grade`: from a folder of submissions to marks, with a grader that does what the files say."""

import csv
import json
import re
from functools import partial
from pathlib import Path

import pytest

from optcourse.cli import main, parser
from optcourse.grading import classrun, exports
from optcourse.grading.submission import Status
from tests.grading.classrun.fake import FACTORY, write
from tests.grading.classrun.test_run import ALL_RIGHT


@pytest.fixture(autouse=True)
def fake_grader(monkeypatch):
    monkeypatch.setattr(classrun, "Settings", partial(classrun.Settings, factory=FACTORY))


@pytest.fixture
def handed(tmp_path) -> Path:
    folder = tmp_path / "handed"
    write(folder / "ada" / "a.ipynb", ALL_RIGHT)
    write(folder / "bob" / "b.ipynb", {"adam": "failed:l2_decay", "memory": "passed"})
    write(folder / "who" / "w.ipynb", ALL_RIGHT)
    return folder


@pytest.fixture
def roster(tmp_path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text("id,name,email\nada,Ada Lovelace,ada@example.org\nbob,Bob,\ncyd,Cyd,\n")
    return path


def marks(out: Path) -> dict[str, tuple[str, str]]:
    with (out / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["learner"]: (row["status"], row["points"]) for row in csv.DictReader(file)}


EXPECTED = {"ada": ("graded", "17"), "bob": ("partly", "1"), "cyd": ("missing", ""), "who": ("unknown owner", "17")}


GUIDE = Path(__file__).parents[2] / "docs" / "grading.md"


def test_the_guide_says_what_is_so():
    text = GUIDE.read_text(encoding="utf-8")
    command = next(action.choices["grade"] for action in parser()._actions if isinstance(action.choices, dict))
    options = {option for action in command._actions for option in action.option_strings if option.startswith("--")}
    of_grade = re.sub("`optcourse doctor[^`]*`", "", text)
    assert set(re.findall(r"--[a-z][a-z-]*", of_grade)) == options - {"--help"}
    table = text.partition("## Statuses")[2]
    named = {word.strip() for row in re.findall(r"^\| ([a-z ,]+) \|", table, re.M) for word in row.split(",")}
    assert named == set(map(str, Status))


def test_a_class(handed, roster, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["grade", str(handed), "--out", str(out), "--roster", str(roster), "--workers", "1"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "graded 3, kept 0 from before" in said
    assert "4 rows: 1 graded, 1 partly, 1 missing, 1 unknown owner" in said
    assert "isolated: 3 by fake (" in said
    assert marks(out) == EXPECTED
    names = {path.name for path in out.iterdir()}
    assert names == {
        *("marks.csv", "canvas.csv", "moodle-04_optimizers.csv", "gradescope", "results.jsonl", "feedback"),
        *("report.html", "journal.jsonl"),
    }
    assert "Ada Lovelace" in (out / "feedback" / "04_optimizers" / "ada.html").read_text()
    assert "l2_decay" in (out / "report.html").read_text()
    assert main(command) == 0
    assert "graded 0, kept 3 from before" in capsys.readouterr().out
    assert main([*command, "--regrade", "optimizers.adam"]) == 0
    assert "graded 0, regraded 3, kept 3" in capsys.readouterr().out


def test_hidden_cases_and_lessons(handed, tmp_path, capsys):
    hidden = tmp_path / "hidden.toml"
    hidden.write_text('seed = "autumn"\ncases = 2\n')
    out = tmp_path / "out"
    command = ["grade", str(handed), "--out", str(out), "--hidden", str(hidden), "--workers", "1"]
    assert main([*command, "--lesson", "optimizers"]) == 0
    line = json.loads((out / "results.jsonl").read_text().splitlines()[0])
    assert line["exercises"][0]["hidden_total"] == 1
    assert "autumn" not in "".join(path.read_text() for path in out.rglob("*.*") if path.is_file())


def test_unsafe_is_said_everywhere(handed, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["grade", str(handed), "--out", str(out), "--unsafe", "--workers", "1"]) == 0
    said = capsys.readouterr()
    assert "3 of them NOT ISOLATED" in said.err
    assert "isolated: " not in said.out
    assert "not isolated" in (out / "canvas.csv").read_text()
    assert "3 of 3 rows were graded without isolation" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--regrade", "optimizers.adma"], "did you mean 'optimizers.adam'"),
        (["--lesson", "optimisers"], "did you mean 'optimizers'"),
        (["--layout", "blackboard"], "layout must be one of folders, canvas"),
        (["--roster", "nowhere.csv"], "No such file"),
        (["--hidden", "nowhere.toml"], "No such file"),
        (["--cluster", "nonsense://x"], "leave --cluster away"),
    ],
)
def test_what_cannot_be_done_is_said(handed, tmp_path, capsys, more, message):
    assert main(["grade", str(handed), "--out", str(tmp_path / "out"), *more]) == 1
    assert message in capsys.readouterr().err


def test_a_grader_that_refuses(handed, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FAKE_REFUSES", "1")
    assert main(["grade", str(handed), "--out", str(tmp_path / "out"), "--workers", "1"]) == 1
    assert "optcourse grade: nothing isolates here; install bubblewrap" in capsys.readouterr().err


def test_results_never_lie_among_submissions(handed, capsys):
    for out in (handed, handed / "results"):
        assert main(["grade", str(handed), "--out", str(out)]) == 1
        assert "results must not lie among the submissions" in capsys.readouterr().err
    assert not (handed / "results").exists()


@pytest.mark.parametrize("workers", ["0", "-1", "two"])
def test_a_wrong_number_of_workers(handed, tmp_path, capsys, workers):
    with pytest.raises(SystemExit):
        main(["grade", str(handed), "--out", str(tmp_path / "out"), f"--workers={workers}"])
    assert "--workers" in capsys.readouterr().err


def test_a_disk_that_fills_with_the_outputs(handed, tmp_path, capsys, monkeypatch):
    write_all = exports.write_all

    def full(*_):
        raise OSError(28, "No space left on device")

    command = ["grade", str(handed), "--out", str(tmp_path / "out"), "--workers", "1"]
    monkeypatch.setattr(exports, "write_all", full)
    assert main(command) == 1
    assert "everything is graded and kept in" in (said := capsys.readouterr().err)
    assert "the disk is full" in said
    monkeypatch.setattr(exports, "write_all", write_all)
    assert main(command) == 0
    assert "graded 0, kept 3" in capsys.readouterr().out
