"""The variance of signal and gradient from layer to layer, before any training."""

import math
from functools import cache

import torch
from torch import nn

from optcourse.experiments.initialization.nets import DEFAULT, deep_net, noise, residual_net
from optcourse.initialization import (
    LayerVariance,
    he_normal_,
    initialize_,
    lsuv_,
    measured_variance,
    moments,
    predicted_variance,
)
from optcourse.lab.claims import Claim, at_least, at_most, within
from optcourse.lab.device import generator
from optcourse.lab.models import mlp

DEPTH = 30
WIDTH = 512
BATCH = 64
BLOCKS = 30
DRAWS = 10
TAPERED = (1024, 512, 256, 128, 64)


@cache
def layer_variances(
    scheme: str, seed: int, *, depth: int = DEPTH, width: int = WIDTH, activation: str = "relu"
) -> tuple[LayerVariance, ...]:
    """Measured in a square net that gets `BATCH` normal inputs, and as random a gradient at its output."""
    network = deep_net(seed, depth=depth, width=width, scheme=scheme, activation=activation)
    return measured_variance(network, noise(seed, BATCH, width), generator=generator(seed))


def predicted_variances(
    scheme: str, seed: int, *, depth: int = DEPTH, width: int = WIDTH, activation: str = "relu"
) -> tuple[LayerVariance, ...]:
    """What theory says of the same nets."""
    network = deep_net(seed, depth=depth, width=width, scheme=scheme, activation=activation)
    return predicted_variance(network, noise(seed, BATCH, width))


def forward_rate(rows: tuple[LayerVariance, ...]) -> float:
    """Factor on the variance of the signal a layer, on average from the first layer's output to the last's."""
    return (rows[-1].forward / rows[0].forward) ** (1 / (len(rows) - 1))


def backward_rate(rows: tuple[LayerVariance, ...]) -> float:
    """Factor on the variance of the gradient a layer, from the last layer back to the first."""
    return (rows[0].backward / rows[-1].backward) ** (1 / (len(rows) - 1))


def he_forward(seed: int) -> float:
    """`forward_rate` of He's weights under ReLU."""
    return forward_rate(layer_variances("he_normal", seed))


def he_backward(seed: int) -> float:
    """`backward_rate` of the same."""
    return backward_rate(layer_variances("he_normal", seed))


def xavier_forward(seed: int) -> float:
    """`forward_rate` of Xavier's weights under ReLU."""
    return forward_rate(layer_variances("xavier_normal", seed))


def xavier_std(seed: int) -> float:
    """The same for the standard deviation, the number that He et al. give."""
    return xavier_forward(seed) ** 0.5


def default_backward(seed: int) -> float:
    """`backward_rate` of torch's default weights under ReLU."""
    return backward_rate(layer_variances("default", seed))


@cache
def tapered(mode: str, seed: int) -> tuple[LayerVariance, ...]:
    """Measured in a ReLU net `TAPERED` with He's weights of this mode."""
    network = initialize_(mlp(TAPERED, seed=seed), he_normal_, mode=mode, generator=generator(seed))
    return measured_variance(network, noise(seed, BATCH, TAPERED[0]), generator=generator(seed))


def tapered_gradient(mode: str, seed: int) -> float:
    """Variance of the gradient at the first layer over that at the last, mean over `DRAWS` nets."""
    several = [tapered(mode, DRAWS * seed + draw) for draw in range(DRAWS)]
    return sum(rows[0].backward / rows[-1].backward for rows in several) / DRAWS


def fan_in_gradient(seed: int) -> float:
    """`tapered_gradient` of He with fan_in."""
    return tapered_gradient("fan_in", seed)


def fan_out_gradient(seed: int) -> float:
    """`tapered_gradient` of He with fan_out."""
    return tapered_gradient("fan_out", seed)


def tanh_settles(seed: int) -> float:
    """Variance of the last of 30 tanh layers with gain 5/3, over the one at which integration says it settles."""
    network = deep_net(seed, depth=DEPTH, width=WIDTH, scheme="xavier_normal", activation="tanh", gain=5 / 3)
    last = measured_variance(network, noise(seed, BATCH, WIDTH), generator=generator(seed))[-1]
    return last.forward / settled(5 / 3)


