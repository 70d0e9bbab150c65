"""Glorot & Bengio 2010: five tanh layers, started by the standard recipe of the time and by theirs."""

from functools import cache
from typing import NamedTuple

import torch
from torch import nn

from optcourse.initialization import SCHEMES, initialize_, measured_variance
from optcourse.lab.claims import Claim, within
from optcourse.lab.data import load
from optcourse.lab.device import generator
from optcourse.lab.models import mlp

WIDTH = 500
LAYERS = 5
BATCH = 64
SCHEMES_OF_PAPER = ("standard", "normalized")


class Look(NamedTuple):
    """What is measured in one net, a number for each hidden layer, from the first.

    Attributes:
        activations: standard deviation of tanh's outputs.
        gradients: variance of the gradient with respect to a layer's outputs, before tanh.
        weight_gradients: variance of the gradient with respect to a layer's weights.
        singular: mean singular value of the Jacobian from one layer's outputs to the next one's, before tanh; one
            number fewer.
    """

    activations: tuple[float, ...]
    gradients: tuple[float, ...]
    weight_gradients: tuple[float, ...]
    singular: tuple[float, ...]


def tanh_net(scheme: str, seed: int) -> nn.Sequential:
    """784 inputs, five hidden layers of `WIDTH` tanh units and ten outputs; biases 0.

    "standard": U(-b, b) with b = 1 / sqrt(fan_in), whose variance is 1 / (3 fan_in). "normalized": Xavier, uniform.
    """
    network = mlp((784, *[WIDTH] * LAYERS, 10), activation="tanh", seed=seed)
    if scheme == "standard":
        with torch.no_grad():
            for module in network:
                if isinstance(module, nn.Linear):
                    module.bias.zero_()
        return network
    initialize_(network, SCHEMES["xavier_uniform"], generator=generator(seed))
    return network


@cache
def look(scheme: str, seed: int) -> Look:
    """Five layers as they start, seen from `BATCH` images of Fashion-MNIST and a normal gradient at the ten outputs."""
    network = tanh_net(scheme, seed)
    x = load("fashion_mnist", device="cpu").subset(BATCH, seed).x_train.flatten(1)
    gradients = tuple(row.backward for row in measured_variance(network, x, generator=generator(seed)))[:LAYERS]
    layers = [module for module in network if isinstance(module, nn.Linear)]
    y = network(x)
    g = torch.randn(y.shape, generator=generator(seed))
    with_weights = torch.autograd.grad(y, [layer.weight for layer in layers[:LAYERS]], g)
    activations, singular = [], []
    with torch.no_grad():
        z = layers[0](x)
        for layer in layers[1 : LAYERS + 1]:
            slopes = 1 - torch.tanh(z[0]) ** 2
            if layer is not layers[-1]:
                singular.append(float(torch.linalg.svdvals(layer.weight * slopes).mean()))
            activations.append(float(torch.tanh(z).std()))
            z = layer(torch.tanh(z))
    return Look(tuple(activations), gradients, tuple(float(w.var()) for w in with_weights), tuple(singular))


def gradient_rate(scheme: str, seed: int) -> float:
    """Factor on the variance of the gradient a layer, on average from the fifth layer back to the first."""
    gradients = look(scheme, seed).gradients
    return (gradients[0] / gradients[-1]) ** (1 / (LAYERS - 1))


def standard_gradient(seed: int) -> float:
    """`gradient_rate` of the standard weights."""
    return gradient_rate("standard", seed)


def normalized_gradient(seed: int) -> float:
    """`gradient_rate` of the normalized weights."""
    return gradient_rate("normalized", seed)


def standard_singular(seed: int) -> float:
    """Mean singular value over the Jacobians of the standard weights."""
    values = look("standard", seed).singular
    return sum(values) / len(values)


def normalized_singular(seed: int) -> float:
    """Mean singular value over the Jacobians of the normalized weights."""
    values = look("normalized", seed).singular
    return sum(values) / len(values)


def standard_weight_gradient(seed: int) -> float:
    """Variance of the gradient with respect to the first layer's weights over the fifth's, standard weights."""
    found = look("standard", seed).weight_gradients
    return found[0] / found[-1]


CLAIMS = (
    Claim(
        "initialization.standard_gradient",
        "Under the standard weights a third of the gradient's variance is left a layer, going back.",
        within(0.27, 0.36),
        standard_gradient,
        paper="n Var[W] = 1/3 (Glorot & Bengio 2010, equation 15)",
        data="fashion_mnist",
    ),
    Claim(
        "initialization.normalized_gradient",
        "Under the normalized weights at least 0.6 of it is left a layer; what is missing, tanh takes.",
        within(0.6, 1.0),
        normalized_gradient,
        paper="about 1 (Glorot & Bengio 2010, figure 7)",
        data="fashion_mnist",
    ),
    Claim(
        "initialization.standard_singular",
        "The Jacobian from layer to layer has a mean singular value of about 0.5 under the standard weights.",
        within(0.4, 0.55),
        standard_singular,
        paper="0.5 (Glorot & Bengio 2010, section 4.2.2, recalled)",
        data="fashion_mnist",
    ),
    Claim(
        "initialization.normalized_singular",
        "Under the normalized weights it is nearer to 1.",
        within(0.6, 0.9),
        normalized_singular,
        paper="0.8 (Glorot & Bengio 2010, section 4.2.2, recalled)",
        data="fashion_mnist",
    ),
    Claim(
        "initialization.standard_weight_gradient",
        "Still the gradients with respect to the weights are much alike in all layers: the signal grows towards the "
        "first layer as the gradient shrinks.",
        within(0.5, 2.0),
        standard_weight_gradient,
        paper="about 1 (Glorot & Bengio 2010, equation 14 and figure 8)",
        data="fashion_mnist",
    ),
)
