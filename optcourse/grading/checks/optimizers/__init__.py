"""Checks of lesson 04: memory, momentum, Nesterov, RMSprop, Adam, AdamW, and the diagnosis of buggy curves."""

from optcourse.grading.checks.optimizers.adam import ADAM, ADAMW
from optcourse.grading.checks.optimizers.curves import DIAGNOSIS, diagnosis_curves
from optcourse.grading.checks.optimizers.memory import MEMORY
from optcourse.grading.checks.optimizers.momentum import MOMENTUM, NESTEROV
from optcourse.grading.checks.optimizers.rmsprop import RMSPROP

CHECKS = (MEMORY, MOMENTUM, NESTEROV, RMSPROP, ADAM, ADAMW, DIAGNOSIS)

__all__ = ["CHECKS", "diagnosis_curves"]
