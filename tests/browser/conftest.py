"""JupyterLab in a real Chromium, for the tests of this folder."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE = 180.0  # seconds; a busy machine is no failure
_SERVER_OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--IdentityProvider.token=",
    "--ServerApp.password=",
    "--ServerApp.disable_check_xsrf=True",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.extension_manager=readonly",
)


def _chromium() -> str | None:
    named = os.environ.get("OPTCOURSE_CHROMIUM")
    return next((found for name in (named, *_NAMES) if name and (found := shutil.which(name))), None)


def _reason() -> str | None:
    """Why these tests cannot run here, None if they can."""
    if _chromium() is None:
        return f"no Chromium found (looked for {', '.join(_NAMES)}; OPTCOURSE_CHROMIUM names another)"
    missing = [module for module in ("playwright", "jupyterlab") if importlib.util.find_spec(module) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    if here and _reason():
        config.hook.pytest_deselected(items=here)
        items[:] = [item for item in items if item not in here]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _reason():
        terminalreporter.write_line(f"browser tests deselected: {_reason()}")


class Lab:
    """A JupyterLab server on a folder of its own and one browser page on it."""

    def __init__(self, page: Any, address: str, folder: Path) -> None:
        self.page, self.address, self.folder = page, address, folder
        self.requests: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, notebook: Path | str) -> None:
        """Open a notebook of the folder and wait for its kernel."""
        self.page.goto(f"{self.address}/lab/tree/{notebook}?reset")
        self.wait(
            "() => { const w = window.jupyterapp?.shell?.currentWidget; return w?.sessionContext?.isReady &&"
            " w.sessionContext.session?.kernel?.status === 'idle' && w.content?.widgets?.length > 0; }"
        )

    def run_all(self, seconds: float = 400) -> None:
        """Clear the outputs, run every cell, and wait until the last one is done."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs'); }")
        self.wait("() => window.jupyterapp.shell.currentWidget.content.widgets.every(c => !c.model.executionCount)")
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.page.wait_for_timeout(200)
            if self.idle() and None not in self.executed():
                return
            if self.idle() and self.errors():
                raise AssertionError(f"a cell ended in {self.errors()[0]}; see {self.screenshot('error')}")
        raise AssertionError(f"cells still run after {seconds} s: {self.executed()}")

    def run_cell(self, index: int, seconds: float = _PATIENCE) -> None:
        """Run one cell and wait for it."""
        self.page.evaluate("(i) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", index)
        before = self.cells()[index]["execution_count"]
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.page.wait_for_timeout(100)
            if self.idle() and self.cells()[index]["execution_count"] not in (None, before):
                return
        raise AssertionError(f"cell {index} still runs after {seconds} s")

    def cells(self) -> list[dict[str, Any]]:
        """The notebook as the page holds it now."""
        text = self.page.evaluate("() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON())")
        return json.loads(text)["cells"]

    def executed(self) -> list[int | None]:
        """Execution counts of the code cells that hold code."""
        code = [cell for cell in self.cells() if cell["cell_type"] == "code"]
        return [cell["execution_count"] for cell in code if "".join(cell["source"]).strip()]

    def idle(self) -> bool:
        """Whether the kernel has nothing to do."""
        status = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status"
        return self.page.evaluate(status) == "idle"

    def errors(self) -> list[str]:
        """Name and value of each exception that stands in an output."""
        outputs = [output for cell in self.cells() for output in cell.get("outputs", [])]
        return [f"{out['ename']}: {out['evalue']}" for out in outputs if out["output_type"] == "error"]

    def write(self, index: int, source: str) -> None:
        """Replace the source of a cell."""
        self.page.evaluate(
            "([i, s]) => window.jupyterapp.shell.currentWidget.content.widgets[i].model.sharedModel.setSource(s)",
            [index, source],
        )

    def theme(self, name: str) -> None:
        """'JupyterLab Light' or 'JupyterLab Dark'."""
        self.page.evaluate("(theme) => { window.jupyterapp.commands.execute('apputils:change-theme', {theme}); }", name)
        self.page.wait_for_timeout(500)

    def screenshot(self, name: str, locator: Any = None) -> Path:
        """Keep what the page (or one element) looks like, under OPTCOURSE_SCREENSHOTS or beside the notebooks."""
        where = Path(os.environ.get("OPTCOURSE_SCREENSHOTS") or self.folder / "screenshots")
        where.mkdir(parents=True, exist_ok=True)
        (locator or self.page).screenshot(path=where / f"{name}.png")
        return where / f"{name}.png"

    def wait(self, condition: str, seconds: float = _PATIENCE) -> None:
        """Wait for a JavaScript condition."""
        try:
            self.page.wait_for_function(condition, timeout=seconds * 1000)
        except Exception as error:
            raise AssertionError(f"waited {seconds} s in vain; see {self.screenshot('waited_in_vain')}") from error

    def strangers(self) -> list[str]:
        """Requests that left this machine."""
        return [
            url
            for url in self.requests
            if urlsplit(url).scheme in ("http", "https", "ws", "wss") and urlsplit(url).hostname != "127.0.0.1"
        ]


