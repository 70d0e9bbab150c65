"""Values through bytes and back, exactly; hostile bytes give one clean error."""

import contextlib
import json
import math
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optcourse.grading import values
from optcourse.grading.values import MAGIC, BadBytesError, NotPlainError, decode, encode, plain

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text(max_size=5)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


def _same(first, second) -> bool:
    if type(first) is not type(second):
        return False
    if isinstance(first, (float, complex)):
        return repr(first) == repr(second)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(_same, first, second))
    if isinstance(first, dict):
        return list(first) == list(second) and all(_same(first[key], second[key]) for key in first)
    return first == second


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_plain_values_come_back_the_same(value):
    assert _same(decode(encode(value)), value)


@pytest.mark.parametrize("dtype", values._DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3), (1, 2, 1)])
def test_tensors_of_every_dtype_and_shape_come_back_bit_for_bit(dtype, shape):
    tensor = torch.arange(math.prod(shape)).reshape(shape).to(dtype)
    back = decode(encode(tensor))
    assert back.dtype == dtype
    assert back.shape == tensor.shape
    assert torch.equal(back, tensor)


def test_bits_that_comparison_does_not_see_survive():
    tensor = torch.tensor([math.nan, -0.0, math.inf, 5e-324], dtype=torch.float64)
    assert decode(encode(tensor)).view(torch.int64).tolist() == tensor.view(torch.int64).tolist()


def test_dense_strides_are_kept_and_others_become_contiguous():
    permuted = torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)
    assert decode(encode(permuted)).stride() == permuted.stride() == plain(permuted).stride()
    sliced = torch.arange(12.0).reshape(3, 4)[:, ::2]
    assert torch.equal(decode(encode(sliced)), sliced)
    assert decode(encode(torch.ones(2).expand(3, 2))).tolist() == [[1, 1]] * 3


def test_plain_takes_graph_subclass_and_numpy_away():
    class Liar(torch.Tensor):
        def __eq__(self, other):
            return True

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return torch.zeros(3)

    made = plain([torch.ones(2, requires_grad=True), torch.ones(3).as_subclass(Liar), np.float32(2), np.arange(2), ...])
    assert not made[0].requires_grad
    assert type(made[1]) is torch.Tensor
    assert made[1].tolist() == [1, 1, 1]
    assert type(made[2]) is float
    assert made[3].tolist() == [0, 1]
    assert made[4] is None


def test_plain_copies():
    tensor = torch.zeros(2)
    copy = plain({"theta": tensor})["theta"]
    copy += 1
    assert tensor.tolist() == [0, 0]


LOOP: list = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1: 2},
        {2, 3},
        b"bytes",
        lambda: None,
        torch.zeros(2, device="meta"),
        torch.zeros(2, 2).to_sparse(),
        LOOP,
        [0] * 200_000,
    ],
    ids=["object", "int keys", "set", "bytes", "function", "meta", "sparse", "loop", "long"],
)
def test_what_may_not_cross_is_refused(value):
    with pytest.raises(NotPlainError):
        encode(value)


def _message(header: object, raw: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return MAGIC + struct.pack("<Q", len(text)) + text + raw


HOSTILE = {
    "empty": b"",
    "pickle": b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94.",
    "no header": MAGIC + struct.pack("<Q", 10**18),
    "cut": encode([1, torch.ones(3)])[:-1],
    "left over": encode(1) + b"x",
    "not json": MAGIC + struct.pack("<Q", 3) + b"[[[",
    "nan literal": MAGIC + struct.pack("<Q", 15) + b'["float",   NaN]',
    "deep": MAGIC + struct.pack("<Q", 200_000) + b"[" * 200_000,
    "unknown": _message(["system", "ls"]),
    "no list": _message({"a": 1}),
    "wide": _message(["list", [["none"]] * 200_000]),
    "huge shape": _message(["tensor", "float32", [2**40], [0]]),
    "negative": _message(["tensor", "float32", [-1], [0]]),
    "bool shape": _message(["tensor", "float32", [True], [0]], b"\0" * 4),
    "order": _message(["tensor", "float32", [1], [1]], b"\0" * 4),
    "dtype": _message(["tensor", "object", [1], [0]], b"\0" * 8),
    "float": _message(["float", "one"]),
    "int": _message(["int", "0x"]),
    "key": _message(["dict", [[1, ["none"]]]]),
    "pair": _message(["dict", [["a"]]]),
    "bool": _message(["bool", 1]),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_give_one_clean_error(data):
    with pytest.raises(BadBytesError):
        decode(data)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_flipped_bytes_never_do_worse_than_that_error(data):
    good = bytearray(encode({"theta": torch.arange(4.0), "betas": (0.9, 0.999), "name": "adam"}))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadBytesError):
        decode(bytes(good))
