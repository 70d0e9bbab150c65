"""Answers to the exercises of lesson 09: right, wrong, and not attempted."""

from tests.grading.wrong_answers.quantization import (
    channels,
    fixed_point,
    folding,
    grid,
    integer,
    percentile,
    rounding,
    testing,
    training,
    values,
)

ANSWERS = [
    *values.ANSWERS,
    *grid.ANSWERS,
    *rounding.ANSWERS,
    *percentile.ANSWERS,
    *channels.ANSWERS,
    *folding.ANSWERS,
    *integer.ANSWERS,
    *fixed_point.ANSWERS,
    *training.ANSWERS,
    *testing.ANSWERS,
]
