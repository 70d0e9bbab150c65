"""The student's notebook from the solution: nbgrader's convention in a few lines of nbformat."""

import copy
import re

from nbformat import NotebookNode

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
PLACEHOLDER = "# YOUR CODE HERE"
STUB = "raise NotImplementedError()"
SOLUTION_TAG = "solution"


def strip_source(source: str) -> str:
    r"""A cell's source with each solution region replaced by a stub.

    An indented region becomes nbgrader's own two lines, so that a class that runs nbgrader hands out the same file. A
    region at the top level becomes the comment alone, since a `raise` there would stop "run all": write the learner's
    starting value (`answer = None`) above the region.

    Raises:
        ValueError: if the markers do not pair up; the message gives the line.

    Example:
        >>> print(strip_source("def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"))
        def f(x):
            # YOUR CODE HERE
            raise NotImplementedError()
    """
    kept: list[str] = []
    opened: int | None = None
    for number, line in enumerate(source.splitlines(), start=1):
        marker = line.strip()
        if marker == BEGIN:
            if opened is not None:
                raise ValueError(
                    f"line {number}: {BEGIN!r} inside the region that line {opened} opened; close it first"
                )
            opened = number
            indent = line[: len(line) - len(line.lstrip())]
            kept.extend([indent + PLACEHOLDER, indent + STUB] if indent else [PLACEHOLDER])
        elif marker == END:
            if opened is None:
                raise ValueError(f"line {number}: {END!r} closes nothing; open the region with {BEGIN!r}")
            opened = None
        elif opened is None:
            kept.append(line)
    if opened is not None:
        raise ValueError(f"line {opened}: {BEGIN!r} is never closed; add {END!r}")
    return "\n".join(kept)


def strip(solution: NotebookNode) -> NotebookNode:
    """The student's notebook: regions stubbed, cells tagged `solution` left out, outputs cleared. Pure.

    Cell ids, tags, nbgrader's and slide metadata stay as they are.

    Raises:
        ValueError: on markers that do not pair up or stand outside a code cell; the message names the cell.
    """
    student = copy.deepcopy(solution)
    student.cells = [cell for cell in student.cells if SOLUTION_TAG not in cell.metadata.get("tags", [])]
    for cell in student.cells:
        if cell.cell_type == "code":
            try:
                cell.source = strip_source(cell.source)
            except ValueError as error:
                raise ValueError(f"cell {cell.id}: {error}") from None
            cell.outputs = []
            cell.execution_count = None
        elif re.search(r"###\s*(BEGIN|END) SOLUTION", cell.source):
            raise ValueError(f"cell {cell.id}: solution markers belong in code cells; tag this one {SOLUTION_TAG!r}")
    return student


def solution_lines(solution: NotebookNode) -> set[str]:
    """The lines that only the solution has, stripped of blanks: what must not be found in the student's file."""
    given, secret = set(), set()
    for cell in solution.cells:
        tagged = SOLUTION_TAG in cell.metadata.get("tags", [])
        inside = False
        for line in map(str.strip, cell.source.splitlines()):
            if line in (BEGIN, END):
                inside = line == BEGIN
            elif tagged or inside:
                secret.add(line)
            else:
                given.add(line)
    return {line for line in secret - given if len(line) > 12}
