"""Integers of 2 or 4 bits in bytes: torch has no type that small, so files pack them.  Lesson slug: quantization."""

import math

import torch
from torch import Tensor

from optcourse.quantization.checking import check_integers

WIDTHS = (2, 4)


def pack(q: Tensor, bits: int) -> Tensor:
    """The lowest `bits` bits of each integer, several to a byte, the first in the lowest place.

    Args:
        q: integers of `bits` bits, all signed or all unsigned; any shape, read in order.
        bits: 2 or 4.

    Returns:
        (ceil(numbers * bits / 8),) uint8; places left over are 0. Signed integers are packed in two's complement.

    Raises:
        TypeError, ValueError: not integers, another width, or an integer that needs more bits.

    Example:
        >>> pack(torch.tensor([1, -2, 7], dtype=torch.int8), bits=4).tolist()  # 0xE1, 0x07
        [225, 7]
    """
    _check_bits(bits)
    check_integers("q", q)
    if q.numel() and not q.is_meta:
        low, high = (int(end) for end in torch.aminmax(q))
        if low < -(2 ** (bits - 1)) or high >= 2**bits or (low < 0 and high >= 2 ** (bits - 1)):
            raise ValueError(
                f"integers of {bits} bits lie in [{-(2 ** (bits - 1))}, {2 ** (bits - 1) - 1}] when signed and in "
                f"[0, {2**bits - 1}] when not, got {low} to {high}; quantize with Scheme(bits={bits})"
            )
    each = 8 // bits
    flat = q.flatten().to(torch.int64) & (2**bits - 1)
    padded = flat.new_zeros(math.ceil(len(flat) / each) * each)
    padded[: len(flat)] = flat
    places = bits * torch.arange(each, device=q.device)
    return (padded.view(-1, each) << places).sum(1).to(torch.uint8)


def unpack(packed: Tensor, bits: int, count: int, signed: bool) -> Tensor:
    """The integers that `pack` put there.

    Args:
        packed: uint8.
        bits: 2 or 4, as packed.
        count: how many integers.
        signed: whether they were signed.

    Returns:
        (count,) int8 or uint8.

    Raises:
        TypeError, ValueError: packed is not uint8, another width, or there are fewer integers than count.

    Example:
        >>> unpack(torch.tensor([225, 7], dtype=torch.uint8), bits=4, count=3, signed=True)
        tensor([ 1, -2,  7], dtype=torch.int8)
    """
    _check_bits(bits)
    if packed.dtype != torch.uint8:
        raise TypeError(f"packed must be uint8, got {packed.dtype}; it must come from pack")
    each = 8 // bits
    if not 0 <= count <= packed.numel() * each:
        raise ValueError(
            f"{packed.numel()} bytes hold {packed.numel() * each} integers of {bits} bits, got count={count}"
        )
    places = bits * torch.arange(each, device=packed.device)
    values = ((packed.flatten().to(torch.int64)[:, None] >> places) & (2**bits - 1)).flatten()[:count]
    if not signed:
        return values.to(torch.uint8)
    return torch.where(values >= 2 ** (bits - 1), values - 2**bits, values).to(torch.int8)


def _check_bits(bits: int) -> None:
    if bits not in WIDTHS or isinstance(bits, bool):
        raise ValueError(f"bits must be 2 or 4, which fill a byte, got {bits!r}; 8 bits need no packing")
