"""What policy gradients minimize: functions of the logits of a policy, or of the probabilities of the actions taken."""

import math

import torch
from torch import Tensor

from optcourse.reinforcement.checking import check_number


def log_probability(logits: Tensor, action: Tensor) -> Tensor:
    r"""log pi(a | s) of the actions taken, (B,), from logits (B, actions) and actions (B,) int64.

    .. math:: \log \pi(a | s) = z_a - \log \textstyle\sum_{a'} e^{z_{a'}}

    Raises:
        ValueError: for shapes that do not belong together.

    Example:
        >>> log_probability(torch.zeros(1, 4), torch.tensor([2])).exp().item()
        0.25
    """
    if logits.dim() != 2 or action.shape != logits.shape[:1]:
        raise ValueError(
            f"logits must be (B, actions) and action (B,), got {tuple(logits.shape)} and {tuple(action.shape)}; "
            "look for a lost or added axis"
        )
    return logits.log_softmax(dim=1).gather(1, action.unsqueeze(1)).squeeze(1)


def policy_entropy(logits: Tensor) -> Tensor:
    r"""Mean entropy of a policy, in nats: 0 where one action is sure, the log of their number where all are alike.

    .. math:: H = -\tfrac1B \textstyle\sum_s \sum_a \pi(a | s) \log \pi(a | s)

    Example:
        >>> round(policy_entropy(torch.zeros(3, 2)).exp().item(), 6)
        2.0
    """
    return -(logits.softmax(dim=1) * logits.log_softmax(dim=1)).sum(dim=1).mean()


def policy_loss(log_prob: Tensor, advantage: Tensor) -> Tensor:
    r"""The loss whose gradient is the policy gradient of REINFORCE and actor-critics, with its sign turned.

    .. math:: L = -\tfrac1B \textstyle\sum \log \pi(a | s)\, A

    Args:
        log_prob: (B,) log pi(a | s), with its graph.
        advantage: (B,) A, a number: no gradient flows into it.

    Returns:
        A scalar. Its value means nothing, only its gradient does.

    Raises:
        ValueError: for shapes that differ (they would broadcast).

    Example:
        >>> policy_loss(torch.tensor([-1.0, -2.0]), torch.tensor([3.0, 1.0])).item()
        2.5

    References:
        Williams, Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning, Machine
        Learning 8, 1992.
    """
    _check_shapes(log_prob=log_prob, advantage=advantage)
    return -(log_prob * advantage.detach()).mean()


def clipped_loss(log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, *, clip: float) -> Tensor:
    r"""PPO's: steps of the policy that is left behind are used several times, as long as the new one stays close.

    .. math::
        \rho = \frac{\pi(a | s)}{\pi_\text{old}(a | s)}, \qquad
        L = -\tfrac1B \textstyle\sum \min\bigl(\rho A,\ \mathrm{clamp}(\rho, 1 - \epsilon, 1 + \epsilon)\, A\bigr)

    Where the ratio has gone far enough in the direction that A asks for, the gradient is 0. In the other direction it
    is not: mistakes are taken back from however far.

    Args:
        log_prob: (B,) log pi(a | s) of the policy that learns, with its graph.
        old_log_prob: (B,) of the policy that acted; no gradient flows into it.
        advantage: (B,) A; no gradient flows into it.
        clip: epsilon >= 0.

    Returns:
        A scalar. Where both policies are the same, its gradient is that of `policy_loss`.

    Raises:
        TypeError, ValueError: for shapes that differ (they would broadcast), or a clip below 0.

    Example:
        >>> ratio = torch.tensor([1.5, 1.5])
        >>> clipped_loss(ratio.log(), torch.zeros(2), torch.tensor([1.0, -1.0]), clip=0.2)  # -(1.2 - 1.5) / 2
        tensor(0.1500)

    References:
        Schulman, Wolski, Dhariwal, Radford & Klimov, Proximal Policy Optimization Algorithms, 2017, equation 7.
    """
    _check_shapes(log_prob=log_prob, old_log_prob=old_log_prob, advantage=advantage)
    clip, advantage = check_number("clip", clip, 0, math.inf), advantage.detach()
    ratio = (log_prob - old_log_prob.detach()).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


def value_loss(value: Tensor, target: Tensor) -> Tensor:
    r"""The mean square of target - V(s), both (B,); no gradient flows into the target.

    Raises:
        ValueError: for shapes that differ (they would broadcast).
    """
    _check_shapes(value=value, target=target)
    return (target.detach() - value).square().mean()


def _check_shapes(**tensors: Tensor) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if any(len(shape) != 1 for shape in shapes.values()) or len(set(shapes.values())) > 1:
        named = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"all must be (B,), got {named}; look for a lost or added axis")
