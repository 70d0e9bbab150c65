"""Huffman coding: frequent symbols get short codes.  Lesson slug: quantization.

Two texts of one length: `huffman_code` builds the code words and `encode_symbols` writes them, `huffman_bits` only
counts what they would take. Tests hold them equal.
"""

import heapq
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from optcourse.quantization.checking import check_integers, check_not_empty


def huffman_code(counts: Mapping[Hashable, int]) -> dict[Hashable, str]:
    """A prefix-free code of least total length: the two rarest trees are joined until one is left.

    Args:
        counts: symbol -> how often it occurs, > 0.

    Returns:
        symbol -> its code word of the characters 0 and 1. A single symbol gets the word "0".

    Raises:
        ValueError: no symbols, or a count below 1.

    Example:
        >>> huffman_code({"a": 5, "b": 2, "c": 1})
        {'a': '1', 'b': '01', 'c': '00'}

    References:
        Huffman, A Method for the Construction of Minimum-Redundancy Codes, Proceedings of the IRE 40, 1952.
    """
    _check_counts(counts.values())
    if len(counts) == 1:
        return dict.fromkeys(counts, "0")
    # (weight, order of creation, symbols below): the order makes ties, and so the code, reproducible.
    trees = [(count, order, [symbol]) for order, (symbol, count) in enumerate(counts.items())]
    heapq.heapify(trees)
    words = dict.fromkeys(counts, "")
    for order in range(len(counts), 2 * len(counts) - 1):
        rarest, second = heapq.heappop(trees), heapq.heappop(trees)
        for bit, tree in (("0", rarest), ("1", second)):
            for symbol in tree[2]:
                words[symbol] = bit + words[symbol]
        heapq.heappush(trees, (rarest[0] + second[0], order, rarest[2] + second[2]))
    return words


def encode_symbols(symbols: Iterable[Hashable], code: Mapping[Hashable, str]) -> str:
    """The code words one after another.

    Raises:
        ValueError: a symbol has no word.

    Example:
        >>> encode_symbols("abca", {"a": "1", "b": "01", "c": "00"})
        '101001'
    """
    try:
        return "".join(code[symbol] for symbol in symbols)
    except KeyError as missing:
        raise ValueError(f"symbol {missing.args[0]!r} has no code word; count it before the code is made") from None


def decode_symbols(text: str, code: Mapping[Hashable, str]) -> list[Hashable]:
    """The symbols that a text was made of.

    Raises:
        ValueError: the text ends inside a word.

    Example:
        >>> decode_symbols("101001", {"a": "1", "b": "01", "c": "00"})
        ['a', 'b', 'c', 'a']
    """
    symbols = {word: symbol for symbol, word in code.items()}
    found, word = [], ""
    for bit in text:
        word += bit
        if word in symbols:
            found.append(symbols[word])
            word = ""
    if word:
        raise ValueError(f"the text ends inside a code word, with {word!r}; it was cut off, or made with another code")
    return found


def huffman_bits(counts: Sequence[int]) -> int:
    r"""Length in bits of a text with these counts in its Huffman code, :math:`\sum_s n_s \ell_s`.

    Each joining of two trees puts one more bit before every symbol below it, so the length is the sum of the weights of
    all joined trees; no code word is made. With one symbol, one bit each.

    Raises:
        ValueError: no symbols, or a count below 1.

    Example:
        >>> huffman_bits([5, 2, 1])  # 5 * 1 + 2 * 2 + 1 * 2
        11
    """
    _check_counts(counts)
    if len(counts) == 1:
        return counts[0]
    weights = list(counts)
    heapq.heapify(weights)
    total = 0
    while len(weights) > 1:
        joined = heapq.heappop(weights) + heapq.heappop(weights)
        total += joined
        heapq.heappush(weights, joined)
    return total


def entropy_bits(counts: Sequence[int]) -> float:
    r"""Shannon's bound in bits, :math:`\sum_s n_s \log_2 (N / n_s)`: Huffman's length is within N bits above it.

    Example:
        >>> entropy_bits([4, 4])
        8.0
    """
    _check_counts(counts)
    total = sum(counts)
    return math.fsum(count * math.log2(total / count) for count in counts)


def huffman_bytes(symbols: Tensor) -> int:
    """Bytes of a tensor of integers in its own Huffman code, rounded up. The table of code words is not counted.

    Raises:
        TypeError, ValueError: not integers, or none.

    Example:
        >>> huffman_bytes(torch.tensor([0, 0, 0, 0, 0, 1, 1, 2]))
        2
    """
    check_integers("symbols", symbols)
    check_not_empty("symbols", symbols)
    counts = torch.unique(symbols, return_counts=True)[1].tolist()
    return math.ceil(huffman_bits(counts) / 8)


def _check_counts(counts: Iterable[int]) -> None:
    counts = list(counts)
    if not counts:
        raise ValueError("counts must hold at least one symbol, got none")
    if min(counts) < 1:
        raise ValueError(f"counts must be at least 1, got {min(counts)}; leave out symbols that do not occur")
