"""Lay the course's notebooks out in a learner's folder, and bring them up to date without touching the learner's work.

What was written, and with which hash, stands in DIR/.optcourse/manifest.json. A file whose hash still is the recorded
one was not changed by the learner and may be refreshed; any other file is the learner's.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from optcourse import __version__
from optcourse.cli.shipped import sha256, shipped_files, write_atomically
from optcourse.cli.startpage import START_PAGE, start_page

HIDDEN = ".optcourse"
MANIFEST = f"{HIDDEN}/manifest.json"


@dataclass
class Changes:
    """What laying out did, by path inside the folder.

    Attributes:
        written: files that were not there.
        refreshed: files that the learner had not changed, now newer.
        beside: the learner's file -> the newer lesson's name, put beside it.
    """

    written: list[str] = field(default_factory=list)
    refreshed: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)


def fingerprint(name: str, content: bytes) -> str:
    """What tells a file of the learner's from ours: all of its bytes.

    Of the start page the cells' sources alone, since running it to see one's points is no work to keep.
    """
    if name == START_PAGE:
        try:
            sources = [cell["source"] for cell in json.loads(content)["cells"]]
            return sha256("\0".join("".join(source) for source in sources).encode())
        except (ValueError, KeyError, TypeError):
            return sha256(content)  # no notebook any more
    return sha256(content)


def read_manifest(folder: Path) -> dict[str, str]:
    """Path -> hash of what was last delivered under it; empty when nothing is recorded.

    A manifest that cannot be read counts as none: every file there is then taken for the learner's.
    """
    try:
        recorded = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {str(path): str(hash) for path, hash in recorded.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def lay_out(folder: Path) -> Changes:
    """Write the start page and every notebook shipped into `folder`, made when missing.

    Raises:
        NotADirectoryError: when `folder` is a file.
        OSError: when it cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; name a folder, or one that is not there yet")
    delivered = read_manifest(folder)
    changes = Changes()
    files = {START_PAGE: start_page(), **shipped_files()}
    for name, content in files.items():
        _deliver(folder, name, content, delivered.get(name), changes)
        delivered[name] = fingerprint(name, content)
    manifest = json.dumps({"version": __version__, "files": delivered}, indent=1, sort_keys=True)
    write_atomically(folder / MANIFEST, manifest.encode())
    return changes


def _deliver(folder: Path, name: str, content: bytes, delivered: str | None, changes: Changes) -> None:
    path = folder / name
    if not path.exists():
        write_atomically(path, content)
        changes.written.append(name)
        return
    present, new = fingerprint(name, path.read_bytes()), fingerprint(name, content)
    if new in (present, delivered):
        return  # up to date, or the learner's own with nothing newer to offer
    if present == delivered:
        write_atomically(path, content)
        changes.refreshed.append(name)
        return
    other = _free_name(path, sha256(content))
    if not other.exists():
        write_atomically(other, content)
    changes.beside[name] = other.relative_to(folder).as_posix()


def _free_name(path: Path, hash: str) -> Path:
    """A name beside `path` that no other content stands under."""
    names = [
        f"{path.stem}.new-{__version__}{ending}{path.suffix}" for ending in ["", *(f"-{n}" for n in range(2, 100))]
    ]
    for other in map(path.with_name, names):
        if not other.exists() or sha256(other.read_bytes()) == hash:
            return other
    raise FileExistsError(f"{path.parent} holds 99 newer versions of {path.name}; delete or rename some")
