"""Submitted notebooks: the answer cells by exercise id, whatever else is in the file.

A notebook is a stranger's bytes: it is read with limits, never executed here, and what is wrong with it has a name.
"""

import ast
import functools
import hashlib
import json
import os
import re
import stat
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optcourse import catalogue
from optcourse.grading.forbidden import imported
from optcourse.grading.submission import Status

MAX_BYTES = 32 * 2**20
MAX_ENTRIES = 2_000_000  # brackets and commas: what json makes objects of
MAX_SOURCE = 100_000  # characters of an answer
MAX_COPIES = 10  # different cells with one exercise's id that are compared
# What a lesson's notebook shows or keeps; a class run has no use for it, and its answers must not read the checks.
_ABSENT = ("optcourse.grading", "optcourse.plots", "optcourse.widgets", "optcourse.experiments", "optcourse.lab.device")
_MAGIC = re.compile(r"^[ \t]*[%!?].*$|^.*\?[ \t]*$", re.MULTILINE)


class NotebookError(Exception):
    """A file that cannot be graded; `status` says which row it gets, the text why."""

    def __init__(self, status: Status, message: str, digest: str = "") -> None:
        super().__init__(message)
        self.status, self.digest = status, digest


@dataclass(frozen=True)
class Answer:
    """One answer cell.

    Attributes:
        source: Python without IPython's magic lines; "" when there is no such cell.
        syntax: hash of the normalized syntax tree; "" when it does not parse.
        problem: why it cannot be run: "", "missing", "duplicate", "syntax", "long".
        message: the problem in a sentence, or a note on what was left out.
        tree: the syntax tree; an empty one where there is a problem.
    """

    source: str = ""
    syntax: str = ""
    problem: str = ""
    message: str = ""
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []), repr=False, compare=False)


@dataclass(frozen=True)
class Notebook:
    """A submission as far as it concerns grading."""

    lesson: str
    answers: Mapping[str, Answer]
    digest: str


@dataclass(frozen=True)
class Given:
    """Code that the lesson hands out beside the answers: imports, definitions, constants.

    Attributes:
        silent: names that the notebook imports and a class run lacks (plots, check, progress).
    """

    source: str
    silent: tuple[str, ...] = ()

    @functools.cached_property
    def imports(self) -> dict[str, str]:
        """Local name -> dotted name of what it imports."""
        return imported(_parse(self.source))


@dataclass(frozen=True)
class Slot:
    """Where an answer belongs.

    Attributes:
        expression: what the notebook passes to `check`.
        stub: the answer's cell as handed out.
    """

    exercise: str
    expression: str
    stub: str = field(repr=False)

    @functools.cached_property
    def stub_syntax(self) -> str:
        """Hash of the stub's syntax tree."""
        return syntax_hash(self.stub)


def read(path: Path) -> Notebook:
    """The answers of a submitted notebook.

    Raises:
        NotebookError: if it is no notebook of this course.
    """
    data = _bytes(path)
    digest = hashlib.sha256(data).hexdigest()
    try:
        cells, metadata = _cells(data)
        found = list(_found(cells))
        lesson = _lesson(metadata, found)
    except NotebookError as error:
        raise NotebookError(error.status, str(error), digest) from None
    slots = {step.exercise: step for step in plan(lesson) if isinstance(step, Slot)}
    answers = {
        exercise: _answer([source for other, source in found if other == exercise], slot)
        for exercise, slot in slots.items()
    }
    return Notebook(lesson, answers, digest)


def _bytes(path: Path) -> bytes:
    try:
        # A pipe or a device in the folder of submissions must not block the run.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise NotebookError(Status.CORRUPT, f"The file cannot be opened: {error.strerror}.") from None
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise NotebookError(Status.CORRUPT, "This is not a regular file.")
    with os.fdopen(descriptor, "rb") as file:
        if about.st_size > MAX_BYTES:
            raise NotebookError(
                Status.CORRUPT, f"The file has {about.st_size:,} bytes; a notebook has {MAX_BYTES:,} at most."
            )
        try:
            return file.read(MAX_BYTES)
        except OSError as error:
            raise NotebookError(Status.CORRUPT, f"The file cannot be read: {error.strerror}.") from None


