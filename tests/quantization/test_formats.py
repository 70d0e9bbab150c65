"""Other ways to store less: short floats, codebooks, Huffman codes, relative indices."""

import itertools
import math
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optcourse.quantization import (
    BFLOAT16,
    FLOAT16,
    FloatFormat,
    bfloat16_bits,
    codebook_gradient,
    decode,
    decode_symbols,
    encode,
    encode_symbols,
    entropy_bits,
    huffman_bits,
    huffman_bytes,
    huffman_code,
    kmeans,
    kmeans_reference,
    positions_of,
    relative_indices,
    round_to_format,
    start_codebook,
)
from tests.quantization.cases import draw

quick = settings(max_examples=80, deadline=None)
counts = st.lists(st.integers(1, 1000), min_size=1, max_size=40)
floats = st.floats(width=32, allow_nan=False)


@quick
@given(values=st.lists(floats, min_size=1, max_size=20))
def test_short_floats_are_torchs(values: list[float]) -> None:
    """Bit for bit, over the whole range of float32: subnormals, ties, overflow, infinities."""
    x = torch.tensor(values, dtype=torch.float32)
    assert torch.equal(round_to_format(x, FLOAT16), x.half().float())
    assert torch.equal(round_to_format(x, BFLOAT16), x.bfloat16().float())
    assert torch.equal(bfloat16_bits(x), x.bfloat16().view(torch.int16).int() & 0xFFFF)


def test_short_floats_at_the_edges() -> None:
    x = torch.tensor([65504.0, 65519.9, 65520.0, -65520.0, 2.0**-24, 2.0**-25, 2.0**-25 * 1.01, 6.1e-5, math.inf])
    assert torch.equal(round_to_format(x, FLOAT16), x.half().float())
    ties = torch.tensor([1 + 2.0**-8, 1 + 3 * 2.0**-8, -(1 + 2.0**-8)])
    assert round_to_format(ties, BFLOAT16).tolist() == [1.0, 1 + 2.0**-6, -1.0]
    assert torch.equal(bfloat16_bits(ties), ties.bfloat16().view(torch.int16).int() & 0xFFFF)
    assert bool(round_to_format(torch.tensor(math.nan), FLOAT16).isnan())


@quick
@given(value=st.floats(-1e4, 1e4), exponent_bits=st.integers(5, 8), fraction_bits=st.integers(1, 23))
def test_relative_error_of_normal_numbers(value: float, exponent_bits: int, fraction_bits: int) -> None:
    target = FloatFormat(exponent_bits, fraction_bits)
    if target.least_normal <= abs(value) <= target.greatest:
        rounded = float(round_to_format(torch.tensor(value, dtype=torch.float64), target))
        assert abs(rounded - value) <= abs(value) * 2.0 ** (-fraction_bits - 1)


def test_formats_know_their_limits() -> None:
    for target, dtype in ((FLOAT16, torch.float16), (BFLOAT16, torch.bfloat16)):
        known = torch.finfo(dtype)
        assert (target.greatest, target.least_normal, target.bits) == (known.max, known.tiny, known.bits)
        assert 2.0**-target.fraction_bits == known.eps


@quick
@given(
    values=st.lists(st.integers(-1000, 1000), min_size=1, max_size=40),
    size=st.integers(1, 7),
    start=st.sampled_from(["linear", "density"]),
)
def test_kmeans_twins_agree(values: list[int], size: int, start: str) -> None:
    """Step by step, as long as no number lies within a rounding error of a midpoint, where either side is right."""
    x = torch.tensor(values, dtype=torch.float64)
    codebook = start_codebook(x, size, start)
    for _ in range(6):
        if bool(((x[:, None] - (codebook[:-1] + codebook[1:]) / 2).abs() < 1e-9).any()):
            return
        expected = kmeans_reference(x, codebook, 1)
        torch.testing.assert_close(kmeans(x, codebook, 1), expected, rtol=1e-12, atol=1e-9)
        codebook = expected


def test_kmeans_twins_agree_at_ties() -> None:
    """Midway goes to the lower value; a value without numbers stays where it is."""
    x, codebook = torch.tensor([0.0, 1.0, 2.0, 6.0]), torch.tensor([0.0, 2.0, 4.0, 4.5])
    for text in (kmeans, kmeans_reference):
        assert text(x, codebook, 1).tolist() == [0.5, 2.0, 4.0, 6.0]


@quick
@given(seed=st.integers(0, 1000), size=st.integers(1, 9), start=st.sampled_from(["linear", "density"]))
def test_every_step_lowers_the_error(seed: int, size: int, start: str) -> None:
    x = draw(seed, 3, 20)
    errors = []
    codebook = start_codebook(x, size, start)
    for _ in range(5):
        errors.append(float(((decode(encode(x, codebook), codebook) - x) ** 2).sum()))
        codebook = kmeans(x, codebook, steps=1)
    assert all(after <= before * (1 + 1e-12) for before, after in itertools.pairwise(errors))


def test_constant_weights_need_one_value() -> None:
    for start in ("linear", "density"):
        assert start_codebook(torch.full((3, 2), 1.5), 4, start).tolist() == [1.5]


def test_kmeans_finds_clusters() -> None:
    centers = torch.tensor([-2.0, 0.5, 3.0])
    x = (centers[:, None] + 0.01 * draw(1, 3, 50, shift=0.0, dtype=torch.float32)).flatten()
    codebook = kmeans(x, start_codebook(x, 3))
    torch.testing.assert_close(codebook, x.view(3, 50).mean(1), rtol=1e-5, atol=1e-6)
    assert torch.equal(encode(x, codebook), torch.arange(3).repeat_interleave(50))


