"""Bits against accuracy: rounding after training (PTQ) and training through the rounding (QAT)."""

import copy
import math
from functools import cache

from torch import nn

from optcourse.experiments.quantization.training import accuracy, fashion_mnist, keep_training, trained_mlp
from optcourse.lab.claims import Claim, at_least, at_most
from optcourse.lab.records import Record, Run
from optcourse.quantization import MinMaxObserver, MSEObserver, Scheme, simulate
from optcourse.quantization.simulated import MakeObserver

SIZES = (784, 128, 128, 10)
STEPS, MORE_STEPS = 400, 300
BITS = (2, 3, 4, 6, 8)
CALIBRATION = 1000  # training examples
OBSERVERS: dict[str, MakeObserver] = {"min_max": MinMaxObserver, "mse": MSEObserver}


def _rounded(model: nn.Sequential, bits: int, observer: MakeObserver, weight_observer: MakeObserver) -> nn.Sequential:
    """The model with weights and hidden activations of this many bits; input and output keep 8."""
    return simulate(
        model,
        fashion_mnist().x_train[:CALIBRATION].split(100),
        weight=Scheme(bits, signed=True, symmetric=True, axis=0),
        activation=Scheme(bits),
        observer=observer,
        weight_observer=weight_observer,
    )


@cache
def float_accuracy(seed: int) -> float:
    """Of the net trained in float for as many steps as PTQ and QAT have had in all, in percent."""
    return accuracy(_longer_trained(seed))


@cache
def _longer_trained(seed: int) -> nn.Sequential:
    return keep_training(copy.deepcopy(trained_mlp(SIZES, seed, STEPS)), seed + 1000, MORE_STEPS)


@cache
def ptq_accuracy(seed: int, bits: int, observer: str) -> float:
    """Rounded after training, ranges of weights and activations by this observer, in percent."""
    return accuracy(_rounded(_longer_trained(seed), bits, OBSERVERS[observer], OBSERVERS[observer]))


@cache
def qat_accuracy(seed: int, bits: int) -> float:
    """Trained through the rounding for the last `MORE_STEPS` steps, in percent.

    The ranges of activations are those of the MSE observer, of weights their least and greatest at every step.
    """
    model = _rounded(trained_mlp(SIZES, seed, STEPS), bits, MSEObserver, MinMaxObserver)
    return accuracy(keep_training(model, seed + 1000, MORE_STEPS))


def bits_against_accuracy(seed: int, bits: tuple[int, ...] = BITS) -> tuple[Run, ...]:
    """A run of one record for each method and number of bits; `Run.config` holds both."""
    data = fashion_mnist().description
    runs = []
    for width in bits:
        methods = {f"ptq {name}": ptq_accuracy(seed, width, name) for name in OBSERVERS} | {
            "qat": qat_accuracy(seed, width)
        }
        for method, percent in methods.items():
            record = Record(STEPS + MORE_STEPS, math.nan, math.nan, math.nan, test_accuracy=percent / 100)
            runs.append(Run({"method": method, "bits": width, "seed": seed}, (record,), data))
    return tuple(runs)


def loss_at_eight_bits(seed: int) -> float:
    """Points of accuracy that rounding to 8 bits after training costs, either way, with min-max ranges."""
    return abs(float_accuracy(seed) - ptq_accuracy(seed, 8, "min_max"))


def training_gain_at_two_bits(seed: int) -> float:
    """Points by which QAT beats PTQ with min-max ranges at 2 bits."""
    return qat_accuracy(seed, 2) - ptq_accuracy(seed, 2, "min_max")


def training_loss_at_two_bits(seed: int) -> float:
    """Points by which QAT at 2 bits stays below the float net."""
    return float_accuracy(seed) - qat_accuracy(seed, 2)


def clipping_gain_at_two_bits(seed: int) -> float:
    """Points by which PTQ with ranges of least squared error beats PTQ with min-max ranges at 2 bits."""
    return ptq_accuracy(seed, 2, "mse") - ptq_accuracy(seed, 2, "min_max")


CLAIMS = (
    Claim(
        "quantization.eight_bits_are_free",
        "Rounding weights and activations to 8 bits after training changes the accuracy hardly at all.",
        at_most(1.0),
        loss_at_eight_bits,
        unit="points of accuracy",
        paper="int8 within 1 % of float for all networks tried (Wu et al. 2020, recalled)",
        kind="recorded",
        tolerance=0.5,
        data="fashion_mnist",
    ),
    Claim(
        "quantization.training_wins_back",
        "At 2 bits, training through the rounding beats rounding after training of the same length that clips nothing.",
        at_least(20.0),
        training_gain_at_two_bits,
        unit="points of accuracy",
        kind="recorded",
        tolerance=8.0,
        data="fashion_mnist",
    ),
    Claim(
        "quantization.training_comes_near_float",
        "Trained through the rounding, a net of 2 bits comes within five points of the float net.",
        at_most(5.0),
        training_loss_at_two_bits,
        unit="points of accuracy",
        kind="recorded",
        tolerance=1.5,
        data="fashion_mnist",
    ),
    Claim(
        "quantization.clipping_helps",
        "Most of what 2 bits lose after training is the fault of the ranges: those of least squared error beat those "
        "that clip nothing.",
        at_least(20.0),
        clipping_gain_at_two_bits,
        unit="points of accuracy",
        kind="recorded",
        tolerance=10.0,
        data="fashion_mnist",
    ),
)
