"""Small models with an explicit seed: the same numbers on every device, the global generator left alone.

Weights and biases are drawn as `torch.nn` draws them by default, U(-1/sqrt(fan_in), 1/sqrt(fan_in)), so that a model
equals the one you would build after `torch.manual_seed(seed)`. No model uses batch normalization or dropout: sweeps
stack many models into one, and their running statistics would not follow.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils import skip_init

from optcourse.lab.device import device as choose_device
from optcourse.lab.device import generator
from optcourse.lab.errors import require_floating, require_integer, unknown

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "identity": nn.Identity,
}


def mlp(
    sizes: Sequence[int],
    *,
    activation: str | type[nn.Module] = "relu",
    seed: int,
    device: str | torch.device | None = "cpu",
    dtype: torch.dtype = torch.float32,
) -> nn.Sequential:
    """Fully connected layers with an activation between them; inputs of more than one axis are flattened.

    Args:
        sizes: features from input to output, as in (784, 128, 10).
        activation: a name from `ACTIVATIONS` or a module class, called without arguments.
        seed: of the initial values, which are drawn in float32 on the CPU whatever device and dtype are.
        device: None for `optcourse.lab.device.device()`.

    Returns:
        A module from (N, ...) with sizes[0] numbers an example to (N, sizes[-1]).

    Raises:
        TypeError, ValueError: on fewer than two sizes, a size below 1, an unknown activation or a bad seed.

    Example:
        >>> model = mlp((40, 100, 10), seed=0)
        >>> model(torch.zeros(3, 40)).shape, parameter_count(model)
        (torch.Size([3, 10]), 5110)
    """
    if isinstance(sizes, (str, int)) or len(sizes) < 2:
        raise ValueError(f"sizes must be at least (inputs, outputs), as in (784, 128, 10); got {sizes!r}")
    sizes = [require_integer(f"sizes[{i}]", size, low=1) for i, size in enumerate(sizes)]
    make_activation = _activation(activation)
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in pairwise(sizes):
        layers += [skip_init(nn.Linear, fan_in, fan_out), make_activation()]
    return _initialize(nn.Sequential(*layers[:-1]), seed, device, dtype)


def cnn(
    input_shape: Sequence[int] = (1, 28, 28),
    outputs: int = 10,
    *,
    channels: Sequence[int] = (16, 32),
    activation: str | type[nn.Module] = "relu",
    seed: int,
    device: str | torch.device | None = "cpu",
    dtype: torch.dtype = torch.float32,
) -> nn.Sequential:
    """Blocks of 3x3 convolution, activation and 2x2 maximum pooling, then one linear layer.

    Args:
        input_shape: (channels, height, width) of one image; height and width are halved (rounded down) by each block.
        outputs: classes.
        channels: of the blocks, from first to last.
        activation, seed, device, dtype: as for `mlp`.

    Returns:
        A module from (N, *input_shape) to (N, outputs).

    Raises:
        TypeError, ValueError: as `mlp`, and when the image is too small for the number of blocks.
    """
    shape = _sizes("input_shape", input_shape, 3)
    widths = _sizes("channels", channels)
    outputs = require_integer("outputs", outputs, low=1)
    height, width = (size >> len(widths) for size in shape[1:])
    if height < 1 or width < 1:
        raise ValueError(
            f"each of the {len(widths)} blocks halves the image, which leaves nothing of {shape[1]} x {shape[2]}; "
            f"give fewer channels"
        )
    make_activation = _activation(activation)
    layers: list[nn.Module] = []
    for before, after in pairwise([shape[0], *widths]):
        layers += [skip_init(nn.Conv2d, before, after, 3, padding=1), make_activation(), nn.MaxPool2d(2)]
    layers += [nn.Flatten(), skip_init(nn.Linear, widths[-1] * height * width, outputs)]
    return _initialize(nn.Sequential(*layers), seed, device, dtype)


def cnn1d(
    length: int = 40,
    outputs: int = 10,
    *,
    channels: int = 25,
    activation: str | type[nn.Module] = "relu",
    seed: int,
    device: str | torch.device | None = "cpu",
    dtype: torch.dtype = torch.float32,
) -> nn.Sequential:
    """The convolutional model of the MNIST-1D paper: three convolutions of stride 2, then one linear layer.

    Args:
        length: samples of a signal, at least 5.
        outputs: classes.
        channels: of each convolution.
        activation, seed, device, dtype: as for `mlp`.

    Returns:
        A module from (N, length) to (N, outputs); 5,210 parameters by default.

    Raises:
        TypeError, ValueError: as `mlp`.

    References:
        Greydanus & Kobak, Scaling Down Deep Learning with MNIST-1D, ICML 2024.
    """
    length = require_integer("length", length, low=5)
    channels = require_integer("channels", channels, low=1)
    outputs = require_integer("outputs", outputs, low=1)
    make_activation = _activation(activation)
    layers: list[nn.Module] = [nn.Unflatten(1, (1, length))]
    for before, kernel in ((1, 5), (channels, 3), (channels, 3)):
        layers += [skip_init(nn.Conv1d, before, channels, kernel, stride=2, padding=1), make_activation()]
        length = (length + 2 - kernel) // 2 + 1
    layers += [nn.Flatten(), skip_init(nn.Linear, channels * length, outputs)]
    return _initialize(nn.Sequential(*layers), seed, device, dtype)


# The models lessons and benchmarks speak of by name; each is called with seed=..., and device and dtype if need be.
MODELS: dict[str, Callable[..., nn.Sequential]] = {
    "toy_mlp": partial(mlp, (2, 16, 16, 10)),  # 490 parameters
    "digits_mlp": partial(mlp, (64, 64, 10)),  # 4,810
    "mnist1d_mlp": partial(mlp, (40, 100, 100, 10)),  # 15,210
    "mnist1d_cnn": cnn1d,  # 5,210
    "fashion_mnist_mlp": partial(mlp, (784, 128, 10)),  # 101,770
    "fashion_mnist_cnn": cnn,  # 20,490
}


def build(name: str, *, seed: int, device: str | torch.device | None = "cpu", dtype=torch.float32) -> nn.Sequential:
    """The model of that name in `MODELS`.

    Raises:
        ValueError: on an unknown name, with the nearest one.

    Example:
        >>> parameter_count(build("mnist1d_cnn", seed=0))
        5210
    """
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    return MODELS[name](seed=seed, device=device, dtype=dtype)


def parameter_count(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _initialize(
    model: nn.Sequential, seed: int, device: str | torch.device | None, dtype: torch.dtype
) -> nn.Sequential:
    random = generator(seed)
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d)):
                bound = 1 / math.sqrt(layer.weight[0].numel())
                for parameter in layer.parameters():
                    parameter.uniform_(-bound, bound, generator=random)
    return model.to(choose_device(device), require_floating(dtype))


def _activation(activation: str | type[nn.Module]) -> type[nn.Module]:
    if isinstance(activation, type) and issubclass(activation, nn.Module):
        return activation
    if activation not in ACTIVATIONS:
        raise unknown("activation", activation, ACTIVATIONS)
    return ACTIVATIONS[activation]


def _sizes(name: str, values: Sequence[int], count: int | None = None) -> list[int]:
    if isinstance(values, (str, int)) or len(values) == 0 or (count is not None and len(values) != count):
        wanted = "one or more integers" if count is None else f"{count} integers"
        raise ValueError(f"{name} must be {wanted}, got {values!r}")
    return [require_integer(f"{name}[{i}]", value, low=1) for i, value in enumerate(values)]
