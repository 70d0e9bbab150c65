"""The kill matrix: every answer on record against its check.

python -m tests.grading.kill_matrix                              each answer, with the card it got
python -m tests.grading.kill_matrix --markdown                   the summary as a table
python -m tests.grading.kill_matrix --html docs/kill_matrix.html the page, with the mutants of the solutions,
                                                                 and the table in README.md
"""

import argparse
import functools
import importlib
import pkgutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from optcourse import catalogue
from optcourse.grading.candidate import Servant, Transport, direct
from optcourse.grading.card import Card
from optcourse.grading.engine import PUBLIC_SEED, grade
from optcourse.grading.prepared import prepared
from tests.grading import wrong_answers
from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG, Answer


@dataclass(frozen=True)
class Cell:
    """One answer and the card it got."""

    answer: Answer
    card: Card
    seconds: float

    @property
    def right(self) -> bool:
        """Whether the card says what it should."""
        return (self.card.status, self.card.misconception) == (self.answer.status, self.answer.misconception)


_check = functools.cache(prepared)


def all_answers() -> list[Answer]:
    """Every answer of every lesson, in the catalogue's order of exercises."""
    modules = (
        importlib.import_module(f"{wrong_answers.__name__}.{module.name}")
        for module in pkgutil.iter_modules(wrong_answers.__path__)
    )
    answers = [answer for module in modules for answer in getattr(module, "ANSWERS", ())]
    order = [exercise.id for exercise in catalogue.exercises()]
    return sorted(answers, key=lambda answer: order.index(answer.exercise))


def kill_matrix(
    answers: Iterable[Answer], *, transport: Callable[[Servant], Transport] = direct, seed: int = PUBLIC_SEED
) -> list[Cell]:
    """Grade every answer."""
    cells = []
    for answer in answers:
        exercise = catalogue.exercise(answer.exercise)
        start = time.perf_counter()
        card = grade(_check(answer.exercise, seed), answer.candidate, exercise, seed=seed, transport=transport)
        cells.append(Cell(answer, card, time.perf_counter() - start))
    return cells


def summary(cells: Iterable[Cell]) -> list[dict]:
    """One row an exercise: how many answers of each kind were judged as they should be, and the mistakes named."""
    table: dict[str, dict] = {}
    for cell in cells:
        row = table.setdefault(
            cell.answer.exercise,
            {"exercise": cell.answer.exercise, **{kind: [0, 0] for kind in (SOLUTION, VALID, STUB, WRONG, UNLISTED)}}
            | {"named": set(), "seconds": 0.0},
        )
        row[cell.answer.kind][0] += cell.right
        row[cell.answer.kind][1] += 1
        row["seconds"] = max(row["seconds"], cell.seconds)
        if cell.answer.kind == WRONG and cell.right and cell.card.misconception:
            row["named"] |= set(cell.card.misconception.split("+"))
    return list(table.values())


def markdown(cells: Iterable[Cell]) -> str:
    """The summary as a table."""
    lines = [
        "| exercise | solution passes | other right answers pass | stub: not attempted | wrong answers named | "
        "unlisted mistakes fail unnamed | mistakes known by name |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in summary(cells):
        counts = " | ".join(f"{row[kind][0]} of {row[kind][1]}" for kind in (SOLUTION, VALID, STUB, WRONG, UNLISTED))
        lines.append(f"| `{row['exercise']}` | {counts} | {len(row['named'])} |")
    return "\n".join(lines)


def lessons_of(cells: Iterable[Cell]) -> list[str]:
    """The lessons that the answers belong to, in the course's order."""
    return list(dict.fromkeys(catalogue.exercise(cell.answer.exercise).lesson for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--html", type=Path, help="write the page to this file, and its sums into README.md")
    parser.add_argument("--markdown", action="store_true", help="the summary as a markdown table")
    parser.add_argument("--exercise", default="", help="only the exercises whose id begins so")
    arguments = parser.parse_args()
    cells = kill_matrix(answer for answer in all_answers() if answer.exercise.startswith(arguments.exercise))
    if arguments.html:
        from tests.grading import mutants, page  # both build on this module

        killed = {}
        for solution in (found for slug in lessons_of(cells) for found in mutants.solutions(slug)):
            passed, total = mutants.survivors(solution)
            killed[solution.exercise] = (total - len(passed), total)
        arguments.html.write_text(page.web_page(cells, killed), encoding="utf-8")
        if not arguments.exercise:
            readme = page.README.read_text(encoding="utf-8")
            page.README.write_text(page.with_table(readme, page.lesson_table(cells, killed)), encoding="utf-8")
        return
    if arguments.markdown:
        print(markdown(cells))
        return
    for cell in cells:
        mark = "  " if cell.right else "!!"
        told = f"{cell.card.status}, {cell.card.misconception}"
        print(f"{mark} {cell.answer.exercise} | {cell.answer.kind}: {cell.answer.name} | {told} | {cell.seconds:.2f} s")


if __name__ == "__main__":
    main()
