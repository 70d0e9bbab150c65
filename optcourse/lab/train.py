"""The training loop, in full view: batches, update, records.

    for record in train(model, data, optimizer, steps=1000, batch_size=100, seed=0, evaluate_every=100):
        ...

`run` goes to the end and keeps what it saw; `optcourse.lab.sweep` does so for many settings at once.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from optcourse.lab.data import Data
from optcourse.lab.device import generator
from optcourse.lab.errors import require_integer
from optcourse.lab.records import Record, Run

Loss = Callable[[Tensor, Tensor], Tensor]  # (outputs, targets) of a batch -> mean over the batch
Probe = Callable[[], Mapping[str, float]]
Schedule = Callable[[int], float]  # updates done -> lr of the next

EVALUATED_AT_ONCE = 1000  # examples; bounds the memory of activations


def train(
    model: nn.Module,
    data: Data,
    optimizer: torch.optim.Optimizer,
    *,
    steps: int,
    batch_size: int | None,
    seed: int,
    loss: Loss = cross_entropy,
    schedule: Schedule | None = None,
    evaluate_every: int | None = None,
    probes: Sequence[Probe] = (),
    probe_every: int | None = None,
) -> Iterator[Record]:
    """Train, yielding a record before the first update and after each one.

    Training stops early at the first record whose loss is not finite (or whose test loss is not, where it was
    evaluated): the run has diverged. Leave the iterator at any time to stop sooner.

    Args:
        model: on the device and of the dtype of the data. **Mutated**: parameters, `.grad`, and buffers if it has any;
            evaluations and probes put its modes back. Call `model.train()` first, unless it is to be trained in
            evaluation mode; a new model is in training mode.
        data: never mutated.
        optimizer: over parameters of the model. Mutated. It is given a closure, so that methods that evaluate the
            gradient more than once (SAM) work.
        steps: updates to make, >= 1.
        batch_size: examples an update, at most as many as there are; None takes them all, in their order. Otherwise
            each epoch draws a new permutation and leaves out the remainder that fills no batch.
        seed: of the batch order, which depends on nothing else. The global generator is not touched; random layers
            such as dropout draw from it, so seed it when there are any (`run` does).
        loss: maps (outputs, targets) to the mean over a batch.
        schedule: updates done -> lr for the next update, in every parameter group; None leaves lr alone.
        evaluate_every: updates between two evaluations on the whole test set, which also take place before the first
            and after the last update. None evaluates after the last update only.
        probes: called without arguments; what they return is merged into `Record.values`. See `optcourse.lab.probes`.
        probe_every: updates between two calls of the probes, which also take place before the first and after the
            last update; None calls them whenever the test set is evaluated.

    Raises:
        TypeError, ValueError: at the call, before anything is changed, when an argument breaks its rule.

    Example:
        >>> from optcourse.lab.models import mlp
        >>> from optcourse.optimizers import SGD
        >>> x = torch.linspace(-1, 1, 20).unsqueeze(1)
        >>> data = Data("sign", x, (x[:, 0] > 0).long(), x, (x[:, 0] > 0).long())
        >>> model = mlp((1, 2), seed=0)
        >>> records = list(train(model, data, SGD(model.parameters(), lr=1.0), steps=30, batch_size=10, seed=0))
        >>> len(records), records[-1].epoch, records[-1].test_accuracy
        (31, 15.0, 1.0)
    """
    check_settings(data, steps, batch_size, seed, evaluate_every, probe_every)
    check_model(model, data, loss)
    trained = {id(p) for p in model.parameters()}
    if not any(id(p) in trained for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("optimizer must hold parameters of the model, got none; make it from model.parameters()")
    return _train(model, data, optimizer, steps, batch_size, seed, loss, schedule, evaluate_every, probes, probe_every)


def _train(
    model, data, optimizer, steps, batch_size, seed, loss, schedule, evaluate_every, probes, probe_every
) -> Iterator[Record]:
    indices = batch_indices(len(data.x_train), batch_size, seed, data.device)
    index = next(indices)

    def gradient() -> Tensor:
        optimizer.zero_grad()
        value = loss(model(data.x_train[index]), data.y_train[index])
        value.backward()
        return value.detach()

    def look(step: int, value: float) -> Record:
        test_loss = test_accuracy = None
        values: dict[str, float] = {}
        if math.isfinite(value) and due(step, evaluate_every, steps):
            test_loss, test_accuracy = evaluate(model, data.x_test, data.y_test, loss)
        if math.isfinite(value) and due(step, probe_every or evaluate_every, steps):
            for probe in probes:
                values.update(probe())
        epoch = step * (batch_size or len(data.x_train)) / len(data.x_train)
        return Record(step, epoch, value, float(optimizer.param_groups[0]["lr"]), test_loss, test_accuracy, values)

    for step in range(steps + 1):
        if schedule is not None:
            for group in optimizer.param_groups:
                group["lr"] = schedule(max(step - 1, 0))
        if step == 0:
            value, _ = evaluate(model, data.x_train[index], data.y_train[index], loss)
        else:
            value = float(optimizer.step(gradient))
            index = next(indices)
        record = look(step, value)
        yield record
        if not is_finite(record):
            return


def run(
    model: nn.Module,
    data: Data,
    optimizer: torch.optim.Optimizer,
    *,
    seed: int,
    config: Mapping[str, Any] | None = None,
    record_every: int = 1,
    **settings: Any,
) -> Run:
    """Train to the end and keep the records: `train` in one call.

    Args:
        model, data, optimizer: as for `train`, mutated alike.
        seed: as for `train`; random layers are seeded with it too. The global generator comes back as it was.
        config: what tells this run from others; None notes the optimizer's name, lr and seed.
        record_every: keep each such record, besides the evaluated and probed ones, the first and the last.
        settings: the other arguments of `train`.

    Returns:
        A Run; `diverged` says whether training stopped early because the loss was no longer finite.
    """
    if config is None:
        lr = optimizer.param_groups[0]["lr"]
        config = {"optimizer": type(optimizer).__name__.lower(), "lr": float(lr), "seed": seed}
    records = train(model, data, optimizer, seed=seed, **settings)
    with seeded(seed, data.device):
        return collect(records, config=config, data=data, record_every=record_every)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """The global generators of torch seeded while the block runs, for random layers; then as they were."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def collect(records: Iterator[Record], *, config: Mapping[str, Any], data: Data, record_every: int = 1) -> Run:
    """A Run of these records, thinned as `run` says."""
    require_integer("record_every", record_every, low=1)
    kept: list[Record] = []
    last: Record | None = None
    for last in records:
        if last.step % record_every == 0 or last.test_loss is not None or last.values:
            kept.append(last)
    if last is not None and (not kept or kept[-1] is not last):
        kept.append(last)
    return Run(config, tuple(kept), data.description, diverged=last is not None and not is_finite(last))


