"""What was handed in: notebooks and owners, from a folder a learner or the layouts of Canvas, Moodle and nbgrader."""

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from optcourse.grading.classrun.roster import CANVAS, ID, NAME, PARTICIPANT, Key

MAX_DEPTH = 8
"""Folders below a learner's that are looked into."""

_SKIPPED = (".ipynb_checkpoints", "__MACOSX", "__pycache__")
# name_LATE_12345_67890_file.ipynb; a file handed in again under its name ends in -1, -2 ...
_CANVAS_FILE = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<number>\d+)_(?P<file>.+)", re.DOTALL)
_CANVAS_AGAIN = re.compile(r"-(\d+)$")
_MOODLE_FOLDER = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)_?", re.DOTALL)
_INBOUND = re.compile(r"(?P<id>.+)\+(?P<assignment>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d [\d:.]+ [^+]+)(\+.*)?", re.DOTALL)


@dataclass(frozen=True)
class Owner:
    """Whose a submission is, as far as names of files and folders tell.

    Attributes:
        label: for people; unique in the layout.
        keys: what to look for in a roster, the surest first.
    """

    label: str
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class Handed:
    """One file that was handed in.

    Attributes:
        source: path below the folder of submissions, with "/" and printable.
        order: the newest of several versions has the highest; all are () where the layout does not tell.
        late: the layout says that it came late.
        problem: why it cannot be a submission ("" for none): a link, a pipe, no notebook.
    """

    owner: Owner
    path: Path
    source: str
    order: tuple[str | int, ...] = ()
    late: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Collection:
    """All that was found.

    Attributes:
        layout: of `LAYOUTS`.
        owners: everybody with a folder or a file, those with nothing in it too.
    """

    layout: str
    owners: tuple[Owner, ...]
    files: tuple[Handed, ...]


def collect(folder: Path, layout: str | None = None) -> Collection:
    """The submissions below a folder. Nothing in them is opened, and no link is followed.

    Args:
        folder: as downloaded and unpacked.
        layout: one of `LAYOUTS`; None recognizes it.

    Raises:
        ValueError: for another layout, or a folder that is none, is empty or is not readable.
    """
    if layout is not None and layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    if not folder.is_dir():
        raise ValueError(f"submissions are read from a folder, and {folder} is none; unpack an archive first")
    entries = _entries(folder)
    if not entries:
        raise ValueError(f"{folder} is empty; give the folder that holds the submissions")
    chosen = layout or _recognize(folder, entries)
    root = folder / "submitted" if chosen == "nbgrader" and (folder / "submitted").is_dir() else folder
    pairs = sorted(
        LAYOUTS[chosen](root, _entries(root)), key=lambda pair: (pair[0].label, pair[1].source if pair[1] else "")
    )
    owners = tuple(dict.fromkeys(owner for owner, _ in pairs))
    prefix = "" if root == folder else f"{root.name}/"
    files = tuple(replace(handed, source=prefix + handed.source) for _, handed in pairs if handed is not None)
    return Collection(chosen, owners, files)


def _recognize(folder: Path, entries: list[os.DirEntry]) -> str:
    names = [entry.name for entry in entries]
    if any(_MOODLE_FOLDER.fullmatch(name) for name in names):
        return "moodle"
    if any(_INBOUND.fullmatch(name) for name in names):
        return "nbgrader-inbound"
    if (folder / "submitted").is_dir() and {"nbgrader_config.py", "source", "gradebook.db"} & set(names):
        return "nbgrader"
    notebooks = [name for name in names if name.endswith(".ipynb")]
    if any(_CANVAS_FILE.fullmatch(name) for name in notebooks):
        return "canvas"
    return "folders"


Pairs = Iterator[tuple[Owner, Handed | None]]


def _folders(root: Path, entries: list[os.DirEntry]) -> Pairs:
    for entry in entries:
        label = printable(entry.name)
        if _is_folder(entry):
            owner = Owner(label, ((ID, label), (NAME, label)))
            yield from _in_folder(owner, root, Path(entry.path))
        elif entry.name.endswith(".ipynb"):
            owner = Owner(label.removesuffix(".ipynb"), ((ID, label.removesuffix(".ipynb")),))
            yield owner, _handed(owner, root, entry)


