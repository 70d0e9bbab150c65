"""Training on wrong labels: momentum and SAM."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import torch

from optcourse.lab.claims import Claim, at_least
from optcourse.lab.data import Data, load
from optcourse.lab.device import generator
from optcourse.lab.models import mlp
from optcourse.lab.records import Run
from optcourse.lab.sweep import sweep

SHARE = 0.4
METHODS: dict[str, dict] = {
    "momentum": {"momentum": 0.9},
    "sam": {"base": "momentum", "momentum": 0.9, "rho": 0.2},
}
LEARNING_RATES = (0.003, 0.01, 0.03)


def with_label_noise(data: Data, seed: int) -> Data:
    """The data with a share `SHARE` of the training labels replaced by classes drawn at random."""
    draw = generator(seed)
    y = data.y_train.cpu()
    random = torch.randint(len(data.classes), y.shape, generator=draw)
    noisy = torch.where(torch.rand(y.shape, generator=draw) < SHARE, random, y).to(data.device)
    change = f"{SHARE:.0%} of the training labels random with seed {seed}"
    return replace(data, y_train=noisy, changes=(*data.changes, change))


@cache
def noise_runs(seed: int, learning_rates: tuple[float, ...] = LEARNING_RATES) -> tuple[Run, ...]:
    """An MLP 40-100-100-10 trained by momentum and by SAM at each rate, 3,000 batches of 100 from noisy MNIST-1D."""
    data = with_label_noise(load("mnist1d"), seed)
    configs = [
        {"optimizer": name, "lr": lr, "seed": seed, **options}
        for name, options in METHODS.items()
        for lr in learning_rates
    ]
    return tuple(sweep(partial(mlp, (40, 100, 100, 10)), data, configs, steps=3000, batch_size=100))


def less_memorized(seed: int) -> float:
    """Test loss of momentum minus test loss of SAM at the end of training with lr 0.03, in nats."""
    momentum, sam = noise_runs(seed, (0.03,))
    return momentum.final("test_loss") - sam.final("test_loss")


SWEEPS: dict[str, Callable[[int], tuple[Run, ...]]] = {"label_noise": noise_runs}
"""Trainings that ship as records, for the figures: seed -> runs."""


CLAIMS = (
    Claim(
        "optimizers.sam_noise",
        "With 40 % of the training labels random, 3,000 steps at lr 0.03 leave SAM with a test loss at least 0.8 nats "
        "below momentum's: it learns fewer of the wrong labels by heart.",
        at_least(0.8),
        less_memorized,
        unit="nats of test loss",
        paper="SAM is robust to label noise (Foret et al. 2021)",
        kind="recorded",
        tolerance=0.5,
        data="mnist1d",
    ),
)
