"""Answers to the exercises of lesson 01: right, wrong, and not attempted."""

from tests.grading.wrong_answers.initialization import fans, gain, lsuv, orthogonal, scaled, testing, values

ANSWERS = [
    *values.ANSWERS,
    *fans.ANSWERS,
    *gain.ANSWERS,
    *scaled.ANSWERS,
    *orthogonal.ANSWERS,
    *lsuv.ANSWERS,
    *testing.ANSWERS,
]
