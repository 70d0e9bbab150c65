"""Folding batch normalization into the layer before it.  Lesson slug: quantization."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from optcourse.quantization.checking import unsupported

Folded = nn.Linear | nn.Conv1d | nn.Conv2d
WEIGHTED = (nn.Linear, nn.Conv2d)
KEPT = (nn.ReLU, nn.MaxPool2d, nn.Flatten, nn.Dropout)
SUPPORTED = tuple(
    kind.__name__ for kind in (nn.Sequential, *WEIGHTED, nn.BatchNorm1d, nn.BatchNorm2d, *KEPT, nn.Identity)
)


def fold_batch_norm_reference(
    weight: Tensor, bias: Tensor, *, mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    r"""Weight and bias of the one layer that does what a layer and its normalization in evaluation mode do.

    .. math::
        W'_o &= W_o\, \gamma_o / \sqrt{\sigma_o^2 + \epsilon} \\
        b'_o &= (b_o - \mu_o)\, \gamma_o / \sqrt{\sigma_o^2 + \epsilon} + \beta_o

    Args:
        weight: (O, ...), outputs first.
        bias: (O,).
        mean, variance: running statistics mu, sigma^2 >= 0, (O,).
        gamma, beta: scale and shift of the normalization, (O,).
        eps: epsilon > 0, inside the root.

    Returns:
        (W', b'). Pure.

    Example:
        >>> two = torch.tensor([2.0])
        >>> w, b = fold_batch_norm_reference(
        ...     torch.tensor([[3.0]]), two, mean=two, variance=4 * two, gamma=two, beta=two, eps=1.0
        ... )
        >>> w, b
        (tensor([[2.]]), tensor([2.]))

    References:
        Jacob, Kligys, Chen et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, CVPR 2018, section 3.2.
    """
    factor = gamma / torch.sqrt(variance + eps)
    return weight * factor.view(-1, *[1] * (weight.dim() - 1)), (bias - mean) * factor + beta


def fold_batch_norm(layer: Folded, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> Folded:
    """A copy of the layer with the normalization folded in; it has a bias, whether the layer had one or not.

    The channels' scales end up in the weights, which is why folded weights want a scale for each channel.

    Args:
        layer: linear or convolutional, whose outputs the normalization takes. Not mutated.
        norm: with running statistics; its momentum and mode do not matter. Not mutated.

    Raises:
        TypeError, ValueError: another kind of layer, other channels, or no running statistics to fold.

    Example:
        >>> conv, norm = nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5).eval()
        >>> x = torch.randn(2, 3, 6, 6)
        >>> torch.allclose(fold_batch_norm(conv, norm)(x), norm(conv(x)), atol=1e-5)
        True
    """
    if not isinstance(layer, Folded) or not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
        raise TypeError(
            "fold_batch_norm needs nn.Linear, nn.Conv1d or nn.Conv2d followed by nn.BatchNorm1d or nn.BatchNorm2d, "
            f"got {type(layer).__name__} and {type(norm).__name__}"
        )
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("norm must have running statistics; this one was made with track_running_stats=False")
    if norm.num_features != len(layer.weight):
        raise ValueError(f"norm must take the layer's {len(layer.weight)} channels, it takes {norm.num_features}")
    mean, variance = norm.running_mean, norm.running_var
    folded = copy.deepcopy(layer)
    with torch.no_grad():
        weight, bias = fold_batch_norm_reference(
            layer.weight,
            torch.zeros_like(mean) if layer.bias is None else layer.bias,
            mean=mean,
            variance=variance,
            gamma=torch.ones_like(mean) if norm.weight is None else norm.weight,
            beta=torch.zeros_like(mean) if norm.bias is None else norm.bias,
            eps=norm.eps,
        )
        folded.weight.copy_(weight)
        folded.bias = nn.Parameter(bias.to(weight.dtype))
    return folded


def plan_layers(model: nn.Module) -> list[nn.Module]:
    """The layers that a model runs one after another, as copies, with normalization folded.

    Args:
        model: nn.Sequential, nested as you like, or one layer. Not mutated.

    Returns:
        Layers of `WEIGHTED` and `KEPT`, in order; nn.Identity is left out.

    Raises:
        TypeError: a layer is not supported, or a normalization has nothing to be folded into; the message names it.

    Example:
        >>> model = nn.Sequential(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), nn.ReLU())
        >>> plan_layers(model)
        [Linear(in_features=3, out_features=2, bias=True), ReLU()]
    """
    plan: list[nn.Module] = []
    for name, module in _opened("model", model):
        previous = plan[-1] if plan else None
        if type(module) in WEIGHTED + KEPT:
            plan.append(copy.deepcopy(module))
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            if not isinstance(previous, WEIGHTED):
                raise TypeError(
                    f"{name} is a {type(module).__name__} that follows no nn.Linear or nn.Conv2d, so it cannot be "
                    "folded; move it behind one, before the activation"
                )
            plan[-1] = fold_batch_norm(previous, module)
        elif type(module) is not nn.Identity:
            raise unsupported(name, module, SUPPORTED)
    return plan


def _opened(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    if type(module) is nn.Sequential:
        for key, child in module.named_children():
            yield from _opened(f"{name}.{key}", child)
    else:
        yield name, module
