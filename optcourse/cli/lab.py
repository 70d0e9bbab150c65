"""`optcourse lab`: lay the notebooks out and open JupyterLab on the start page."""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import webbrowser
from pathlib import Path

from optcourse.cli.layout import HIDDEN, Changes, lay_out
from optcourse.cli.reset import reset
from optcourse.cli.shipped import is_checkout, write_atomically
from optcourse.cli.startpage import START_PAGE

# The course works offline, and says nothing of its readers to anybody: no news, no look-up of updates or extensions.
# The question whether one wants news is an extension of JupyterLab's own, switched off by a file.
CONFIGURATION = f"{HIDDEN}/jupyter"
PAGE_CONFIGURATION = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
QUIET = (
    "--LabApp.news_url=",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)
HOW_TO_GET_LAB = (
    'JupyterLab is not installed here. Get it with: python -m pip install "jupyterlab>=4.2" ipykernel\n'
    "Any other program that opens notebooks will do as well (VS Code, Jupyter Notebook)."
)


def run(options: argparse.Namespace, passed_on: list[str]) -> int:
    """Carry out the command; the exit status."""
    folder: Path = options.folder
    if options.reset:
        print(reset(options.reset, folder))
        return 0
    if is_checkout(folder):
        print(f"{folder.resolve()} is the course's checkout and is opened as it is")
    else:
        tell(lay_out(folder), folder)
    if options.no_start:
        return 0
    if importlib.util.find_spec("jupyterlab") is None:
        print(HOW_TO_GET_LAB, file=sys.stderr)
        return 1
    return start(folder, passed_on, browser=not options.no_browser)


def tell(changes: Changes, folder: Path) -> None:
    """Say what laying out did."""
    if changes.written:
        print(f"{len(changes.written)} files written to {folder.resolve()}")
    for name in changes.refreshed:
        print(f"{name} is now the newer one; you had not changed it")
    for name, other in changes.beside.items():
        print(f"{name} is yours and stays; the newer one is beside it: {other}")
    if not (changes.written or changes.refreshed or changes.beside):
        print(f"{folder.resolve()} is up to date")


def command(folder: Path, passed_on: list[str], *, browser: bool) -> list[str]:
    """The command line that starts JupyterLab on the folder's start page."""
    page = f"/lab/tree/{START_PAGE}" if (folder / START_PAGE).exists() else "/lab"
    line = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}", *QUIET]
    line.append(f"--LabApp.default_url={page}")
    if not browser:
        line.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line.append("--allow-root")  # a container's only user; JupyterLab refuses to start otherwise
    return [*line, *passed_on]


def start(folder: Path, passed_on: list[str], *, browser: bool) -> int:
    """Run JupyterLab until it is stopped; its exit status, 0 when it was stopped with Ctrl-C."""
    if browser and not has_browser():
        browser = False
        print("There is no browser here: open the address with the token, which JupyterLab prints below.")
    write_atomically(folder / CONFIGURATION / "labconfig" / "page_config.json", json.dumps(PAGE_CONFIGURATION).encode())
    paths = [str((folder / CONFIGURATION).resolve()), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    # The kernel is this environment's, whatever other kernels the user has registered.
    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}
    sys.stdout.flush()
    try:
        return subprocess.call(command(folder, passed_on, browser=browser), env=environment)
    except KeyboardInterrupt:
        return 0


def has_browser() -> bool:
    """Whether a browser with a window can be opened: not over ssh, in a container or on a server."""
    if sys.platform.startswith("linux") and not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
