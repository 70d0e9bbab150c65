"""The two trained nets of the lesson. Some seeds ship as files, others are trained when asked for.

`python -m optcourse.experiments.quantization` makes the files anew.
"""

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from optcourse.experiments.quantization.training import keep_training, trained_mlp
from optcourse.lab.models import cnn, mlp

SHIPPED = (0, 1, 2)
"""Seeds with a file."""
MLP_SIZES = (784, 128, 128, 10)
STEPS, MORE_STEPS = 400, 300
"""Steps of the MLP before the point where training through the rounding sets in, and after it."""
CNN_STEPS = 300
FOLDER = Path(__file__).parents[1] / "checkpoints" / "quantization"


def _train_mlp(seed: int) -> nn.Sequential:
    return keep_training(copy.deepcopy(trained_mlp(MLP_SIZES, seed, STEPS)), seed + 1000, MORE_STEPS)


def _train_cnn(seed: int) -> nn.Sequential:
    return keep_training(cnn(seed=seed), seed, CNN_STEPS)


_TRAIN: dict[str, Callable[[int], nn.Sequential]] = {"mlp": _train_mlp, "cnn": _train_cnn}
_BUILD: dict[str, Callable[[], nn.Sequential]] = {"mlp": lambda: mlp(MLP_SIZES, seed=0), "cnn": lambda: cnn(seed=0)}
NETS = tuple(_TRAIN)


@cache
def checkpoint(net: str, seed: int) -> nn.Sequential:
    """A net trained on Fashion-MNIST, its weights rounded to float16, in evaluation mode.

    Args:
        net: "mlp", 784-128-128-10 after 700 steps of Adam, or "cnn", the laboratory's with 16 and 32 channels, after
            300. Batches of 100, lr 0.002.
        seed: of weights and batches. Those in `SHIPPED` are read from files, and others trained.

    Returns:
        The float32 net; the same object each time: copy it before you change it.

    Raises:
        KeyError: for another net.
    """
    model = _BUILD[net]()
    if seed in SHIPPED:
        with np.load(path(net, seed), allow_pickle=False) as arrays:
            state = {name: torch.from_numpy(arrays[name]).float() for name in arrays.files}
    else:
        state = rounded_state(train_anew(net, seed))
    model.load_state_dict(state)
    return model.eval()


def train_anew(net: str, seed: int) -> nn.Sequential:
    """The net from its training, whether or not its file ships; float32 throughout."""
    return _TRAIN[net](seed)


def rounded_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The model's state, each number rounded to float16."""
    return {name: value.half().float() for name, value in model.state_dict().items()}


def path(net: str, seed: int) -> Path:
    """Where the file of a shipped net lies."""
    return FOLDER / f"{net}_{seed}.npz"
