"""Whose machine this is: the folder in the user's data, and whether it is Colab. Loads nothing, not even torch."""

import os
import sys
from pathlib import Path


def home() -> Path:
    """The course's folder in the user's data: points, downloads. `OPTCOURSE_HOME` moves it. Made when missing.

    Without the variable: `$XDG_DATA_HOME/optcourse` or `~/.local/share/optcourse` on Linux,
    `~/Library/Application Support/optcourse` on macOS, `%LOCALAPPDATA%/optcourse` on Windows.

    Raises:
        PermissionError: when the folder cannot be made or written to; the text says how to choose another.
    """
    folder = _home_path()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionError(_unwritable(folder, error.strerror or str(error))) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(_unwritable(folder, "no permission to write"))
    return folder


def _home_path() -> Path:
    chosen = os.environ.get("OPTCOURSE_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "optcourse"


def _unwritable(folder: Path, reason: str) -> str:
    return (
        f"the course keeps points and downloads in a folder it can write to, and cannot use {folder} ({reason}); "
        f"set the environment variable OPTCOURSE_HOME to a folder of yours and restart the kernel"
    )


def on_colab() -> bool:
    """True inside a Google Colab runtime, whose disk vanishes with it."""
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ
