"""Every test of the grading has a folder of points of its own."""

import pytest


@pytest.fixture(autouse=True)
def course_home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("OPTCOURSE_HOME", str(home))
    return home
