"""A small course that ships, in a temporary folder, so that tests can bring out newer versions of it."""

import json
from pathlib import Path

import pytest

from optcourse.cli import reset, shipped


def notebook(*cells: dict) -> bytes:
    content = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1).encode()


def code(id: str, source: str, **metadata) -> dict:
    lines = source.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": 1, "id": id, "metadata": metadata, "outputs": [], "source": lines}


def answer(id: str, source: str) -> dict:
    return code(id, source, nbgrader={"solution": True, "grade_id": "optimizers_adam", "schema_version": 3})


@pytest.fixture
def course(tmp_path, monkeypatch) -> Path:
    """The folder of what ships."""
    folder = tmp_path / "shipped"
    for kind, content in {
        "notebooks": notebook(code("lesson", "print('lesson')")),
        "exercises": notebook(answer("adam", "class Adam: ..."), code("check", 'check("optimizers.adam", Adam)')),
    }.items():
        (folder / kind).mkdir(parents=True)
        (folder / kind / "04_optimizers.ipynb").write_bytes(content)
    for module in (shipped, reset):
        monkeypatch.setattr(module, "shipped_folder", lambda: folder)
    return folder


@pytest.fixture
def learner(tmp_path) -> Path:
    """The learner's folder, not there yet."""
    return tmp_path / "my course"
