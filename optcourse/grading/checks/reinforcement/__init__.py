"""Checks of lesson 17: a table, targets, n steps, a replay, steps of vector environments, epsilon, and a clinic."""

from optcourse.grading.checks.reinforcement.clinic import CLINIC, REPAIR, TUTORIAL
from optcourse.grading.checks.reinforcement.ends import TRANSITIONS
from optcourse.grading.checks.reinforcement.epsilon import EPSILON
from optcourse.grading.checks.reinforcement.n_step import N_STEP
from optcourse.grading.checks.reinforcement.replay import REPLAY
from optcourse.grading.checks.reinforcement.tabular import Q_LEARNING
from optcourse.grading.checks.reinforcement.targets import DOUBLE_TARGET, TD_TARGET

CHECKS = (Q_LEARNING, TD_TARGET, DOUBLE_TARGET, N_STEP, REPLAY, TRANSITIONS, EPSILON, CLINIC, REPAIR)

__all__ = ["CHECKS", "TUTORIAL"]
