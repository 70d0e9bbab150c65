"""The pictures of README.md: `python -m tools.pictures`.

docs/images/kill_matrix.png   the answers on record of one lesson against its checks; docs/kill_matrix.html has all
docs/images/explorer.png      the optimizers lesson's explorer, as Chromium shows it in JupyterLab
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
LESSON = "optimizers"


def counts() -> dict[str, dict[str, tuple[int, int]]]:
    """Exercise -> kind of answer -> (judged as they should be, all of them)."""
    from tests.grading.kill_matrix import all_answers, kill_matrix

    right: dict[str, Counter[str]] = {}
    total: dict[str, Counter[str]] = {}
    for cell in kill_matrix(answer for answer in all_answers() if answer.exercise.startswith(f"{LESSON}.")):
        exercise, kind = cell.answer.exercise.partition(".")[2], _kind(cell.answer)
        right.setdefault(exercise, Counter())[kind] += cell.right
        total.setdefault(exercise, Counter())[kind] += 1
    return {name: {kind: (right[name][kind], number) for kind, number in row.items()} for name, row in total.items()}


def _kind(answer) -> str:
    """Row of an answer: its mistake, or what else it is."""
    if answer.kind == "wrong":
        if answer.misconception.startswith("confuses"):
            return "takes one bug for another"
        return "two mistakes at once" if "+" in answer.misconception else answer.misconception.replace("_", " ")
    return {
        "solution": "RIGHT: the solution",
        "valid": "RIGHT: other ways to write it",
        "stub": "not attempted",
        "unlisted": "a mistake nobody listed",
    }[answer.kind]


def draw_kill_matrix(path: Path) -> None:
    """Two columns of kinds, the most widespread first, those that are no mistake on top."""
    from optcourse.plots import figure, kill_matrix, to_png

    table = counts()
    answers: Counter[str] = Counter()
    for row in table.values():
        answers.update(dict.fromkeys(row, 1))
    order = sorted(answers, key=lambda kind: (not kind.startswith("RIGHT"), kind != "not attempted", -answers[kind]))
    half = (len(order) + 1) // 2
    picture, axes = figure(columns=2, width=9.6, height=0.205 * half + 1.6)
    for ax, rows in zip(axes, (order[:half], order[half:]), strict=True):
        kill_matrix(table, ax, rows=rows)
    picture.suptitle(
        "Answers on record (rows) against the checks (columns). Disc: that many answers, each judged as it should be,\n"
        "a wrong one by the name of its mistake. Cross: some were not.",
        fontsize=10, x=0.01, ha="left",
    )  # fmt: skip
    path.write_bytes(to_png(picture, alt="Kill matrix of the exercises' checks."))


def take_explorer(path: Path) -> None:
    """Run the browser test and keep its picture of the explorer."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "tests/browser/test_explorer.py"]
        subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "OPTCOURSE_SCREENSHOTS": folder})
        shutil.copy(Path(folder, "explorer_after.png"), path)


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    draw_kill_matrix(IMAGES / "kill_matrix.png")
    take_explorer(IMAGES / "explorer.png")
