"""Schedules: pure functions from a step to the value of a setting (learning rate, epsilon of a greedy policy, ...).

Each factory checks its settings and returns a function of the step alone. Resuming needs no state: call it with the
step that was saved. What is returned can be pickled, so that sweeps may send it to other processes.
"""

import bisect
import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

Schedule = Callable[[int], float]  # step, 0 on the first -> value


def constant(value: float) -> Schedule:
    """The same value at every step.

    Args:
        value: in the unit of the setting.

    Raises:
        ValueError: unless value is finite.

    Example:
        >>> constant(0.1)(1000)
        0.1
    """
    _check_finite(value=value)
    return partial(_constant, value)


def linear(start: float, end: float, *, steps: int) -> Schedule:
    r"""A straight line from `start` to `end`, then constant.

    .. math:: v(s) = a + (b - a) \min(s / T, 1)

    Args:
        start, end: a and b, in the unit of the setting; the line may rise or fall.
        steps: T >= 1, the step at which `end` is reached. In the unit in which the schedule is called: updates,
            environment steps, epochs; mixing them up is the usual mistake.

    Returns:
        A pure function of the step s >= 0.

    Raises:
        ValueError: unless start and end are finite and steps >= 1.

    Differs from `torch.optim.lr_scheduler.LinearLR`: gives values, not factors of the optimizer's lr.

    Example:
        >>> epsilon = linear(1.0, 0.2, steps=4)
        >>> [round(epsilon(s), 3) for s in range(6)]
        [1.0, 0.8, 0.6, 0.4, 0.2, 0.2]

    References:
        Mnih et al., Human-level control through deep reinforcement learning, Nature 518, 2015 (epsilon in methods).
    """
    _check_finite(start=start, end=end)
    if not steps >= 1:
        raise ValueError(f"steps must be at least 1, got {steps}; for one value use constant({end})")
    return partial(_linear, start, end, steps)


def exponential(start: float, *, gamma: float, floor: float = 0.0) -> Schedule:
    r"""From `start` towards `floor`; each step keeps the share gamma of the distance.

    .. math:: v(s) = f + (a - f) \gamma^s

    Args:
        start: a, in the unit of the setting.
        gamma: in (0, 1]. A half-life of h steps is gamma = 0.5 ** (1 / h), a time constant tau is exp(-1 / tau).
        floor: f, approached and never passed.

    Returns:
        A pure function of the step s >= 0.

    Raises:
        ValueError: unless start and floor are finite, floor <= start and 0 < gamma <= 1.

    Differs from `torch.optim.lr_scheduler.ExponentialLR`: has a floor, and gives values, not a product that is
    carried from step to step.

    Example:
        >>> lr = exponential(1.0, gamma=0.5)
        >>> [lr(s) for s in range(4)]
        [1.0, 0.5, 0.25, 0.125]
    """
    _check_finite(start=start, floor=floor)
    if not (0 < gamma <= 1 and floor <= start):
        raise ValueError(f"need 0 < gamma <= 1 and floor <= start; got {gamma=}, {floor=}, {start=}")
    return partial(_exponential, start, gamma, floor)


def join(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    r"""One schedule after the other; each counts its steps from its own beginning.

    .. math:: v(s) = v_i(s - b_i), \; b_i \le s < b_{i+1}, \; b_0 = 0

    Args:
        schedules: n of them, n >= 1.
        boundaries: the n - 1 steps b_1 < b_2 < ... at which the next one begins. The value jumps there unless one
            ends where the next starts.

    Returns:
        A pure function of the step.

    Raises:
        ValueError: unless there is one boundary fewer than schedules, and they are above 0 and increasing.

    Differs from `torch.optim.lr_scheduler.SequentialLR`: holds no state.

    Example:
        >>> lr = join([linear(0.0, 1.0, steps=2), exponential(1.0, gamma=0.5)], [2])
        >>> [lr(s) for s in range(5)]
        [0.0, 0.5, 1.0, 0.5, 0.25]
    """
    parts, edges = tuple(schedules), tuple(boundaries)
    if len(parts) != len(edges) + 1:
        raise ValueError(f"need one boundary fewer than schedules, got {len(edges)} boundaries, {len(parts)} schedules")
    if not all(low < high for low, high in pairwise((0, *edges))):
        raise ValueError(f"boundaries must be above 0 and increasing, got {edges}")
    return partial(_join, parts, edges)


def _constant(value: float, step: int) -> float:
    return value


def _linear(start: float, end: float, steps: int, step: int) -> float:
    return end if step >= steps else start + (end - start) * step / steps


def _exponential(start: float, gamma: float, floor: float, step: int) -> float:
    return floor + (start - floor) * gamma**step


def _join(schedules: tuple[Schedule, ...], boundaries: tuple[int, ...], step: int) -> float:
    part = bisect.bisect_right(boundaries, step)
    return schedules[part](step - (boundaries[part - 1] if part else 0))


def _check_finite(**settings: float) -> None:
    for name, value in settings.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, got {value}")
