"""Policies of one training, from its first look to the one after its best was lost. They ship as files.

`python -m optcourse.experiments.reinforcement` makes the files anew.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from optcourse.experiments.reinforcement.cartpole import (
    ENVIRONMENT,
    FRESH,
    LONGER,
    SCREENED,
    Snapshot,
    train,
)
from optcourse.reinforcement import greedy_returns, q_network

SEED = 0
"""Of the network and of the training."""
FOLDER = Path(__file__).parents[1] / "checkpoints" / "reinforcement"
INDEX = FOLDER / "checkpoints.json"


@dataclass(frozen=True)
class Policy:
    """A network as it was at one step of training.

    Attributes:
        step: of training, over all sub-environments.
        network: from (B, 4) to (B, 2); its weights were rounded to float16.
        mean_return: over 100 greedy episodes on fresh seeds.
    """

    step: int
    network: nn.Module
    mean_return: float


@cache
def policies() -> tuple[Policy, ...]:
    """The policies that ship, in order of step. Copy a network before you change it."""
    return tuple(
        Policy(row["step"], read(FOLDER / row["file"]), row["mean_return"])
        for row in json.loads(INDEX.read_text(encoding="utf-8"))["files"]
    )


def read(path: Path) -> nn.Module:
    """A network from its file."""
    network = q_network(4, 2, seed=0)
    with np.load(path, allow_pickle=False) as arrays:
        network.load_state_dict({name: torch.from_numpy(arrays[name]).float() for name in arrays.files})
    return network.requires_grad_(False)


def train_anew() -> list[Snapshot]:
    """Each look of a training that goes on after it was done."""
    snapshots: list[Snapshot] = []
    train(SEED, longer=LONGER, snapshots=snapshots)
    return snapshots


def chosen(returns: list[float]) -> list[int]:
    """Which looks ship: the first, three on the way, the first that was done, the worst after it, and the last."""
    best = next(number for number, value in enumerate(returns) if value >= SCREENED)
    worst = min(range(best, len(returns)), key=lambda number: returns[number])
    return sorted({0, best // 4, best // 2, 3 * best // 4, best, worst, len(returns) - 1})


def store(step: int, network: nn.Module) -> dict[str, Any]:
    """Write one file, and say what it holds."""
    path = FOLDER / f"policy_{step}.npz"
    arrays: dict[str, Any] = {name: value.half().numpy() for name, value in network.state_dict().items()}
    np.savez_compressed(path, **arrays)
    mean = greedy_returns(read(path), ENVIRONMENT, episodes=100, seed=FRESH).mean()
    return {"file": path.name, "step": step, "mean_return": round(float(mean), 1)}
