"""Quantization: numbers in few bits, and arithmetic on them.

Grids (`Scheme`, `choose_parameters`, `quantize`), ranges (`OBSERVERS`), integer layers (`quantize_static`,
`quantize_dynamic`), training through rounding (`simulate`, `straight_through`), and other ways to store less: 16-bit
floats, codebooks, Huffman codes.
"""

from optcourse.quantization.affine import (
    dequantize,
    dequantize_reference,
    fake_quantize,
    fake_quantize_,
    fake_quantize_reference,
    parameters_for,
    quantize,
    quantize_reference,
    range_of,
)
from optcourse.quantization.codebook import codebook_gradient, decode, encode, kmeans, kmeans_reference, start_codebook
from optcourse.quantization.dynamic import DynamicLinear, quantize_dynamic
from optcourse.quantization.entropy import EntropyObserver, coarsened_divergence, without_spikes
from optcourse.quantization.floats import BFLOAT16, FLOAT16, FloatFormat, bfloat16_bits, round_to_format
from optcourse.quantization.folding import fold_batch_norm, fold_batch_norm_reference, plan_layers
from optcourse.quantization.histogram import DoublingHistogram
from optcourse.quantization.huffman import (
    decode_symbols,
    encode_symbols,
    entropy_bits,
    huffman_bits,
    huffman_bytes,
    huffman_code,
)
from optcourse.quantization.integer_conv import integer_conv2d, integer_conv2d_reference
from optcourse.quantization.integer_layers import IntegerLayer, IntegerMaxPool2d, IntegerReLU, Requantizer
from optcourse.quantization.integer_matmul import integer_matmul, integer_matmul_reference
from optcourse.quantization.integer_model import IntegerModel, convert, quantize_static
from optcourse.quantization.min_max import MinMaxObserver
from optcourse.quantization.moving_average import MovingAverageObserver
from optcourse.quantization.mse import MSEObserver, mean_squared_error
from optcourse.quantization.packing import pack, unpack
from optcourse.quantization.parameters import INT8_PER_CHANNEL, UINT8, QuantizationParameters, Scheme, choose_parameters
from optcourse.quantization.percentile import PercentileObserver
from optcourse.quantization.requantization import fixed_point, quantize_bias, requantize, requantize_fixed_point
from optcourse.quantization.simulated import FakeQuantizer, SimulatedLayer, simulate
from optcourse.quantization.sparse_index import positions_of, relative_indices
from optcourse.quantization.straight_through_estimator import straight_through, straight_through_reference

__all__ = [
    "BFLOAT16",
    "FLOAT16",
    "INT8_PER_CHANNEL",
    "OBSERVERS",
    "UINT8",
    "DoublingHistogram",
    "DynamicLinear",
    "EntropyObserver",
    "FakeQuantizer",
    "FloatFormat",
    "IntegerLayer",
    "IntegerMaxPool2d",
    "IntegerModel",
    "IntegerReLU",
    "MSEObserver",
    "MinMaxObserver",
    "MovingAverageObserver",
    "PercentileObserver",
    "QuantizationParameters",
    "Requantizer",
    "Scheme",
    "SimulatedLayer",
    "bfloat16_bits",
    "choose_parameters",
    "coarsened_divergence",
    "codebook_gradient",
    "convert",
    "decode",
    "decode_symbols",
    "dequantize",
    "dequantize_reference",
    "encode",
    "encode_symbols",
    "entropy_bits",
    "fake_quantize",
    "fake_quantize_",
    "fake_quantize_reference",
    "fixed_point",
    "fold_batch_norm",
    "fold_batch_norm_reference",
    "huffman_bits",
    "huffman_bytes",
    "huffman_code",
    "integer_conv2d",
    "integer_conv2d_reference",
    "integer_matmul",
    "integer_matmul_reference",
    "kmeans",
    "kmeans_reference",
    "mean_squared_error",
    "pack",
    "parameters_for",
    "plan_layers",
    "positions_of",
    "quantize",
    "quantize_bias",
    "quantize_dynamic",
    "quantize_reference",
    "quantize_static",
    "range_of",
    "relative_indices",
    "requantize",
    "requantize_fixed_point",
    "round_to_format",
    "simulate",
    "start_codebook",
    "straight_through",
    "straight_through_reference",
    "unpack",
    "without_spikes",
]

OBSERVERS = {
    "min_max": MinMaxObserver,
    "moving_average": MovingAverageObserver,
    "percentile": PercentileObserver,
    "mse": MSEObserver,
    "entropy": EntropyObserver,
}
