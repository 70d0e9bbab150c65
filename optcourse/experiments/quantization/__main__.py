"""`python -m optcourse.experiments.quantization`: trains the nets that ship, and measures their cost panels."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from optcourse.experiments import versions
from optcourse.experiments.quantization.checkpoints import (
    FOLDER,
    NETS,
    SHIPPED,
    checkpoint,
    path,
    rounded_state,
    train_anew,
)
from optcourse.experiments.quantization.deployed import PANELS, costs
from optcourse.experiments.quantization.training import accuracy, fashion_mnist
from optcourse.lab.code_hash import code_hash

COMMAND = "python -m optcourse.experiments.quantization"


def main() -> None:
    torch.set_num_threads(1)
    head = {"command": COMMAND, "versions": versions(), "data": fashion_mnist().description}
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = [store(net, seed) for net in NETS for seed in SHIPPED]
    index = head | {"code": code_hash(checkpoint.__module__), "files": files}
    (FOLDER / "checkpoints.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    panels = {net: [asdict(row) for row in costs(net).panel.rows] for net in NETS}
    PANELS.write_text(json.dumps(head | {"panels": panels}, indent=1) + "\n", encoding="utf-8")


def store(net: str, seed: int) -> dict[str, Any]:
    """Train a net, store it in float16, and say what its file holds."""
    arrays: dict[str, Any] = {
        name: value.half().numpy() for name, value in rounded_state(train_anew(net, seed)).items()
    }
    np.savez_compressed(path(net, seed), **arrays)
    checkpoint.cache_clear()
    percent = accuracy(checkpoint(net, seed))
    return {"file": path(net, seed).name, "net": net, "seed": seed, "test_accuracy": round(percent, 2)}


if __name__ == "__main__":
    main()
