"""`optcourse report`: the learner's points so far, by exercise and lesson, as text, JSON or a page."""

import argparse
import html
import json
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from optcourse import __version__
from optcourse.cli.shipped import write_atomically
from optcourse.grading.points import Progress, Row, progress
from optcourse.lab.place import home

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>optcourse: points so far</title>
<meta name="viewport" content="width=device-width">
<style>body {{ font-family: sans-serif; margin: 2em auto; max-width: 52em; padding: 0 1em }}</style></head>
<body><h1>Points so far</h1>{table}<p>{folder}</p></body></html>
"""


def run(options: argparse.Namespace, _passed_on: list[str]) -> int:
    """Carry out the command; the exit status."""
    so_far = progress()
    folder = f"Kept by optcourse {__version__} in {home()}"
    if options.html:
        page = PAGE.format(table=so_far._repr_html_(), folder=html.escape(folder))
        write_atomically(options.html, page.encode())
        print(f"wrote {options.html}")
    if options.json:
        print(json.dumps(as_data(so_far), indent=1))
    elif not options.html:
        print("\n".join([*as_text(so_far), folder]))
    return 0


def as_data(so_far: Progress) -> dict[str, Any]:
    """The points as plain values, for programs."""
    exercises = {
        row.exercise: {"status": row.status, "points": row.points, "max_points": row.max_points} for row in so_far.rows
    }
    return {
        "version": __version__,
        "home": str(home()),
        "points": so_far.points,
        "max_points": so_far.max_points,
        "lessons": {lesson: {"points": got, "max_points": most} for lesson, _, got, most in _lessons(so_far)},
        "exercises": exercises,
        "notes": list(so_far.notes),
    }


def as_text(so_far: Progress) -> Iterator[str]:
    """The points as lines."""
    width = max((len(row.title) for row in so_far.rows), default=0) + 2
    for lesson, rows, points, most in _lessons(so_far):
        yield f"{lesson:<{width}}  {points:g} of {most:g}"
        yield from (f"  {row.title:<{width}}{row.points:g} of {row.max_points:g}, {row.status}" for row in rows)
    yield f"{'In all':<{width}}  {so_far.points:g} of {so_far.max_points:g}"
    yield from so_far.notes


def _lessons(so_far: Progress) -> Iterator[tuple[str, list[Row], float, float]]:
    """Each lesson with its rows, the points earned and those to be had."""
    for lesson, group in groupby(so_far.rows, key=attrgetter("lesson")):
        rows = list(group)
        yield lesson, rows, sum(row.points for row in rows), sum(row.max_points for row in rows)
