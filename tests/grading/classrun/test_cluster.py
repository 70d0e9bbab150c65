"""On a Dask cluster the same rows as on one machine, and no worker left."""

import json
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from optcourse.grading.classrun import Settings, collect, run
from optcourse.grading.classrun.cluster import dask_pool
from tests.grading.classrun.fake import FACTORY, write
from tests.grading.classrun.test_run import ALL_RIGHT

LocalCluster = pytest.importorskip("distributed", reason="Dask is not installed: extra cluster").LocalCluster
SETTINGS = Settings(factory=FACTORY)


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    """Written by graders on the cluster, whose environment is that of its start."""
    return tmp_path_factory.mktemp("log") / "log"


@pytest.fixture(scope="module")
def address(log) -> Iterator[str]:
    """A cluster of two processes with two threads each."""
    os.environ["FAKE_LOG"] = str(log)
    options = {"n_workers": 2, "threads_per_worker": 2, "processes": True, "dashboard_address": None}
    with LocalCluster(**options, host="127.0.0.1", worker_dashboard_address=None) as cluster:
        yield cluster.scheduler_address
    del os.environ["FAKE_LOG"]


def open_once(gate: Path, log: Path, processes: int) -> None:
    """Make the file that graders wait for when so many processes have written to the log."""
    deadline = time.monotonic() + 500
    while len(graders(log)) < processes and time.monotonic() < deadline:
        time.sleep(0.05)
    gate.touch()


def graders(log: Path) -> set[int]:
    return {json.loads(line)[-1] for line in log.read_text().splitlines()}


def test_the_same_rows_as_on_one_machine(address, log, tmp_path):
    folder, gate = tmp_path / "handed", tmp_path / "gate"
    gate.touch()
    for number in range(12):
        write(folder / f"l{number:02}" / "x.ipynb", dict(list(ALL_RIGHT.items())[: number % 8]), gate=str(gate))
    (folder / "torn").mkdir()
    (folder / "torn" / "x.ipynb").write_text("{")
    write(folder / "die" / "x.ipynb", die=True)
    local = run(collect(folder), tmp_path / "local.jsonl", settings=SETTINGS, workers=2)
    local_processes = graders(log)
    gate.unlink()
    opener = threading.Thread(target=open_once, args=(gate, log, len(local_processes) + 4))
    opener.start()
    pool = partial(dask_pool, SETTINGS, address)
    remote = run(collect(folder), tmp_path / "remote.jsonl", settings=SETTINGS, pool=pool)
    opener.join()
    assert remote.rows == local.rows
    assert len(remote.rows) == 14
    processes = graders(log) - local_processes
    assert len(processes) >= 4, "each thread of the cluster has a grader of its own"
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]
    again = run(collect(folder), tmp_path / "remote.jsonl", settings=SETTINGS, workers=1)
    assert (again.graded, again.kept) == (0, 14), "a run may go on somewhere else"


def test_a_refusal_on_the_cluster_comes_back(address, tmp_path):
    write(tmp_path / "handed" / "ada" / "x.ipynb")
    settings = Settings(factory="tests.grading.classrun.fake:no_such_grader")
    with pytest.raises(ValueError, match="no_such_grader"):
        run(
            collect(tmp_path / "handed"),
            tmp_path / "j.jsonl",
            settings=settings,
            pool=partial(dask_pool, settings, address),
        )
