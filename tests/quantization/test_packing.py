"""Integers packed into bytes: round trips, bytes by hand, and what does not fit."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optcourse.quantization import Scheme, pack, parameters_for, quantize, unpack
from tests.quantization.cases import draw


@settings(max_examples=60, deadline=None)
@given(data=st.data(), bits=st.sampled_from([2, 4]), signed=st.booleans())
def test_round_trip(data: st.DataObject, bits: int, signed: bool) -> None:
    scheme = Scheme(bits, signed)
    numbers = data.draw(st.lists(st.integers(scheme.quant_min, scheme.quant_max), max_size=30))
    q = torch.tensor(numbers, dtype=torch.int8 if signed else torch.uint8)
    packed = pack(q, bits)
    assert packed.numel() == (len(numbers) * bits + 7) // 8
    assert torch.equal(unpack(packed, bits, len(numbers), signed), q)


def test_bytes_by_hand() -> None:
    assert pack(torch.tensor([[1, 2], [3, 0], [2, 1]]), bits=2).tolist() == [0b00_11_10_01, 0b01_10]
    assert pack(torch.tensor([15, 1, 9]), bits=4).tolist() == [0x1F, 0x09]


def test_a_quantized_weight_takes_half_a_byte() -> None:
    weight = draw(0, 7, 5)
    scheme = Scheme(4, signed=True, symmetric=True, axis=0)
    q = quantize(weight, parameters_for(weight, scheme))
    assert pack(q, 4).numel() == 18
    assert torch.equal(unpack(pack(q.T, 4), 4, 35, signed=True).view(5, 7), q.T)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: pack(torch.tensor([16]), 4), ValueError, r"lie in \[-8, 7\] when signed.*got 16 to 16; quantize with"),
        (lambda: pack(torch.tensor([-1, 8]), 4), ValueError, "got -1 to 8"),
        (lambda: pack(torch.tensor([-3]), 2), ValueError, "got -3 to -3"),
        (lambda: pack(torch.tensor([1]), 3), ValueError, "bits must be 2 or 4.*got 3"),
        (lambda: pack(torch.tensor([1.0]), 4), TypeError, "tensor of integers, got torch.float32"),
        (lambda: unpack(torch.tensor([1]), 4, 1, False), TypeError, "packed must be uint8, got torch.int64"),
        (lambda: unpack(torch.zeros(2, dtype=torch.uint8), 4, 5, False), ValueError, "2 bytes hold 4 .*count=5"),
    ],
)
def test_bad_input(make, error, text) -> None:
    with pytest.raises(error, match=text):
        make()
