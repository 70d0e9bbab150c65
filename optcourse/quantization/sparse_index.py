"""Relative indices of the weights that pruning left, for the byte count of Deep Compression.

Lesson slug: quantization.
"""

import torch
from torch import Tensor

from optcourse.quantization.checking import check_integer, check_integers


def relative_indices(mask: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    r"""Where the kept weights are, as distances that fit into a few bits.

    Positions of the flattened mask are stored as the distance to the kept one before (the first to position -1), minus
    1, so b bits reach from 0 to 2^b - 1. Where a gap is longer, a *filler*, a weight of value 0, is stored every 2^b
    positions.

    Args:
        mask: bool, any shape; True where a weight is kept.
        bits: b, 1 to 16.

    Returns:
        (distances, is_weight): int64 and bool, (kept + fillers,). is_weight is False at fillers.

    Raises:
        TypeError, ValueError: mask is not bool, or bits breaks its rule.

    Example:
        >>> mask = torch.zeros(12, dtype=torch.bool)
        >>> mask[[1, 2, 9]] = True
        >>> relative_indices(mask, bits=2)  # 7 positions from 2 to 9, 4 at a time
        (tensor([1, 0, 3, 2]), tensor([ True,  True, False,  True]))

    References:
        Han, Mao & Dally, Deep Compression, ICLR 2016, section 2 and figure 2 (there the distance itself is stored, and
        0 not used).
    """
    if mask.dtype != torch.bool:
        raise TypeError(f"mask must be bool, got {mask.dtype}; try weight != 0")
    reach = 2 ** check_integer("bits", bits, 1, 16)
    positions = mask.flatten().nonzero().flatten()
    gaps = positions.diff(prepend=positions.new_tensor([-1])) - 1
    fillers = gaps // reach
    total = len(positions) + int(fillers.sum())
    distances = gaps.new_full((total,), reach - 1)
    is_weight = torch.zeros(total, dtype=torch.bool, device=mask.device)
    places = torch.arange(len(positions), device=mask.device) + fillers.cumsum(0)
    distances[places] = gaps % reach
    is_weight[places] = True
    return distances, is_weight


def positions_of(distances: Tensor) -> Tensor:
    """Positions of weights and fillers in the flattened tensor, from their distances.

    Example:
        >>> positions_of(torch.tensor([1, 0, 3, 2]))
        tensor([1, 2, 6, 9])
    """
    return (check_integers("distances", distances) + 1).cumsum(0) - 1
