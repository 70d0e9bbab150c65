"""Input that used to end in an error of torch's or Python's own: the rule, the value given, the fix."""

import pytest
import torch
from torch import nn

from optcourse.initialization import fans_of, gain, he_normal_, initialize_, lsuv_, moments

LAZY = "LazyLinear has no shape before its first input; run one batch through the network first"


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))


def lazy() -> nn.Sequential:
    return nn.Sequential(nn.LazyLinear(3))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: lsuv_(net(), torch.tensor(1.0)), ValueError, r"at least 2 examples.*got shape \(\)"),
        (lambda: lsuv_(net(), [1.0]), ValueError, "got list"),
        (
            lambda: lsuv_(net(), torch.ones(3, 4), tolerance="x"),
            TypeError,
            "tolerance must be a number.*got 'x'; try 0.1",
        ),
        (lambda: moments("relu", "1"), TypeError, r"variance must be a number >= 0, got '1' \(str\); try 1.0"),
        (
            lambda: gain("leaky_relu", negative_slope="a"),
            TypeError,
            "negative_slope must be a number, got 'a'; try 0.01",
        ),
        (lambda: fans_of(nn.LazyLinear(3)), ValueError, LAZY),
        (lambda: initialize_(lazy(), he_normal_), ValueError, LAZY),
        (lambda: lsuv_(lazy(), torch.ones(3, 4)), ValueError, LAZY),
    ],
)
def test_bad_input(make, error, text) -> None:
    with pytest.raises(error, match=text):
        make()