def _cells(data: bytes) -> tuple[list[dict], dict]:
    """Cells and metadata, both of the right types; metadata of cells too."""

    def corrupt(why: str) -> NotebookError:
        return NotebookError(Status.CORRUPT, why)

    if not data.strip():
        raise corrupt("The file is empty.")
    if sum(map(data.count, (b"[", b"{", b","))) > MAX_ENTRIES:
        raise corrupt(f"The file has more than {MAX_ENTRIES:,} entries; clear the outputs and save it again.")
    try:
        table = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise corrupt("The file is not UTF-8 text.") from None
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise corrupt(f"The file is not JSON ({reason}); it may have been cut off.") from None
    if not isinstance(table, dict) or table.get("nbformat") != 4 or not isinstance(table.get("cells"), list):
        raise corrupt("The file is JSON, but not a notebook of format 4; open it in JupyterLab and save it again.")
    metadata = table.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    language = _language(metadata)
    if language not in ("", "python"):
        raise NotebookError(Status.OTHER_KERNEL, f"The notebook's kernel runs {language[:40]}; the course is Python.")
    cells = [cell for cell in table["cells"] if isinstance(cell, dict) and isinstance(cell.get("metadata"), dict)]
    if len(cells) != len(table["cells"]):
        raise corrupt("Some cells are not cells; open the notebook in JupyterLab and save it again.")
    return cells, metadata


def _language(metadata: dict) -> str:
    """Of the kernel, in lower case; "" when the notebook does not say."""
    kernel, about = metadata.get("kernelspec"), metadata.get("language_info")
    for table, key in ((about, "name"), (kernel, "language"), (kernel, "name")):
        value = table.get(key) if isinstance(table, dict) else None
        if isinstance(value, str) and value:
            # The name of a kernel is free text: only one that is surely no Python counts.
            return value.lower() if key != "name" or table is about else ""
    return ""


def _found(cells: list[dict]) -> Iterator[tuple[str, str]]:
    """(exercise, source) of each code cell that carries an exercise's id."""
    ids = {exercise.id.replace(".", "_"): exercise.id for exercise in catalogue.exercises()}
    for cell in cells:
        about = cell["metadata"].get("nbgrader")
        grade_id = about.get("grade_id") if isinstance(about, dict) else None
        if isinstance(grade_id, str) and grade_id in ids and cell.get("cell_type") == "code":
            yield ids[grade_id], _source(cell)


def _source(cell: dict) -> str:
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise NotebookError(Status.CORRUPT, "An answer cell holds something that is not text.")
    return source.replace("\r\n", "\n").replace("\r", "\n")


def _lesson(metadata: dict, found: list[tuple[str, str]]) -> str:
    """The lesson that most answers belong to; without any, the one that the notebook names."""
    counts = Counter(catalogue.exercise(exercise).lesson for exercise, _ in found)
    if counts:
        return counts.most_common(1)[0][0]
    about = metadata.get("optcourse")
    named = about.get("lesson") if isinstance(about, dict) else None
    if named in {lesson.slug for lesson in catalogue.lessons() if catalogue.exercises(lesson.slug)}:
        return str(named)
    raise NotebookError(Status.OTHER_LESSON, "The notebook holds no answer cell of this course.")


def _answer(sources: list[str], slot: Slot) -> Answer:
    longest = max(map(len, sources), default=0)
    if longest > MAX_SOURCE:
        text = f"The answer has {longest:,} characters; {MAX_SOURCE:,} are enough for any."
        return Answer(problem="long", message=text)
    different = dict.fromkeys(sources)
    if 1 < len(different) <= MAX_COPIES:
        hashes = {syntax_hash(source) or source: source for source in different}
        if len(hashes) > 1:
            hashes.pop(slot.stub_syntax, None)
        different = dict.fromkeys(hashes.values())
    if not different:
        name = slot.exercise.replace(".", "_")
        text = f"The notebook has no code cell that carries the id {name}; answer in the cell that was handed out."
        return Answer(problem="missing", message=text)
    if len(different) > 1:
        text = f"{len(different)} cells carry this exercise's id, and they differ; keep the one that is your answer."
        return Answer(problem="duplicate", message=text)
    (source,) = different
    try:
        code, tree = _parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Answer(source=source, problem="syntax", message=_syntax_text(error, source))
    text = "" if code == source else "Lines for IPython (those with % or !) were left out."
    return Answer(code, _hash(tree), "", text, tree)


def _syntax_text(error: BaseException, source: str) -> str:
    if not isinstance(error, SyntaxError) or not error.lineno:
        return "Python cannot read this cell: it is nested too deep or holds characters that are no text."
    lines = source.splitlines()
    line = lines[error.lineno - 1].strip() if error.lineno <= len(lines) else ""
    return f"Python cannot read this cell: {error.msg}. Line {error.lineno} of your code: `{line[:120]}`"


