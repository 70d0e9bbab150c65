"""Execute a notebook in a clean environment and store its outputs in one canonical form."""

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import nbclient
import nbformat
from nbformat import NotebookNode

import optcourse

CELL_TIMEOUT = 120
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# What a reader's own settings could change in a notebook's outputs.
_FOREIGN = re.compile(r"^(OPTCOURSE_|JUPYTER|IPYTHON|COLAB_|PYTHONSTARTUP$|PYTHONWARNINGS$|PYTEST_|MPLBACKEND$)")
_KEPT = {"OPTCOURSE_DEVICE"}


def clean_environment(folder: Path) -> dict[str, str]:
    """Environment variables under which notebooks run for their stored outputs and for their tests.

    No profile, configuration or progress of the user's is read or written: all of that goes to `folder`. One thread,
    no progress bars, the fast profile, the CPU unless OPTCOURSE_DEVICE says otherwise.
    """
    environment = {key: value for key, value in os.environ.items() if key in _KEPT or not _FOREIGN.match(key)}
    environment.setdefault("OPTCOURSE_DEVICE", "cpu")
    return environment | {
        "OPTCOURSE_HOME": str(folder / "optcourse"),
        "OPTCOURSE_PROFILE": "fast",
        "OPTCOURSE_PROGRESS": "off",
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter-config"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter-data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter-runtime"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else the kernel of IPython 7 warns about its own debugger
    }


@contextlib.contextmanager
def cleanly() -> Iterator[None]:
    """Run the block under `clean_environment` in a temporary folder, then put the old environment back."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            os.environ.clear()
            os.environ.update(clean_environment(Path(folder)))
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def read(path: Path) -> NotebookNode:
    """The notebook in this file, in format 4.

    Raises:
        ValueError: if the file is not a notebook, or gives two cells one id (reading would silently change one).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", category=nbformat.warnings.DuplicateCellId)
            return nbformat.read(path, as_version=4)
    except nbformat.warnings.DuplicateCellId as error:
        raise ValueError(f"{path}: {error}; give each cell an id of its own") from None
    except (ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError) as error:
        raise ValueError(f"{path}: not a notebook ({error}); restore it from version control") from None


def write(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook in one step: a reader, or an interruption, finds the old file or the new, never half a one."""
    text = nbformat.writes(notebook, version=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text + "\n")
        Path(draft).chmod(path.stat().st_mode if path.exists() else 0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def seal(notebook: NotebookNode) -> dict[str, str]:
    """SHA-256 of the code cells' sources and of their outputs: tells stale and altered outputs from executed ones."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    parts = {
        "sources": [cell.source for cell in code],
        "outputs": [[cell.execution_count, cell.outputs] for cell in code],
    }
    return {name: hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest() for name, part in parts.items()}


def canonical(notebook: NotebookNode, *, lesson: str) -> NotebookNode:
    """Mutates and returns the executed notebook: metadata that says nothing of when, where and by which Python it ran.

    Widget views are taken out of the outputs, since their model died with the kernel: what remains is the picture and
    text that the explorer gave along.
    """
    notebook.nbformat_minor = max(notebook.nbformat_minor, 5)
    for cell in notebook.cells:
        cell.setdefault("id", nbformat.v4.nbbase.random_cell_id())
        for key in ("execution", "ExecuteTime", "collapsed", "scrolled", "trusted"):
            cell.metadata.pop(key, None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "optcourse": {"lesson": lesson, "version": optcourse.__version__, **seal(notebook)},
        }
    )
    return notebook


def lesson_of(path: Path) -> str:
    """The slug in a notebook's file name.

    Raises:
        ValueError: if the name is not of the form NN_slug.ipynb.

    Example:
        >>> lesson_of(Path("exercises/04_optimizers.ipynb"))
        'optimizers'
    """
    match = re.fullmatch(r"\d\d_([a-z0-9_]+)", path.stem)
    if not match:
        raise ValueError(f"{path.name}: a notebook of the course is named NN_slug.ipynb, as in 04_optimizers.ipynb")
    return match[1]


def run(notebook: NotebookNode, folder: Path, *, lesson: str, timeout: float = CELL_TIMEOUT) -> float:
    """Execute every cell from a fresh kernel started in `folder`; mutates the notebook; returns seconds.

    Raises:
        ValueError: if a cell fails or exceeds `timeout` seconds; the message holds the cell and its error.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = nbclient.NotebookClient(
        notebook,
        timeout=timeout,
        startup_timeout=300,  # a busy machine may take long to start a kernel
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
    )
    start = time.perf_counter()
    try:
        with cleanly():
            client.execute()
    except (nbclient.exceptions.CellExecutionError, nbclient.exceptions.CellTimeoutError) as error:
        raise ValueError(str(error)) from None
    canonical(notebook, lesson=lesson)
    return time.perf_counter() - start


def execute(path: Path, *, timeout: float = CELL_TIMEOUT) -> float:
    """Re-execute the notebook file and store its outputs; returns seconds. On an error the file stays as it was.

    Raises:
        ValueError: if a cell fails, or the file is not a notebook of the course.
    """
    notebook = read(path)
    try:
        seconds = run(notebook, path.parent, lesson=lesson_of(path), timeout=timeout)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    write(notebook, path)
    return seconds
