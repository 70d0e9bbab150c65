"""Small changes to a solution, as no learner would list them: every one that behaves otherwise must fail its check.

`mutants` makes all of them, one change each: an operator, a number, a comparison, a statement left out. Those that are
right all the same stand in `equivalent`, with the reason.  `python -m tests.grading.mutants` prints the survivors.
"""

import argparse
import ast
import copy
import functools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nbformat
import torch

from optcourse import catalogue
from optcourse.authoring import course
from optcourse.authoring.stripping import BEGIN, END
from optcourse.grading.candidate import Servant, Session, direct
from optcourse.grading.engine import PUBLIC_SEED, run_case
from optcourse.grading.limits import preserved_random
from optcourse.grading.prepared import prepared
from tests.grading.equivalent import EQUIVALENT
from tests.grading.wrong_answers.learner import run

SECONDS = 2.0  # a mutant that loops for ever is killed as well; no right answer takes so long

ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.MatMult: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv,
}  # fmt: skip
COMPARISON = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
METHODS = {"add_": "sub_", "mul_": "div_", "sqrt": "square", "min": "max", "max": "min", "sum": "mean", "mean": "sum"}


@dataclass(frozen=True)
class Mutant:
    """A solution with one change.

    Attributes:
        change: "line: before -> after", in the solution as Python writes it.
        source: of the whole answer cell.
    """

    exercise: str
    change: str
    source: str


@dataclass(frozen=True)
class Solution:
    """An answer cell of a solution notebook.

    Attributes:
        source: of the cell.
        answer: name of what its check is given.
        given: what the notebook defines before it.
    """

    exercise: str
    source: str
    answer: str
    given: dict[str, Any]


def solutions(lesson: str) -> list[Solution]:
    """The answer cells of a lesson's solutions, in order, each with the imports and definitions above it."""
    row = catalogue.lesson(lesson)
    notebook = nbformat.read(course.root() / course.SOLUTIONS / f"{row.stem}.ipynb", as_version=4)
    ids = {
        exercise.id.replace(".", "_"): exercise.id for exercise in catalogue.exercises() if exercise.lesson == lesson
    }
    cells = [
        cell for cell in notebook.cells if cell.cell_type == "code" and "colab" not in cell.metadata.get("tags", [])
    ]
    asked = dict(re.findall(r'check\("([\w.]+)", (\w+)\)', "\n".join(cell.source for cell in cells)))
    found, given = [], {}
    for cell in cells:
        exercise = ids.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        if exercise:
            found.append(Solution(exercise, cell.source, asked[exercise], dict(given)))
        _define(cell.source, given)
    return found


def _define(source: str, namespace: dict[str, Any]) -> None:
    tree = ast.parse(source)
    tree.body = [s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)]
    exec(compile(tree, "<given>", "exec"), namespace)


def mutants(solution: Solution) -> list[Mutant]:
    """Every mutant of what stands between the marks of the solution."""
    lines = solution.source.splitlines()
    marks = [number for number, line in enumerate(lines, 1) if line.strip() in (BEGIN, END)]
    regions = list(zip(marks[::2], marks[1::2], strict=True))
    tree = ast.parse(solution.source)
    plain = ast.unparse(tree)
    made: dict[str, Mutant] = {}
    for index, node in enumerate(ast.walk(tree)):
        if not any(begin < getattr(node, "lineno", 0) < end for begin, end in regions):
            continue
        for changed in _changes(node):
            twin = copy.deepcopy(tree)
            _replace(twin, index, changed)
            source = ast.unparse(ast.fix_missing_locations(twin))
            if source != plain:
                made.setdefault(source, Mutant(solution.exercise, _difference(plain, source), source))
    return list(made.values())


