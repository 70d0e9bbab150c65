"""Fans against what they count: the weights in one output, and the outputs of one input, read off a Jacobian."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from optcourse.initialization import Fans, fans, fans_of

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


def counted(layer: nn.Module, shape: tuple[int, ...]) -> Fans:
    """The most inputs that reach one output of a layer, and the most outputs that one input reaches."""
    for parameter in layer.parameters():
        nn.init.constant_(parameter, 1.0)
    jacobian = torch.autograd.functional.jacobian(lambda x: layer(x.unsqueeze(0)).flatten(), torch.zeros(shape))
    reached = jacobian.flatten(1) != 0
    return Fans(int(reached.sum(1).max()), int(reached.sum(0).max()))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    axes=st.sampled_from([1, 1, 2]),
    transposed=st.booleans(),
    groups=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    kernel=st.integers(1, 3),
    dilation=st.integers(1, 2),
)
def test_convolutions(axes, transposed, groups, channels, kernel, dilation):
    make = (TRANSPOSED if transposed else CONVOLUTIONS)[axes]
    into, out = (groups * number for number in channels)
    # padding=0 and an input wide enough that one input and one output see every tap
    layer = make(into, out, kernel, groups=groups, dilation=dilation)
    size = 2 * dilation * (kernel - 1) + 1
    assert fans_of(layer) == counted(layer, (into, *[size] * axes))


def test_three_axes_and_uneven_kernels():
    assert fans_of(nn.Conv3d(2, 4, (1, 2, 3), groups=2)) == (6, 12)
    assert fans_of(nn.ConvTranspose3d(4, 2, (1, 2, 3), groups=2)) == (12, 6)
    assert fans_of(nn.Conv2d(6, 8, (1, 5))) == counted(nn.Conv2d(6, 8, (1, 5)), (6, 1, 9))


def test_linear_and_embedding():
    assert fans_of(nn.Linear(7, 3)) == counted(nn.Linear(7, 3), (7,)) == (7, 3)
    assert fans_of(nn.Embedding(100, 8)) == fans_of(nn.EmbeddingBag(100, 8)) == (1, 8)


def test_a_shape_will_do():
    assert fans((3, 7)) == fans(torch.zeros(3, 7)) == fans(torch.Size([3, 7])) == Fans(fan_in=7, fan_out=3)


def test_where_torch_counts_differently():
    """Stated in the documentation of `fans`; should torch change, the text must follow."""
    theirs = nn.init._calculate_fan_in_and_fan_out
    assert theirs(nn.ConvTranspose2d(8, 3, 5).weight) == tuple(reversed(fans_of(nn.ConvTranspose2d(8, 3, 5))))
    grouped = nn.Conv2d(16, 32, 3, groups=4)
    assert theirs(grouped.weight) == (36, 288)
    assert fans_of(grouped) == (36, 72)
    assert theirs(nn.Embedding(100, 8).weight) == (8, 100)
    for layer in (nn.Linear(7, 3), nn.Conv1d(4, 5, 3), nn.Conv2d(4, 5, 3, dilation=2), nn.Conv3d(2, 3, 2)):
        assert theirs(layer.weight) == fans_of(layer)


@pytest.mark.parametrize(
    ("weight", "options", "error", "message"),
    [
        ((10,), {}, ValueError, r"at least 2 axes, got shape \(10,\).*set biases to 0"),
        (torch.tensor(1.0), {}, ValueError, r"at least 2 axes, got shape \(\)"),
        ((0, 3), {}, ValueError, r"no axis of length 0, got shape \(0, 3\)"),
        ((4, 3, 5, 0), {"kind": "conv"}, ValueError, "no axis of length 0"),
        (
            (4, 3, 5),
            {},
            ValueError,
            r"'linear' has 2 axes \(out, in\), got shape \(4, 3, 5\); did you mean kind='conv'",
        ),
        ((4, 3), {"kind": "conv"}, ValueError, r"'conv' has 3 to 5 axes .* did you mean kind='linear'"),
        ((4, 3, 2, 2, 2, 2), {"kind": "conv"}, ValueError, "3 to 5 axes"),
        ((4, 3), {"kind": "conv_transposed"}, ValueError, "unknown kind .*did you mean 'conv_transpose'"),
        (
            (4, 3, 3),
            {"kind": "conv", "groups": 3},
            ValueError,
            r"divide the first axis.*groups=3 and shape \(4, 3, 3\)",
        ),
        ((4, 3, 3), {"kind": "conv", "groups": 0}, ValueError, "groups must be at least 1, got 0"),
        ((4, 3, 3), {"kind": "conv", "groups": 2.0}, TypeError, "groups must be an integer"),
        ((4, 3), {"groups": 2}, ValueError, "'linear' has no groups"),
        (nn.Linear(2, 3), {}, TypeError, "got Linear; give layer.weight"),
        ("43", {}, TypeError, "a tensor or its shape, got str"),
        ((4, 2.5), {}, TypeError, "made of integers"),
    ],
)
def test_bad_input(weight, options, error, message):
    with pytest.raises(error, match=message):
        fans(weight, **options)


def test_modules_without_fans():
    with pytest.raises(TypeError, match="got BatchNorm1d"):
        fans_of(nn.BatchNorm1d(3))
