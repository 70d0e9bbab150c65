"""Fetching a file once: checked, resumable, and never half there.

A file arrives under a temporary name beside its place, is checked, and is moved into place in one step. What an
interruption leaves behind is taken up again by the next call.
"""

import errno
import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from optcourse.lab.progress import Meter

TIMEOUT = 20.0  # seconds without a byte
_CHUNK = 1 << 16  # bytes
_ATTEMPTS = 5  # at one mirror, before the next is tried
_LOCK_TIMEOUT = 600.0  # seconds to wait for another process that fetches the same file


@dataclass(frozen=True)
class RemoteFile:
    """A file and how to know it: its name at every mirror, its size in bytes and its MD5 as its publisher gives it.

    MD5 tells a broken transfer from a whole one; it is no defence against a forger.
    """

    name: str
    size: int
    md5: str


FASHION_MNIST = (
    RemoteFile("train-images-idx3-ubyte.gz", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    RemoteFile("train-labels-idx1-ubyte.gz", 29515, "25c81989df183df01b3e8a0aad5dffbe"),
    RemoteFile("t10k-images-idx3-ubyte.gz", 4422102, "bef4ecab320f06d8554ea6380940ec79"),
    RemoteFile("t10k-labels-idx1-ubyte.gz", 5148, "bb300cfdad3c16e7a12a480ee83cd310"),
)
# Folders that hold these files, tried in order. OPTCOURSE_MIRROR, one or more addresses separated by blanks, takes
# their place: a class of thirty can fetch from one machine in the room.
MIRRORS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
)


class DownloadError(OSError):
    """A file could not be fetched. Says why, and what to do; files that were there are as they were."""


