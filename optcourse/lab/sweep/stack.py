"""N models in one: stacked parameters, one graph, N independent trainings.

All parameters of a model lie in one row of a table (N, D). Layers read it as stacked tensors (N, out, in), so that N
small matrix products become one batched product; the sum of the N losses is differentiated once, and since no loss
depends on another run's row, its gradient holds each run's own. Row i then belongs to run i's optimizer (`update`).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from optcourse.lab.data import Data
from optcourse.lab.records import Record, Run
from optcourse.lab.sweep.members import Member, Proceed, Settings
from optcourse.lab.sweep.update import climb, stacked_optimizer, stacked_update
from optcourse.lab.train import EVALUATED_AT_ONCE, Loss, batch_indices, due, is_finite
from optcourse.optimizers import SAM

_WITHOUT_PARAMETERS = (
    nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Softplus,
)  # fmt: skip

Forward = Callable[[Sequence[Tensor], Tensor], Tensor]  # stacked parameters, inputs (N, B, ...) -> outputs (N, B, ...)


def is_perceptron(model: nn.Module, x: Tensor) -> bool:
    """Whether the model is a chain of `Linear` layers and elementwise activations on inputs x, flat or flattened."""
    return _chain(model, x) is not None


def train_stack(members: Sequence[Member], data: Data, settings: Settings, proceed: Proceed) -> list[Run]:
    """Train all members at once; each as `optcourse.lab.train.run` would by itself, up to rounding.

    Args:
        members: models of one structure, not mutated, and optimizers of one `update.kind`.
        data: never mutated.
        proceed: called before each update; False leaves the rest out.

    Returns:
        One Run a member, in order. One that diverges goes on being computed, but no longer recorded.
    """
    table, parameters = stack_parameters([member.model for member in members])
    optimizer = stacked_optimizer(members, table)
    forward, update = stacked_forward(members[0].model, data.x_train), stacked_update(optimizer, table)
    batches = _stacked_batches(data, [member.seed for member in members], settings.batch_size)
    x, y = next(batches)
    log = _Log(members, optimizer, data, settings)

    def gradient() -> tuple[Tensor, Tensor]:
        """Losses (N,) and their gradients (N, D)."""
        losses = stacked_loss(settings.loss, forward(parameters, x), y)
        gs = torch.autograd.grad(losses.sum(), parameters)
        return losses.detach(), torch.cat([g.flatten(1) for g in gs], 1)

    for step in range(settings.steps + 1):
        if not log.alive or not proceed():
            break
        for member, group in zip(members, optimizer.param_groups, strict=True):
            if member.schedule is not None:
                group["lr"] = member.schedule(max(step - 1, 0))
        losses, gs = gradient()
        if step > 0:
            if isinstance(optimizer, SAM):
                before = table.clone()
                table.copy_(climb(optimizer, table, gs))
                _, gs = gradient()
                table.copy_(before)
            update(gs)
            x, y = next(batches)
        evaluated = due(step, settings.evaluate_every, settings.steps)
        log.add(step, losses.tolist(), evaluate_stack(forward, parameters, data, settings.loss) if evaluated else None)
    return log.runs()


class _Log:
    """The records of N runs, each up to where it diverged."""

    def __init__(
        self, members: Sequence[Member], optimizer: torch.optim.Optimizer, data: Data, settings: Settings
    ) -> None:
        self.alive = list(range(len(members)))
        self._records: list[list[Record]] = [[] for _ in members]
        self._members, self._groups = members, optimizer.param_groups
        self._data, self._settings = data, settings

    def add(self, step: int, losses: Sequence[float], tests: Sequence[tuple[float, float | None]] | None) -> None:
        examples, settings = len(self._data.x_train), self._settings
        epoch = step * (settings.batch_size or examples) / examples
        wanted = step % settings.record_every == 0 or step == settings.steps or tests is not None
        for i in list(self.alive):
            if not wanted and math.isfinite(losses[i]):
                continue
            test = tests[i] if tests is not None and math.isfinite(losses[i]) else (None, None)
            record = Record(step, epoch, losses[i], float(self._groups[i]["lr"]), *test)
            self._records[i].append(record)
            if not is_finite(record):
                self.alive.remove(i)

    def runs(self) -> list[Run]:
        return [
            Run(member.config, tuple(records), self._data.description, diverged=i not in self.alive)
            for i, (member, records) in enumerate(zip(self._members, self._records, strict=True))
        ]


def stack_parameters(models: Sequence[nn.Module]) -> tuple[Tensor, list[Tensor]]:
    """The parameters of N models of one structure, copied into one table.

    Returns:
        The table (N, D), and for each parameter a leaf (N, *shape) that shares its memory.
    """
    with torch.no_grad():
        table = torch.stack([torch.cat([p.flatten() for p in model.parameters()]) for model in models])
    shapes = [p.shape for p in models[0].parameters()]
    columns = table.split([shape.numel() for shape in shapes], dim=1)
    leaves = [
        part.unflatten(1, shape or (1,)).reshape(len(models), *shape)
        for part, shape in zip(columns, shapes, strict=True)
    ]
    return table, [leaf.detach().requires_grad_() for leaf in leaves]


def stacked_forward(model: nn.Module, x: Tensor) -> Forward:
    """How a stack of such models maps inputs (N, B, ...) to outputs (N, B, ...), where one model takes some like x.

    A perceptron is run layer by layer with batched products, which costs half of what `torch.func.vmap` does on small
    ones; any other model goes through vmap.
    """
    chain = _chain(model, x)
    if chain is not None:
        return lambda parameters, x: _run_chain(chain, parameters, x)
    names = [name for name, _ in model.named_parameters()]

    def one(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
        return functional_call(model, dict(zip(names, parameters, strict=True)), (x,))

    return torch.vmap(one)


_Layer = tuple[nn.Module, int, int | None]  # the layer, which parameter is its weight, which its bias


def _chain(model: nn.Module, x: Tensor) -> list[_Layer] | None:
    """The layers of a perceptron in order, or None for any other model."""
    flat = x.dim() == 2
    index = {id(p): i for i, p in enumerate(model.parameters())}
    layers: list[_Layer] = []
    for layer in _leaves(model):
        if type(layer) is nn.Linear and flat:
            layers.append((layer, index[id(layer.weight)], None if layer.bias is None else index[id(layer.bias)]))
        elif type(layer) in _WITHOUT_PARAMETERS:
            layers.append((layer, -1, None))
        elif type(layer) is nn.Flatten and (layer.start_dim, layer.end_dim) == (1, -1):
            flat = True
        else:
            return None
    return layers


def _leaves(model: nn.Module) -> Iterator[nn.Module]:
    """The layers of nested `nn.Sequential`s in order; any other module is a leaf."""
    if type(model) is nn.Sequential:
        for child in model:
            yield from _leaves(child)
    else:
        yield model


def _run_chain(chain: Sequence[_Layer], parameters: Sequence[Tensor], x: Tensor) -> Tensor:
    h = x.flatten(2).transpose(1, 2)  # (N, features, B): products then need no transposed copy
    for layer, weight, bias in chain:
        if weight < 0:
            h = layer(h)
        elif bias is None:
            h = torch.bmm(parameters[weight], h)
        else:
            h = torch.baddbmm(parameters[bias].unsqueeze(2), parameters[weight], h)
    return h.transpose(1, 2)


def stacked_loss(loss: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """The N losses, shape (N,)."""
    if loss is cross_entropy and outputs.dim() == 3 and not targets.is_floating_point():
        return cross_entropy(outputs.transpose(1, 2), targets, reduction="none").mean(1)
    return torch.vmap(loss)(outputs, targets)


def _stacked_batches(data: Data, seeds: Sequence[int], batch_size: int | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches (N, B, ...) and targets (N, B, ...), each run's in its own order, for ever."""
    x, y, n = data.x_train, data.y_train, len(seeds)
    if batch_size is None:
        while True:
            yield x.expand(n, *x.shape), y.expand(n, *y.shape)
    orders = {seed: batch_indices(len(x), batch_size, seed, data.device) for seed in seeds}
    while True:
        drawn: dict[int, Any] = {seed: next(order) for seed, order in orders.items()}
        index = torch.cat([drawn[seed] for seed in seeds])
        yield x[index].unflatten(0, (n, batch_size)), y[index].unflatten(0, (n, batch_size))


@torch.no_grad()
def evaluate_stack(
    forward: Forward, parameters: Sequence[Tensor], data: Data, loss: Loss
) -> list[tuple[float, float | None]]:
    """Mean test loss and accuracy of each run; the accuracy is None when the targets are not class numbers."""
    n, (x, y) = len(parameters[0]), (data.x_test, data.y_test)
    total = torch.zeros(n, dtype=torch.float64)
    correct = torch.zeros(n, dtype=torch.int64)
    piece = min(EVALUATED_AT_ONCE, max(1, 4 * EVALUATED_AT_ONCE // n))
    for inputs, targets in zip(x.split(piece), y.split(piece), strict=True):
        outputs = forward(parameters, inputs.expand(n, *inputs.shape))
        losses = stacked_loss(loss, outputs, targets.expand(n, *targets.shape))
        total += losses.cpu().double() * len(inputs)
        if not y.is_floating_point():
            correct += (outputs.argmax(2) == targets).flatten(1).sum(1).cpu()
    accuracies = [None] * n if y.is_floating_point() else (correct.double() / y.numel()).tolist()
    return list(zip((total / len(x)).tolist(), accuracies, strict=True))
