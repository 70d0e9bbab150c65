"""Time of an optimizer step against torch's default, written to optimizer_step.json beside this file.

    python benchmarks/optimizer_step.py [--rounds 300] [--out FILE]

The model is 60 tensors with 1,003,500 parameters (20 layers of a 223 x 223 weight, a bias and a scale), the gradients
are random and fixed, torch runs on one thread. In each round ours and torch's make one burst of steps each, in random
order, so that a busy machine slows both; process time is what counts. The figure is the median over the rounds of
(ours / torch's) in the same round. torch's default on a CPU is its for-loop.
"""

import argparse
import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from optcourse.optimizers import SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSprop

SEED = 0
STEPS_A_BURST = 4
TARGETS = {"Adam": 0.80, "AdamW": 0.80, "SGD": 1.0, "Momentum": 1.0}  # at most; the others have none
PAIRS: dict[str, tuple[Callable, Callable]] = {
    "Adam": (lambda p: Adam(p), lambda p: torch.optim.Adam(p)),
    "AdamW": (lambda p: AdamW(p), lambda p: torch.optim.AdamW(p)),
    "SGD": (lambda p: SGD(p), lambda p: torch.optim.SGD(p)),
    "Momentum": (lambda p: Momentum(p), lambda p: torch.optim.SGD(p, momentum=0.9)),
    "Nesterov": (lambda p: Nesterov(p), lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True)),
    "Adagrad": (lambda p: Adagrad(p), lambda p: torch.optim.Adagrad(p)),
    "RMSprop": (lambda p: RMSprop(p), lambda p: torch.optim.RMSprop(p)),
}


def make_parameters() -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(SEED)
    parameters = []
    for shape in [(223, 223), (223,), (223,)] * 20:
        parameter = torch.nn.Parameter(torch.randn(shape, generator=generator))
        parameter.grad = torch.randn(shape, generator=generator)
        parameters.append(parameter)
    return parameters


def burst(optimizer: torch.optim.Optimizer) -> float:
    """Process seconds of one step, averaged over a burst."""
    start = time.process_time()
    for _ in range(STEPS_A_BURST):
        optimizer.step()
    return (time.process_time() - start) / STEPS_A_BURST


def measure(make_ours: Callable, make_theirs: Callable, rounds: int) -> dict[str, float]:
    """Medians of one pair, and the quartiles of the ratio."""
    optimizers = [make_ours(make_parameters()), make_theirs(make_parameters())]
    for optimizer in optimizers:
        burst(optimizer)  # creates the state
    shuffle = random.Random(SEED).shuffle
    order = [0, 1]
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        shuffle(order)
        for i in order:
            seconds[i].append(burst(optimizers[i]))
    ratios = sorted(ours / theirs for ours, theirs in zip(*seconds, strict=True))
    return {
        "ratio": statistics.median(ratios),
        "ratio_lower_quartile": ratios[len(ratios) // 4],
        "ratio_upper_quartile": ratios[3 * len(ratios) // 4],
        "ours_ms": 1e3 * statistics.median(seconds[0]),
        "torch_ms": 1e3 * statistics.median(seconds[1]),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Time of an optimizer step against torch's default.")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = {name: measure(*pair, arguments.rounds) for name, pair in PAIRS.items()}

    print(f"{'optimizer':10} {'ours ms':>8} {'torch ms':>9} {'ratio':>6}  quartiles    target")
    missed = []
    for name, row in table.items():
        quartiles = f"{row['ratio_lower_quartile']:.2f}-{row['ratio_upper_quartile']:.2f}"
        target = f"<= {TARGETS[name]:.2f}" if name in TARGETS else ""
        if name in TARGETS and row["ratio"] > TARGETS[name]:
            missed.append(name)
            target += "  MISSED"
        print(f"{name:10} {row['ours_ms']:8.3f} {row['torch_ms']:9.3f} {row['ratio']:6.2f}  {quartiles}    {target}")
    record = {
        "command": f"python benchmarks/optimizer_step.py --rounds {arguments.rounds}",
        "seed": SEED,
        "rounds": arguments.rounds,
        "steps_a_burst": STEPS_A_BURST,
        "threads": torch.get_num_threads(),
        "clock": "process time",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "machine": platform.machine(),
        "targets": TARGETS,
        "results": table,
    }
    arguments.out.write_text(json.dumps(record, indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
