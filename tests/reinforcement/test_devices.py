"""Device mistakes show without a GPU: targets and losses run on meta tensors and make none elsewhere."""

import copy

import pytest
import torch

from optcourse.reinforcement import Dueling, q_network, td_loss, td_target, update_target_
from tests.optimizers.test_devices import OneDevice

meta = lambda *shape, **options: torch.empty(*shape, device="meta", **options)


@pytest.mark.parametrize("double", [False, True])
def test_targets(double):
    online = meta(5, 3) if double else None
    ends = meta(5, dtype=torch.bool)
    with OneDevice("meta"):
        y = td_target(meta(5), ends, meta(5, 3), discount=meta(5), next_q_online=online)
    assert (y.device.type, tuple(y.shape)) == ("meta", (5,))


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_losses(loss):
    action = meta(5, dtype=torch.int64)
    with OneDevice("meta"):
        value, error = td_loss(meta(5, 3), action, meta(5), loss=loss, weight=meta(5))
    assert (value.device.type, tuple(value.shape), tuple(error.shape)) == ("meta", (), (5,))


def test_networks():
    network = q_network(4, 2, dueling=True, seed=0).to("meta")
    target = copy.deepcopy(network)
    with OneDevice("meta"):
        assert network(meta(3, 4)).shape == (3, 2)
        update_target_(target, network, 0.1)
    assert isinstance(network[-1], Dueling)
