"""Answers to the exercises of lesson 04: right, wrong, and not attempted."""

from tests.grading.wrong_answers.optimizers import adam, adamw, momentum, rmsprop, valid, values

ANSWERS = [*values.ANSWERS, *momentum.ANSWERS, *rmsprop.ANSWERS, *adam.ANSWERS, *adamw.ANSWERS, *valid.ANSWERS]
