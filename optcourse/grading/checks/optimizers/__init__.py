"""Checks of lesson 04: memory, momentum, Nesterov, RMSprop, Adam, AdamW, and the diagnosis of buggy curves."""

from optcourse.grading.checks.optimizers.adam import ADAM, ADAMW

CHECKS = (ADAM, ADAMW)
