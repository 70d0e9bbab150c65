"""The page that JupyterLab opens on: a notebook with the map of the course and the points so far."""

import json
from typing import Any

from optcourse import __version__
from optcourse.authoring.coursemap import course_map

START_PAGE = "start.ipynb"
TITLE = """# Deep-learning optimization, proved on your own machine

Open a lesson, run it from top to bottom, then do its exercises. Each check tells you *which* mistake you made."""
HELP = f"""Something wrong? In a terminal, `optcourse doctor` says what is missing and how to get it.
`optcourse lab --reset optimizers.adam` gives you one exercise cell anew and keeps your answer beside it.
This page was made by optcourse {__version__}."""


def start_page() -> bytes:
    """The start page as the bytes of a notebook file. The same for the same catalogue and version."""
    cells = [
        _markdown("title", TITLE),
        _markdown("map", course_map()),
        _markdown("points", "Your points so far (run the cell; they are kept outside of the notebooks):"),
        _code("progress", "from optcourse import grading\n\ngrading.progress()"),
        _markdown("help", HELP),
    ]
    notebook = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def _markdown(id: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": source.splitlines(keepends=True)}


def _code(id: str, source: str) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "id": id, "metadata": {}, "outputs": [], "source": lines}
