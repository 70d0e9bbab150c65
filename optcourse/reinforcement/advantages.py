"""How much better a move was than expected: returns to go, and generalized advantage estimation.

Each comes twice: `x_reference` is the formula, a plain loop over the steps of one sub-environment; `x` does the same
for (T, N), T steps of N sub-environments at once. Episodes may end and begin anywhere in it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from optcourse.reinforcement.checking import check_number


def returns_to_go_reference(
    reward: Sequence[float],
    next_value: Sequence[float],
    terminated: Sequence[bool],
    truncated: Sequence[bool],
    *,
    gamma: float,
) -> list[float]:
    r"""What was earned from each step on, of one sub-environment.

    .. math:: G_t = r_t + \gamma \begin{cases} 0 & \text{terminated}_t \\
        V(s'_t) & \text{only truncated}_t \text{, or } t \text{ is the last step} \\ G_{t+1} & \text{else} \end{cases}

    Args:
        reward, next_value, terminated, truncated: T numbers each, as in `returns_to_go`.
        gamma: in [0, 1].

    Returns:
        T numbers. Pure.

    Example:
        >>> returns_to_go_reference([1, 2, 4], [9, 9, 8], [False, True, False], [False, True, False], gamma=0.5)
        [2.0, 2.0, 8.0]

    References:
        Sutton & Barto, Reinforcement Learning, 2nd edition, 2018, section 13.3.
    """
    returns = [0.0] * len(reward)
    for t in reversed(range(len(reward))):
        if terminated[t]:
            future = 0.0
        elif truncated[t] or t == len(reward) - 1:
            future = next_value[t]
        else:
            future = returns[t + 1]
        returns[t] = reward[t] + gamma * future
    return returns


def returns_to_go(
    reward: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    *,
    gamma: float,
    lived: Tensor | None = None,
) -> Tensor:
    """`returns_to_go_reference` over (T, N).

    Args:
        reward: (T, N) r, floating.
        next_value: (T, N) V(s'), what would still have come where an episode was cut; 0 if nobody knows. Read only
            where a step was truncated but not terminated, and in the last row.
        terminated: (T, N) bool, the task itself ended: nothing comes after it.
        truncated: (T, N) bool, somebody stopped looking. Both may be true; then the task is over.
        gamma: in [0, 1].
        lived: (T, N) bool, False where a step only reset its sub-environment, or waited: it gets 0, whatever the other
            arguments hold there. None when all are steps.

    Returns:
        (T, N), of the dtype and on the device of `reward`. No argument is mutated.

    Raises:
        TypeError, ValueError: for shapes or dtypes that do not belong together, a gamma outside the interval, or a
            reward that is not finite (not looked for on the meta device, where there are no numbers).

    Example:
        >>> ends = torch.tensor([[False], [True], [False]])
        >>> returns_to_go(torch.tensor([[1.0], [2.0], [4.0]]), torch.full((3, 1), 8.0), ends, ends, gamma=0.5).tolist()
        [[2.0], [2.0], [8.0]]
    """
    check_number("gamma", gamma, 0, 1)
    _check((reward, next_value), (terminated, truncated), lived)
    ended = terminated | truncated
    if lived is not None:
        reward, ended = reward.masked_fill(~lived, 0), ended | ~lived
        terminated = terminated | ~lived
    behind_end = next_value.masked_fill(terminated, 0)
    rows: list[Tensor] = []
    following = behind_end[-1]
    for earned, stops, behind in zip(*(reversed(each.unbind()) for each in (reward, ended, behind_end)), strict=True):
        following = earned + gamma * torch.where(stops, behind, following)
        rows.append(following)
    return torch.stack(rows[::-1])


def gae_reference(
    reward: Sequence[float],
    value: Sequence[float],
    next_value: Sequence[float],
    terminated: Sequence[bool],
    truncated: Sequence[bool],
    *,
    gamma: float,
    lam: float,
) -> list[float]:
    r"""Generalized advantage estimation, of one sub-environment.

    .. math:: \delta_t = r_t + \gamma\, [\text{not terminated}_t]\, V(s'_t) - V(s_t), \qquad
        A_t = \delta_t + \gamma \lambda\, [\text{neither terminated nor truncated}_t]\, A_{t+1}, \qquad A_T = 0

    Args:
        reward, value, next_value, terminated, truncated: T numbers each, as in `gae`.
        gamma, lam: in [0, 1].

    Returns:
        T numbers. Pure.

    Example:
        >>> gae_reference([1, 1], [0, 2], [2, 9], [False, True], [False, False], gamma=0.5, lam=0.5)
        [1.75, -1.0]

    References:
        Schulman, Moritz, Levine, Jordan & Abbeel, High-Dimensional Continuous Control Using Generalized Advantage
        Estimation, ICLR 2016, section 3.
    """
    advantage, following = [0.0] * len(reward), 0.0
    for t in reversed(range(len(reward))):
        future = 0.0 if terminated[t] else next_value[t]
        delta = reward[t] + gamma * future - value[t]
        if terminated[t] or truncated[t]:
            following = 0.0
        advantage[t] = following = delta + gamma * lam * following
    return advantage


def gae(
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    *,
    gamma: float,
    lam: float,
    lived: Tensor | None = None,
) -> Tensor:
    """`gae_reference` over (T, N).

    lam=0 is the error of one step, which trusts V; lam=1 is the discounted return less V(s_t), which trusts nothing
    and varies the most.

    Args:
        reward: (T, N) r, floating.
        value: (T, N) V(s).
        next_value: (T, N) V(s') of the true next observation of the same step: the last of its episode where that
            ended, never the first of the next. Where terminated it may be anything, NaN included.
        terminated: (T, N) bool, the task itself ended: its value is 0, and the sum stops.
        truncated: (T, N) bool, somebody stopped looking: V(s') stands for the rest, and the sum stops too. Both may be
            true; then the task is over.
        gamma: discount, in [0, 1].
        lam: lambda in [0, 1].
        lived: (T, N) bool, False where a step only reset its sub-environment, or waited: it gets 0, whatever the other
            arguments hold there. None when all are steps.

    Returns:
        (T, N), of the dtype and on the device of `reward`, without a graph if its arguments have none. No argument is
        mutated.

    Raises:
        TypeError, ValueError: for shapes or dtypes that do not belong together, a gamma or lam outside the interval, or
            a reward that is not finite (not looked for on the meta device, where there are no numbers).

    Differs from the paper: infinite sums there end here at the last row, at ends, and at truncations. From CleanRL's:
    a truncated step bootstraps, from its own next observation; there it counts as terminated.

    Example:
        >>> column = lambda *numbers: torch.tensor(numbers).unsqueeze(1)
        >>> ends, cuts = column(False, True), column(False, False)
        >>> gae(column(1.0, 1.0), column(0.0, 2.0), column(2.0, 9.0), ends, cuts, gamma=0.5, lam=0.5).tolist()
        [[1.75], [-1.0]]
    """
    check_number("gamma", gamma, 0, 1)
    check_number("lam", lam, 0, 1)
    _check((reward, value, next_value), (terminated, truncated), lived)
    ended = terminated | truncated
    delta = reward + gamma * next_value.masked_fill(terminated, 0) - value
    if lived is not None:
        delta, ended = delta.masked_fill(~lived, 0), ended | ~lived
    rows: list[Tensor] = []
    following = torch.zeros_like(delta[0])
    for error, stops in zip(reversed(delta.unbind()), reversed(ended.unbind()), strict=True):
        following = error + gamma * lam * following.masked_fill(stops, 0)
        rows.append(following)
    return torch.stack(rows[::-1])


def _check(numbers: tuple[Tensor, ...], ends: tuple[Tensor, Tensor], lived: Tensor | None) -> None:
    reward = numbers[0]
    kinds = ", ".join(str(number.dtype) for number in numbers)
    flags = ends if lived is None else (*ends, lived)
    if not reward.is_floating_point() or any(number.dtype != reward.dtype for number in numbers):
        raise TypeError(
            f"rewards and values must be of one floating dtype, got {kinds}; convert them with .to(value.dtype)"
        )
    if any(flag.dtype != torch.bool for flag in flags):
        kinds = ", ".join(str(flag.dtype) for flag in flags)
        raise TypeError(f"terminated, truncated and lived must be bool tensors, got {kinds}; try .bool()")
    shapes = [tuple(each.shape) for each in (*numbers, *flags)]
    if reward.dim() != 2 or len(reward) == 0 or len(set(shapes)) > 1:
        raise ValueError(
            f"all arguments must be (T, N) with T >= 1, got {', '.join(map(str, shapes))}; "
            "one sub-environment is (T, 1), as in reward.unsqueeze(1)"
        )
    if not reward.is_meta:
        steps = reward if lived is None else reward.masked_fill(~lived, 0)
        wrong = int((~torch.isfinite(steps)).sum())
        if wrong:
            raise ValueError(
                f"rewards must be finite, got {wrong} of {reward.numel()} numbers NaN or infinite; mend the source"
            )
