"""The download against a server in this process that is slow, forgetful, broken or lying."""

import errno
import gzip
import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from optcourse.lab import download, sources
from optcourse.lab.data import load
from optcourse.lab.download import DownloadError, RemoteFile, fetch, present

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes: several chunks
FILE = RemoteFile("numbers.bin", len(CONTENT), hashlib.md5(CONTENT).hexdigest())


class Server:
    """Serves `content` by name, in the manner told, and remembers the Range of each request.

    Attributes:
        break_after: bytes of a body after which the connection is cut, once for each entry; None sends all.
        ranges: whether Range is honored.
        wait: called before each body.
        announces: whether the length of the body is told beforehand.
    """

    def __init__(self, content: dict[str, bytes]) -> None:
        self.content, self.break_after, self.ranges, self.announces = content, [], True, True
        self.wait: Callable[[], object] = lambda: None
        self.requests: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *args) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.requests.append(asked)
        body = self.content.get(handler.path.rsplit("/", 1)[-1])
        if body is None:
            handler.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges else 0
        if start and start >= len(body):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        if self.announces:
            handler.send_header("Content-Length", str(len(body) - start))
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.end_headers()
        handler.wfile.flush()
        self.wait()
        sent = self.break_after.pop(0) if self.break_after else None
        handler.wfile.write(body[start:] if sent is None else body[start : start + sent])


@contextmanager
def serving(content: dict[str, bytes]):
    server = Server(content)
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    monkeypatch.delenv("OPTCOURSE_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server():
    with serving({FILE.name: CONTENT}) as server:
        yield server


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


def test_a_file_arrives_whole_and_is_not_fetched_again(server, tmp_path):
    folder = tmp_path / "new" / "folder"
    assert not present([FILE], folder)
    assert fetch([FILE], folder, mirrors=[server.address]) == [folder / FILE.name]
    assert (folder / FILE.name).read_bytes() == CONTENT
    assert files(folder) == {FILE.name}
    assert present([FILE], folder)
    fetch([FILE], folder, mirrors=[server.address])
    assert server.requests == [None]


def test_a_broken_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.break_after = [100_000, 50_000]
    fetch([FILE], tmp_path, mirrors=[server.address])
    assert (tmp_path / FILE.name).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=100000-", "bytes=150000-"]


def test_an_interrupted_call_is_taken_up_by_the_next(server, tmp_path):
    server.break_after = [100_000] + [0] * 9
    with pytest.raises(DownloadError, match=r"broke off after 100,000 of 307,200 bytes"):
        fetch([FILE], tmp_path, mirrors=[server.address])
    assert files(tmp_path) == {FILE.name + ".part"}
    server.break_after, server.requests = [], []
    fetch([FILE], tmp_path, mirrors=[server.address])
    assert server.requests == ["bytes=100000-"]
    assert (tmp_path / FILE.name).read_bytes() == CONTENT
    assert files(tmp_path) == {FILE.name}


def test_a_server_that_ignores_ranges_sends_all_of_it_again(server, tmp_path):
    server.ranges, server.break_after = False, [200_000]
    fetch([FILE], tmp_path, mirrors=[server.address])
    assert server.requests == [None, "bytes=200000-"]
    assert (tmp_path / FILE.name).read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 5)])
def test_a_wrong_beginning_is_thrown_away(server, tmp_path, left):
    (tmp_path / (FILE.name + ".part")).write_bytes(left)
    fetch([FILE], tmp_path, mirrors=[server.address])
    assert (tmp_path / FILE.name).read_bytes() == CONTENT
    assert server.requests[-1] is None


def test_a_beginning_longer_than_the_servers_file_is_thrown_away(server, tmp_path):
    with serving({FILE.name: CONTENT[:500]}) as short:
        (tmp_path / (FILE.name + ".part")).write_bytes(CONTENT[:1000])
        with pytest.raises(DownloadError, match="offers 500 bytes where 307,200 are wanted"):
            fetch([FILE], tmp_path, mirrors=[short.address])
    assert short.requests[:2] == ["bytes=1000-", None]


def test_wrong_bytes_never_take_the_files_place(server, tmp_path):
    server.content[FILE.name] = b"y" * len(CONTENT)
    with pytest.raises(DownloadError, match=f"has not the MD5 {FILE.md5}; thrown away"):
        fetch([FILE], tmp_path, mirrors=[server.address])
    assert files(tmp_path) == set()
    assert server.requests == [None]


def test_another_page_in_the_files_place_costs_nothing_that_arrived(server, tmp_path):
    beginning = tmp_path / (FILE.name + ".part")
    beginning.write_bytes(CONTENT[:100_000])
    server.content[FILE.name], server.ranges = b"<html>please log in</html>", False
    with pytest.raises(DownloadError, match="offers 26 bytes where 307,200 are wanted"):
        fetch([FILE], tmp_path, mirrors=[server.address])
    assert beginning.read_bytes() == CONTENT[:100_000]


