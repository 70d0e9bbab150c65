"""Progress shows where somebody looks, stores nothing, and never costs the work it watches."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from optcourse.lab import progress
from optcourse.lab.progress import Meter, track

CELL = """
import time
from optcourse.lab.progress import track
for i in track(range(4), description="<four>"):
    time.sleep(0.12)
print("done")
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    monkeypatch.delenv("OPTCOURSE_PROGRESS", raising=False)
    monkeypatch.setattr(progress, "_kernel", lambda: None)


@pytest.fixture
def terminal(monkeypatch):
    return put_stderr(monkeypatch, Terminal())


def put_stderr(monkeypatch, stream):
    """Give the module another stderr; the real one belongs to pytest."""
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream, modules=sys.modules))
    return stream


def put_clock(monkeypatch, times) -> None:
    """Let the module's clock show these times, one a look."""
    times = iter(times)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(times)))


def screen(text: str) -> str:
    """What a terminal of one line shows after `text`."""
    line: list[str] = []
    column = 0
    for character in text:
        if character == "\r":
            column = 0
        else:
            line[column : column + 1] = [character]
            column += 1
    return "".join(line)


def test_items_pass_unchanged_and_the_line_is_erased(terminal):
    assert list(track(range(5), description="counting")) == [0, 1, 2, 3, 4]
    assert "counting 0/5, 0 s" in terminal.getvalue()
    assert "\n" not in terminal.getvalue()
    assert screen(terminal.getvalue()).strip() == ""


def test_the_line_tells_how_far_and_how_long(terminal, monkeypatch):
    put_clock(monkeypatch, [0.0, 0.0, 3.0, 4.0, 5.0, 6.0])
    for i, _ in enumerate(track("abcd", description="spelling")):
        shown = screen(terminal.getvalue()).rstrip()
        expected = {
            0: "[....................] spelling 0/4, 0 s",
            1: "[#####...............] spelling 1/4, 3 s, about 9 s left",
            2: "[##########..........] spelling 2/4, 4 s, about 4 s left",
        }
        assert shown == expected.get(i, shown)
    assert "4/4, 6 s" in terminal.getvalue()


def test_it_is_drawn_ten_times_a_second_at_most(terminal, monkeypatch):
    put_clock(monkeypatch, (i * 0.01 for i in range(10_000)))
    for _ in track(range(500), description="five seconds"):
        pass
    pictures = terminal.getvalue().count("five seconds")
    assert 40 <= pictures <= 52


def test_without_a_length_there_is_a_count(terminal, monkeypatch):
    put_clock(monkeypatch, map(float, range(100)))
    assert list(track((i for i in range(3)), description="unknown")) == [0, 1, 2]
    assert "unknown 2, 3 s" in terminal.getvalue()
    assert "[" not in terminal.getvalue()


@pytest.mark.parametrize("total", [0, -3, 2, 5.5, float("nan")])
def test_a_wrong_total_harms_nothing(terminal, total):
    assert list(track(range(3), description="x", total=total)) == [0, 1, 2]
    assert screen(terminal.getvalue()).strip() == ""


def test_nothing_is_written_where_stderr_is_no_terminal(monkeypatch):
    stream = put_stderr(monkeypatch, io.StringIO())
    assert list(track(range(3), description="x")) == [0, 1, 2]
    put_stderr(monkeypatch, None)
    assert list(track(range(3), description="x")) == [0, 1, 2]
    assert stream.getvalue() == ""


def test_the_variable_overrules(terminal, monkeypatch):
    monkeypatch.setenv("OPTCOURSE_PROGRESS", "off")
    list(track(range(3), description="x"))
    assert terminal.getvalue() == ""
    monkeypatch.setenv("OPTCOURSE_PROGRESS", "on")
    stream = put_stderr(monkeypatch, io.StringIO())
    list(track(range(3), description="x"))
    assert "x 0/3" in stream.getvalue()


def test_exceptions_of_the_iterable_and_the_body_come_through(terminal):
    def failing() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("of the iterable")

    with pytest.raises(ZeroDivisionError, match="of the iterable"):
        list(track(failing(), description="x"))

    def body() -> None:
        for _ in track(range(3), description="x"):
            raise KeyError("of the body")

    with pytest.raises(KeyError, match="of the body"):
        body()
    assert screen(terminal.getvalue()).strip() == ""


