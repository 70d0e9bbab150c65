"""Many small trainings at once: a grid of learning rates, seeds and other settings.

runs = sweep(make_model, data, grid(optimizer="adam", lr=[0.1, 0.01], seed=range(3)), steps=500, batch_size=100)
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from torch import nn
from torch.nn.functional import cross_entropy

from optcourse.lab.data import Data
from optcourse.lab.errors import require_integer, unknown
from optcourse.lab.records import Run
from optcourse.lab.sweep.members import Settings, grid, make_member
from optcourse.lab.sweep.plan import BACKENDS, Backend, make_plan, structure
from optcourse.lab.sweep.workers import cores, in_executor, in_threads, process_pool, wait_until_started
from optcourse.lab.train import Loss, check_model, check_settings

__all__ = ["BACKENDS", "Runs", "grid", "process_pool", "sweep"]


class Runs(list[Run]):
    """The runs of a sweep, in the order of its configurations, and how they were computed.

    Attributes:
        how: where and in which form, and why, in one line.
        startup: seconds until the processes stood ready; 0 when none were started.
        seconds: wall time of the training, without `startup`.
    """

    def __init__(self, runs: Iterable[Run], how: str, startup: float, seconds: float) -> None:
        super().__init__(runs)
        self.how, self.startup, self.seconds = how, startup, seconds


def sweep(
    make_model: Callable[..., nn.Module],
    data: Data,
    configs: Sequence[Mapping[str, Any]],
    *,
    steps: int,
    batch_size: int | None,
    evaluate_every: int | None = None,
    record_every: int = 1,
    loss: Loss = cross_entropy,
    executor: Executor | None = None,
    backend: Backend = "auto",
    workers: int | None = None,
) -> Runs:
    """Train one model for each configuration.

    Every run gives the records that `optcourse.lab.train.run` would give for it alone, up to rounding. One that
    diverges is flagged, keeps its records up to there, and changes none of the others.

    The backends, and what `auto` takes:

    - *batched*: models of one structure become one, with N times the parameters: chains of linear layers and
      activations through batched matrix products, others through `torch.func.vmap`. Taken for models whose parameters
      are vectors and matrices (no convolutions), which draw no random numbers and keep no buffers, up to
      `plan.LARGEST_STACKED` parameters, under optimizers that treat each number by itself (and SAM around those).
    - *threads*: one run at a time a thread. Taken for all other models without random layers, convolutions above all.
    - *processes*: one run at a time a process. Taken for models with random layers, which must be seeded one by one,
      where everything can be sent to another process. Starting them takes seconds.
    - *serial*: one after the other. Taken for what remains, small models above all, whose threads would only wait for
      each other.

    Args:
        make_model: called as `make_model(seed=...)`, with every setting that is none of the optimizer's added by name;
            returns a new model, which is moved to the device and dtype of the data.
        data: never mutated.
        configs: dicts with `optimizer` (a name in `optcourse.optimizers.OPTIMIZERS`), `lr` or `schedule` (a function
            from updates done to lr), `seed` (of the initial values and of the batch order), and further options of the
            optimizer (`momentum`, `betas`, `base="momentum"` for SAM) or of `make_model`. See `grid`.
        steps, batch_size, evaluate_every, loss: as for `optcourse.lab.train.train`.
        record_every: keep each such record, besides the evaluated ones, the first and the last.
        executor: any `concurrent.futures.Executor`, such as `process_pool()` or Dask's `client.get_executor()`; stacks
            and single runs are then computed there.
        backend: one of the above.
        workers: threads or processes, at most; None takes one a core.

    Raises:
        TypeError, ValueError: before anything is trained, when an argument or a configuration breaks its rule, or when
            the backend asked for cannot take these runs.

    Example:
        >>> from optcourse.lab.data import load
        >>> from optcourse.lab.models import mlp
        >>> configs = grid(optimizer="sgd", lr=[0.01, 0.1], seed=0)
        >>> runs = sweep(lambda seed: mlp((64, 10), seed=seed), load("digits"), configs, steps=50, batch_size=32)
        >>> runs[0].final() < runs[1].final(), runs.how
        (True, 'batched: 1 stack of up to 2 models, of one structure and optimizer each')
    """
    if backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    if executor is not None and backend in ("threads", "serial"):
        raise ValueError(f"an executor decides where runs are computed; leave out backend={backend!r}, or the executor")
    if isinstance(configs, Mapping) or not configs:
        raise ValueError(f"configs must be a list of at least one dict, got {configs!r}; use grid(...)")
    require_integer("record_every", record_every, low=1)
    workers = cores() if workers is None else require_integer("workers", workers, low=1)
    check_settings(data, steps, batch_size, 0, evaluate_every)
    settings = Settings(steps, batch_size, loss, evaluate_every, record_every)
    members = [make_member(make_model, data, config) for config in configs]
    for member in {structure(member, data): member for member in members}.values():
        check_model(member.model, data, loss)
    plan = make_plan(members, data, settings, backend, workers, executor)

    startup, begin = 0.0, time.perf_counter()
    if executor is not None:
        results = in_executor(executor, plan.parts, data, settings)
    elif plan.backend == "processes":
        count = min(workers, len(plan.parts))
        with process_pool(count) as pool:
            startup = wait_until_started(pool, count)
            begin = time.perf_counter()
            results = in_executor(pool, plan.parts, data, settings)
    else:
        results = in_threads(plan.parts, data, settings, workers if plan.several_threads else 1)
    seconds = time.perf_counter() - begin
    found = {
        place: run
        for part, runs in zip(plan.parts, results, strict=True)
        for place, run in zip(part.places, runs, strict=True)
    }
    return Runs((found[i] for i in range(len(members))), f"{plan.backend}: {plan.reason}", startup, seconds)