def batch_indices(examples: int, batch_size: int | None, seed: int, device: torch.device) -> Iterator[Tensor | slice]:
    """What to take from the training set, update after update, for ever. None takes everything each time."""
    if batch_size is None:
        while True:
            yield slice(None)
    random = generator(seed)
    while True:
        order = torch.randperm(examples, generator=random).to(device)
        for start in range(0, examples - batch_size + 1, batch_size):
            yield order[start : start + batch_size]


@torch.no_grad()
def evaluate(model: nn.Module, x: Tensor, y: Tensor, loss: Loss = cross_entropy) -> tuple[float, float | None]:
    """Mean loss and accuracy over all of x, y, in evaluation mode; the model's modes are put back.

    The accuracy is None when the targets are not class numbers.
    """
    total, correct = 0.0, 0
    with evaluation_mode(model):
        for inputs, targets in zip(x.split(EVALUATED_AT_ONCE), y.split(EVALUATED_AT_ONCE), strict=True):
            outputs = model(inputs)
            total += float(loss(outputs, targets)) * len(inputs)
            if not y.is_floating_point():
                correct += int((outputs.argmax(1) == targets).sum())
    return total / len(x), None if y.is_floating_point() else correct / y.numel()


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode while the block runs; then each module in the mode it was in before."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def due(step: int, every: int | None, steps: int) -> bool:
    """Whether something done `every` so many updates is done after this one: always after the last, and None only then.

    Example:
        >>> [step for step in range(8) if due(step, 3, 7)], [step for step in range(8) if due(step, None, 7)]
        ([0, 3, 6, 7], [7])
    """
    return step == steps or (every is not None and step % every == 0)


