"""Residual blocks, and starting them as the identity."""

import torch
from torch import Tensor, nn

from optcourse.initialization.fans import has_fans

_NORMALIZATIONS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


class Residual(nn.Module):
    """x + branch(x).

    Args:
        branch: returns the shape it is given.

    Example:
        >>> Residual(nn.Linear(4, 4))(torch.ones(2, 4)).shape
        torch.Size([2, 4])
    """

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


@torch.no_grad()
def zero_residual_(network: nn.Module) -> int:
    r"""Set the last layer of each residual branch to 0, so that every `Residual` starts as the identity.

    .. math::
        x_{l+1} = x_l + \text{branch}(x_l), \qquad \text{branch}(x) = 0 \text{ before the first step}

    The last module of the branch that has a weight is a linear layer, a convolution or a normalization; its weight and
    its bias become 0. It still learns: its gradient is that of its inputs, which are not 0.

    Args:
        network: its `Residual` modules are changed in place, nested ones too. On an error nothing is changed.

    Returns:
        How many branches were set.

    Raises:
        ValueError: for a network without `Residual` modules, or a branch without a layer that could be set.

    Differs from the paper: it sets the scale of the branch's last batch normalization; here it may be any layer.

    Example:
        >>> block = Residual(nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 3)))
        >>> zero_residual_(block), bool((block(torch.ones(1, 3)) == 1).all())
        (1, True)

    References:
        Goyal et al., Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour, 2017, section 5.1.
        Zhang, Dauphin & Ma, Fixup Initialization, ICLR 2019.
    """
    blocks = [(name, module) for name, module in network.named_modules() if isinstance(module, Residual)]
    if not blocks:
        raise ValueError(
            f"need a network with Residual modules, found none in {type(network).__name__}; wrap each branch in "
            "optcourse.initialization.Residual"
        )
    last = [_last_layer(name, block.branch) for name, block in blocks]
    for layer in last:
        for parameter in layer.parameters():
            parameter.zero_()
    return len(last)


def _last_layer(name: str, branch: nn.Module) -> nn.Module:
    layers = [
        module
        for module in branch.modules()
        if has_fans(module) or (isinstance(module, _NORMALIZATIONS) and module.weight is not None)
    ]
    if not layers:
        raise ValueError(
            f"the branch of block {name or '(the network itself)'} has no linear layer, convolution or normalization "
            "with a scale to set to 0; give it one"
        )
    return layers[-1]
