"""Device mistakes show without a GPU: classes step on meta parameters, and no tensor appears on another device."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.optimizers.cases import Case, every_plain_case


class OneDevice(TorchDispatchMode):
    """Fails on any tensor that an operation returns on another device than `device`."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            assert not isinstance(leaf, Tensor) or leaf.device.type == self.device, (
                f"{function} made one on {leaf.device}"
            )
        return result


@every_plain_case
def test_step_stays_on_the_device(case: Case) -> None:
    """SAM's list twin is the exception: it reads the gradients' norm on the host."""
    thetas = [torch.nn.Parameter(torch.empty(shape, device="meta")) for shape in [(3, 4), (5,), ()]]
    optimizer = case.ours(thetas, maximize=True, weight_decay=0.1)
    for theta in thetas:
        theta.grad = torch.empty_like(theta)
    with OneDevice("meta"):
        optimizer.step()
        optimizer.step()
    for theta in thetas:
        tensors = [value for value in optimizer.state[theta].values() if isinstance(value, Tensor)]
        assert all((tensor.device.type, tensor.shape) == ("meta", theta.shape) for tensor in tensors)


def test_the_guard_guards() -> None:
    with pytest.raises(AssertionError, match="made one on cpu"), OneDevice("meta"):
        torch.ones(1, device="cpu")
