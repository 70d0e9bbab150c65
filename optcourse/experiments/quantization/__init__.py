"""What lesson quantization measures, and its claims."""

from optcourse.experiments.quantization import bits, deep_compression, deployed, rescaled
from optcourse.experiments.quantization.bits import bits_against_accuracy
from optcourse.experiments.quantization.deep_compression import Compression, compress
from optcourse.experiments.quantization.deployed import cnn_costs, mlp_costs
from optcourse.experiments.quantization.rescaled import rescale_channels, rescaled_accuracy
from optcourse.experiments.quantization.training import accuracy, fashion_mnist, trained_mlp

CLAIMS = (*rescaled.CLAIMS, *bits.CLAIMS, *deep_compression.CLAIMS, *deployed.CLAIMS)

__all__ = [
    "CLAIMS",
    "Compression",
    "accuracy",
    "bits_against_accuracy",
    "cnn_costs",
    "compress",
    "fashion_mnist",
    "mlp_costs",
    "rescale_channels",
    "rescaled_accuracy",
    "trained_mlp",
]
