"""Restore one exercise cell from the shipped notebook; the learner's answer stays beside it."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

from optcourse import catalogue
from optcourse.cli.layout import HIDDEN
from optcourse.cli.shipped import shipped_folder, write_atomically

Cell = dict[str, Any]


def reset(id: str, folder: Path) -> str:
    """Restore the cell of this exercise in `folder`; returns what was done, in one line.

    The learner's cell becomes a raw cell below the restored one, so that nothing runs twice and nothing is lost; the
    whole notebook as it was is kept in DIR/.optcourse/backup. The file is replaced in one step.

    Raises:
        KeyError: if there is no such exercise; the message names the nearest.
        FileNotFoundError: if the folder has no such notebook.
        ValueError: if a notebook cannot be read or lacks the cell.
    """
    stem = catalogue.lesson(catalogue.exercise(id).lesson).stem
    path = folder / "exercises" / f"{stem}.ipynb"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; lay it out with: optcourse lab {folder} --no-start")
    original, notebook = _read(shipped_folder() / "exercises" / path.name), _read(path)
    fresh = _answer(original["cells"], id)
    if fresh is None:
        raise ValueError(f"the shipped {path.name} holds no cell for {id}; install the package anew")
    answer = _answer(notebook["cells"], id)
    if answer is not None and _source(answer) == _source(fresh):
        return f"{id}: your cell in {path} is still the one that was shipped"
    _put(notebook["cells"], fresh, answer, id)
    backup = folder / HIDDEN / "backup" / f"{stem}-{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**6:06d}.ipynb"
    backup.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, backup)
    write_atomically(path, (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode())
    kept = "your answer is in the raw cell below it" if answer is not None else "you had deleted it"
    return f"{id}: restored in {path}, {kept}; if the notebook is open, reload it from disk. Backup: {backup}"


def _read(path: Path) -> dict[str, Any]:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(cell, dict) for cell in notebook["cells"]):
            raise ValueError("a cell is no object")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not a notebook ({error}); rename it and lay it out anew with: optcourse lab"
        ) from None
    return notebook


def _source(cell: Cell) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _answer(cells: list[Cell], id: str) -> Cell | None:
    """The cell in which this exercise is answered, by nbgrader's id."""
    for cell in cells:
        data = cell.get("metadata", {}).get("nbgrader", {})
        if data.get("solution") and data.get("grade_id") == id.replace(".", "_"):
            return cell
    return None


def _put(cells: list[Cell], fresh: Cell, answer: Cell | None, id: str) -> None:
    """Put the fresh cell where the answer was, the answer below it; where there is none, above the exercise's check."""
    fresh = {**fresh, "outputs": [], "execution_count": None}
    if answer is None:
        checks = [at for at, cell in enumerate(cells) if cell.get("cell_type") == "code" and f'"{id}"' in _source(cell)]
        cells.insert(checks[0] if checks else len(cells), fresh)
        return
    note = f"# Your answer before `optcourse lab --reset {id}`. To use it again, make this a code cell: press Y.\n"
    kept = {"cell_type": "raw", "metadata": {}, "source": (note + _source(answer)).splitlines(keepends=True)}
    if "id" in fresh:
        kept["id"] = f"kept-{time.time_ns():x}"
    at = cells.index(answer)
    cells[at : at + 1] = [fresh, kept]