def _parsed(source: str) -> tuple[str, ast.Module]:
    """Python and its tree: the source, or the same lines with IPython's empty where it is no Python as it stands."""
    try:
        return source, _parse(source)
    except SyntaxError:
        code = _MAGIC.sub("", source)
        return code, _parse(code)


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():  # on what is only unusual
        warnings.simplefilter("ignore")
        return ast.parse(source)


def syntax_hash(source: str) -> str:
    """Hash of the syntax tree without comments, docstrings and the learner's choice of names; "" when it has none.

    Example:
        >>> syntax_hash("def f(a):\\n    return a + 1") == syntax_hash("def g(b):  # mine\\n    return (b+1)")
        True
        >>> syntax_hash("x = 1") == syntax_hash("x = 2")
        False
    """
    try:
        return _hash(_parsed(source)[1])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _hash(tree: ast.Module) -> str:
    try:
        text = repr(_shape(tree, {}))
    except RecursionError:
        text = f"{len(tree.body)} statements nested too deep"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16] if tree.body else ""


def _shape(node: Any, names: dict[str, str]) -> Any:
    """A syntax tree as nested lists, names replaced by their order of appearance, without docstrings."""
    if isinstance(node, list):
        return [_shape(item, names) for item in node]
    if not isinstance(node, ast.AST):
        return node
    parts: list[Any] = [type(node).__name__]
    for name in node._fields:
        value = getattr(node, name, None)
        if name in ("id", "arg", "name") and isinstance(value, str):
            value = names.setdefault(value, f"name{len(names)}")
        elif name == "body" and isinstance(value, list) and value and _is_text(value[0]):
            value = value[1:]
        parts.append(_shape(value, names))
    return parts


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str)


@functools.cache
def plan(lesson: str) -> tuple[Given | Slot, ...]:
    """What a class run executes of a lesson, in order: the code handed out, and a place for each answer.

    Raises:
        FileNotFoundError: if this installation holds no exercise notebook of the lesson.
    """
    package = Path(__file__).resolve().parents[1]
    name = f"exercises/{catalogue.lesson(lesson).stem}.ipynb"
    places = (package / "course" / name, package.parent / name)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"this installation holds no {name}; install the wheel anew, or clone the repository")
    return tuple(_steps(json.loads(path.read_text(encoding="utf-8"))["cells"]))


def _steps(cells: list[dict]) -> Iterator[Given | Slot]:
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    expressions = dict(_checked("".join(cell["source"])) for cell in code if _is_check(cell))
    absent: set[str] = set()
    stubs = dict(_found(code))
    for cell in code:
        about = cell["metadata"].get("nbgrader")
        if about is None and "colab" not in cell["metadata"].get("tags", []):
            given = _given("".join(cell["source"]), absent)
            if given.source or given.silent:
                yield given
        elif about and about["solution"]:
            ((exercise, _),) = _found([cell])
            yield Slot(exercise, expressions[exercise], stubs[exercise])


def _is_check(cell: dict) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("grade"))


def _checked(source: str) -> tuple[str, str]:
    """(exercise, expression) of the call of `check` in a cell."""
    for node in ast.walk(_parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check":
            exercise, answer = node.args
            assert isinstance(exercise, ast.Constant)
            return str(exercise.value), ast.unparse(answer)
    raise ValueError(f"a graded cell calls check(id, answer); this one does not: {source!r}")


def _given(source: str, absent: set[str]) -> Given:
    """Imports, definitions and constants of a cell; not its calls, nor what needs a name that is absent."""
    kept: list[ast.stmt] = []
    silent: list[str] = []
    for statement in _parsed(source)[1].body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            if _is_absent(statement):
                silent += [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
                absent.update(silent)
                continue
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
            if any(name.id in absent for name in names if isinstance(name.ctx, ast.Load)):
                absent.update(name.id for name in names if isinstance(name.ctx, ast.Store))
                continue
        elif not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            continue
        kept.append(statement)
    return Given("\n".join(map(ast.unparse, kept)), tuple(silent))


def _is_absent(statement: ast.Import | ast.ImportFrom) -> bool:
    modules = [statement.module or ""] if isinstance(statement, ast.ImportFrom) else [a.name for a in statement.names]
    return any(module == name or module.startswith(name + ".") for module in modules for name in _ABSENT)


def shown(value: Any) -> str:
    """A hostile text as one that can be written anywhere: no lone surrogates, no control characters but line ends."""
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)
