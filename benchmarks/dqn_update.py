"""Time of an update of deep Q-learning by hand against by autograd, written to dqn_update.json beside this file.

    python benchmarks/dqn_update.py [--rounds 200] [--out FILE]

Two learners with the course's settings, 4-128-128-2, and the same 5,000 random transitions make rounds of 32 updates;
one by `Perceptron`, the other as any other network would, by autograd. In each round both make one, in random order, so
that a busy machine slows both; process time with one thread is what counts. The figure is the median over the rounds of
(by hand / by autograd) in the same round.
"""

import argparse
import json
import platform
import random
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

from optcourse.reinforcement import DQNConfig, Transitions, q_network
from optcourse.reinforcement.deep_q_learning import _Learner

SEED = 0
STORED = 5_000
TARGET = 0.6  # at most


def learner(*, by_hand: bool) -> _Learner:
    made = _Learner(q_network(4, 2, seed=SEED), 4, DQNConfig(), np.random.default_rng(SEED))
    if not by_hand:
        made.online.perceptron = None
    rng = np.random.default_rng(SEED)
    s, following = (rng.standard_normal((STORED, 4), dtype=np.float32) for _ in range(2))
    reward, discount = np.ones(STORED, np.float32), np.full(STORED, 0.99, np.float32)
    made.replay.add(
        Transitions(s, rng.integers(2, size=STORED), reward, following, rng.random(STORED) < 0.05, discount)
    )
    return made


def seconds(learner: _Learner) -> float:
    """Process seconds of one update, averaged over a round."""
    start = time.process_time()
    learner.round(step=0)
    return (time.process_time() - start) / learner.config.updates


def main() -> int:
    parser = argparse.ArgumentParser(description="Time of an update by hand against by autograd.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    learners = [learner(by_hand=True), learner(by_hand=False)]
    for each in learners:
        each.round(step=0)
    shuffle = random.Random(SEED).shuffle
    order = [0, 1]
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(options.rounds):
        shuffle(order)
        for number in order:
            taken[number].append(seconds(learners[number]))
    ratios = sorted(fast / slow for fast, slow in zip(*taken, strict=True))
    result = {
        "ratio": statistics.median(ratios),
        "ratio_lower_quartile": ratios[len(ratios) // 4],
        "ratio_upper_quartile": ratios[3 * len(ratios) // 4],
        "by_hand_ms": 1e3 * statistics.median(taken[0]),
        "by_autograd_ms": 1e3 * statistics.median(taken[1]),
    }
    print("an update: {by_hand_ms:.2f} ms by hand, {by_autograd_ms:.2f} ms by autograd".format(**result))
    print("ratio {ratio:.2f}, quartiles {ratio_lower_quartile:.2f}-{ratio_upper_quartile:.2f}".format(**result))
    record = {
        "command": f"python benchmarks/dqn_update.py --rounds {options.rounds}",
        "seed": SEED,
        "rounds": options.rounds,
        "threads": torch.get_num_threads(),
        "clock": "process time",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "machine": platform.machine(),
        "target": TARGET,
        "results": result,
    }
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    if result["ratio"] > TARGET:
        print(f"MISSED: promised at most {TARGET}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