def is_finite(record: Record) -> bool:
    """False for the last record of a run that has diverged."""
    return math.isfinite(record.loss) and (record.test_loss is None or math.isfinite(record.test_loss))


def check_settings(
    data: Data,
    steps: int,
    batch_size: int | None,
    seed: int,
    evaluate_every: int | None,
    probe_every: int | None = None,
) -> None:
    """Raise TypeError or ValueError when `train` cannot work with these arguments, whatever the model."""
    if not isinstance(data, Data):
        raise TypeError(
            f"data must be a Data, got {type(data).__name__}; use load(name) or "
            "Data(name, x_train, y_train, x_test, y_test)"
        )
    require_integer("steps", steps, low=1)
    require_integer("seed", seed, low=0)
    for name, every in (("evaluate_every", evaluate_every), ("probe_every", probe_every)):
        if every is not None:
            require_integer(name, every, low=1)
    if batch_size is not None:
        require_integer("batch_size", batch_size, low=1)
        if batch_size > len(data.x_train):
            raise ValueError(
                f"batch_size must be at most the {len(data.x_train)} training examples, got {batch_size}; "
                "use batch_size=None for all of them"
            )


def check_model(model: nn.Module, data: Data, loss: Loss) -> None:
    """Raise ValueError when this model does not fit the data or the loss; nothing is changed."""
    for name, parameter in model.named_parameters():
        if parameter.device != data.device or parameter.dtype != data.x_train.dtype:
            raise ValueError(
                f"model and data must be on one device and of one dtype, got parameter {name!r} of {parameter.dtype} "
                f"on {parameter.device} and inputs of {data.x_train.dtype} on {data.device}; use model.to(data.x_train)"
            )
    for part, x, y in (("train", data.x_train, data.y_train), ("test", data.x_test, data.y_test)):
        _check_targets(f"y_{part}", y, _first_outputs(model, x), loss)


@torch.no_grad()
def _first_outputs(model: nn.Module, x: Tensor) -> Tensor:
    with evaluation_mode(model):
        return model(x[:2])


def _check_targets(name: str, y: Tensor, outputs: Tensor, loss: Loss) -> None:
    if y.is_floating_point():
        if not bool(torch.isfinite(y).all()):
            raise ValueError(f"{name} must be finite, but holds NaN or infinity; drop those rows first")
        if outputs.shape != y[:2].shape:
            raise ValueError(
                "outputs and floating targets must have one shape, or the loss compares each output with every target; "
                f"got {tuple(outputs.shape)} and {tuple(y[:2].shape)} for two examples of {name}; "
                "reshape the targets, or let the model return another shape"
            )
    elif outputs.dim() < 2:
        raise ValueError(
            f"class numbers in {name} need outputs of shape (N, classes), got {tuple(outputs.shape)}; "
            "use floating targets, or let the model return one number a class"
        )
    elif int(y.min()) < 0 or int(y.max()) >= outputs.shape[1]:
        raise ValueError(
            f"class numbers in {name} must lie in [0, {outputs.shape[1] - 1}], as the model has {outputs.shape[1]} "
            f"outputs; got {int(y.min())} to {int(y.max())}"
        )
    value = loss(outputs, y[:2])
    if value.dim() != 0:
        raise ValueError(
            f"loss must return the mean over the batch, one number, got shape {tuple(value.shape)}; "
            "use reduction='mean'"
        )