def test_a_server_that_does_not_end_is_not_listened_to(server, tmp_path, monkeypatch):
    server.content[FILE.name], server.announces = bytes(10 * FILE.size), False
    amounts = []
    monkeypatch.setattr(download.Meter, "update", lambda meter, done: amounts.append(done))
    with pytest.raises(DownloadError, match="has not the MD5"):
        fetch([FILE], tmp_path, mirrors=[server.address])
    assert FILE.size < max(amounts) <= FILE.size + download._CHUNK


def test_a_damaged_file_is_replaced_only_by_a_whole_one(server, tmp_path):
    target = tmp_path / FILE.name
    target.write_bytes(b"damaged")
    server.content = {}
    with pytest.raises(DownloadError, match="the server answered 404"):
        fetch([FILE], tmp_path, mirrors=[server.address])
    assert target.read_bytes() == b"damaged"
    server.content = {FILE.name: CONTENT}
    fetch([FILE], tmp_path, mirrors=[server.address])
    assert target.read_bytes() == CONTENT


def test_a_silent_server_is_given_up(server, tmp_path, monkeypatch):
    def connected(request, timeout):
        response = urlopen(request, timeout=60)  # a busy machine may take its time to connect
        response.fp.raw._sock.settimeout(timeout)
        return response

    monkeypatch.setattr(download, "urlopen", connected)
    given_up = threading.Event()
    server.wait = lambda: given_up.wait(60)
    with pytest.raises(DownloadError, match=r"no data for 0.2 s after 0 of 307,200 bytes"):
        fetch([FILE], tmp_path, mirrors=[server.address], timeout=0.2)
    given_up.set()
    assert server.requests == [None]


def test_the_next_mirror_takes_up_what_the_first_began(server, tmp_path):
    with serving({FILE.name: CONTENT}) as broken:
        broken.break_after = [70_000] + [0] * 9
        fetch([FILE], tmp_path, mirrors=[broken.address, server.address + "/some/folder/"])
    assert server.requests == ["bytes=70000-"]
    assert (tmp_path / FILE.name).read_bytes() == CONTENT


def test_offline_says_what_to_do(tmp_path):
    with serving({}) as gone:
        address = gone.address
    with pytest.raises(DownloadError) as caught:
        fetch([FILE], tmp_path, mirrors=[address])
    for part in (FILE.name, "0.3 MB", address, "not reachable", "OPTCOURSE_MIRROR", str(tmp_path / FILE.name)):
        assert part in str(caught.value)
    assert files(tmp_path) == set()


def test_a_full_disk_keeps_what_arrived_and_says_so(server, tmp_path, monkeypatch):
    (tmp_path / (FILE.name + ".part")).write_bytes(CONTENT[:1000])
    (tmp_path / "other").write_bytes(b"of the learner's")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(DownloadError, match=r"disk of .* is full; free some space .* OPTCOURSE_HOME"):
        fetch([FILE], tmp_path, mirrors=[server.address])
    assert (tmp_path / (FILE.name + ".part")).read_bytes()[:1000] == CONTENT[:1000]
    assert (tmp_path / "other").read_bytes() == b"of the learner's"
    assert not (tmp_path / FILE.name).exists()
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    fetch([FILE], tmp_path, mirrors=[server.address])
    assert (tmp_path / FILE.name).read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_says_what_to_do(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match=r"cannot write to .*; set OPTCOURSE_HOME"):
        fetch([FILE], tmp_path / "file" / "folder", mirrors=[server.address])


