"""A notebook as text, py:percent through jupytext: easy to edit and to review; not committed."""

from pathlib import Path

import jupytext
from jupytext.combine import combine_inputs_with_outputs

from optcourse.authoring.execution import read, write

FORMAT = "py:percent"


def text_path(notebook: Path, root: Path) -> Path:
    """Where the text of `root`/notebooks/NN_slug.ipynb is kept: build/text/notebooks/NN_slug.py, ignored by git."""
    return root / "build" / "text" / notebook.parent.name / f"{notebook.stem}.py"


def to_text(notebook: Path, text: Path) -> None:
    """Write the text form of a notebook file.

    Raises:
        FileExistsError: if the text is newer than the notebook and differs, so that edits would be lost.
    """
    content = jupytext.writes(read(notebook), fmt=FORMAT)
    newer = text.exists() and text.stat().st_mtime > notebook.stat().st_mtime
    if newer and text.read_text(encoding="utf-8") != content:
        raise FileExistsError(f"{text} has edits newer than {notebook}; take them back with from-text, or delete it")
    text.parent.mkdir(parents=True, exist_ok=True)
    text.write_text(content, encoding="utf-8", newline="\n")


def from_text(text: Path, notebook: Path) -> None:
    """Take an edited text form back into its notebook file.

    Cells found again keep their outputs, ids, tags and slide metadata. An edited cell keeps its old output until the
    notebook is executed, which `verify` notices.
    """
    edited = jupytext.reads(text.read_text(encoding="utf-8"), fmt=FORMAT)
    if notebook.exists():
        edited = combine_inputs_with_outputs(edited, read(notebook), fmt=FORMAT)
    edited.metadata.pop("jupytext", None)
    write(edited, notebook)
