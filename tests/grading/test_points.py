"""Points survive restarts, two kernels at once, kill -9 and corrupt files; what cannot be kept is said."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from optcourse import catalogue
from optcourse.grading import check, points, progress
from optcourse.grading.card import Card
from optcourse.grading.points import FILE, record

TOTAL = sum(exercise.points for exercise in catalogue.exercises())


def _card(exercise="optimizers.adam", earned=4.0, status="passed"):
    return Card(status == "passed", earned, None, "", exercise=exercise, status=status)


def _run(code: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=Path(__file__).parents[2])


def test_nothing_yet():
    assert progress().points == 0
    assert progress().max_points == TOTAL
    assert {row.status for row in progress().rows} == {"not attempted"}


def test_a_check_keeps_its_points_and_another_process_sees_them(course_home):
    assert check("optimizers.memory", 200).notes == ()
    assert progress().points == 1
    code = "from optcourse.grading import progress; import sys; sys.exit(int(progress().points))"
    assert _run(code).wait(600) == 1


def test_the_best_result_is_kept():
    record(_card())
    record(_card(earned=0.0, status="failed"))
    assert next(row for row in progress().rows if row.exercise == "optimizers.adam").status == "passed"
    record(_card("optimizers.memory", 0.0, "not attempted"))
    record(_card("optimizers.memory", 0.0, "failed"))
    assert next(row for row in progress().rows if row.exercise == "optimizers.memory").status == "failed"


def test_more_points_than_the_catalogue_gives_do_not_count(course_home):
    record(_card(earned=1000.0))
    assert progress().points == 4


def test_two_processes_writing_at_once_lose_nothing(course_home):
    code = """
    from optcourse.grading import points
    from optcourse.grading.card import Card
    points._LOCK_PATIENCE = 600.0  # a busy disk lets the other one write for long
    for number in range(40):
        notes = points.record(Card(True, 1.0, None, "", exercise=f"{who}.{{number}}", status="passed"))
        assert notes == (), notes
    """
    writers = [
        _run(code.format(who=who).replace("{who}", who).replace("{{", "{").replace("}}", "}")) for who in ("one", "two")
    ]
    assert [writer.wait(600) for writer in writers] == [0, 0]
    kept = json.loads((course_home / FILE).read_text())["exercises"]
    assert set(kept) == {f"{who}.{number}" for who in ("one", "two") for number in range(40)}


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX's")
def test_kill_9_in_the_middle_of_a_write_leaves_the_old_file_or_the_new(course_home):
    record(_card())
    code = """
    import os, signal
    from optcourse.grading import points
    from optcourse.grading.card import Card
    real = os.fsync
    def dying(number):
        real(number)
        os.kill(os.getpid(), signal.SIGKILL)
    os.fsync = dying
    points.record(Card(True, 1.0, None, "", exercise="optimizers.memory", status="passed"))
    """
    assert _run(code).wait(600) == -signal.SIGKILL
    assert progress().points == 4
    assert progress().notes == ()
    assert record(_card("optimizers.memory", 1.0)) == ()
    assert progress().points == 5


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[1, 2]",
        '{"exercises": 3}',
        '{"exercises": {"a": 1}}',
        '{"exercises": {"a": {"points": NaN, "status": "passed"}}}',
        "\x00" * 50,
        "[" * 10**5,
    ],
)
def test_a_corrupt_file_is_moved_aside_and_said_so(course_home, content):
    course_home.mkdir()
    (course_home / FILE).write_text(content)
    notes = record(_card())
    assert "moved to progress.corrupt-1.json" in notes[0]
    assert (course_home / "progress.corrupt-1.json").read_text() == content
    assert progress().points == 4
    assert progress().notes == ()
    (course_home / FILE).write_bytes(b"\xff\xfe")
    assert "progress.corrupt-2.json" in progress().notes[0]


def test_a_full_disk_is_said_and_loses_nothing(course_home, monkeypatch):
    record(_card())

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(points.os, "fsync", full)
        card = check("optimizers.memory", 200)
    assert card.passed
    assert "could not be kept (the disk is full)" in card.notes[0]
    assert "could not be kept" in repr(card)
    assert "could not be kept" in card._repr_html_()
    assert progress().points == 4
    assert sorted(path.name for path in course_home.iterdir()) == [FILE, "progress.lock"]


def test_a_folder_that_cannot_be_written_is_said(course_home, monkeypatch):
    course_home.write_text("a file where the folder should be")
    card = check("optimizers.memory", 200)
    assert card.passed
    assert "could not be kept" in card.notes[0]
    assert "cannot be read" in progress().notes[0]
    assert progress().points == 0


def test_a_lock_that_is_held_is_waited_for_and_then_said(course_home, monkeypatch):
    pauses = []
    clock = SimpleNamespace(monotonic=lambda: sum(pauses), sleep=pauses.append)
    course_home.mkdir()
    with points._locked(course_home / "progress.lock"):
        monkeypatch.setattr(points, "time", clock)
        notes = record(_card())
    assert "another notebook holds" in notes[0]
    assert points._LOCK_PATIENCE <= sum(pauses) < points._LOCK_PATIENCE + 0.1


def test_on_colab_the_reader_is_told_that_points_vanish(monkeypatch):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")
    assert "vanish with the runtime" in repr(progress())
    assert "vanish with the runtime" in progress()._repr_html_()


def test_the_table_names_lesson_and_exercises():
    record(_card())
    text = repr(progress())
    assert text.splitlines()[0] == f"Points so far: 4 of {TOTAL:g}"
    assert "04 Optimizers" in text
    assert "✓ Adam" in text
    assert "Adam" in progress()._repr_html_()


def test_one_lesson_alone():
    record(_card())
    text = repr(progress("optimizers"))
    points = sum(exercise.points for exercise in catalogue.exercises("optimizers"))
    assert text.splitlines()[0] == f"Points so far: 4 of {points:g}"
    assert "01 Initialization" not in text
    with pytest.raises(KeyError, match="did you mean 'optimizers'"):
        progress("optimizer")
