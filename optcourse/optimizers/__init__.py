"""Optimizers, each in three texts: the paper (`x_reference`), the machine (`x_`), the `torch.optim.Optimizer` (`X`).

`OPTIMIZERS` maps names to classes; `SURFACES` and `descend` are for looking at them in two dimensions.
"""

import torch

from optcourse.optimizers.adagrad import Adagrad, adagrad_, adagrad_reference
from optcourse.optimizers.adam import Adam, adam_, adam_reference
from optcourse.optimizers.adamw import AdamW, adamw_, adamw_reference
from optcourse.optimizers.momentum import Momentum, momentum_, momentum_reference
from optcourse.optimizers.nesterov import Nesterov, nesterov_, nesterov_reference
from optcourse.optimizers.rmsprop import RMSprop, rmsprop_, rmsprop_reference
from optcourse.optimizers.sam import SAM, sam_, sam_reference
from optcourse.optimizers.sgd import SGD, sgd_, sgd_reference
from optcourse.optimizers.surfaces import SURFACES, Surface, descend, quadratic, ravine

__all__ = [
    "OPTIMIZERS",
    "SAM",
    "SGD",
    "SURFACES",
    "Adagrad",
    "Adam",
    "AdamW",
    "Momentum",
    "Nesterov",
    "RMSprop",
    "Surface",
    "adagrad_",
    "adagrad_reference",
    "adam_",
    "adam_reference",
    "adamw_",
    "adamw_reference",
    "descend",
    "momentum_",
    "momentum_reference",
    "nesterov_",
    "nesterov_reference",
    "quadratic",
    "ravine",
    "rmsprop_",
    "rmsprop_reference",
    "sam_",
    "sam_reference",
    "sgd_",
    "sgd_reference",
    "state_bytes_per_parameter",
]

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "sam": SAM,
}


def state_bytes_per_parameter(optimizer: torch.optim.Optimizer) -> float:
    """Bytes of state that the optimizer keeps between steps for one number of its parameters, measured.

    Counts every tensor in `optimizer.state`, of this package's optimizers or of torch's; the parameters and gradients
    themselves (4 bytes each in float32) are not counted, nor is memory used only during a step.

    Args:
        optimizer: one that has made at least one step: state is created then.

    Returns:
        Bytes per parameter.

    Example:
        >>> x = torch.nn.Parameter(torch.ones(10))
        >>> x.grad = torch.ones(10)
        >>> optimizer = Adam([x])
        >>> optimizer.step()
        >>> state_bytes_per_parameter(optimizer)  # m and v, 4 bytes each
        8.0
    """
    tensors = [value for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value)]
    parameters = sum(theta.numel() for group in optimizer.param_groups for theta in group["params"])
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors) / max(parameters, 1)