def test_an_interrupt_passes_through_and_keeps_what_arrived(server, tmp_path, monkeypatch):
    def interrupt(meter, done: float) -> None:
        if done:
            raise KeyboardInterrupt

    monkeypatch.setattr(download.Meter, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch([FILE], tmp_path, mirrors=[server.address])
    monkeypatch.undo()
    assert 0 < (tmp_path / (FILE.name + ".part")).stat().st_size < len(CONTENT)
    fetch([FILE], tmp_path, mirrors=[server.address])
    assert server.requests[1].startswith("bytes=")
    assert (tmp_path / FILE.name).read_bytes() == CONTENT


def test_two_processes_at_once_fetch_it_once(server, tmp_path):
    server.wait = lambda: time.sleep(0.3)
    code = (
        "import sys, pathlib; from optcourse.lab.download import RemoteFile, fetch; name, size, md5 = sys.argv[3:];"
        "fetch([RemoteFile(name, int(size), md5)], pathlib.Path(sys.argv[1]), mirrors=[sys.argv[2]])"
    )
    arguments = [str(tmp_path), server.address, FILE.name, str(FILE.size), FILE.md5]
    workers = [subprocess.Popen([sys.executable, "-c", code, *arguments]) for _ in range(2)]
    assert [worker.wait(600) for worker in workers] == [0, 0]
    assert (tmp_path / FILE.name).read_bytes() == CONTENT
    assert server.requests == [None]


def test_threads_wait_for_one_another(server, tmp_path):
    server.wait = lambda: time.sleep(0.2)
    threads = [
        threading.Thread(target=fetch, args=([FILE], tmp_path), kwargs={"mirrors": [server.address]}) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.requests == [None]


def test_waiting_for_a_stuck_process_ends(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_LOCK_TIMEOUT", 0.2)
    with (
        download._lock(tmp_path / (FILE.name + ".lock")),
        pytest.raises(DownloadError, match=r"another process has been fetching numbers.bin for"),
    ):
        fetch([FILE], tmp_path, mirrors=[server.address])


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_must_be_positive(tmp_path, timeout):
    with pytest.raises(ValueError, match="timeout must be a positive number of seconds"):
        fetch([FILE], tmp_path, timeout=timeout)


@pytest.mark.parametrize("mirrors", [[], ["ftp://somewhere"], ["somewhere"], ["file:///tmp"]])
def test_mirrors_must_be_addresses(tmp_path, mirrors):
    with pytest.raises(ValueError, match="mirrors must be addresses that begin with http"):
        fetch([FILE], tmp_path, mirrors=mirrors)


def _idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


@pytest.fixture
def tiny_fashion_mnist(monkeypatch, tmp_path):
    """Four files of the official names and format, with a few images; the home is a temporary folder."""
    random = np.random.default_rng(0)
    arrays = [
        random.integers(0, 256, (12, 28, 28), dtype=np.uint8),
        np.arange(12, dtype=np.uint8) % 10,
        random.integers(0, 256, (5, 28, 28), dtype=np.uint8),
        np.arange(5, dtype=np.uint8),
    ]
    content = {file.name: _idx(array) for file, array in zip(download.FASHION_MNIST, arrays, strict=True)}
    remote = tuple(RemoteFile(name, len(data), hashlib.md5(data).hexdigest()) for name, data in content.items())
    monkeypatch.setattr(download, "FASHION_MNIST", remote)
    monkeypatch.setenv("OPTCOURSE_HOME", str(tmp_path))
    with serving(content) as server:
        monkeypatch.setenv("OPTCOURSE_MIRROR", server.address)
        yield arrays, server


def test_the_full_set_is_fetched_only_when_asked_for(tiny_fashion_mnist, tmp_path):
    arrays, server = tiny_fashion_mnist
    with pytest.raises(FileNotFoundError, match=r'load\("fashion_mnist_full", download=True\)'):
        load("fashion_mnist_full")
    assert server.requests == []
    data = load("fashion_mnist_full", download=True, device="cpu")
    np.testing.assert_array_equal((data.x_train[:, 0] * 255).round().numpy(), arrays[0])
    np.testing.assert_array_equal(data.y_train.numpy(), arrays[1])
    np.testing.assert_array_equal((data.x_test[:, 0] * 255).round().numpy(), arrays[2])
    np.testing.assert_array_equal(data.y_test.numpy(), arrays[3])
    assert data.description.startswith("Fashion-MNIST, full, 12 train + 5 test, sha256 ")
    assert len(list((tmp_path / "data" / "fashion_mnist").glob("*.gz"))) == 4
    again = load("fashion_mnist_full", device="cpu")
    assert again.description == data.description
    assert len(server.requests) == 4


def test_a_file_damaged_on_the_disk_is_not_used(tiny_fashion_mnist, tmp_path):
    load("fashion_mnist_full", download=True)
    labels = tmp_path / "data" / "fashion_mnist" / download.FASHION_MNIST[1].name
    content = bytearray(labels.read_bytes())
    content[-1] ^= 1
    labels.write_bytes(content)
    with pytest.raises(FileNotFoundError, match=r"is not in .* or not whole"):
        load("fashion_mnist_full")
    load("fashion_mnist_full", download=True)


def test_download_is_refused_nothing_when_the_subset_is_asked_for(tiny_fashion_mnist):
    load("fashion_mnist", download=True)
    assert tiny_fashion_mnist[1].requests == []


def test_a_file_of_another_format_is_named(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"\x00\x00\x0d\x01" + bytes(8)))
    with pytest.raises(ValueError, match=r"x\.gz is not an IDX file of unsigned bytes"):
        sources._read_idx(tmp_path / "x.gz")


def test_the_official_files_are_known_by_size_and_checksum():
    assert sum(file.size for file in download.FASHION_MNIST) == 30_878_645
    assert all(len(file.md5) == 32 for file in download.FASHION_MNIST)
    assert all(mirror.startswith(("https://", "http://")) for mirror in download.MIRRORS)
