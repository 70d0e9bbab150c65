"""The notebooks that came with the package: in a wheel inside it, in a checkout beside it."""

import hashlib
import os
import tempfile
from pathlib import Path

KINDS = ("notebooks", "exercises")


def shipped_folder() -> Path:
    """The folder that holds notebooks/ and exercises/.

    Raises:
        FileNotFoundError: when the installation lacks them.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "course", package.parent):
        if (folder / KINDS[0]).is_dir():
            return folder
    raise FileNotFoundError("this installation holds no notebooks; install the wheel anew, or clone the repository")


def is_checkout(folder: Path) -> bool:
    """True for the checkout that this package is imported from."""
    return folder.resolve() == shipped_folder() and (folder / "pyproject.toml").exists()


def shipped_files() -> dict[str, bytes]:
    """Content of every notebook shipped, by its path such as `exercises/04_optimizers.ipynb`."""
    folder = shipped_folder()
    paths = [path for kind in KINDS for path in sorted((folder / kind).glob("*.ipynb"))]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file in one step, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(draft).chmod(path.stat().st_mode if path.exists() else 0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
