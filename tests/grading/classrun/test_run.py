"""A class run: every file graded once, whatever stops it, and nothing left running."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from optcourse.grading.classrun import Interrupted, Journal, Settings, collect, journal, run
from optcourse.grading.submission import HiddenCases, Status, SubmissionResult
from tests.grading.classrun.fake import FACTORY, write

ROOT = Path(__file__).parents[3]
ALL_RIGHT = dict.fromkeys(("memory", "momentum", "nesterov", "rmsprop", "adam", "adamw", "diagnosis"), "passed")
FAKE = Settings(factory=FACTORY)


@pytest.fixture
def log(tmp_path, monkeypatch) -> Path:
    """Where the fake grader writes down what it graded."""
    path = tmp_path / "log"
    monkeypatch.setenv("FAKE_LOG", str(path))
    return path


def graded(log: Path) -> list[list]:
    """[file, learner, exercises, process] of each submission that reached a grader."""
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.fixture
def handed(tmp_path) -> Path:
    """Four learners: all right, half right, nothing readable, crashed."""
    folder = tmp_path / "handed"
    write(folder / "ada" / "a.ipynb", ALL_RIGHT)
    write(folder / "bob" / "b.ipynb", {"adam": "passed", "adamw": "failed:l2"})
    (folder / "cyd").mkdir()
    (folder / "cyd" / "c.ipynb").write_text("{torn")
    write(folder / "dan" / "d.ipynb", {"adam": "crashed"})
    return folder


def by_learner(outcome) -> dict[str, tuple[str, float]]:
    return {row.learner.id: (str(row.result.status), row.result.points) for row in outcome.rows}


EXPECTED = {"ada": ("graded", 17.0), "bob": ("partly", 4.0), "cyd": ("corrupt", 0.0), "dan": ("crashed", 0.0)}


def test_everybody_gets_a_row_and_the_second_run_grades_nothing(handed, tmp_path, log):
    outcome = run(collect(handed), tmp_path / "out" / "journal.jsonl", settings=FAKE, workers=2)
    assert by_learner(outcome) == EXPECTED
    assert (outcome.graded, outcome.kept) == (4, 0)
    before = len(graded(log))
    outcome = run(collect(handed), tmp_path / "out" / "journal.jsonl", settings=FAKE, workers=2)
    assert by_learner(outcome) == EXPECTED
    assert (outcome.graded, outcome.kept) == (0, 4)
    assert len(graded(log)) == before == 3, "the torn file is seen to be torn before anything is run"


def test_a_changed_file_and_other_hidden_cases_are_graded_again(handed, tmp_path, log):
    place = tmp_path / "journal.jsonl"
    run(collect(handed), place, settings=FAKE, workers=1)
    write(handed / "bob" / "b.ipynb", ALL_RIGHT)
    outcome = run(collect(handed), place, settings=FAKE, workers=1)
    assert (outcome.graded, outcome.kept) == (1, 3)
    assert by_learner(outcome)["bob"] == ("graded", 17.0)
    hidden = Settings(hidden=HiddenCases("spring", cases=2), factory=FACTORY)
    outcome = run(collect(handed), place, settings=hidden, workers=1)
    assert (outcome.graded, outcome.kept) == (4, 0)
    assert outcome.rows[0].result.exercises[0].hidden_total == 1
    assert "spring" not in place.read_text(), "the seed of the hidden cases is nowhere in the results"


def test_a_worker_that_dies_or_hangs_costs_one_row(handed, tmp_path, log):
    write(handed / "eve" / "e.ipynb", ALL_RIGHT, die=True)
    write(handed / "fay" / "f.ipynb", ALL_RIGHT, hang=True)
    write(handed / "gil" / "g.ipynb", ALL_RIGHT, fail=True)
    settings = Settings(factory=FACTORY, patience=4.0)
    outcome = run(collect(handed), tmp_path / "journal.jsonl", settings=settings, workers=2)
    status = by_learner(outcome)
    assert {learner: status[learner] for learner in EXPECTED} == EXPECTED
    assert status["eve"] == status["fay"] == status["gil"] == ("crashed", 0.0)
    messages = {row.learner.id: row.message for row in outcome.rows}
    assert "failed twice on this file (the grader ended" in messages["eve"]
    assert "did not answer within 4 seconds" in messages["fay"]
    assert "RuntimeError: the sandbox broke" in messages["gil"]
    assert Counter(name for name, *_ in graded(log))["e.ipynb"] == 2, "a worker may die of something else: once more"
    assert not running(log)


def running(log: Path) -> list[int]:
    """Processes that graded something and are still there."""
    return [pid for pid in {pid for *_, pid in graded(log)} if Path(f"/proc/{pid}").exists()]


def test_regrading_touches_one_exercise_and_keeps_the_others(handed, tmp_path, log, monkeypatch):
    place = tmp_path / "journal.jsonl"
    run(collect(handed), place, settings=FAKE, workers=1)
    log.unlink()
    monkeypatch.setenv("FAKE_POINTS", "3")  # the check was mended, and adam now gives three points
    outcome = run(collect(handed), place, settings=FAKE, workers=1, regrade="optimizers.adam")
    assert outcome.regraded == 3
    assert by_learner(outcome) == {**EXPECTED, "ada": ("partly", 16.0), "bob": ("partly", 3.0)}
    assert [exercises for _, _, exercises, _ in graded(log)] == [["optimizers.adam"]] * 3
    ada = next(row.result for row in outcome.rows if row.learner.id == "ada")
    assert [exercise.points for exercise in ada.exercises] == [1, 2, 2, 2, 3, 3, 3]
    again = run(collect(handed), place, settings=FAKE, workers=1)
    assert by_learner(again) == by_learner(outcome), "a regrade stays"
    assert again.graded == 0


def test_an_unknown_exercise_cannot_be_regraded(handed, tmp_path):
    with pytest.raises(KeyError, match=r"did you mean 'optimizers\.adam'"):
        run(collect(handed), tmp_path / "journal.jsonl", settings=FAKE, regrade="optimizers.adma")


def test_a_grader_that_refuses_stops_the_run_with_its_reason(handed, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_REFUSES", "1")
    with pytest.raises(ValueError, match="nothing isolates here; install bubblewrap"):
        run(collect(handed), tmp_path / "journal.jsonl", settings=FAKE, workers=2)


def test_a_grader_that_does_not_start_ends_the_run_at_once(handed, tmp_path):
    settings = Settings(factory=FACTORY.replace("open_grader", "die_at_once"))
    with pytest.raises(ValueError, match="the grader does not start"):
        run(collect(handed), tmp_path / "journal.jsonl", settings=settings, workers=1)


PROGRAM = """
import sys
from pathlib import Path
from optcourse.grading.classrun import Settings, collect, run
from tests.grading.classrun.fake import FACTORY
run(collect(Path(sys.argv[1])), Path(sys.argv[2]), settings=Settings(factory=FACTORY), workers=2,
    regrade=(sys.argv[3:] or [None])[0])
"""


def begin(handed: Path, place: Path, *more: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(handed), str(place), *more], cwd=ROOT)


def kill_after(process: subprocess.Popen, place: Path, lines: int) -> None:
    """kill -9 once the journal holds so many lines."""
    deadline = time.monotonic() + 600
    while place.read_bytes().count(b"\n") < lines if place.exists() else True:
        assert time.monotonic() < deadline
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_killed_twice_nothing_is_lost_nor_counted_twice(tmp_path, log):
    folder, place = tmp_path / "handed", tmp_path / "journal.jsonl"
    gates = [tmp_path / name for name in ("first", "second", "third")]
    expected = {}
    for number in range(24):
        answers = dict(list(ALL_RIGHT.items())[: number % 8])
        write(folder / f"l{number:02}" / "x.ipynb", answers, gate=str(gates[number // 8]))
        expected[f"l{number:02}"] = sum((1, 2, 2, 2, 4, 3, 3)[: number % 8])
    for kept, gate in ((8, gates[0]), (16, gates[1])):
        gate.touch()
        kill_after(begin(folder, place), place, kept)
        assert place.read_bytes().count(b"\n") == kept
        with place.open("ab") as file:
            file.write(b'{"kind":"graded","key":"torn')  # as a power cut leaves it
    gates[2].touch()
    outcome = run(collect(folder), place, settings=FAKE, workers=2)
    assert outcome.unread == 0
    assert (outcome.kept, outcome.graded) == (16, 8)
    assert {row.learner.id: row.result.points for row in outcome.rows} == expected
    assert len(outcome.rows) == 24
    twice = len(graded(log)) - 24
    assert twice <= 4, "at most what two workers had in hand at each of two kills was graded again"


def test_a_worker_in_the_middle_of_something_endless_ends_with_whoever_started_it(tmp_path, log):
    folder, place = tmp_path / "handed", tmp_path / "journal.jsonl"
    write(folder / "ada" / "a.ipynb", ALL_RIGHT)
    write(folder / "bob" / "b.ipynb", hang=True)
    kill_after(begin(folder, place), place, 1)
    deadline = time.monotonic() + 120
    while running(log) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not running(log)


def test_a_killed_regrade_goes_on_where_it_was(tmp_path, log):
    folder, place = tmp_path / "handed", tmp_path / "journal.jsonl"
    gate = tmp_path / "gate"
    gate.touch()
    for number in range(16):
        write(folder / f"l{number:02}" / "x.ipynb", ALL_RIGHT, **{"gate": str(gate)} if number >= 5 else {})
    run(collect(folder), place, settings=FAKE, workers=2)
    log.unlink()
    gate.unlink()
    kill_after(begin(folder, place, "optimizers.adam"), place, 16 + 1 + 5)
    gate.touch()
    assert run(collect(folder), place, settings=FAKE, workers=2).unfinished == "optimizers.adam"
    outcome = run(collect(folder), place, settings=FAKE, workers=2, regrade="optimizers.adam")
    assert outcome.regraded == 11
    assert not outcome.unfinished
    assert len(graded(log)) <= 16 + 2
    outcome = run(collect(folder), place, settings=FAKE, workers=2, regrade="optimizers.adam")
    assert outcome.regraded == 16, "a regrade that is finished begins anew"


def test_an_interrupt_keeps_what_is_done_and_leaves_no_process(tmp_path, log, monkeypatch):
    folder, place = tmp_path / "handed", tmp_path / "journal.jsonl"
    for number in range(8):
        write(folder / f"l{number}" / "x.ipynb", ALL_RIGHT, sleep=0.1)
    add = Journal.add

    def add_then_interrupt(self, key, result):
        add(self, key, result)
        if len(self.results) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "add", add_then_interrupt)
    with pytest.raises(Interrupted, match="stopped after 2 of 8; the same command goes on"):
        run(collect(folder), place, settings=FAKE, workers=2)
    assert not running(log)
    monkeypatch.setattr(Journal, "add", add)
    outcome = run(collect(folder), place, settings=FAKE, workers=2)
    assert (outcome.graded, outcome.kept) == (5, 3)


def test_a_full_disk_is_said_and_can_be_gone_on_with(tmp_path, log, monkeypatch):
    folder, place = tmp_path / "handed", tmp_path / "journal.jsonl"
    for number in range(6):
        write(folder / f"l{number}" / "x.ipynb", ALL_RIGHT)
    write_whole, left = os.write, [8000]

    def write_until_full(file: int, data: bytes) -> int:
        if file != journal_file():
            return write_whole(file, data)
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write_whole(file, data[: left[0]])
        left[0] -= written
        return written

    def journal_file() -> int:
        return next(int(fd.name) for fd in Path("/proc/self/fd").iterdir() if fd.exists() and fd.samefile(place))

    monkeypatch.setattr(journal.os, "write", write_until_full)
    with pytest.raises(ValueError, match=r"the disk is full; \d of 6 submissions are kept\. Make room"):
        run(collect(folder), place, settings=FAKE, workers=1)
    kept = place.read_bytes()
    assert kept.endswith(b"\n"), "half a line is taken back"
    assert 0 < kept.count(b"\n") < 6
    monkeypatch.setattr(journal.os, "write", write_whole)
    outcome = run(collect(folder), place, settings=FAKE, workers=1)
    assert outcome.kept == kept.count(b"\n")
    assert len(outcome.rows) == 6


def test_two_runs_never_write_to_one_journal(tmp_path):
    with Journal(tmp_path / "journal.jsonl"), pytest.raises(ValueError, match="one run at a time"):
        Journal(tmp_path / "journal.jsonl")


def test_lines_that_are_no_records_are_counted_and_kept(tmp_path):
    place = tmp_path / "journal.jsonl"
    result = SubmissionResult("ada", "optimizers", "a.ipynb", Status.PARTLY, 4.0, 17.0, True, "fake")
    with Journal(place) as kept:
        kept.add("k", result)
    good = place.read_bytes()
    nan = good.replace(b'"points":4.0', b'"points":NaN')
    place.write_bytes(b"garbage\n" + nan + b'{"kind":"graded"}\n[1]\n' + good + b"\xff\xfe\n")
    before = place.read_bytes()
    with Journal(place) as kept:
        assert kept.results == {"k": result}
        assert kept.unread == 5
    assert place.read_bytes() == before
