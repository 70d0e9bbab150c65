"""Notebooks as learners tear and bend them: cells, and whole files."""

import json
from collections.abc import Callable

from tests.grading.sandbox.attacks.attack import RIGHT, TARGET, Attack, answer, in_step, right_and
from tests.grading.sandbox.submissions import cell_of, changed, dumped, solution


def _cells(change: Callable[[list, dict], None]) -> Callable[[], bytes]:
    return lambda: changed(lambda notebook: change(notebook["cells"], cell_of(notebook, TARGET)))


def _renamed(cells: list, cell: dict) -> None:
    cell["metadata"]["nbgrader"]["grade_id"] = "optimizers_mine"


def _markdown(cells: list, cell: dict) -> None:
    cell["cell_type"] = "markdown"


def _kernel(language: str) -> Callable[[dict], None]:
    def change(notebook: dict) -> None:
        notebook["metadata"]["kernelspec"] = {"name": "ir", "display_name": language, "language": language}
        notebook["metadata"]["language_info"] = {"name": language}

    return change


CELLS = [
    Attack("right", lambda: dumped(solution()), "passed", submission="graded", hidden=True),
    answer("wrong", RIGHT.replace('state["m"] + p.grad', "p.grad"), "failed"),
    Attack("duplicated cell", _cells(lambda cells, cell: cells.append(dict(cell))), "passed", submission="graded"),
    Attack(
        "duplicated cell that differs",
        _cells(lambda cells, cell: cells.append({**cell, "source": "Momentum = 1"})),
        "duplicate",
    ),
    Attack("deleted cell", _cells(lambda cells, cell: cells.remove(cell)), "missing"),
    Attack("reordered cells", _cells(lambda cells, cell: cells.reverse()), "passed", submission="graded"),
    Attack("renamed cell", _cells(_renamed), "missing"),
    Attack("answer in a text cell", _cells(_markdown), "missing"),
    answer("syntax error", "def broken(:\n    pass", "error", message="Python cannot read this cell"),
    answer("no characters of text", RIGHT + "\n\x00", "error"),
    answer("nested too deep", "x = " + "(" * 5000 + "1" + ")" * 5000, "error"),
    answer("nested too deep in another way", "x = " + "-" * 90_000 + "1", "error"),
    answer("a very long answer", "x = [\n" + "1,\n" * 200_000 + "]", "error"),
    right_and("a name of two thousand parts", "deep = lambda: torch" + ".a" * 2000),
    right_and("import error", "import no_such_module", "error", message="no_such_module"),
    answer(
        "another name for the class",
        RIGHT.replace("class Momentum", "class Mine"),
        "error",
        message="There is no `Momentum`",
    ),
    answer(
        "an error below a right answer",
        RIGHT + "\nassert False, 'my own test'",
        "passed",
        submission="graded",
    ),
    answer("empty", "", "not attempted"),
    answer("hostile text", in_step("raise ValueError('<script>alert(1)</script>\\x1b[31m\\ud800')"), "error"),
]

FILES = [
    Attack("truncated", lambda: dumped(solution())[:5000], submission="corrupt"),
    Attack("empty file", lambda: b"", submission="corrupt"),
    Attack("not UTF-8", lambda: dumped(solution()).replace(b"import", b"\xe9\xff"), submission="corrupt"),
    Attack("UTF-16", lambda: dumped(solution()).decode().encode("utf-16"), submission="corrupt"),
    Attack("JSON, but no notebook", lambda: b'{"answers": [1, 2]}', submission="corrupt"),
    Attack("a list", lambda: b"[]", submission="corrupt"),
    Attack("an old format", lambda: changed(lambda notebook: notebook.update(nbformat=3)), submission="corrupt"),
    Attack(
        "cells that are no cells", lambda: changed(lambda notebook: notebook["cells"].append(5)), submission="corrupt"
    ),
    Attack("sources that are no text", _cells(lambda cells, cell: cell.update(source=[1])), submission="corrupt"),
    Attack("another kernel", lambda: changed(_kernel("R")), submission="other kernel"),
    Attack("notebook bomb: wide", lambda: b'{"cells": [' + b"[]," * 4_000_000 + b"[]]}", submission="corrupt"),
    Attack("notebook bomb: deep", lambda: b"[" * 1_000_000 + b"]" * 1_000_000, submission="corrupt"),
    Attack("notebook bomb: long", lambda: json.dumps({"x": "y" * (40 * 2**20)}).encode(), submission="corrupt"),
    Attack(
        "another course",
        lambda: changed(lambda notebook: notebook.update(cells=[], metadata={})),
        submission="other lesson",
    ),
]
