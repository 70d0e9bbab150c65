"""Checks of lesson 01: a signal's decay, fans, gains, Xavier, He, orthogonal, LSUV, a test, and a diagnosis."""

from optcourse.grading.checks.initialization.depth import DEPTH
from optcourse.grading.checks.initialization.fans import FANS
from optcourse.grading.checks.initialization.gains import GAIN
from optcourse.grading.checks.initialization.he import HE
from optcourse.grading.checks.initialization.layers import DIAGNOSIS, diagnosis_layers
from optcourse.grading.checks.initialization.lsuv import LSUV
from optcourse.grading.checks.initialization.mutants import INITIALIZER_TEST
from optcourse.grading.checks.initialization.orthogonal import ORTHOGONAL
from optcourse.grading.checks.initialization.xavier import XAVIER

CHECKS = (DEPTH, FANS, GAIN, XAVIER, HE, ORTHOGONAL, LSUV, INITIALIZER_TEST, DIAGNOSIS)

__all__ = ["CHECKS", "diagnosis_layers"]
