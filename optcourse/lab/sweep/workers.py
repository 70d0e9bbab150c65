"""Where the parts of a sweep are computed: threads of this process, or any executor."""

import importlib
import multiprocessing
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from optcourse.lab.data import Data
from optcourse.lab.device import describe_machine
from optcourse.lab.errors import require_integer
from optcourse.lab.progress import Meter
from optcourse.lab.records import Run
from optcourse.lab.sweep.members import Member, Proceed, Settings
from optcourse.lab.sweep.stack import train_stack
from optcourse.lab.train import collect, seeded, train

_LOOK_AGAIN = 0.1  # seconds between two looks at what the workers have done
_SLOW_IMPORT = "torch._dynamo"  # torch imports it, for seconds, when a process makes its first optimizer


@dataclass(frozen=True)
class Part:
    """Members that are trained together as one stack, or one after the other.

    Attributes:
        places: of the members in the sweep.
        own_random: the global generator belongs to this part alone while it runs, so that random layers can be seeded.
    """

    places: Sequence[int]
    members: Sequence[Member]
    stacked: bool
    own_random: bool = False


def train_part(part: Part, data: Data, settings: Settings, proceed: Proceed = lambda: True) -> list[Run]:
    """One Run a member, in order; on one intra-op thread."""
    with _one_thread():
        if part.stacked:
            return train_stack(part.members, data, settings, proceed)
        return [_train_alone(member, data, settings, proceed, part.own_random) for member in part.members]


def _train_alone(member: Member, data: Data, settings: Settings, proceed: Proceed, own_random: bool) -> Run:
    optimizer = member.make_optimizer(member.model.parameters())
    arguments: dict[str, Any] = {
        "steps": settings.steps,
        "batch_size": settings.batch_size,
        "seed": member.seed,
        "loss": settings.loss,
        "schedule": member.schedule,
        "evaluate_every": settings.evaluate_every,
    }
    records = _while(proceed, train(member.model, data, optimizer, **arguments))
    with seeded(member.seed, data.device) if own_random else nullcontext():
        return collect(records, config=member.config, data=data, record_every=settings.record_every)


def _while(proceed: Proceed, items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        yield item
        if not proceed():
            return


def in_threads(parts: Sequence[Part], data: Data, settings: Settings, workers: int) -> list[list[Run]]:
    """Compute the parts in threads of this process: no start-up, nothing is copied or pickled.

    Torch lets other threads work while it computes, so this is as good as processes where an operation takes long, and
    no loss where it does not. An interrupt stops all parts at their next update.
    """
    stop, done = threading.Event(), [0] * len(parts)

    def compute(i: int, part: Part) -> list[Run]:
        def proceed() -> bool:
            done[i] += 1
            return not stop.is_set()

        return train_part(part, data, settings, proceed)

    updates = sum((settings.steps + 1) * (1 if part.stacked else len(part.members)) for part in parts)
    runs = sum(len(part.members) for part in parts)
    with _one_thread(), ThreadPoolExecutor(workers) as pool, Meter(f"training {runs} runs, updates", updates) as meter:
        try:
            futures = [pool.submit(compute, i, part) for i, part in enumerate(parts)]
            return _results(parts, futures, lambda: meter.update(sum(done)))
        finally:
            stop.set()


def in_executor(executor: Executor, parts: Sequence[Part], data: Data, settings: Settings) -> list[list[Run]]:
    """Compute the parts wherever the executor does; what it needs travels as bytes.

    Raises:
        TypeError: when a model, loss or schedule cannot be sent to another process.
    """
    payloads = [_pack(part, data, settings) for part in parts]
    futures = [executor.submit(_train_packed, payload) for payload in payloads]
    runs = sum(len(part.members) for part in parts)
    with Meter(f"training {runs} runs, parts", len(parts)) as meter:
        return _results(parts, futures, lambda: meter.update(sum(future.done() for future in futures)))


def _results(
    parts: Sequence[Part], futures: Sequence["Future[list[Run]]"], look: Callable[[], None]
) -> list[list[Run]]:
    """What the futures return, in order; the first error as soon as it happens."""
    pending: Iterable[Future[list[Run]]] = futures
    try:
        while pending:
            finished, pending = wait(pending, timeout=_LOOK_AGAIN, return_when=FIRST_EXCEPTION)
            look()
            for part, future in zip(parts, futures, strict=True):
                if future in finished and (error := future.exception()) is not None:
                    error.add_note(f"while training {[dict(member.config) for member in part.members]}")
                    raise error
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()  # what has not begun when an error or an interrupt ends this


# --- other processes -------------------------------------------------------------------------------------------------


def process_pool(workers: int | None = None) -> ProcessPoolExecutor:
    """A pool of processes with torch loaded, to give to many sweeps as `executor`.

    Starting one takes seconds, most of it `import torch`; where the operating system has a fork server, only the first
    pool of a session does. Use it as a context manager, or call `shutdown()`.

    Args:
        workers: number of processes; None takes one a core.
    """
    count = cores() if workers is None else require_integer("workers", workers, low=1)
    has_fork_server = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if has_fork_server else "spawn")
    if has_fork_server:
        context.set_forkserver_preload([__name__, _SLOW_IMPORT])
    return ProcessPoolExecutor(count, context, initializer=importlib.import_module, initargs=(_SLOW_IMPORT,))


def wait_until_started(pool: ProcessPoolExecutor, workers: int) -> float:
    """Seconds until all processes of the pool have answered."""
    begin = time.perf_counter()
    wait([pool.submit(time.sleep, _LOOK_AGAIN) for _ in range(workers)])
    return time.perf_counter() - begin


def cores() -> int:
    """Cores this process may use."""
    return int(describe_machine()["cores"])


def obstacle(members: Sequence[Member], settings: Settings) -> str | None:
    """Why these runs cannot be sent to another process, or None when they can."""
    for member in members:
        for name, thing in (("loss", settings.loss), ("schedule", member.schedule), ("model", member.model)):
            parts = thing.modules() if isinstance(thing, torch.nn.Module) else [thing]
            for part in parts:
                if thing is not None and _lives_in_notebook(part):
                    return f"the {name} is defined in the notebook"
        try:
            pickle.dumps((member, settings))
        except Exception as error:  # whatever __reduce__ raises
            return str(error)
    return None


def _lives_in_notebook(thing: object) -> bool:
    """Another process imports what is defined in files, and has no way to what was typed in."""
    where = thing if hasattr(thing, "__qualname__") else type(thing)
    main = sys.modules["__main__"]
    return getattr(where, "__module__", None) == "__main__" and not hasattr(main, "__file__")


def _pack(part: Part, data: Data, settings: Settings) -> bytes:
    problem = obstacle(part.members, settings)
    if problem is not None:
        raise TypeError(
            f"other processes need models, loss and schedules that can be sent to them, but {problem}; define them in "
            "a file that is imported, or use backend='threads'"
        )
    return pickle.dumps((part, data, settings), protocol=pickle.HIGHEST_PROTOCOL)


def _train_packed(payload: bytes) -> list[Run]:
    return train_part(*pickle.loads(payload))


@contextmanager
def _one_thread() -> Iterator[None]:
    """One intra-op thread: small operations lose more to waiting for each other than a second thread gains."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
