"""What lesson quantization measures, and its claims."""

from optcourse.experiments.quantization import bits, deep_compression, deployed, rescaled
from optcourse.experiments.quantization.bits import bits_against_accuracy, float_accuracy
from optcourse.experiments.quantization.checkpoints import checkpoint
from optcourse.experiments.quantization.deep_compression import Compression, compress
from optcourse.experiments.quantization.deployed import Costs, accuracy_in_runtime, cnn_costs, costs, mlp_costs
from optcourse.experiments.quantization.requantized import Differences, differences_from_runtime
from optcourse.experiments.quantization.rescaled import rescale_channels, rescaled_accuracy
from optcourse.experiments.quantization.training import accuracy, calibration_batches, fashion_mnist, trained_mlp

CLAIMS = (*rescaled.CLAIMS, *bits.CLAIMS, *deep_compression.CLAIMS, *deployed.CLAIMS)

SWEEPS = {"bits": bits_against_accuracy, "runtimes": accuracy_in_runtime}
"""Trainings that ship as records: seed -> runs."""

__all__ = [
    "CLAIMS",
    "SWEEPS",
    "Compression",
    "Costs",
    "Differences",
    "accuracy",
    "accuracy_in_runtime",
    "bits_against_accuracy",
    "calibration_batches",
    "checkpoint",
    "cnn_costs",
    "compress",
    "costs",
    "differences_from_runtime",
    "fashion_mnist",
    "float_accuracy",
    "mlp_costs",
    "rescale_channels",
    "rescaled_accuracy",
    "trained_mlp",
]
