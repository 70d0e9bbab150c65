"""Fans: how many weights meet in one output, and in how many outputs one input is used."""

import difflib
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

KINDS = ("linear", "conv", "conv_transpose", "embedding")
"""What a weight may belong to; the meaning of its axes follows from it."""

_AXES = {
    "linear": "(out, in)",
    "conv": "(out, in / groups, *kernel)",
    "conv_transpose": "(in, out / groups, *kernel)",
    "embedding": "(rows, features)",
}
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class Fans(NamedTuple):
    """Terms of the sum that makes one output, and outputs that one input goes into."""

    fan_in: int
    fan_out: int


def fans(weight: Tensor | Sequence[int], *, kind: str = "linear", groups: int = 1) -> Fans:
    r"""Fans of a weight.

    .. math::
        \text{linear:}\quad  & n_\text{in} = \text{in}, & n_\text{out} &= \text{out} \\
        \text{conv, conv_transpose:}\quad & n_\text{in} = \text{in} / \text{groups} \cdot k_1 k_2 \cdots,
            & n_\text{out} &= \text{out} / \text{groups} \cdot k_1 k_2 \cdots \\
        \text{embedding:}\quad & n_\text{in} = 1, & n_\text{out} &= \text{features}

    A convolution counts as one of stride 1 away from the edges; dilation spreads the taps and changes no count. An
    embedding is the linear map of a vector with a single 1 in it, so that one weight makes each output.

    Args:
        weight: the tensor, or its shape. Axes: linear (out, in); conv (out, in / groups, *kernel); conv_transpose
            (in, out / groups, *kernel); embedding (rows, features).
        kind: one of `KINDS`.
        groups: of the convolution, >= 1; it must divide the first axis. Other kinds have one.

    Raises:
        TypeError, ValueError: for another kind, a number of axes that the kind does not have (vectors above all), an
            axis of length 0, or groups that do not divide the channels.

    Differs from torch: `torch.nn.init` reads every weight as an ungrouped convolution's. It swaps the fans of
    transposed convolutions, does not divide the fan_out by the groups, and calls an embedding's features its fan_in.

    Example:
        >>> fans((8, 3, 5, 5), kind="conv")
        Fans(fan_in=75, fan_out=200)
        >>> fans((8, 3, 5, 5), kind="conv_transpose")
        Fans(fan_in=200, fan_out=75)
    """
    if kind not in KINDS:
        near = difflib.get_close_matches(str(kind), KINDS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"unknown kind {kind!r}; {hint}Known: {', '.join(KINDS)}")
    shape = _checked_shape(weight, kind)
    groups = _checked_groups(groups, shape, kind)
    if kind == "embedding":
        return Fans(1, shape[1])
    area = 1
    for length in shape[2:]:
        area *= length
    first, second = shape[0] // groups * area, shape[1] * area
    return Fans(first, second) if kind == "conv_transpose" else Fans(second, first)


def fans_of(module: nn.Module) -> Fans:
    """Fans of a layer's weight: `fans` with the kind and the groups that the layer has.

    Raises:
        TypeError: for a module that is no linear layer, (transposed) convolution or embedding.

    Example:
        >>> fans_of(nn.Conv2d(16, 32, 3, groups=4))
        Fans(fan_in=36, fan_out=72)
    """
    kind, groups = layout_of(module)
    if is_lazy(module.weight):  # type: ignore[arg-type]
        raise ValueError(
            f"{type(module).__name__} has no shape before its first input; run one batch through the network first"
        )
    return fans(module.weight, kind=kind, groups=groups)  # type: ignore[arg-type]


def layout_of(module: nn.Module) -> tuple[str, int]:
    """Kind and groups of a layer's weight.

    Raises:
        TypeError: as `fans_of`.
    """
    if isinstance(module, nn.Linear):
        return "linear", 1
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return "embedding", 1
    if isinstance(module, _CONVOLUTIONS):
        return "conv", module.groups
    if isinstance(module, _TRANSPOSED):
        return "conv_transpose", module.groups
    raise TypeError(
        f"fans are defined for Linear, Embedding, Conv1d to 3d and ConvTranspose1d to 3d, got {type(module).__name__}; "
        "give the weight and its kind to fans(weight, kind=...)"
    )


def has_fans(module: nn.Module) -> bool:
    """Whether `fans_of` knows this module."""
    return isinstance(module, (nn.Linear, nn.Embedding, nn.EmbeddingBag, *_CONVOLUTIONS, *_TRANSPOSED))


def _checked_shape(weight: Tensor | Sequence[int], kind: str) -> tuple[int, ...]:
    if not isinstance(weight, (Tensor, Sequence)) or isinstance(weight, str):
        raise TypeError(f"weight must be a tensor or its shape, got {type(weight).__name__}; give layer.weight")
    shape = tuple(weight.shape) if isinstance(weight, Tensor) else tuple(weight)
    for length in shape:
        if isinstance(length, bool) or not hasattr(length, "__index__") or length < 0:
            raise TypeError(f"a shape is made of integers >= 0, got {shape}; give the weight or weight.shape")
    if len(shape) < 2:
        raise ValueError(
            f"weight must have at least 2 axes, got shape {shape}; vectors have no fans: "
            "set biases to 0 and the scales of normalization layers to 1"
        )
    if 0 in shape:
        raise ValueError(f"weight must have no axis of length 0, got shape {shape}; give each layer at least one unit")
    matrix = kind in ("linear", "embedding")
    if matrix and len(shape) != 2:
        raise ValueError(f"kind {kind!r} has 2 axes {_AXES[kind]}, got shape {shape}; did you mean kind='conv'?")
    if not matrix and not 3 <= len(shape) <= 5:
        raise ValueError(f"kind {kind!r} has 3 to 5 axes {_AXES[kind]}, got shape {shape}; did you mean kind='linear'?")
    return shape


def _checked_groups(groups: int, shape: tuple[int, ...], kind: str) -> int:
    if isinstance(groups, bool) or not hasattr(groups, "__index__"):
        raise TypeError(f"groups must be an integer >= 1, got {groups!r}; try groups=1")
    if groups < 1:
        raise ValueError(f"groups must be at least 1, got {groups}; try groups=1")
    if groups > 1 and kind in ("linear", "embedding"):
        raise ValueError(f"kind {kind!r} has no groups, got groups={groups}; leave groups out")
    if shape[0] % groups:
        raise ValueError(
            f"groups must divide the first axis of the weight, got groups={groups} and shape {shape}; "
            "give the groups of the layer"
        )
    return int(groups)
