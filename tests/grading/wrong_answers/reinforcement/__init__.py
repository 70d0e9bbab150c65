"""Answers to the exercises of lesson 17: right, wrong, and not attempted."""

from tests.grading.wrong_answers.reinforcement import (
    clinic,
    clipped_loss,
    ends,
    epsilon,
    gae,
    n_step,
    replay,
    tabular,
    targets,
)

ANSWERS = [
    *tabular.ANSWERS,
    *targets.ANSWERS,
    *n_step.ANSWERS,
    *replay.ANSWERS,
    *ends.ANSWERS,
    *epsilon.ANSWERS,
    *clinic.ANSWERS,
    *gae.ANSWERS,
    *clipped_loss.ANSWERS,
]
