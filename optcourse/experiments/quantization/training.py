"""The float nets that the experiments quantize."""

from functools import cache

import torch
from torch import nn

from optcourse.lab.data import Data, load
from optcourse.lab.models import mlp
from optcourse.lab.train import evaluate, train
from optcourse.optimizers import Adam

BATCH_SIZE = 100
LEARNING_RATE = 2e-3
CALIBRATION = 1000  # training examples


@cache
def fashion_mnist() -> Data:
    """Fashion-MNIST, standardized, so that the input's zero-point is not 0."""
    return load("fashion_mnist", device="cpu").standardize()


def calibration_batches() -> tuple[torch.Tensor, ...]:
    """The first `CALIBRATION` training images, in batches of 100."""
    return fashion_mnist().x_train[:CALIBRATION].split(100)


def keep_training(model: nn.Sequential, seed: int, steps: int, lr: float = LEARNING_RATE) -> nn.Sequential:
    """The model itself after `steps` updates of Adam on batches of 100, in evaluation mode."""
    model.train()
    optimizer = Adam(model.parameters(), lr=lr)
    for _ in train(model, fashion_mnist(), optimizer, steps=steps, batch_size=BATCH_SIZE, seed=seed):
        pass
    return model.eval()


@cache
def trained_mlp(sizes: tuple[int, ...], seed: int, steps: int) -> nn.Sequential:
    """An MLP after `steps` updates. Shared: copy it before you change it."""
    return keep_training(mlp(sizes, seed=seed), seed, steps)


@torch.no_grad()
def accuracy(model: nn.Module) -> float:
    """Test accuracy in percent."""
    data = fashion_mnist()
    _, share = evaluate(model, data.x_test, data.y_test)
    assert share is not None
    return 100 * share