def settled(gain: float) -> float:
    """The variance q that tanh layers of this gain hand on as they got it: q = gain^2 E[tanh(z)^2], z ~ N(0, q)."""
    q = 1.0
    for _ in range(200):
        q = gain**2 * moments("tanh", q).value
    return q


def first_overflow(seed: int, dtype: torch.dtype) -> int:
    """The layer, counted from 1, whose outputs are not all finite: weights from N(0, 1), width 256, ReLU."""
    network = deep_net(seed, depth=60, width=256, scheme="lecun_normal", dtype=torch.float32)
    x = noise(seed, 16, 256, dtype=dtype)
    with torch.no_grad():
        for number, layer in enumerate((m for m in network if isinstance(m, nn.Linear)), start=1):
            x = torch.relu(x) if number > 1 else x
            x = x @ (16 * layer.weight).to(dtype).T
            if not bool(torch.isfinite(x).all()):
                return number
    raise ValueError("60 layers did not overflow; take more")


def float32_overflow(seed: int) -> float:
    """`first_overflow` in float32."""
    return float(first_overflow(seed, torch.float32))


def float16_overflow(seed: int) -> float:
    """`first_overflow` in float16."""
    return float(first_overflow(seed, torch.float16))


def float32_underflow(seed: int) -> float:
    """The layer, counted from 1, whose outputs are all exactly 0: weights from N(0, 0.01^2), width 256, ReLU."""
    network = deep_net(seed, depth=80, width=256, scheme="lecun_normal")
    x = noise(seed, 16, 256)
    with torch.no_grad():
        for number, layer in enumerate((m for m in network if isinstance(m, nn.Linear)), start=1):
            x = (torch.relu(x) if number > 1 else x) @ (0.16 * layer.weight).T
            if not bool(x.any()):
                return float(number)
    raise ValueError("80 layers did not underflow; take more")


def lsuv_error(seed: int) -> float:
    """Largest |variance - 1| of a layer's outputs after LSUV, measured anew in a 30-layer GELU net."""
    network = deep_net(seed, depth=DEPTH, width=100, scheme=DEFAULT, activation="gelu")
    x = noise(seed, 256, 100)
    lsuv_(network, x, generator=generator(seed))
    worst = 0.0
    with torch.no_grad():
        for module in network:
            x = module(x)
            if isinstance(module, nn.Linear):
                worst = max(worst, abs(float(x.var(correction=0)) - 1))
    return worst


def lsuv_divisions(seed: int) -> float:
    """The most divisions that LSUV needed for a layer of the same net."""
    network = deep_net(seed, depth=DEPTH, width=100, scheme=DEFAULT, activation="gelu")
    return float(max(layer.iterations for layer in lsuv_(network, noise(seed, 256, 100), generator=generator(seed))))


def block_growth(seed: int, *, zero: bool) -> float:
    """Factor on the variance of the signal a residual block, on average over 30 blocks of width 256."""
    network = residual_net(seed, blocks=BLOCKS, width=256, zero=zero)
    x = noise(seed, BATCH, 256)
    with torch.no_grad():
        before = network[1](x)
        after = network[:-1](x)
    return float(after.square().mean() / before.square().mean()) ** (1 / BLOCKS)


def he_block_growth(seed: int) -> float:
    """`block_growth` of He's weights in every layer."""
    return block_growth(seed, zero=False)


def zero_block_growth(seed: int) -> float:
    """`block_growth` with the last layer of each branch at 0."""
    return block_growth(seed, zero=True)


def spread(scheme: str, seed: int) -> float:
    """Largest over median singular value of the product of 50 linear layers of width 100, float64."""
    network = deep_net(seed, depth=50, activation="identity", scheme=scheme, dtype=torch.float64)
    with torch.no_grad():
        values = torch.linalg.svdvals(network(torch.eye(100, dtype=torch.float64)))
    return float(values[0] / values.median())


def orthogonal_spread(seed: int) -> float:
    """`spread` of orthogonal weights."""
    return spread("orthogonal", seed)


def gaussian_spread(seed: int) -> float:
    """Decimal logarithm of the `spread` of normal weights of the same variance."""
    return math.log10(spread("xavier_normal", seed))