def test_codes_are_the_nearest() -> None:
    x, codebook = draw(2, 4, 9), torch.tensor([-1.0, 0.2, 0.9, 4.0], dtype=torch.float64)
    codes = encode(x.T, codebook)  # not contiguous
    assert torch.equal(codes, (x.T[..., None] - codebook).abs().argmin(-1))
    assert torch.equal(decode(codes, codebook), codebook[codes])


def test_codebook_gradient_is_autograds() -> None:
    codebook = draw(3, 5).sort().values.requires_grad_()
    codes = torch.tensor([[0, 3, 3, 1], [4, 0, 0, 3]])
    weight = codebook[codes]
    upstream = draw(4, 2, 4)
    weight.backward(upstream)
    assert codebook.grad is not None
    torch.testing.assert_close(codebook_gradient(upstream, codes, 5), codebook.grad)


@quick
@given(counts=counts)
def test_huffman_twins_agree(counts: list[int]) -> None:
    code = huffman_code(dict(enumerate(counts)))
    assert sum(count * len(code[symbol]) for symbol, count in enumerate(counts)) == huffman_bits(counts)


@quick
@given(counts=counts)
def test_huffman_is_within_a_bit_of_the_entropy(counts: list[int]) -> None:
    bits = huffman_bits(counts)
    assert entropy_bits(counts) - 1e-6 <= bits <= entropy_bits(counts) + sum(counts) + 1e-6
    if len(counts) > 1:
        code = huffman_code(dict(enumerate(counts)))
        assert sum(2.0 ** -len(word) for word in code.values()) == 1.0  # Kraft: nothing is wasted


@quick
@given(symbols=st.lists(st.integers(-5, 5), min_size=1, max_size=60))
def test_huffman_round_trip(symbols: list[int]) -> None:
    found = {symbol: symbols.count(symbol) for symbol in symbols}
    code = huffman_code(found)
    text = encode_symbols(symbols, code)
    assert decode_symbols(text, code) == symbols
    assert huffman_bytes(torch.tensor(symbols)) == math.ceil(len(text) / 8)


def test_huffman_is_the_best_prefix_code() -> None:
    """Against every full prefix code of four symbols: lengths (2, 2, 2, 2) or (1, 2, 3, 3)."""
    for weights in ([1, 1, 1, 1], [9, 2, 1, 1], [4, 3, 2, 1], [5, 5, 1, 1], [3, 3, 3, 2]):
        best = min(sum(w * n for w, n in zip(weights, lengths, strict=True)) for lengths in ([2] * 4, [1, 2, 3, 3]))
        assert huffman_bits(weights) == best


@quick
@given(kept=st.lists(st.booleans(), min_size=1, max_size=80), bits=st.integers(1, 6))
def test_relative_indices_round_trip(kept: list[bool], bits: int) -> None:
    mask = torch.tensor(kept)
    distances, is_weight = relative_indices(mask, bits)
    assert torch.equal(positions_of(distances)[is_weight], mask.nonzero().flatten())
    assert int(is_weight.sum()) == sum(kept)
    if len(distances):
        assert int(distances.min()) >= 0
        assert int(distances.max()) < 2**bits
        assert bool(is_weight[-1])  # no filler after the last weight
    assert bool((distances[~is_weight] == 2**bits - 1).all())


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: huffman_bits([]), ValueError, "at least one symbol, got none"),
        (lambda: huffman_code({"a": 0}), ValueError, "at least 1, got 0"),
        (lambda: huffman_bytes(torch.zeros(0, dtype=torch.long)), ValueError, "at least one number"),
        (lambda: huffman_bytes(torch.zeros(2)), TypeError, "tensor of integers, got torch.float32"),
        (lambda: encode_symbols("x", {"a": "0"}), ValueError, "'x' has no code word"),
        (lambda: decode_symbols("0", {"a": "1", "b": "00"}), ValueError, "ends inside a code word, with '0'"),
        (lambda: start_codebook(torch.tensor([1.0, math.nan]), 2), ValueError, "1 NaN"),
        (lambda: start_codebook(torch.zeros(0), 2), ValueError, "at least one number"),
        (lambda: start_codebook(torch.zeros(3), 0), ValueError, "size must be an integer from 1"),
        (lambda: start_codebook(torch.zeros(3), 2, "random"), ValueError, "'linear' or 'density', got 'random'"),
        (
            lambda: kmeans(torch.zeros(3), torch.tensor([1.0, 0.0])),
            ValueError,
            "strictly ascending.*torch.unique",
        ),
        (lambda: encode(torch.tensor([math.nan]), torch.tensor([0.0, 1.0])), ValueError, "1 NaN"),
        (lambda: relative_indices(torch.zeros(3), 4), TypeError, "mask must be bool, got torch.float32"),
        (lambda: relative_indices(torch.zeros(3).bool(), 0), ValueError, "bits must be an integer from 1"),
        (lambda: FloatFormat(9, 7), ValueError, "exponent_bits must be an integer from 2 to 8, got 9"),
        (lambda: round_to_format(torch.tensor([1]), FLOAT16), TypeError, "floating tensor, got torch.int64"),
        (lambda: bfloat16_bits(torch.tensor([1.0, math.nan])), ValueError, "must not be NaN, but 1 of 2"),
        (lambda: bfloat16_bits(torch.zeros(2).double()), TypeError, "float32, got torch.float64"),
    ],
)
def test_bad_input(make, error, text) -> None:
    with pytest.raises(error, match=text):
        make()


def test_bfloat16_is_the_upper_half_of_float32() -> None:
    (bits,) = struct.unpack("<I", struct.pack("<f", 1.5))
    assert int(bfloat16_bits(torch.tensor(1.5))) == bits >> 16
