"""Time of `sweep` against the same runs one by one, written to sweep.json beside this file.

    python benchmarks/sweep.py [--rounds 3] [--models NAME ...] [--out FILE]

For each model that ships: 32 runs of Adam (8 learning rates, 4 seeds) on the model's data. Each makes few steps, and is
evaluated once, at the end, on 200 test examples; that is the share evaluation has in a longer run. One by one is
`optcourse.lab.train.run` in a loop, in one process with one thread. In each round everything is done once, in random
order, so that a busy machine slows all of it; wall time counts, since a second core is part of the promise. The figure
is the median over the rounds of (one by one / sweep) in the same round. `auto` is what a caller gets; the other columns
are what the rule behind it rests on. `work` is the same ratio in process time: what would be left on a single core.
Start-up is apart: the first optimizer and the first pool of processes of a fresh Python, and a second pool. Nothing is
compiled. On a busy machine the second core is somebody else's; a share of one by one below 0.9 of a core says so.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from optcourse.lab.data import Data, load
from optcourse.lab.models import MODELS
from optcourse.lab.sweep import grid, process_pool, sweep
from optcourse.lab.sweep.workers import cores, wait_until_started
from optcourse.lab.train import run
from optcourse.optimizers import OPTIMIZERS

CONFIGS = grid(optimizer="adam", lr=[1e-3 * 2**i for i in range(-4, 4)], seed=range(4))
BATCH_SIZE = 100
STEPS = {
    "toy_mlp": 100,
    "digits_mlp": 100,
    "mnist1d_mlp": 100,
    "mnist1d_cnn": 20,
    "fashion_mnist_mlp": 20,
    "fashion_mnist_cnn": 2,
}
TARGETS = {"toy_mlp": 6.0, "mnist1d_mlp": 2.5}  # at least; all others must not be slower than one by one
BACKENDS = ("auto", "batched", "threads", "processes")

STARTUP = """
import time, torch
from optcourse.lab.sweep import process_pool
from optcourse.lab.sweep.workers import wait_until_started
from optcourse.optimizers import SGD
if __name__ == "__main__":
    begin = time.perf_counter()
    SGD([torch.zeros(1)])
    print(time.perf_counter() - begin)
    for _ in range(2):
        with process_pool(WORKERS) as pool:
            print(wait_until_started(pool, WORKERS))
"""


def data_for(model: str) -> Data:
    if model != "toy_mlp":
        name = model.rpartition("_")[0]
        data = load(name, device="cpu")
        return replace(data, x_test=data.x_test[:200], y_test=data.y_test[:200])
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(1200, 2, generator=draw)
    y = ((torch.atan2(x[:, 1], x[:, 0]) / torch.pi + 1) * 5).long().clamp(0, 9)  # ten sectors of the plane
    return Data("ten sectors", x[:1000], y[:1000], x[1000:], y[1000:])


def one_by_one(make_model: Callable[..., torch.nn.Module], data: Data, steps: int) -> list[Any]:
    runs = []
    for config in CONFIGS:
        model = make_model(seed=config["seed"])
        optimizer = OPTIMIZERS[config["optimizer"]](model.parameters(), lr=config["lr"])
        runs.append(run(model, data, optimizer, seed=config["seed"], config=config, steps=steps, batch_size=BATCH_SIZE))
    return runs


def seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall time and process time, that of all threads together."""
    wall, process = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - process


def measure(name: str, rounds: int, pool: Executor) -> dict[str, Any]:
    """Seconds of each way, and the speed-ups over one by one."""
    make_model, data, steps = partial(MODELS[name]), data_for(name), STEPS[name]
    swept = partial(sweep, make_model, data, CONFIGS, steps=steps, batch_size=BATCH_SIZE)
    ways: dict[str, Callable[[], Any]] = {
        "one by one": lambda: one_by_one(make_model, data, steps),
        "auto": swept,
        "batched": partial(swept, backend="batched"),
        "threads": partial(swept, backend="threads"),
        "processes": partial(swept, backend="processes", executor=pool),
    }
    how = swept().how  # also warms up what is done once
    times: dict[str, list[float]] = {way: [] for way in ways}
    processor: dict[str, list[float]] = {way: [] for way in ways}
    shuffle = random.Random(0).shuffle
    order = list(ways)
    for _ in range(rounds):
        shuffle(order)
        for way in order:
            wall, process = seconds(ways[way])
            times[way].append(wall)
            processor[way].append(process)
    ratios = {
        way: sorted(alone / t for alone, t in zip(times["one by one"], times[way], strict=True)) for way in BACKENDS
    }
    alone = "one by one"
    return {
        "steps": steps,
        "how": how,
        "core_share": statistics.median(p / t for p, t in zip(processor[alone], times[alone], strict=True)),
        "work": statistics.median(a / b for a, b in zip(processor[alone], processor["auto"], strict=True)),
        "seconds": {way: statistics.median(t) for way, t in times.items()},
        "speedup": {way: statistics.median(r) for way, r in ratios.items()},
        "speedup_lowest": {way: r[0] for way, r in ratios.items()},
        "speedup_highest": {way: r[-1] for way, r in ratios.items()},
    }


def startup(workers: int) -> dict[str, float]:
    code = STARTUP.replace("WORKERS", str(workers))
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return dict(zip(("first optimizer", "first pool", "second pool"), map(float, output.split()), strict=True))


def show(table: dict[str, dict[str, Any]], startup_seconds: dict[str, float]) -> list[str]:
    """Print; return the names of the models that missed their target."""
    print(f"{'model':18} {'one by one s':>12}  {'auto (lowest-highest)':22} work batched threads processes  target")
    missed = []
    for name, row in table.items():
        target = TARGETS.get(name, 1.0)
        speedup = row["speedup"]
        if speedup["auto"] < target:
            missed.append(name)
        band = f"{speedup['auto']:5.2f} ({row['speedup_lowest']['auto']:.2f}-{row['speedup_highest']['auto']:.2f})"
        others = f"{row['work']:4.1f} " + " ".join(f"{speedup[way]:7.2f}" for way in BACKENDS[1:])
        verdict = f">= {target:.1f}" + ("  MISSED" if name in missed else "")
        print(f"{name:18} {row['seconds']['one by one']:12.2f}  {band:22} {others}    {verdict}")
        print(f"{'':18} {row['how']}; one by one had {row['core_share']:.2f} of a core")
    print("start-up, seconds: " + ", ".join(f"{what} {s:.2f}" for what, s in startup_seconds.items()))
    return missed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Time of sweep against the same runs one by one.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    workers = cores()
    with process_pool(workers) as pool:
        wait_until_started(pool, workers)
        table = {name: measure(name, options.rounds, pool) for name in options.models}
    startup_seconds = startup(workers)
    missed = show(table, startup_seconds)
    record = {
        "command": f"python benchmarks/sweep.py --rounds {options.rounds} --models {' '.join(options.models)}",
        "configurations": CONFIGS,
        "batch_size": BATCH_SIZE,
        "rounds": options.rounds,
        "clock": "wall time",
        "cores": workers,
        "load_average_at_end": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "machine": platform.machine(),
        "targets": TARGETS,
        "startup_seconds": startup_seconds,
        "results": table,
    }
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
