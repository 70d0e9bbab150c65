"""Schedules: values by hand, the same as torch's, pure, and errors with rule and value."""

import math
import pickle

import pytest
import torch

from optcourse.schedules import constant, exponential, join, linear


def of_torch(make, steps):
    """lr of the first `steps` updates under a scheduler of torch's, from 1.0."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return values


def test_values_by_hand():
    assert [constant(0.3)(s) for s in (0, 7)] == [0.3, 0.3]
    assert [linear(2.0, -1.0, steps=3)(s) for s in range(5)] == [2.0, 1.0, 0.0, -1.0, -1.0]
    assert [exponential(9.0, gamma=0.5, floor=1.0)(s) for s in range(4)] == [9.0, 5.0, 3.0, 2.0]
    assert exponential(9.0, gamma=0.5, floor=1.0)(10_000) == 1.0
    assert linear(1.0, 0.1, steps=3)(3) == 0.1  # exactly, without rounding


def test_as_torch():
    make = {
        "linear": lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.5, 0.125, total_iters=6),
        "exponential": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.8),
    }
    mine = {"linear": linear(0.5, 0.125, steps=6), "exponential": exponential(1.0, gamma=0.8)}
    for name, schedule in mine.items():
        assert [schedule(s) for s in range(10)] == pytest.approx(of_torch(make[name], 10), rel=1e-12), name


def test_join_restarts_each_part_at_its_boundary():
    v = join([linear(0.0, 1.0, steps=2), constant(7.0), exponential(8.0, gamma=0.5)], [2, 5])
    assert [v(s) for s in range(8)] == [0.0, 0.5, 7.0, 7.0, 7.0, 8.0, 4.0, 2.0]
    nested = join([v, constant(1.0)], [6])
    assert [nested(s) for s in range(4, 8)] == [7.0, 8.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "schedule",
    [constant(0.1), linear(1.0, 0.0, steps=5), exponential(1.0, gamma=0.9), join([constant(1.0), constant(2.0)], [3])],
)
def test_pure_and_sent_to_other_processes(schedule):
    forward = [schedule(s) for s in range(8)]
    assert [schedule(s) for s in reversed(range(8))] == forward[::-1]  # a resumed run sees what the whole one saw
    assert [pickle.loads(pickle.dumps(schedule))(s) for s in range(8)] == forward


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: constant(math.nan), "value must be a finite number, got nan"),
        (lambda: linear(math.inf, 0.0, steps=3), "start must be a finite number, got inf"),
        (lambda: linear(1.0, math.nan, steps=3), "end must be a finite number"),
        (lambda: linear(1.0, 0.0, steps=0), r"steps must be at least 1, got 0; for one value use constant\(0.0\)"),
        (lambda: linear(1.0, 0.0, steps=math.nan), "steps must be at least 1, got nan"),
        (lambda: exponential(1.0, gamma=0.0), "need 0 < gamma <= 1"),
        (lambda: exponential(1.0, gamma=1.5), "gamma=1.5"),
        (lambda: exponential(1.0, gamma=math.nan), "gamma=nan"),
        (lambda: exponential(1.0, gamma=0.5, floor=2.0), "floor=2.0, start=1.0"),
        (lambda: join([constant(1.0)], [3]), "1 boundaries, 1 schedules"),
        (lambda: join([], []), "0 boundaries, 0 schedules"),
        (lambda: join([constant(1.0), constant(2.0)], [0]), r"above 0 and increasing, got \(0,\)"),
        (lambda: join([constant(1.0)] * 3, [4, 4]), r"got \(4, 4\)"),
    ],
)
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()