def _canvas(root: Path, entries: list[os.DirEntry]) -> Pairs:
    for entry in entries:
        match = _CANVAS_FILE.fullmatch(printable(entry.name))
        if match is None:
            owner = Owner(printable(entry.name), ())
            if entry.name.endswith(".ipynb"):
                yield owner, _handed(owner, root, entry)
            continue
        owner = Owner(f"{match['name']}_{match['user']}", ((CANVAS, match["user"]), (NAME, match["name"])))
        again = _CANVAS_AGAIN.search(match["file"].removesuffix(".ipynb"))
        order = (int(again[1]) if again else 0, int(match["number"]))
        yield owner, replace(_handed(owner, root, entry), order=order, late=bool(match["late"]))


def _moodle(root: Path, entries: list[os.DirEntry]) -> Pairs:
    for entry in entries:
        match = _MOODLE_FOLDER.fullmatch(printable(entry.name))
        if match is None or not _is_folder(entry):
            owner = Owner(printable(entry.name), ())
            if entry.name.endswith(".ipynb"):
                yield owner, _handed(owner, root, entry)
            continue
        owner = Owner(f"{match['name']}_{match['number']}", ((PARTICIPANT, match["number"]), (NAME, match["name"])))
        yield from _in_folder(owner, root, Path(entry.path))


def _inbound(root: Path, entries: list[os.DirEntry]) -> Pairs:
    for entry in entries:
        match = _INBOUND.fullmatch(printable(entry.name))
        if match is None or not _is_folder(entry):
            continue
        owner = Owner(match["id"], ((ID, match["id"]),))
        for _, handed in _in_folder(owner, root, Path(entry.path)):
            yield owner, handed and replace(handed, order=(match["time"],))


LAYOUTS: dict[str, Callable[[Path, list[os.DirEntry]], Pairs]] = {
    "folders": _folders,
    "canvas": _canvas,
    "moodle": _moodle,
    "nbgrader": _folders,
    "nbgrader-inbound": _inbound,
}
"""How submissions lie on the disk: a folder a learner (nbgrader's has one more for the assignment), Canvas's flat
`name_user_number_file`, Moodle's `name_number_assignsubmission_file_`, nbgrader's exchange."""


def _in_folder(owner: Owner, root: Path, folder: Path) -> Pairs:
    """The notebooks anywhere below a folder; where there are none, its other files, or None for an empty one."""
    entries = list(_below(folder, MAX_DEPTH))
    notebooks = [entry for entry in entries if entry.name.endswith(".ipynb")]
    if notebooks or entries:
        yield from ((owner, _handed(owner, root, entry)) for entry in notebooks or entries)
    else:
        yield owner, None


def _below(folder: Path, depth: int) -> Iterator[os.DirEntry]:
    for entry in _entries(folder):
        if _is_folder(entry):
            if depth:
                yield from _below(Path(entry.path), depth - 1)
        elif entry.name != "timestamp.txt":  # nbgrader's own
            yield entry


def _entries(folder: Path) -> list[os.DirEntry]:
    with os.scandir(folder) as found:
        entries = [entry for entry in found if not entry.name.startswith(".") and entry.name not in _SKIPPED]
    return sorted(entries, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _handed(owner: Owner, root: Path, entry: os.DirEntry) -> Handed:
    path = Path(entry.path)
    problem = ""
    if entry.is_symlink():
        problem = "what was handed in is a link to another file, and links are not followed"
    elif not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
        problem = "what was handed in is no regular file"
    elif not entry.name.endswith(".ipynb"):
        problem = f"{printable(entry.name)} was handed in, which is no notebook (.ipynb)"
    return Handed(owner, path, printable(path.relative_to(root).as_posix()), problem=problem)


def printable(name: str) -> str:
    r"""A file's name as text that every output can hold; two names never look the same.

    Example:
        >>> printable("Zoë\n" + os.fsdecode(b"\xff") + ".ipynb")
        'Zoë\\x0a\\xff.ipynb'
    """
    return "".join(_escaped(sign) for sign in os.fsencode(name).decode("utf-8", "surrogateescape"))


def _escaped(sign: str) -> str:
    if sign == "\\":
        return "\\\\"
    if unicodedata.category(sign)[0] != "C":  # control, invisible and unassigned signs, and bytes that are no UTF-8
        return sign
    code = ord(sign) - 0xDC00 if 0xDC80 <= ord(sign) <= 0xDCFF else ord(sign)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
