"""Zero-init residual: every block starts as the identity, and still learns."""

import pytest
import torch
from torch import nn

from optcourse.initialization import Residual, zero_residual_


def block(width: int = 6) -> Residual:
    return Residual(nn.Sequential(nn.Linear(width, 9), nn.ReLU(), nn.Linear(9, width)))


def test_blocks_start_as_the_identity_and_learn():
    net = nn.Sequential(block(), nn.ReLU(), block())
    kept = net[0].branch[0].weight.clone()
    assert zero_residual_(net) == 2
    x = torch.rand(5, 6)
    y = net(x)
    assert torch.equal(y, x)
    y.square().sum().backward()
    last, first = net[2].branch[2], net[2].branch[0]
    assert (last.weight.grad != 0).any()
    assert (first.weight.grad == 0).all()  # its turn comes after the first step
    assert torch.equal(net[0].branch[0].weight, kept)


def test_a_normalization_at_the_end_is_what_is_set():
    convolution = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    net = Residual(nn.Sequential(convolution, nn.BatchNorm2d(3), nn.ReLU()))
    zero_residual_(net)
    assert (net.branch[1].weight == 0).all()
    assert (convolution.weight != 0).all()
    x = torch.randn(4, 3, 5, 5)
    assert torch.equal(net(x), x)


def test_normalizations_without_a_scale_are_passed_over():
    net = Residual(nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4, elementwise_affine=False)))
    zero_residual_(net)
    assert (net.branch[0].weight == 0).all()
    assert (net.branch[0].bias == 0).all()


def test_nested_blocks():
    inner = block()
    net = Residual(nn.Sequential(inner, nn.Linear(6, 6)))
    assert zero_residual_(net) == 2
    x = torch.randn(3, 6)
    assert torch.equal(inner(x), x)
    assert torch.equal(net(x), x)


def test_bad_input_changes_nothing():
    with pytest.raises(ValueError, match="found none in Linear"):
        zero_residual_(nn.Linear(3, 3))
    net = nn.Sequential(block(), Residual(nn.ReLU()))
    before = net[0].branch[2].weight.clone()
    with pytest.raises(ValueError, match="branch of block 1 has no linear layer"):
        zero_residual_(net)
    assert torch.equal(net[0].branch[2].weight, before)
