"""Submissions as they lie on the disk: owners, versions, and what is no submission."""

import os
from pathlib import Path

import pytest

from optcourse.grading.classrun import collect
from optcourse.grading.classrun.roster import CANVAS, ID, NAME, PARTICIPANT


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return folder


def found(collection) -> dict[str, str]:
    return {handed.source: handed.owner.label for handed in collection.files}


def test_a_folder_a_learner(tmp_path):
    put(tmp_path, "ada/04.ipynb", "bob/deep/er/04.ipynb", "bob/notes.txt", "cyd/answers.zip", "dan.ipynb", "README")
    put(tmp_path, "ada/.ipynb_checkpoints/04-checkpoint.ipynb", "__MACOSX/ada/._04.ipynb", ".git/x.ipynb")
    (tmp_path / "eve").mkdir()
    collection = collect(tmp_path)
    assert collection.layout == "folders"
    assert found(collection) == {
        "ada/04.ipynb": "ada",
        "bob/deep/er/04.ipynb": "bob",
        "cyd/answers.zip": "cyd",
        "dan.ipynb": "dan",
    }
    assert [owner.label for owner in collection.owners] == ["ada", "bob", "cyd", "dan", "eve"]
    problems = {handed.owner.label: handed.problem for handed in collection.files if handed.problem}
    assert list(problems) == ["cyd"]
    assert "answers.zip was handed in, which is no notebook" in problems["cyd"]


def test_canvas(tmp_path):
    put(tmp_path, "doejane_12345_678_04.ipynb", "doejane_12345_680_04-1.ipynb", "olearyshu_LATE_7_900_my_work.ipynb")
    put(tmp_path, "doejane_12345_678_notes.pdf", "stray.ipynb")
    collection = collect(tmp_path)
    assert collection.layout == "canvas"
    files = {handed.source: handed for handed in collection.files}
    jane = files["doejane_12345_678_04.ipynb"]
    assert jane.owner.keys == ((CANVAS, "12345"), (NAME, "doejane"))
    assert files["doejane_12345_680_04-1.ipynb"].owner == jane.owner
    assert files["doejane_12345_680_04-1.ipynb"].order > jane.order, "handed in again"
    assert files["olearyshu_LATE_7_900_my_work.ipynb"].late
    assert not jane.late
    assert files["stray.ipynb"].owner.keys == (), "nobody can own it"
    assert "no notebook" in files["doejane_12345_678_notes.pdf"].problem


def test_moodle(tmp_path):
    put(tmp_path, "Jane Doe_123_assignsubmission_file_/04.ipynb", "Zoë O'Neil_9_assignsubmission_file/sub/04.ipynb")
    (tmp_path / "Max_Mustermann_77_assignsubmission_onlinetext_").mkdir()
    collection = collect(tmp_path)
    assert collection.layout == "moodle"
    keys = {owner.label: owner.keys for owner in collection.owners}
    assert keys == {
        "Jane Doe_123": ((PARTICIPANT, "123"), (NAME, "Jane Doe")),
        "Zoë O'Neil_9": ((PARTICIPANT, "9"), (NAME, "Zoë O'Neil")),
        "Max_Mustermann_77": ((PARTICIPANT, "77"), (NAME, "Max_Mustermann")),
    }


def test_nbgrader(tmp_path):
    put(tmp_path, "nbgrader_config.py", "submitted/ada/ps1/04.ipynb", "submitted/ada/ps1/timestamp.txt")
    put(tmp_path, "source/ps1/04.ipynb", "release/ps1/04.ipynb")
    collection = collect(tmp_path)
    assert collection.layout == "nbgrader"
    assert found(collection) == {"submitted/ada/ps1/04.ipynb": "ada"}
    assert collect(tmp_path / "submitted").layout == "folders", "the folder inside is one a learner"
    assert found(collect(tmp_path / "submitted")) == {"ada/ps1/04.ipynb": "ada"}


def test_nbgrader_exchange(tmp_path):
    early, late = (f"ada+ps1+2026-11-{day} 10:00:00.1 UTC+c0ffee" for day in ("02", "12"))
    put(tmp_path, f"{late}/04.ipynb", f"{early}/04.ipynb")
    collection = collect(tmp_path)
    assert collection.layout == "nbgrader-inbound"
    order = {handed.source.split("/")[0]: handed.order for handed in collection.files}
    assert order[late] > order[early]
    assert {handed.owner.keys for handed in collection.files} == {((ID, "ada"),)}


def test_links_and_pipes_are_never_opened(tmp_path):
    secret = put(tmp_path / "elsewhere", "secret.ipynb")
    folder = put(tmp_path / "handed", "ada/04.ipynb")
    (folder / "bob").mkdir()
    (folder / "bob" / "04.ipynb").symlink_to(secret / "secret.ipynb")
    (folder / "cyd").symlink_to(secret, target_is_directory=True)
    (folder / "dan").mkdir()
    os.mkfifo(folder / "dan" / "04.ipynb")
    problems = {handed.owner.label: handed.problem for handed in collect(folder).files}
    assert problems["ada"] == ""
    assert "a link to another file" in problems["bob"]
    assert "no regular file" in problems["dan"]
    assert "cyd" not in problems


def test_names_that_are_no_text(tmp_path):
    raw = os.fsencode(tmp_path) + b"/\xff\xfe learner\n"
    Path(os.fsdecode(raw)).mkdir()
    Path(os.fsdecode(raw + b"/04\x07.ipynb")).write_text("{}")
    handed = collect(tmp_path).files[0]
    assert handed.source == r"\xff\xfe learner\x0a/04\x07.ipynb"
    assert handed.path.read_text() == "{}", "the path still leads to the file"
    handed.source.encode("utf-8")


def test_very_deep_folders_end(tmp_path):
    path = tmp_path / "ada" / "/".join(["d"] * 200)
    path.mkdir(parents=True)
    (path / "04.ipynb").write_text("{}")
    put(tmp_path, "bob/04.ipynb")
    collection = collect(tmp_path)
    assert found(collection) == {"bob/04.ipynb": "bob"}
    assert [owner.label for owner in collection.owners] == ["ada", "bob"]


def test_what_cannot_be_collected_is_said(tmp_path):
    with pytest.raises(ValueError, match="unpack an archive first"):
        collect(put(tmp_path, "all.zip") / "all.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="is empty"):
        collect(tmp_path / "empty")
    with pytest.raises(ValueError, match="layout must be one of folders, canvas"):
        collect(tmp_path, "blackboard")
