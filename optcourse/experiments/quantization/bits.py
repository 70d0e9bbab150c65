"""Bits against accuracy: rounding after training (PTQ) and training through the rounding (QAT)."""

import math
from functools import cache

from torch import nn

from optcourse.experiments.quantization.checkpoints import MLP_SIZES, MORE_STEPS, STEPS, checkpoint
from optcourse.experiments.quantization.training import (
    accuracy,
    calibration_batches,
    fashion_mnist,
    keep_training,
    trained_mlp,
)
from optcourse.lab.claims import Claim, at_least, at_most
from optcourse.lab.records import Record, Run
from optcourse.quantization import MinMaxObserver, MSEObserver, Scheme, convert, simulate
from optcourse.quantization.simulated import MakeObserver

BITS = (2, 3, 4, 8)
OBSERVERS: dict[str, MakeObserver] = {"min_max": MinMaxObserver, "mse": MSEObserver}
LABELS = {"min_max": "PTQ, min-max ranges", "mse": "PTQ, MSE ranges"}


def rounded(model: nn.Sequential, bits: int, observer: MakeObserver, weight_observer: MakeObserver) -> nn.Sequential:
    """The model with weights and hidden activations of this many bits; input and output keep 8."""
    return simulate(
        model,
        calibration_batches(),
        weight=Scheme(bits, signed=True, symmetric=True, axis=0),
        activation=Scheme(bits),
        observer=observer,
        weight_observer=weight_observer,
    )


@cache
def float_accuracy(seed: int) -> float:
    """Of the MLP trained in float for as many steps as PTQ and QAT have had in all, in percent."""
    return accuracy(checkpoint("mlp", seed))


@cache
def ptq_accuracy(seed: int, bits: int, observer: str) -> float:
    """Rounded after training, ranges of weights and activations by this observer, in percent."""
    return accuracy(rounded(checkpoint("mlp", seed), bits, OBSERVERS[observer], OBSERVERS[observer]))


@cache
def qat_accuracy(seed: int, bits: int) -> float:
    """Trained through the rounding for the last `MORE_STEPS` steps, in percent.

    The ranges of activations are those of the MSE observer, of weights their least and greatest at every step.
    """
    model = rounded(trained_mlp(MLP_SIZES, seed, STEPS), bits, MSEObserver, MinMaxObserver)
    return accuracy(keep_training(model, seed + 1000, MORE_STEPS))


def bits_against_accuracy(seed: int, bits: tuple[int, ...] = BITS) -> tuple[Run, ...]:
    """A run of one record for each method and number of bits; `Run.config` holds both."""
    data = fashion_mnist().description
    runs = []
    for width in bits:
        methods = {LABELS[name]: ptq_accuracy(seed, width, name) for name in OBSERVERS}
        for method, percent in (methods | {"QAT": qat_accuracy(seed, width)}).items():
            record = Record(STEPS + MORE_STEPS, math.nan, math.nan, math.nan, test_accuracy=percent / 100)
            runs.append(Run({"method": method, "bits": width, "seed": seed}, (record,), data))
    return tuple(runs)


def loss_at_eight_bits(seed: int) -> float:
    """Points of accuracy that rounding to 8 bits after training costs, either way, with min-max ranges."""
    return abs(float_accuracy(seed) - ptq_accuracy(seed, 8, "min_max"))


def loss_at_four_bits(seed: int) -> float:
    """Points of accuracy that rounding to 4 bits after training costs, either way, with min-max ranges."""
    return abs(float_accuracy(seed) - ptq_accuracy(seed, 4, "min_max"))


def training_gain_at_two_bits(seed: int) -> float:
    """Points by which QAT beats PTQ with min-max ranges at 2 bits."""
    return qat_accuracy(seed, 2) - ptq_accuracy(seed, 2, "min_max")


def training_loss_at_two_bits(seed: int) -> float:
    """Points by which QAT at 2 bits stays below the float net."""
    return float_accuracy(seed) - qat_accuracy(seed, 2)


def clipping_gain_at_two_bits(seed: int) -> float:
    """Points by which PTQ with ranges of least squared error beats PTQ with min-max ranges at 2 bits."""
    return ptq_accuracy(seed, 2, "mse") - ptq_accuracy(seed, 2, "min_max")


def training_gain_over_clipping(seed: int) -> float:
    """Points by which QAT beats PTQ with ranges of least squared error at 2 bits."""
    return qat_accuracy(seed, 2) - ptq_accuracy(seed, 2, "mse")


def integer_agreement(seed: int) -> float:
    """Percent of test images on which the 8-bit integer MLP gives the class that its floating simulation gives."""
    simulated = simulate(checkpoint("mlp", seed), calibration_batches())
    images = fashion_mnist().x_test
    same = convert(simulated)(images).argmax(1) == simulated(images).argmax(1)
    return 100 * float(same.double().mean())


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
        "quantization.integers_alone",
        "A net that multiplies, adds and rescales in integers alone gives the class that its floating simulation "
        "gives.",
        at_least(99.0),
        integer_agreement,
        unit="% of the test images",
        digits=4,
        data="fashion_mnist",
    ),
    Claim(
        "quantization.four_bits_suffice",
        "With a scale for each channel, 4 bits are enough for this MLP without any training.",
        at_most(5.0),
        loss_at_four_bits,
        unit="points of accuracy",
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
        "quantization.near_float",
        "Trained through the rounding, a net of 2 bits comes within five points of the float net.",
        at_most(5.0),
        training_loss_at_two_bits,
        unit="points of accuracy",
        kind="recorded",
        tolerance=2.0,
        expected="undecided",
        reason="most nets end close to float, a few nearly that far below",
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
    Claim(
        "quantization.gain_over_clipping",
        "Against ranges of least squared error, training through the rounding gains at 2 bits as well.",
        at_least(0.0),
        training_gain_over_clipping,
        unit="points of accuracy",
        kind="recorded",
        tolerance=2.0,
        expected="undecided",
        reason="every net gained, some of them next to nothing",
        data="fashion_mnist",
    ),
)
