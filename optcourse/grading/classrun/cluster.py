"""The same class run on a Dask cluster: each of its threads has a grader in a process of its own, as on one machine.

Submissions travel as bytes, so the machines need no common disk; the hidden cases' seed travels with them, so use a
cluster of your own. Every machine needs optcourse and its own isolation, which it tries before it grades.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from optcourse.grading.classrun.crew import Settings, close_crews, crew_of
from optcourse.grading.submission import SubmissionResult


@contextmanager
def dask_pool(settings: Settings, address: str) -> Iterator[tuple[Executor, int, Any]]:
    """Where `run` sends submissions: the threads of the cluster at an address such as tcp://10.0.0.1:8786.

    Raises:
        ValueError: when Dask is not installed, nothing answers there, or the cluster has no workers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("a cluster needs Dask; pip install distributed, or leave --cluster away") from None
    try:
        client = Client(address, timeout=20, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"no Dask scheduler answers at {address} ({error}); start one, or leave --cluster away"
        ) from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise ValueError(f"the cluster at {address} has no workers; start some with: dask worker {address}")
        try:
            # pure: two equal notebooks are two tasks; retries: a machine that goes away must not take its mark along
            executor = client.get_executor(pure=False, retries=1)
            yield _Reading(executor), 2 * threads, partial(grade_bytes, settings)
        finally:
            client.run(close_crews)


class _Reading(Executor):
    """An executor to which files are handed as their bytes, read when their turn comes."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    def submit(self, work: Any, path: Path, *more: Any) -> Any:  # type: ignore[override]
        return self._inner.submit(work, path.name, path.read_bytes(), *more)


def grade_bytes(
    settings: Settings, name: str, content: bytes, learner: str, exercises: Sequence[str] | None
) -> SubmissionResult:
    """Grade a submission on the machine this runs on."""
    with tempfile.TemporaryDirectory(prefix="optcourse-") as folder:
        path = Path(folder) / f"{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}.ipynb"
        path.write_bytes(content)
        return crew_of(settings).grade(path, learner, exercises)
