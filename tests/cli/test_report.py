"""`optcourse report`: points as text, JSON and a page."""

import json

import pytest

from optcourse import catalogue
from optcourse.cli import main


@pytest.fixture(autouse=True)
def earned(tmp_path, monkeypatch):
    """Adam passed, nothing else."""
    monkeypatch.setenv("OPTCOURSE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    kept = {"version": 1, "exercises": {"optimizers.adam": {"points": 4.0, "status": "passed"}}}
    (tmp_path / "home" / "progress.json").write_text(json.dumps(kept))


def test_as_text(tmp_path, capsys):
    assert main(["report"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[0] == "Adam" and line.endswith("4 of 4, passed") for line in lines)
    assert lines[-1].endswith(str(tmp_path / "home"))
    assert any(line.startswith("04 Optimizers") and line.endswith("4 of 17") for line in lines)


def test_as_json(capsys):
    assert main(["report", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["points"] == 4
    assert data["lessons"]["04 Optimizers"] == {"points": 4.0, "max_points": 17}
    assert data["exercises"]["optimizers.adam"] == {"status": "passed", "points": 4.0, "max_points": 4}


def test_as_page(tmp_path, capsys):
    page = tmp_path / "new" / "points.html"
    assert main(["report", "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert f"4 of {sum(row.points for row in catalogue.exercises())}" in text
    assert "http" not in text, "the page loads nothing"


def test_points_that_cannot_be_understood_are_said_and_lose_nothing(tmp_path, capsys):
    path = tmp_path / "home" / "progress.json"
    path.write_text("{broken")
    assert main(["report"]) == 0
    assert "could not be understood" in capsys.readouterr().out
    assert [kept.read_text() for kept in path.parent.glob("*corrupt*")] == ["{broken"]
