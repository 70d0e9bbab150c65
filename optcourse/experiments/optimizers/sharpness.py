"""Full-batch gradient descent at the edge of stability."""

from functools import cache

import torch
from torch.nn import functional as F

from optcourse.lab.claims import Claim, within
from optcourse.lab.data import load
from optcourse.lab.models import mlp
from optcourse.lab.probes import sharpness
from optcourse.lab.records import Record, Run
from optcourse.optimizers import SGD

EXAMPLES = 200


@cache
def descend_full_batch(lr: float, seed: int, *, steps: int = 900, every: int = 100) -> Run:
    """Full-batch gradient descent on the squared error of one-hot targets, with the sharpness on the way.

    A 40-32-32-10 tanh net on `EXAMPLES` signals of MNIST-1D, float64. Each record's `values["sharpness"]` is the top
    eigenvalue of the Hessian of the loss.

    Args:
        seed: of the net and of the choice of signals.
        every: steps between two records.
    """
    data = load("mnist1d", device="cpu", dtype=torch.float64).subset(EXAMPLES, seed)
    x, y = data.x_train, F.one_hot(data.y_train, 10).double()
    model = mlp([40, 32, 32, 10], activation="tanh", seed=seed, dtype=torch.float64)
    optimizer = SGD(model.parameters(), lr=lr)

    def loss():
        return (model(x) - y).square().sum(1).mean() / 2

    records = []
    for step in range(steps + 1):
        value = loss()
        if step % every == 0:
            top = sharpness(loss, list(model.parameters()), seed=seed)
            records.append(Record(step, float(step), value.item(), lr, values={"sharpness": top}))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return Run({"optimizer": "sgd", "lr": lr, "seed": seed}, tuple(records), data.description)


def settled_sharpness(seed: int) -> float:
    """Mean sharpness of the last five records times lr / 2, at lr 0.4."""
    lr = 0.4
    last = [record.values["sharpness"] for record in descend_full_batch(lr, seed).records[-5:]]
    return sum(last) / len(last) * lr / 2


CLAIMS = (
    Claim(
        "optimizers.edge_of_stability",
        "Under full-batch gradient descent with lr 0.4 the sharpness rises and settles at 2 / lr: sharpness x lr / 2 "
        "is about 1.",
        within(0.9, 1.15),
        settled_sharpness,
        paper="just above 2 / lr (Cohen et al. 2021)",
        data="mnist1d",
    ),
)
