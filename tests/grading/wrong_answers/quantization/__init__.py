"""Answers to the exercises of lesson 09: right, wrong, and not attempted."""

from tests.grading.wrong_answers.quantization import (
    channels,
    fixed_point,
    folding,
    grid,
    integer,
    rounding,
    testing,
    training,
    values,
)

ANSWERS = [
    *values.ANSWERS,
    *grid.ANSWERS,
    *rounding.ANSWERS,
    *channels.ANSWERS,
    *folding.ANSWERS,
    *integer.ANSWERS,
    *fixed_point.ANSWERS,
    *training.ANSWERS,
    *testing.ANSWERS,
]
