"""The test to be written: what is wrong with each initializer that it has to reject."""

from optcourse.grading.checks.initialization import initializers
from optcourse.grading.kinds import test_check

RIGHT = ("normal", "uniform", "truncated")
WRONG = {
    "gain_forgotten": "ReLU's 2 is missing, so that the variance is 1 / fan_in.",
    "variance_as_std": "the standard deviation is 2 / fan_in, which should be the variance.",
    "fan_out": "it divides by fan_out. It shows only where the two fans differ.",
    "std_as_bound": "it is uniform between plus and minus the standard deviation, and so too small by sqrt(3).",
    "cut_without_correction": "its numbers are cut at two standard deviations, which makes their standard deviation "
    "12 % smaller. To see that, a tolerance has to be narrow, and the weight large.",
    "not_centered": "its standard deviation is right, but its mean is a fifth of that, not 0.",
    "transposed": "its numbers are right, but the shape is (fan_in, fan_out).",
    "one_row": "all rows are equal: mean and variance are right, and every unit computes the same.",
    "same_numbers": "each call gives the same numbers, so that layers of one shape start equal.",
    "one_nan": "one of its weights is NaN. Every comparison with NaN is False: `not x > bound` lets it through.",
}

ADVICE = (
    "List what the text asks of a weight: shape, mean, variance, independence of its numbers and of calls. One "
    "`assert` for each, on a weight with many numbers and two different fans."
)

INITIALIZER_TEST = test_check(
    "initialization.test",
    right={name: initializers.IMPLEMENTATIONS[name] for name in RIGHT},
    mutants={name: (initializers.IMPLEMENTATIONS[name], why) for name, why in WRONG.items()},
    draws=12,
    noun="initializer",
    look_next=ADVICE,
    praise=f"Right: your test accepts what is right, whatever the draw, and sees all {len(WRONG)} wrong ones.",
)
