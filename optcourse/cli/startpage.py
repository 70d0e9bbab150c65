"""The page that JupyterLab opens on: a notebook with the map of the course and the points so far."""

import itertools
import json
from typing import Any

from optcourse import __version__, catalogue

START_PAGE = "start.ipynb"
TITLE = """# Deep-learning optimization, proved on your own machine

Open a lesson, run it from top to bottom, then do its exercises. Each check tells you *which* mistake you made."""
HELP = f"""Something wrong? In a terminal, `optcourse doctor` says what is missing and how to get it.
`optcourse lab --reset optimizers.adam` gives you one exercise cell anew and keeps your answer beside it.
This page was made by optcourse {__version__}."""


def course_map(*, link: str = "{path}", also: str = "") -> str:
    """The map of the course as a Markdown table, from the catalogue.

    Args:
        link: where a notebook is found; `{path}` stands for a path such as notebooks/04_optimizers.ipynb.
        also: a further column for lessons that are ready, in which `{stem}` stands for 04_optimizers.
    """
    rows = []
    for part, group in itertools.groupby(catalogue.lessons(), lambda lesson: lesson.part):
        rows.append(f"| | **{part}** | | |" + (" |" if also else ""))
        for lesson in group:
            title, work, extra = lesson.title, "planned", ""
            if lesson.ready:
                title = f"[{lesson.title}]({link.format(path=f'notebooks/{lesson.stem}.ipynb')})"
                work, extra = f"{lesson.minutes} min", also.format(stem=lesson.stem)
                if exercises := catalogue.exercises(lesson.slug):
                    points = sum(exercise.points for exercise in exercises)
                    target = link.format(path=f"exercises/{lesson.stem}.ipynb")
                    work += f" + [{len(exercises)} exercises, {points:g} points]({target})"
            rows.append(
                f"| {lesson.number:02d} | {title} | {lesson.question} | {work} |" + (f" {extra} |" if also else "")
            )
    head = "| | lesson | question | work |" + (" |" if also else "")
    return "\n".join([head, "|---|---|---|---|" + ("---|" if also else ""), *rows])


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