CLAIMS = (
    Claim(
        "initialization.he_forward",
        "Under ReLU, He's weights hand on the variance of the signal: a factor of 1.0 a layer over 30 layers.",
        within(0.85, 1.15),
        he_forward,
        paper="1 (He et al. 2015, equation 10)",
    ),
    Claim(
        "initialization.he_backward",
        "They hand on the variance of the gradient as well, where all layers are equally wide: 1.0 a layer.",
        within(0.9, 1.1),
        he_backward,
        paper="1 (He et al. 2015, equation 14)",
    ),
    Claim(
        "initialization.xavier_forward",
        "Xavier's weights leave half of the variance a layer under ReLU.",
        within(0.4, 0.6),
        xavier_forward,
        paper="1/2 (He et al. 2015, section 2.2)",
    ),
    Claim(
        "initialization.xavier_std",
        "Of the standard deviation they leave 0.71 a layer.",
        within(0.64, 0.77),
        xavier_std,
        paper="0.707: over L layers 1 / sqrt(2)^L of He's (He et al. 2015, section 2.2)",
    ),
    Claim(
        "initialization.default_backward",
        "The default weights of torch.nn.Linear leave a sixth of the gradient's variance a layer under ReLU.",
        within(0.15, 0.185),
        default_backward,
        paper="1/6: a variance of 1 / (3 fan_in), halved by ReLU (theory)",
    ),
    Claim(
        "initialization.fan_in_gradient",
        "In a net that narrows from 1024 to 64, He with fan_in hands the first layer an eighth of the last layer's "
        "gradient variance: the ratio of two widths, however many layers lie between.",
        within(0.09, 0.16),
        fan_in_gradient,
        paper="64 / 512 = 0.125 (He et al. 2015, section 2.2: no diminishing number)",
    ),
    Claim(
        "initialization.fan_out_gradient",
        "With fan_out the gradient's variance is the same at both ends.",
        within(0.75, 1.25),
        fan_out_gradient,
        paper="1 (He et al. 2015, equation 14)",
    ),
    Claim(
        "initialization.tanh_settles",
        "With gain 5/3 the variance in a tanh net settles where integration says, whatever came in.",
        within(0.9, 1.1),
        tanh_settles,
        paper="1 (theory)",
    ),
    Claim(
        "initialization.float32_overflow",
        "With weights from N(0, 1) and width 256, float32 overflows near layer 36.",
        within(33, 39),
        float32_overflow,
        unit="layers",
        paper="128 doublings at 3.5 a layer: 36.6 (theory)",
    ),
    Claim(
        "initialization.float16_overflow",
        "float16 overflows within six layers of the same net.",
        at_most(6),
        float16_overflow,
        unit="layers",
        paper="16 doublings at 3.5 a layer: 4.6 (theory)",
    ),
    Claim(
        "initialization.float32_underflow",
        "With weights from N(0, 0.01^2), once the usual choice, every output is exactly 0 near layer 48.",
        within(43, 53),
        float32_underflow,
        unit="layers",
        paper="149 halvings at 3.1 a layer: 47 (theory)",
    ),
    Claim(
        "initialization.lsuv_error",
        "After LSUV the outputs of each of 30 GELU layers have variance 1, without a formula for GELU.",
        at_most(0.1),
        lsuv_error,
        paper="within 0.1 (Mishkin & Matas 2016)",
    ),
    Claim(
        "initialization.lsuv_divisions",
        "One division a layer was enough.",
        at_most(1.5),
        lsuv_divisions,
        unit="divisions",
        paper="a few, at most 10 allowed (Mishkin & Matas 2016)",
    ),
    Claim(
        "initialization.he_block_growth",
        "In a residual net with He's weights each block doubles the variance.",
        within(1.6, 2.4),
        he_block_growth,
        paper="2 (Zhang, Dauphin & Ma 2019)",
    ),
    Claim(
        "initialization.zero_block_growth",
        "With the last layer of each branch at 0 it stays as it is.",
        within(0.999, 1.001),
        zero_block_growth,
        paper="1 (Goyal et al. 2017)",
    ),
    Claim(
        "initialization.orthogonal_spread",
        "Fifty orthogonal layers treat all directions alike: their product's largest singular value is its median.",
        within(0.999, 1.001),
        orthogonal_spread,
        paper="1 (Saxe et al. 2014)",
    ),
    Claim(
        "initialization.gaussian_spread",
        "Fifty normal layers of the same variance stretch one direction more than 1,000 times as much as the median.",
        at_least(3),
        gaussian_spread,
        unit="decades",
        paper="grows exponentially with depth (Saxe et al. 2014)",
    ),
)