def _changes(node: ast.AST) -> Iterator[ast.AST | None]:
    """What may stand in a node's place; None leaves a statement out."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in ARITHMETIC:
        yield _with(node, op=ARITHMETIC[type(node.op)]())
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div | ast.Pow):
        yield _with(node, left=node.right, right=node.left)
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right
    if isinstance(node, ast.AugAssign):
        yield ast.copy_location(ast.Assign([copy.deepcopy(node.target)], node.value), node)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISON:
        yield _with(node, ops=[COMPARISON[type(node.ops[0])](), *node.ops[1:]])
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.Constant):
        yield from _constants(node)
    if isinstance(node, ast.Call):
        yield from _calls(node)
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) == 2:
        yield _with(node, elts=node.elts[::-1])
    if isinstance(node, ast.Continue):
        yield ast.copy_location(ast.Break(), node)
    if isinstance(node, ast.Break):
        yield ast.copy_location(ast.Continue(), node)
    if isinstance(node, ast.Expr | ast.Assign | ast.AugAssign):
        yield None
    if isinstance(node, ast.Return) and node.value is not None:
        yield _with(node, value=ast.Constant(None))


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield _with(node, value=not value)
    elif isinstance(value, int | float):
        yield _with(node, value=value + 1)
        yield _with(node, value=value * 2 if value else -1)
    elif isinstance(value, str):
        yield _with(node, value=f"{value}_")
    elif value is None:
        yield _with(node, value=0)


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Attribute):
        if node.func.attr in METHODS:
            yield _with(node, func=_with(node.func, attr=METHODS[node.func.attr]))
        if not node.args and not node.keywords:
            yield node.func.value
    if len(node.args) == 2:
        yield _with(node, args=node.args[::-1])
    for keyword in node.keywords:
        yield _with(node, keywords=[other for other in node.keywords if other is not keyword])


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    return ast.copy_location(type(node)(**{**dict(ast.iter_fields(node)), **fields}), node)


def _replace(tree: ast.AST, index: int, changed: ast.AST | None) -> None:
    """Put something else in the place of the node that `ast.walk` meets at this index."""
    wanted = next(node for number, node in enumerate(ast.walk(tree)) if number == index)
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is wanted:
                setattr(parent, name, changed)
                return
            if isinstance(value, list) and any(item is wanted for item in value):
                place = next(number for number, item in enumerate(value) if item is wanted)
                value[place] = ast.copy_location(ast.Pass(), wanted) if changed is None else changed
                return


def _difference(before: str, after: str) -> str:
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    old, new = next((old, new) for old, new in pairs if old != new)
    return f"{old.strip()} -> {new.strip()}"


_check = functools.cache(prepared)


def survives(mutant: Mutant, solution: Solution) -> bool:
    """Whether a mutant is right in every public case; one whose cell does not even run is not."""
    exercise = catalogue.exercise(mutant.exercise)
    definition = _check(mutant.exercise, PUBLIC_SEED)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # `p.grad is 0` is meant to be wrong
            answer = run(mutant.source, solution.answer, **solution.given)
    except Exception:
        return False
    seconds = min(SECONDS, exercise.time_limit)
    servant = Servant(answer, seconds=seconds, implementations=definition.implementations)
    session = Session(direct(servant))
    if definition.accepts(session.describe()):
        return False
    with preserved_random():
        torch.manual_seed(PUBLIC_SEED)
        return all(run_case(definition, session, case).passed for case in definition.cases(PUBLIC_SEED))


def survivors(solution: Solution) -> tuple[list[Mutant], int]:
    """The mutants that pass, and how many there are in all."""
    made = mutants(solution)
    return [mutant for mutant in made if survives(mutant, solution)], len(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", default=[lesson.slug for lesson in catalogue.lessons() if lesson.ready])
    for lesson in parser.parse_args().lessons:
        for solution in solutions(lesson):
            passed, total = survivors(solution)
            print(f"{solution.exercise}: {total - len(passed)} of {total} killed")
            for mutant in passed:
                known = EQUIVALENT.get(mutant.exercise, {}).get(mutant.change, "NOT LISTED")
                print(f"    {mutant.change}   {known}")


if __name__ == "__main__":
    main()
