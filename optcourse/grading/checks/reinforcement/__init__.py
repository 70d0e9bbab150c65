"""Checks of lesson 17: tables, targets, a replay, vector environments, epsilon, a clinic, advantages, PPO's loss."""

from optcourse.grading.checks.reinforcement.clinic import CLINIC, REPAIR, TUTORIAL
from optcourse.grading.checks.reinforcement.clipped_loss import CLIPPED_LOSS
from optcourse.grading.checks.reinforcement.ends import TRANSITIONS
from optcourse.grading.checks.reinforcement.epsilon import EPSILON
from optcourse.grading.checks.reinforcement.gae import GAE
from optcourse.grading.checks.reinforcement.n_step import N_STEP
from optcourse.grading.checks.reinforcement.replay import REPLAY
from optcourse.grading.checks.reinforcement.tabular import Q_LEARNING
from optcourse.grading.checks.reinforcement.targets import DOUBLE_TARGET, TD_TARGET

CHECKS = (Q_LEARNING, TD_TARGET, DOUBLE_TARGET, N_STEP, REPLAY, TRANSITIONS, EPSILON, CLINIC, REPAIR, GAE, CLIPPED_LOSS)

__all__ = ["CHECKS", "TUTORIAL"]