def fetch(
    files: Sequence[RemoteFile],
    folder: Path,
    *,
    mirrors: Sequence[str] | None = None,
    timeout: float = TIMEOUT,
) -> list[Path]:
    """Make sure that `files` lie in `folder`, whole; fetch those that are missing or damaged.

    Args:
        files: what is wanted.
        folder: made when missing.
        mirrors: addresses of folders; None for OPTCOURSE_MIRROR, else `MIRRORS`.
        timeout: seconds without a byte after which a mirror is given up.

    Returns:
        The paths, in the order of `files`.

    Raises:
        ValueError: when timeout is not a positive number or there is no mirror.
        DownloadError: when no mirror gave a file with the right checksum, or the disk is full.
    """
    if not timeout > 0:  # also rejects nan
        raise ValueError(f"timeout must be a positive number of seconds, got {timeout}")
    chosen = list(mirrors) if mirrors is not None else os.environ.get("OPTCOURSE_MIRROR", "").split() or list(MIRRORS)
    if not chosen or not all(re.match(r"https?://", mirror) for mirror in chosen):
        raise ValueError(f"mirrors must be addresses that begin with http:// or https://, got {chosen}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_fetch_one(file, folder / file.name, chosen, timeout) for file in files]
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(_disk_trouble(folder, error)) from error


def present(files: Sequence[RemoteFile], folder: Path) -> bool:
    """Whether every file is there with its right size and checksum."""
    return all(_is_whole(folder / file.name, file) for file in files)


def _fetch_one(file: RemoteFile, target: Path, mirrors: Sequence[str], timeout: float) -> Path:
    if _is_whole(target, file):
        return target
    with _lock(target.with_name(target.name + ".lock")):
        if _is_whole(target, file):  # another process was faster
            return target
        partial = target.with_name(target.name + ".part")
        reasons = []
        for mirror in mirrors:
            reason = _try_mirror(f"{mirror.rstrip('/')}/{file.name}", file, partial, timeout)
            if reason is None:
                partial.replace(target)
                _sync_folder(target.parent)
                return target
            reasons.append(f"  {mirror}: {reason}")
    raise DownloadError(
        f"could not fetch {file.name} ({file.size / 1e6:.1f} MB):\n" + "\n".join(reasons) + "\n"
        "Check the connection and call again (what has arrived is kept and taken up), set OPTCOURSE_MIRROR to an "
        f"address that offers the file, or copy it from elsewhere to {target}"
    )


def _try_mirror(url: str, file: RemoteFile, partial: Path, timeout: float) -> str | None:
    """Fetch into `partial`, taking up what is there. Returns None when it is whole, else why it is not."""
    problem: str | None = "the connection broke off"
    for _ in range(_ATTEMPTS):
        held = _size(partial)
        try:
            problem = _transfer(url, file, partial, timeout)
        except HTTPError as error:
            error.close()
            if not (error.code == 416 and held):  # "range not satisfiable": what we hold is no beginning of theirs
                return f"the server answered {error.code} {error.reason}"
            partial.unlink()
            continue
        if _is_whole(partial, file):
            return None
        if _size(partial) >= file.size:
            partial.unlink()
            problem = f"the file has not the MD5 {file.md5}; thrown away"
            if not held:  # not our old beginning is wrong, but theirs
                break
        elif _size(partial) <= held:  # as long as every attempt brings something, it is worth another
            break
    return problem


def _transfer(url: str, file: RemoteFile, partial: Path, timeout: float) -> str | None:
    """Append to `partial` what it lacks, or write it anew when the server does not resume.

    Returns None when the server had nothing more to say, else what went wrong; trouble with the disk is raised.
    """
    held = _size(partial)
    if held >= file.size:  # whole, or too long to be right: either way there is nothing to ask for
        return None
    request = Request(url, headers={"Range": f"bytes={held}-"} if held else {})
    try:
        response = urlopen(request, timeout=timeout)
    except HTTPError:
        raise
    except (URLError, HTTPException, OSError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        return f"no answer for {timeout:g} s" if isinstance(reason, TimeoutError) else f"not reachable ({reason})"
    with response:
        if held and not _resumes_at(response, held):
            held = 0
        announced = response.headers.get("Content-Length")
        if announced and announced != str(file.size - held):  # as when a hotel's log-in page answers in its place
            return f"the server offers {announced} bytes where {file.size - held:,} are wanted"
        with (
            partial.open("r+b" if held else "wb") as out,
            Meter(f"fetching {file.name}", file.size, unit="MB", scale=1e6) as meter,
        ):
            out.seek(held)
            while held <= file.size:
                try:
                    chunk = response.read1(_CHUNK)
                except TimeoutError:
                    return f"no data for {timeout:g} s after {held:,} of {file.size:,} bytes"
                except (HTTPException, OSError):
                    chunk = b""
                if not chunk:
                    break
                out.write(chunk)
                held += len(chunk)
                meter.update(held)
            out.flush()
            os.fsync(out.fileno())
    return None if held >= file.size else f"the connection broke off after {held:,} of {file.size:,} bytes"


def _resumes_at(response: HTTPResponse, held: int) -> bool:
    return response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {held}-")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _is_whole(path: Path, file: RemoteFile) -> bool:
    if _size(path) != file.size:
        return False
    with path.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == file.md5


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a file that only one process can: the operating system lets go of it when that process dies."""
    with path.open("a+b") as handle:
        deadline = time.monotonic() + _LOCK_TIMEOUT
        while not _try_lock(handle.fileno()):
            if time.monotonic() > deadline:
                raise DownloadError(
                    f"another process has been fetching {path.stem} for {_LOCK_TIMEOUT:.0f} s; "
                    f"wait for it or end it, and call again"
                )
            time.sleep(0.1)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut. Windows cannot open a folder, and keeps names without it."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _disk_trouble(folder: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk of {folder} is full; free some space and call again (what has arrived is kept and taken up), "
            f"or set OPTCOURSE_HOME to a folder on another disk"
        )
    return f"cannot write to {folder} ({error.strerror or error}); set OPTCOURSE_HOME to a folder of yours"
