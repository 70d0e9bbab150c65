"""Device mistakes show without a GPU: schemes fill meta weights, and no tensor appears on another device.

`lsuv_`, `measured_variance` and `predicted_variance` read numbers from their inputs and are the exceptions. The
gain is a number, integrated on the CPU once a name.
"""

import pytest
import torch
from torch import nn

from optcourse.initialization import SCHEMES, gain, initialize_
from tests.optimizers.test_devices import OneDevice


@pytest.fixture(autouse=True)
def known_gain():
    gain("relu")


@pytest.mark.parametrize("name", SCHEMES)
def test_schemes_stay_on_the_device(name):
    weight = torch.empty(6, 4, 3, device="meta")
    with OneDevice("meta"):
        assert SCHEMES[name](weight, kind="conv", groups=2) is weight
    assert (weight.device.type, tuple(weight.shape)) == ("meta", (6, 4, 3))


@pytest.mark.parametrize("name", SCHEMES)
def test_networks_stay_on_the_device(name):
    network = nn.Sequential(nn.Linear(4, 6, device="meta"), nn.ConvTranspose1d(6, 4, 3, device="meta"))
    with OneDevice("meta"):
        initialize_(network, SCHEMES[name])
    assert {parameter.device.type for parameter in network.parameters()} == {"meta"}
