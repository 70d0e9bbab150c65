"""Folding batch normalization into the layer before it.  Lesson slug: quantization."""

import copy

import torch
from torch import Tensor, nn

Folded = nn.Linear | nn.Conv1d | nn.Conv2d


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
        >>> torch.allclose(fold_batch_norm(conv, norm)(x), norm(conv(x)), atol=1e-6)
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
