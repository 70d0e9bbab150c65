"""Looking into a model without changing what it does: activations, gradients, updates, curvature.

Probes are for `train(..., probes=...)`: called without arguments, they return numbers by name. A probe puts back what
it touches (hooks, modes, gradients), so that training with it gives the same numbers to the last bit.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import torch
from torch import Tensor, nn

from optcourse.lab.device import generator
from optcourse.lab.errors import require_integer
from optcourse.lab.train import Loss, Probe, evaluation_mode

# --- activations -----------------------------------------------------------------------------------------------------


@contextmanager
def activations(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Collect what each layer returns, while the block runs.

    The dict fills with each forward pass, newest outputs replacing older ones: name of the layer, as in
    `model.named_modules()`, -> its output, detached. Layers are the modules without children. The hooks are removed
    when the block ends, also by an exception.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> with activations(model) as outputs:
        ...     y = model(torch.ones(1, 2))
        >>> list(outputs), bool((outputs["1"] == y).all())
        (['0', '1'], True)
    """
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(layer: nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                outputs[name] = output.detach()

        return hook

    layers = [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]
    handles = [layer.register_forward_hook(keep(name)) for name, layer in layers]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def activation_statistics(model: nn.Module, inputs: Tensor) -> Probe:
    """A probe of what the layers return for these inputs, in evaluation mode.

    For each layer: `mean/<layer>` and `std/<layer>` over all its numbers, and `dead/<layer>`, the share of its units
    (features, channels) that return exactly 0 for every input, in [0, 1]; what a layer of ReLUs has lost.

    Args:
        model: read; its modes are put back.
        inputs: (B, ...), B >= 2, on the model's device. Fixed, so that numbers of different steps can be compared.

    Example:
        >>> probe = activation_statistics(nn.Sequential(nn.ReLU()), torch.tensor([[1.0, -1.0], [3.0, -2.0]]))
        >>> probe()
        {'mean/0': 1.0, 'std/0': 1.22..., 'dead/0': 0.5}
    """
    if inputs.dim() < 2 or len(inputs) < 2:
        raise ValueError(f"inputs must have shape (B, ...) with B >= 2, got {tuple(inputs.shape)}")

    @torch.no_grad()
    def probe() -> dict[str, float]:
        with evaluation_mode(model), activations(model) as outputs:
            model(inputs)
        values: dict[str, float] = {}
        for name, output in outputs.items():
            units = output.unsqueeze(-1).flatten(2) if output.dim() > 1 else output.reshape(len(output), 1, 1)
            values[f"mean/{name}"] = float(output.mean())
            values[f"std/{name}"] = float(output.std(correction=0))
            values[f"dead/{name}"] = float((units == 0).all(2).all(0).to(output.dtype).mean())
        return values

    return probe


# --- gradients and updates -------------------------------------------------------------------------------------------


def gradient_norms(model: nn.Module) -> Probe:
    """A probe of `.grad` as the last update left it: `gradient/<parameter>`, and `gradient` over all, Euclidean norms.

    Parameters without a gradient are left out; before the first update that is all of them.

    Example:
        >>> model = nn.Linear(1, 1, bias=False)
        >>> (3 * model.weight).sum().backward()
        >>> gradient_norms(model)()
        {'gradient/weight': 3.0, 'gradient': 3.0}
    """

    def probe() -> dict[str, float]:
        grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        norms = {f"gradient/{name}": float(torch.linalg.vector_norm(g)) for name, g in grads.items()}
        return {**norms, "gradient": math.hypot(*norms.values())} if norms else {}

    return probe


class UpdateRatios:
    """A probe of the last update: `update/<parameter>` = |change| / |value before|, and `update` over all.

    About 1e-3 is a common rule of thumb for a healthy lr. A context manager: it copies the parameters before each step
    of the optimizer, until the block ends.

        with UpdateRatios(model, optimizer) as ratios:
            for record in train(model, data, optimizer, ..., probes=[ratios]):
                ...

    Args:
        model: read.
        optimizer: watched through its hooks.

    Parameters whose value before was 0 are left out of the ratios, as biases often start there.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self._model, self._optimizer = model, optimizer
        self._before: dict[str, Tensor] = {}

    def __enter__(self) -> Self:
        self._handle = self._optimizer.register_step_pre_hook(self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.remove()
        self._before.clear()

    def _remember(self, *_: object) -> None:
        self._before = {name: p.detach().clone() for name, p in self._model.named_parameters()}

    @torch.no_grad()
    def __call__(self) -> dict[str, float]:
        values: dict[str, float] = {}
        changes, sizes = [0.0], [0.0]
        for name, p in self._model.named_parameters():
            if name in self._before:
                before = self._before[name]
                changes.append(float(torch.linalg.vector_norm(p - before)))
                sizes.append(float(torch.linalg.vector_norm(before)))
                if sizes[-1] > 0:
                    values[f"update/{name}"] = changes[-1] / sizes[-1]
        if math.hypot(*sizes) > 0:
            values["update"] = math.hypot(*changes) / math.hypot(*sizes)
        return values


# --- curvature -------------------------------------------------------------------------------------------------------


def sharpness(
    loss: Callable[[], Tensor],
    parameters: Sequence[Tensor],
    *,
    seed: int = 0,
    iterations: int = 100,
    tolerance: float = 1e-4,
) -> float:
    r"""The largest eigenvalue of the Hessian of a loss, by Lanczos iteration on Hessian-vector products.

    .. math:: \lambda_{\max}\bigl(\nabla^2 L(\theta)\bigr)

    Gradient descent with a constant lr is stable on a quadratic while this is below 2 / lr. It is the largest with its
    sign: at a maximum of the loss it is negative or 0.

    Args:
        loss: called once, without arguments; returns the loss as one number, a twice differentiable function of the
            parameters. Put the model in evaluation mode first if the modes differ.
        parameters: tensors that require gradients. Neither they nor their `.grad` are changed.
        seed: of the first vector; the global generator is not touched.
        iterations: Hessian-vector products at most, each about as long as two gradients. They end sooner when the
            residual |H v - lambda v| says that lambda is accurate to `tolerance`.
        tolerance: relative accuracy at which to stop, > 0.

    Raises:
        TypeError, ValueError: when an argument breaks its rule, or the loss is not one finite number.

    Example:
        >>> theta = torch.tensor([1.0, 1.0], requires_grad=True)
        >>> round(sharpness(lambda: (theta**2 * torch.tensor([0.5, 5.0])).sum(), [theta]), 4)
        10.0

    References:
        Lanczos, An Iteration Method for the Solution of the Eigenvalue Problem, 1950.
        Cohen et al., Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability, ICLR 2021.
    """
    require_integer("iterations", iterations, low=1)
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be in (0, 1), got {tolerance}; try 1e-4")
    parameters = list(parameters)
    if not parameters or not all(p.requires_grad for p in parameters):
        raise ValueError(
            "parameters must be tensors that require gradients, at least one; try list(model.parameters())"
        )
    with torch.enable_grad():
        value = loss()
        if value.dim() != 0 or not math.isfinite(float(value.detach())):
            raise ValueError(f"loss must return one finite number, got {value.detach()}; has training diverged?")
        gs = torch.autograd.grad(value, parameters, create_graph=True, materialize_grads=True)
        g = torch.cat([part.flatten() for part in gs])
    if not g.requires_grad:
        return 0.0  # the loss is linear

    def hessian_times(v: Tensor) -> Tensor:
        parts = torch.autograd.grad(g, parameters, v, retain_graph=True, materialize_grads=True)
        return torch.cat([part.flatten() for part in parts])

    start = torch.randn(g.numel(), generator=generator(seed), dtype=g.dtype).to(g.device)
    return _lanczos(hessian_times, start, iterations, tolerance)


def _lanczos(multiply: Callable[[Tensor], Tensor], start: Tensor, iterations: int, tolerance: float) -> float:
    """The largest eigenvalue of a symmetric matrix that is known by its products."""
    basis = [start / start.norm()]
    diagonal: list[float] = []
    beside: list[float] = []
    largest = 0.0
    for _ in range(min(iterations, start.numel())):
        w = multiply(basis[-1])
        diagonal.append(float(w @ basis[-1]))
        vectors = torch.stack(basis)
        for _ in range(2):  # rounding takes the basis out of square; once is not enough
            w = w - vectors.T @ (vectors @ w)
        remainder = float(w.norm())
        small = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
        small += torch.diag(torch.tensor(beside, dtype=torch.float64), 1)
        values, modes = torch.linalg.eigh(small, UPLO="U")
        largest, residual = float(values[-1]), remainder * abs(float(modes[-1, -1]))
        if residual <= tolerance * abs(largest) or remainder <= torch.finfo(w.dtype).eps * float(values.abs().max()):
            break
        beside.append(remainder)
        basis.append(w / remainder)
    return largest


def sharpness_probe(model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss, **settings: int | float) -> Probe:
    """`sharpness` of the mean loss over these examples, as a probe with the one value `sharpness`.

    Args:
        model: read, in evaluation mode; its modes are put back.
        inputs, targets: fixed examples on the model's device.
        loss: maps (outputs, targets) to the mean.
        settings: `seed`, `iterations` and `tolerance` of `sharpness`.
    """

    def probe() -> dict[str, float]:
        with evaluation_mode(model):
            top = sharpness(lambda: loss(model(inputs), targets), list(model.parameters()), **settings)  # type: ignore[arg-type]
        return {"sharpness": top}

    return probe


def gradient_noise_scale(
    model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss, *, batch_size: int = 10
) -> float:
    r"""The simple noise scale: the batch size at which noise and gradient are of equal size.

    .. math:: B_\text{simple} = \operatorname{tr}(\Sigma) / |G|^2

    where G is the mean gradient and Sigma the covariance of the gradient of one example. Much smaller batches are
    mostly noise, much larger ones hardly better. Both are estimated without bias from the gradients of small batches
    and of all of them together; the ratio is noisy when there are few batches.

    Args:
        model: read, in evaluation mode; its modes and `.grad` are put back.
        inputs, targets: examples, at least two batches; the remainder that fills no batch is left out.
        loss: maps (outputs, targets) to the mean.
        batch_size: b, examples in a small batch.

    Returns:
        B_simple in examples; infinity when the estimate of |G|^2 is not positive (nothing but noise was seen).

    References:
        McCandlish, Kaplan, Amodei et al., An Empirical Model of Large-Batch Training, arXiv 1812.06162, appendix A.1.
    """
    require_integer("batch_size", batch_size, low=1, high=len(inputs) // 2)
    parameters = [p for p in model.parameters() if p.requires_grad]
    count = len(inputs) // batch_size
    squares, total = 0.0, torch.zeros(())
    with evaluation_mode(model), torch.enable_grad():
        for i in range(count):
            batch = slice(i * batch_size, (i + 1) * batch_size)
            gs = torch.autograd.grad(loss(model(inputs[batch]), targets[batch]), parameters, materialize_grads=True)
            g = torch.cat([part.flatten() for part in gs]).double()
            squares += float(g @ g) / count
            total = total.to(g) + g / count
    small, big, of_mean = batch_size, batch_size * count, float(total @ total)
    signal = (big * of_mean - small * squares) / (big - small)
    noise = (squares - of_mean) / (1 / small - 1 / big)
    return noise / signal if signal > 0 else math.inf
