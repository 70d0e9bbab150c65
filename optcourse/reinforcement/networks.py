"""Networks that give one value for each action."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from optcourse.reinforcement.checking import check_integer


class Dueling(nn.Module):
    r"""A head that splits the value of a state from what each action adds to it.

    .. math:: Q(s, a) = V(s) + A(s, a) - \tfrac1{|A|} \textstyle\sum_{a'} A(s, a')

    Without the mean, V could grow by what every A loses, and neither would mean anything.

    Args:
        features: numbers that come in.
        actions: values that go out.

    Differs from the paper: one linear layer a branch, on features that both share.

    References:
        Wang et al., Dueling Network Architectures for Deep Reinforcement Learning, ICML 2016, equation 9.
    """

    def __init__(self, features: int, actions: int) -> None:
        super().__init__()
        self.value = nn.Linear(features, 1)
        self.advantage = nn.Linear(features, actions)

    def forward(self, x: Tensor) -> Tensor:
        """From (B, features) to (B, actions)."""
        advantage = self.advantage(x)
        return self.value(x) + advantage - advantage.mean(dim=1, keepdim=True)


def q_network(
    features: int, actions: int, *, hidden: Sequence[int] = (128, 128), dueling: bool = False, seed: int
) -> nn.Sequential:
    """Linear layers with ReLU between them, from an observation to a value for each action.

    Args:
        features, actions: numbers in an observation, and actions.
        hidden: widths of the layers between, from input to output.
        dueling: end in `Dueling` instead of a linear layer.
        seed: of the initial values, which are `torch.nn`'s own; the global generator is left alone.

    Returns:
        A module from (B, features) to (B, actions).

    Raises:
        TypeError, ValueError: for a size below 1 or a negative seed.

    Example:
        >>> q_network(4, 2, seed=0)(torch.zeros(3, 4)).shape
        torch.Size([3, 2])
    """
    sizes = [check_integer("features", features, 1), *(check_integer("hidden", width, 1) for width in hidden)]
    actions = check_integer("actions", actions, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(check_integer("seed", seed, 0))
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        layers.append((Dueling if dueling else nn.Linear)(sizes[-1], actions))
    return nn.Sequential(*layers)
