"""What has been graded, one JSON line each, appended and never changed: all that a run which was killed needs.

A line counts once it is whole and on the disk. The last one may be torn by kill -9 or a full disk; it is cut off when
the journal is opened again, and its submission is graded again. Of several lines with one key the last counts.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from optcourse.grading.submission import SubmissionResult

GRADED, REGRADED, BEGUN, FINISHED = "graded", "regraded", "regrade begun", "regrade finished"


class Journal:
    """An open journal; a context manager. Only one process at a time may hold it.

    Args:
        path: made when missing, with the folders above it.

    Attributes:
        results: the last result by key.
        unread: number of lines that are no records; they stay in the file, and count for nothing.
        regrading: the exercise of a regrade that is not finished, else "".

    Raises:
        ValueError: if another run holds it.
        OSError: if it cannot be read or made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.results: dict[str, SubmissionResult] = {}
        self.unread = 0
        self.regrading = ""
        self._regraded: set[str] = set()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            self._lock()
            for record in self._records():
                self._apply(record)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def add(self, key: str, result: SubmissionResult) -> None:
        """Keep a result; it is on the disk when this returns.

        Raises:
            OSError: if it could not be kept; nothing that was kept before is touched.
        """
        self._append({"kind": GRADED, "key": key, "result": result.to_json()})

    def begin_regrade(self, exercise: str) -> set[str]:
        """Begin to grade one exercise again, or go on with it; the keys that this regrade has behind it."""
        if self.regrading != exercise:
            self._append({"kind": BEGUN, "exercise": exercise})
        return set(self._regraded)

    def add_regraded(self, key: str, result: SubmissionResult) -> None:
        """Keep a result in which the exercise being regraded was replaced.

        Raises:
            OSError: as `add`.
        """
        self._append({"kind": REGRADED, "key": key, "result": result.to_json()})

    def finish_regrade(self) -> None:
        """The next `begin_regrade` starts from the beginning."""
        self._append({"kind": FINISHED, "exercise": self.regrading})

    def _append(self, record: dict[str, Any]) -> None:
        line = json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"
        end = os.fstat(self._file).st_size
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, end)  # else the next line would be glued to half of this one
            raise
        self._apply(record)

    def _apply(self, record: dict[str, Any]) -> None:
        kind = record["kind"]
        if kind in (GRADED, REGRADED):
            self.results[record["key"]] = SubmissionResult.from_json(record["result"])
            if kind == REGRADED:
                self._regraded.add(record["key"])
        elif kind == BEGUN:
            self.regrading, self._regraded = record["exercise"], set()
        elif kind == FINISHED:
            self.regrading, self._regraded = "", set()

    def _records(self) -> Iterator[dict[str, Any]]:
        with open(self._file, "rb", closefd=False) as file:
            whole = 0
            for line in file:
                if not line.endswith(b"\n"):
                    os.ftruncate(self._file, whole)
                    return
                whole += len(line)
                try:
                    record = json.loads(line)
                    known = record["kind"] in (BEGUN, FINISHED) or SubmissionResult.from_json(record["result"])
                    if known and isinstance(record.get("key", ""), str):
                        yield record
                        continue
                except (ValueError, KeyError, TypeError, RecursionError):
                    pass
                self.unread += 1

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise ValueError(
                f"one run at a time writes to {self.path.parent}, and another one does; wait for it or choose --out"
            ) from None