@pytest.mark.parametrize("mode", ["on", "off"])
def test_leaving_early_closes_the_generator(terminal, monkeypatch, mode):
    monkeypatch.setenv("OPTCOURSE_PROGRESS", mode)
    closed = []

    def numbers() -> Iterator[int]:
        try:
            yield from range(10)
        finally:
            closed.append(True)

    inner = numbers()
    tracked = track(inner, description="x")
    next(tracked)
    tracked.close()
    assert closed == [True]
    assert list(inner) == []
    assert screen(terminal.getvalue()).strip() == ""


def test_what_is_not_a_generator_stays_open(terminal, tmp_path):
    (tmp_path / "lines").write_text("a\nb\n")
    with (tmp_path / "lines").open() as file:
        for _ in track(file, description="x"):
            break
        assert not file.closed


def test_a_terminal_that_goes_away_does_not_stop_the_work(monkeypatch):
    class Broken(Terminal):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    put_stderr(monkeypatch, Broken())
    assert list(track(range(3), description="x")) == [0, 1, 2]


def test_what_is_not_iterable_is_the_callers_error(terminal):
    with pytest.raises(TypeError, match="not iterable"):
        list(track(3, description="x"))


def test_a_meter_shows_amounts_in_its_unit(terminal):
    with Meter("fetching", 30e6, unit="MB", scale=1e6) as meter:
        meter._next = 0
        meter.update(7.5e6)
        assert "fetching 7.5/30 MB" in screen(terminal.getvalue())
    assert screen(terminal.getvalue()).strip() == ""


def test_a_long_line_is_cut_at_the_edge_of_the_terminal(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    list(track(range(2), description="a description " * 10))
    assert max(len(part) for part in terminal.getvalue().split("\r")) <= 39


def outputs(client, **request) -> list[dict]:
    """The messages that running CELL sends to a front end."""
    messages: list[dict] = []
    client.execute_interactive(CELL, output_hook=messages.append, timeout=300, **request)
    return [m for m in messages if m["msg_type"] not in ("status", "execute_input")]


@pytest.fixture(scope="module")
def client():
    environment = {name: value for name, value in os.environ.items() if name != "OPTCOURSE_PROGRESS"}
    manager, client = start_new_kernel(startup_timeout=300, kernel_name="python3", env=environment)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_in_a_notebook_one_display_moves_and_is_emptied(client):
    messages = outputs(client, allow_stdin=True)
    first, *moved, last = [m for m in messages if "display" in m["msg_type"]]
    assert first["msg_type"] == "display_data"
    assert {m["msg_type"] for m in [*moved, last]} == {"update_display_data"}
    assert len({m["content"]["transient"]["display_id"] for m in [first, *moved, last]}) == 1
    assert "&lt;four&gt; 0/4" in first["content"]["data"]["text/html"]
    assert "<four> 2/4" in moved[1]["content"]["data"]["text/plain"]
    assert set(last["content"]["data"].values()) == {""}
    assert [m["content"]["text"] for m in messages if m["msg_type"] == "stream"] == ["done\n"]


def test_a_cell_run_by_a_program_shows_nothing(client):
    messages = outputs(client, allow_stdin=False)
    assert [m["content"].get("text") for m in messages] == ["done\n"]


def test_nothing_is_stored_by_nbclient(monkeypatch):
    monkeypatch.delenv("OPTCOURSE_PROGRESS", raising=False)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, timeout=300, startup_timeout=300, kernel_name="python3").execute()
    assert [output.text for output in notebook.cells[0].outputs] == ["done\n"]


def test_nbval_finds_the_stored_outputs_again(tmp_path, monkeypatch):
    monkeypatch.delenv("OPTCOURSE_PROGRESS", raising=False)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL, execution_count=1)])
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", name="stdout", text="done\n")]
    nbformat.write(notebook, tmp_path / "progress.ipynb")
    options = ["--nbval", "--nbval-current-env", "-q", "-c", os.devnull, "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path / "progress.ipynb")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout
