"""Small problems built to separate one method from another."""

import math
from collections.abc import Callable, Iterable
from functools import cache, partial

import torch
from torch import Tensor
from torch.nn import functional as F

from optcourse.lab.claims import Claim, at_least, at_most, within
from optcourse.lab.data import load
from optcourse.lab.device import generator
from optcourse.lab.models import mlp
from optcourse.lab.records import Record, Run
from optcourse.lab.train import evaluate
from optcourse.optimizers import SGD, Adam, AdamW, adam_reference

Factory = Callable[[Iterable[Tensor]], torch.optim.Optimizer]

# --- Reddi, Kale & Kumar 2018 ------------------------------------------------------------------------------------

LARGE_SLOPE = 4.0


def convergence_failure(seed: int, *, amsgrad: bool, steps: int = 3000) -> list[float]:
    """Path of Adam on the online problem on which it goes to the worst point.

    Every third step the slope is `LARGE_SLOPE`, on the other two it is -1, so that -1 is the best point of [-1, 1].
    With beta1 = 0, beta2 = 1 / (1 + C^2) and lr = 0.5 / sqrt(t) the large slope is divided by so large a root that the
    two small ones win. Start and phase are drawn from the seed; x is clamped to [-1, 1] after each step.
    """
    draw = generator(seed)
    x = (2 * torch.rand(1, generator=draw, dtype=torch.float64) - 1).requires_grad_()
    phase = int(torch.randint(3, (1,), generator=draw))
    optimizer = Adam([x], lr=0.5, betas=(0.0, 1 / (1 + LARGE_SLOPE**2)), eps=1e-12, amsgrad=amsgrad)
    path = [x.item()]
    for t in range(1, steps + 1):
        optimizer.param_groups[0]["lr"] = 0.5 / math.sqrt(t)
        x.grad = torch.full_like(x, LARGE_SLOPE if (t + phase) % 3 == 0 else -1.0)
        optimizer.step()
        with torch.no_grad():
            x.clamp_(-1, 1)
        path.append(x.item())
    return path


def adam_end(seed: int) -> float:
    """Where Adam ends."""
    return convergence_failure(seed, amsgrad=False)[-1]


def amsgrad_end(seed: int) -> float:
    """Where AMSGrad ends."""
    return convergence_failure(seed, amsgrad=True)[-1]


# --- Wilson et al. 2017 ------------------------------------------------------------------------------------------

MAJORITY = 0.6


def minimum_norm_data(seed: int, *, examples: int = 200) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Separable data on which adaptive methods fit the training set with a useless vector.

    Coordinate 0 is the label (+1 with probability `MAJORITY`, else -1), coordinates 1 and 2 are always 1, and each
    example has coordinates of its own: one where the label is +1, five where it is -1.

    Returns:
        x_train, y_train, x_test, y_test; float32, x of shape (examples, 3 + 10 examples).
    """
    draw = generator(seed)
    y = torch.where(torch.rand(2 * examples, generator=draw) < MAJORITY, 1.0, -1.0)
    own = torch.zeros(2 * examples, 2 * examples, 5)
    rows = torch.arange(2 * examples)
    own[rows, rows] = torch.where(y[:, None] > 0, torch.tensor([1.0, 0, 0, 0, 0]), torch.ones(5))
    x = torch.cat([y[:, None], torch.ones(2 * examples, 2), own.flatten(1)], dim=1)
    return x[:examples], y[:examples], x[examples:], y[examples:]


FITTED_BY: dict[str, Factory] = {"sgd": partial(SGD, lr=0.3), "adam": partial(Adam, lr=0.01)}


@cache
def fit_minimum_norm(method: str, seed: int, *, steps: int = 1000) -> tuple[float, float, float]:
    """Least squares from 0 on `minimum_norm_data`, full batch.

    Args:
        method: a key of `FITTED_BY`.

    Returns:
        Training error, test error and share of the minority class in the test set, each in [0, 1].
    """
    x_train, y_train, x_test, y_test = minimum_norm_data(seed)
    w = torch.zeros(x_train.shape[1], requires_grad=True)
    optimizer = FITTED_BY[method]([w])
    for _ in range(steps):
        w.grad = x_train.T @ (x_train @ w.detach() - y_train) / len(y_train)
        optimizer.step()

    def error(x: Tensor, y: Tensor) -> float:
        return ((x @ w.detach()).sign() != y).float().mean().item()

    return error(x_train, y_train), error(x_test, y_test), (y_test < 0).float().mean().item()


def sgd_test_error(seed: int) -> float:
    """Test error of gradient descent, in percent."""
    return 100 * fit_minimum_norm("sgd", seed)[1]


def adam_test_error(seed: int) -> float:
    """Test error of Adam over the share of the minority class."""
    _, error, minority = fit_minimum_norm("adam", seed)
    return error / minority


def training_errors(seed: int) -> float:
    """The larger of the two training errors, in percent."""
    return 100 * max(fit_minimum_norm(method, seed)[0] for method in FITTED_BY)


# --- Bias correction ---------------------------------------------------------------------------------------------

LONG_MEMORY = 0.9999
NO_CORRECTION = 10**9  # a step count at which 1 - beta^t is 1 in floating point


def first_step_without_correction(seed: int) -> float:
    """Length of the first step over lr when neither moment is corrected, at beta2 = 0.9999."""
    theta, zero = torch.zeros(100, dtype=torch.float64), torch.zeros(100, dtype=torch.float64)
    g = torch.randn(100, generator=generator(seed), dtype=torch.float64)
    moved = adam_reference(
        theta, g, zero, zero, NO_CORRECTION, lr=1.0, beta1=0.9, beta2=LONG_MEMORY, eps=1e-12, weight_decay=0.0
    )[0]
    return moved.abs().mean().item()


def train_with_long_memory(seed: int, *, corrected: bool, lr: float = 0.01, steps: int = 300, every: int = 20) -> Run:
    """An MLP 40-100-100-10 on MNIST-1D under Adam with beta2 = 0.9999, batches of 100, with or without correction.

    Each record's loss is the mean over the last `every` mini-batches; the last record has the test accuracy.
    """
    data = load("mnist1d", device="cpu")
    model = mlp([40, 100, 100, 10], seed=seed)
    parameters = list(model.parameters())
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
    step = partial(adam_reference, lr=lr, beta1=0.9, beta2=LONG_MEMORY, eps=1e-8)
    draw = generator(seed)
    losses: list[float] = []
    records: list[Record] = []
    for t in range(1, steps + 1):
        batch = torch.randint(len(data.x_train), (100,), generator=draw)
        loss = F.cross_entropy(model(data.x_train[batch]), data.y_train[batch])
        losses.append(loss.item())
        with torch.no_grad():
            for i, (p, g) in enumerate(zip(parameters, torch.autograd.grad(loss, parameters), strict=True)):
                theta, m, v = step(p, g, *moments[i], t if corrected else NO_CORRECTION)
                moments[i] = (m, v)
                p.copy_(theta)
        if t % every == 0:
            accuracy = evaluate(model, data.x_test, data.y_test)[1] if t == steps else None
            mean = sum(losses[-every:]) / every
            records.append(Record(t, t * 100 / len(data.x_train), mean, lr, test_accuracy=accuracy))
    config = {"optimizer": "corrected" if corrected else "not corrected", "lr": lr, "seed": seed}
    return Run(config, tuple(records), data.description)


def correction_gain(seed: int) -> float:
    """Test accuracy with bias correction minus without, in points, at lr 0.01."""
    runs = [train_with_long_memory(seed, corrected=corrected) for corrected in (True, False)]
    return 100 * (runs[0].final() - runs[1].final())


# --- Decay: in the gradient or beside the update -----------------------------------------------------------------


def decay_ratio(make_optimizer: Factory, seed: int, *, steps: int = 400) -> float:
    """How much more a weight with small gradients decays than one with gradients 100 times as large.

    Both start at 1 and see zero-mean noise as gradients, so that only the decay moves them on average. The number is
    log(mean of the small-gradient weights) over log(mean of the large-gradient weights): 1 when decay is uniform.
    """
    draw = generator(seed)
    scale = torch.tensor([0.1, 10.0], dtype=torch.float64)[:, None].expand(2, 8000)
    theta = torch.ones(2, 8000, dtype=torch.float64, requires_grad=True)
    optimizer = make_optimizer([theta])
    for _ in range(steps):
        theta.grad = scale * torch.randn(2, 8000, generator=draw, dtype=torch.float64)
        optimizer.step()
    small, large = theta.detach().mean(1).log().tolist()
    return small / large


def decoupled_decay_ratio(seed: int) -> float:
    """`decay_ratio` of AdamW."""
    return decay_ratio(lambda params: AdamW(params, lr=1e-3, weight_decay=0.5), seed)


def coupled_decay_ratio(seed: int) -> float:
    """`decay_ratio` of Adam with L2 in the gradient."""
    return decay_ratio(lambda params: Adam(params, lr=1e-3, weight_decay=0.05), seed)


CLAIMS = (
    Claim(
        "optimizers.reddi_adam",
        "On the online problem of Reddi et al., Adam goes to +1, the worst point.",
        at_least(0.9),
        adam_end,
        unit="position",
        paper="+1 (Reddi, Kale & Kumar 2018)",
    ),
    Claim(
        "optimizers.reddi_amsgrad",
        "AMSGrad goes to -1, the best.",
        at_most(-0.9),
        amsgrad_end,
        unit="position",
        paper="-1 (Reddi, Kale & Kumar 2018)",
    ),
    Claim(
        "optimizers.wilson_training",
        "On the data of Wilson et al., gradient descent and Adam both fit the training set without error.",
        at_most(0.1),
        training_errors,
        unit="%",
        paper="0 % (Wilson et al. 2017)",
    ),
    Claim(
        "optimizers.wilson_sgd",
        "On new examples gradient descent makes no error.",
        at_most(0.1),
        sgd_test_error,
        unit="%",
        paper="0 % (Wilson et al. 2017)",
    ),
    Claim(
        "optimizers.wilson_adam",
        "Adam's error on new examples is the share of the minority class: it gets all of that class wrong.",
        within(0.97, 1.03),
        adam_test_error,
        unit="of the minority's share",
        paper="the share of the minority class (Wilson et al. 2017)",
    ),
    Claim(
        "optimizers.uncorrected_first_step",
        "Without bias correction the first step at beta2 = 0.9999 is (1 - beta1) / sqrt(1 - beta2) = 10 times lr long.",
        within(9.99, 10.01),
        first_step_without_correction,
        unit="lr",
        digits=4,
    ),
    Claim(
        "optimizers.bias_correction",
        "At beta2 = 0.9999 and lr 0.01, bias correction makes the difference between a net that learns MNIST-1D and "
        "one that does not.",
        at_least(30),
        correction_gain,
        unit="points of accuracy",
        paper="large steps and divergence without it (Kingma & Ba 2015)",
        data="mnist1d",
    ),
    Claim(
        "optimizers.decoupled_decay",
        "AdamW shrinks every weight alike, whatever its gradients.",
        within(0.8, 1.2),
        decoupled_decay_ratio,
    ),
    Claim(
        "optimizers.coupled_decay",
        "Adam with L2 in the gradient shrinks weights with small gradients many times more.",
        at_least(10),
        coupled_decay_ratio,
        paper="large-gradient weights are regularized less (Loshchilov & Hutter 2019)",
    ),
)
