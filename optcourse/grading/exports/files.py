"""Files of the outputs: names that no learner's id can escape from, and writing in one step."""

import contextlib
import hashlib
import os
import tempfile
import urllib.parse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

MARK = "optcourse grade"
"""Stands in every page and record for one learner, so that only those of an earlier run are ever removed."""

_LONGEST = 100
_RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))}


def safe_names(ids: Iterable[str]) -> dict[str, str]:
    """A file name for each id, on any file system: letters, digits, `_`, `-` and inner dots; no two are the same.

    Example:
        >>> safe_names(["ada", "../etc/passwd", "Zoë Ω", ""])
        {'ada': 'ada', '../etc/passwd': '%2E.%2Fetc%2Fpasswd', 'Zoë Ω': 'Zo%C3%AB%20%CE%A9', '': '%'}
    """
    names = {id: _quoted(id) for id in ids}
    counts = Counter(name.casefold() for name in names.values())  # Ada and ada are one file on some systems
    for id, name in names.items():
        if counts[name.casefold()] > 1 or len(name) > _LONGEST or name.partition(".")[0].casefold() in _RESERVED:
            names[id] = f"{name[:_LONGEST]}~{hashlib.sha256(id.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
    return names


def _quoted(id: str) -> str:
    name = urllib.parse.quote(id, safe="@+", errors="surrogatepass").replace("~", "%7E")
    if name.startswith("."):
        name = "%2E" + name[1:]
    if name.endswith("."):
        name = name[:-1] + "%2E"
    return name or "%"


def write_text(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads, and whoever is killed, sees the old one or the new one, whole.

    Raises:
        OSError: if it cannot be written; the old one is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise


def remove_old(files: Iterable[Path], current: set[Path]) -> None:
    """Remove what an earlier run wrote for a learner and this one did not; files of other origin stay."""
    for path in files:
        if path not in current and MARK.encode() in path.read_bytes():
            path.unlink()
            with contextlib.suppress(OSError):  # not empty
                path.parent.rmdir()
