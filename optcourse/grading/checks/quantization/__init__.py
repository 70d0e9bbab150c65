"""Checks of lesson 09: storage, grids, ranges, channels, folding, integers, training, a test, and a diagnosis."""

from optcourse.grading.checks.quantization.channels import CHANNELS
from optcourse.grading.checks.quantization.fixed_point import REQUANTIZE
from optcourse.grading.checks.quantization.folding import FOLD
from optcourse.grading.checks.quantization.grid import GRID
from optcourse.grading.checks.quantization.histograms import DIAGNOSIS, diagnosis_histograms
from optcourse.grading.checks.quantization.integer import INTEGER_LINEAR
from optcourse.grading.checks.quantization.mutants import PRODUCT_TEST
from optcourse.grading.checks.quantization.percentile import PERCENTILE
from optcourse.grading.checks.quantization.rounding import QUANTIZE
from optcourse.grading.checks.quantization.storage import STORAGE
from optcourse.grading.checks.quantization.training import QAT_STEP

CHECKS = (
    STORAGE,
    GRID,
    QUANTIZE,
    PERCENTILE,
    CHANNELS,
    FOLD,
    INTEGER_LINEAR,
    REQUANTIZE,
    QAT_STEP,
    PRODUCT_TEST,
    DIAGNOSIS,
)

__all__ = ["CHECKS", "diagnosis_histograms"]
