"""Channels of very different size: where one scale for a tensor fails."""

import copy
from itertools import pairwise

import torch
from torch import nn

from optcourse.experiments.quantization.checkpoints import checkpoint
from optcourse.experiments.quantization.training import accuracy, fashion_mnist
from optcourse.lab.claims import Claim, at_least, at_most
from optcourse.lab.device import generator
from optcourse.quantization import Scheme, simulate


@torch.no_grad()
def rescale_channels(model: nn.Sequential, decades: float, seed: int) -> nn.Sequential:
    """A copy of a ReLU net that computes the same, its hidden channels multiplied by 1 to 10^decades.

    Each hidden unit's incoming weights and bias are multiplied by a factor f, log-uniform, and its outgoing weights
    divided by it: relu(f a) / f = relu(a). Folded batch normalization leaves nets like this behind.

    Args:
        model: nn.Sequential of linear layers and ReLU. Not mutated.
        decades: powers of ten that the factors span, >= 0.
        seed: of the factors.
    """
    rescaled, random = copy.deepcopy(model), generator(seed)
    layers = [layer for layer in rescaled if isinstance(layer, nn.Linear)]
    for layer, following in pairwise(layers):
        factors = 10 ** (decades * torch.rand(layer.out_features, generator=random))
        layer.weight.mul_(factors[:, None])
        layer.bias.mul_(factors)
        following.weight.div_(factors)
    return rescaled


def rescaled_accuracy(seed: int, decades: float, bits: int, axis: int | None) -> float:
    """Accuracy in percent of the rescaled MLP with its weights rounded; axis 0: a scale for each output, None: one."""
    model = rescale_channels(checkpoint("mlp", seed), decades, seed)
    scheme = Scheme(bits, signed=True, symmetric=True, axis=axis)
    return accuracy(simulate(model, [fashion_mnist().x_train[:100]], weight=scheme, activation=None))


def per_channel_gain(seed: int, decades: float, bits: int) -> float:
    """Accuracy with a scale for each output minus accuracy with one for the tensor, in points."""
    return rescaled_accuracy(seed, decades, bits, 0) - rescaled_accuracy(seed, decades, bits, None)


def gain_of_plain_channels(seed: int) -> float:
    """At 8 bits, channels as training left them."""
    return abs(per_channel_gain(seed, decades=0.0, bits=8))


def gain_of_rescaled_channels(seed: int) -> float:
    """At 8 bits, channels rescaled over three and a half decades."""
    return per_channel_gain(seed, decades=3.5, bits=8)


def gain_at_four_bits(seed: int) -> float:
    """At 4 bits, channels rescaled over two decades."""
    return per_channel_gain(seed, decades=2.0, bits=4)


CLAIMS = (
    Claim(
        "quantization.plain_channels",
        "On channels as training leaves them, 8-bit weights with one scale for each tensor do as well as with one for "
        "each channel.",
        at_most(2.0),
        gain_of_plain_channels,
        unit="points of accuracy",
        data="fashion_mnist",
    ),
    Claim(
        "quantization.rescaled_channels",
        "Rescaling the hidden channels over 3.5 decades does not change what the net computes, yet 8-bit weights "
        "with one scale for each tensor then lose points that one scale for each channel keeps.",
        at_least(20.0),
        gain_of_rescaled_channels,
        unit="points of accuracy",
        data="fashion_mnist",
    ),
    Claim(
        "quantization.four_bits_per_channel",
        "At 4 bits, two decades between channels are enough for the same.",
        at_least(20.0),
        gain_at_four_bits,
        unit="points of accuracy",
        data="fashion_mnist",
    ),
)
