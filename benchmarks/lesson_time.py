"""How long a lesson takes: `python benchmarks/lesson_time.py [SLUG ...]`.

Runs each notebook from a fresh kernel, as "run all" does, and prints the time of the whole, of the first figure, and of
the slowest check. Promises: a lesson within 45 s, its first figure within 10 s, a check within 1 s.
"""

import sys
import time
from pathlib import Path

import nbclient

from optcourse.authoring import course, execution

LESSON, FIRST_FIGURE, CHECK = 45.0, 10.0, 1.0


def timed(path: Path) -> tuple[float, float, float]:
    """Seconds of the whole notebook with its kernel's start, until its first figure, and of its slowest check."""
    notebook = execution.read(path)
    begun: dict[int, float] = {}
    first_figure = slowest_check = 0.0
    start = time.perf_counter()

    def on_cell_execute(cell, cell_index):
        begun[cell_index] = time.perf_counter()

    def on_cell_executed(cell, cell_index, execute_reply):
        nonlocal first_figure, slowest_check
        now = time.perf_counter()
        figure = any("image/png" in output.get("data", {}) for output in cell.outputs)
        if figure and not first_figure:
            first_figure = now - start
        if "check(" in cell.source:
            slowest_check = max(slowest_check, now - begun[cell_index])

    client = nbclient.NotebookClient(
        notebook,
        timeout=execution.CELL_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=on_cell_execute,
        on_cell_executed=on_cell_executed,
    )
    with execution.cleanly():
        client.execute()
    return time.perf_counter() - start, first_figure, slowest_check


def main() -> int:
    root, wanted, kept = course.root(), sys.argv[1:], True
    for path in course.expected_notebooks():
        if wanted and execution.lesson_of(path) not in wanted:
            continue
        whole, figure, check = timed(root / path)
        is_lesson = path.parent.name == course.LESSONS
        kept &= whole <= LESSON and check <= CHECK and (figure <= FIRST_FIGURE or not is_lesson)
        print(f"{path.as_posix():<36} {whole:5.1f} s   first figure {figure:4.1f} s   slowest check {check:4.2f} s")
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