def _environment(home: Path) -> dict[str, str]:
    private = {
        "HOME": home,
        "IPYTHONDIR": home / "ipython",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "OPTCOURSE_HOME": home / "optcourse",
        "PYTHONPATH": ROOT,
        "XDG_CACHE_HOME": home / "cache",
        "XDG_CONFIG_HOME": home / "xdg",
        "XDG_DATA_HOME": home / "share",
    }
    return {**os.environ, **{name: str(value) for name, value in private.items()}, "OMP_NUM_THREADS": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/api/status", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address and folder of a JupyterLab that knows nothing of its user's."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("course")
    asks_nothing = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    asks_nothing.parent.mkdir(parents=True)
    asks_nothing.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    address, log = f"http://127.0.0.1:{_free_port()}", home / "server.log"
    command = [sys.executable, "-m", "jupyterlab", *_SERVER_OPTIONS, f"--ServerApp.port={address.rsplit(':')[-1]}"]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={folder}"], cwd=folder, env=_environment(home), stdout=sink, stderr=sink
        )
        try:
            _wait_for(address, process, log)
            yield address, folder
        finally:
            _shut_down(address, process)


def _shut_down(address: str, process: subprocess.Popen) -> None:
    try:
        request = urllib.request.Request(f"{address}/api/shutdown", method="POST")
        with urllib.request.urlopen(request, timeout=10):
            pass
        process.wait(20)
    except (OSError, subprocess.TimeoutExpired):
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_notebook(server: tuple[str, Path], chromium: Any) -> Iterator[Callable[[Path], Lab]]:
    """Copy a notebook into the server's folder and open the copy in a page of its own."""
    address, folder = server
    page = chromium.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=1)
    page.set_default_timeout(1000 * _PATIENCE)

    def open_copy(notebook: Path) -> Lab:
        shutil.copy(notebook, folder / notebook.name)
        lab = Lab(page, address, folder)
        lab.open(notebook.name)
        return lab

    yield open_copy
    page.close()


class Explorer:
    """An explorer on a page: its box, its picture and what it reads."""

    def __init__(self, lab: Lab, title: str, alt: str) -> None:
        self.lab = lab
        self.box = lab.page.locator(".jp-OutputArea-output", has=lab.page.get_by_text(title)).last
        self.box.scroll_into_view_if_needed()
        self.picture, self.reading = self.box.locator(f"img[alt^='{alt}']"), self.box.get_by_role("status")
        self.picture.wait_for()

    def shown(self) -> tuple[str | None, ...]:
        """Picture, its text and the reading."""
        return self.picture.get_attribute("src"), self.picture.get_attribute("alt"), self.reading.inner_text()

    def redrawn(self, first: tuple[str | None, ...], alt: str) -> tuple[str | None, ...]:
        """What is shown once the picture says `alt` and the reading, which comes after it, is no longer the old one."""
        from playwright.sync_api import expect

        self.box.locator(f"img[alt*='{alt}']").wait_for()
        expect(self.reading).not_to_have_text(first[-1] or "", use_inner_text=True, timeout=1000 * _PATIENCE)
        return self.shown()

    def labels_cut_off(self) -> list[str]:
        """Labels that are too long for their place."""
        too_long = "labels => labels.filter(l => l.scrollWidth > l.clientWidth).map(l => l.textContent)"
        return self.box.locator(".widget-label").evaluate_all(too_long)

    def press(self, slider: Any, key: str, times: int = 1) -> str:
        """Move a slider by keyboard; what stands beside it then."""
        slider.locator(".noUi-handle").focus()
        for _ in range(times):
            self.lab.page.keyboard.press(key)
        return slider.locator(".widget-readout").inner_text()


@pytest.fixture
def open_explorer(tmp_path: Path, open_notebook: Callable[[Path], Lab]) -> Callable[[str, str, str], Explorer]:
    """Run one call of `optcourse.widgets` in a notebook of its own; the lesson around it is executed elsewhere."""

    def open_one(call: str, title: str, alt: str) -> Explorer:
        import nbformat

        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
        made.cells = [
            nbformat.v4.new_code_cell(source) for source in ("from optcourse import widgets", f"widgets.{call}")
        ]
        nbformat.write(made, tmp_path / "explorer.ipynb")
        lab = open_notebook(tmp_path / "explorer.ipynb")
        lab.run_all()
        assert lab.errors() == []
        return Explorer(lab, title, alt)

    return open_one
