"""Orthogonal initialization: lengths are kept, not only on average."""

from collections.abc import Sequence

import torch
from torch import Tensor

from optcourse.initialization.fans import fans
from optcourse.initialization.filling import check_gain, check_weight


def orthogonal_reference(
    shape: Sequence[int],
    *,
    generator: torch.Generator | None = None,
    gain: float = 1.0,
    kind: str = "linear",
    groups: int = 1,
) -> Tensor:
    r"""A weight whose rows, or columns where they are fewer, are orthonormal; drawn uniformly among all such.

    .. math::
        W W^\top = g^2 I \;\text{ (wide)}, \qquad W^\top W = g^2 I \;\text{ (tall)}

    By Gram and Schmidt on normal vectors: what a vector shares with those before it is taken away, and its length set
    to 1. The matrix of a group is its part of the first axis by all other axes flattened.

    Args:
        shape: of the weight; the first axis is the rows, the others together the columns.
        generator: of the random numbers, a CPU one; None for torch's global one.
        gain: g > 0.
        kind, groups: as for `fans`; each group of a convolution is a matrix of its own.

    Returns:
        A new float64 tensor. Pure, but for the generator's state.

    Raises:
        TypeError, ValueError: for a shape, kind or groups that `fans` refuses, or a gain that is not finite and > 0.

    Differs from the paper: it treats square matrices. Differs from torch: `torch.nn.init.orthogonal_` ignores groups,
    so that channels of different groups, which never meet, are made orthogonal to each other.

    Example:
        >>> w = orthogonal_reference((2, 5), generator=torch.Generator().manual_seed(0))
        >>> bool(torch.allclose(w @ w.T, torch.eye(2, dtype=w.dtype)))
        True

    References:
        Saxe, McClelland & Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear neural
        networks, ICLR 2014.
    """
    fans(shape, kind=kind, groups=groups)
    g = check_gain(gain)
    matrices = torch.randn(*shape, dtype=torch.float64, generator=generator).reshape(groups, shape[0] // groups, -1)
    wide = matrices.shape[1] < matrices.shape[2]
    orthogonal = []
    for vectors in matrices if wide else matrices.mT:  # one vector a row
        basis: list[Tensor] = []
        for v in vectors:
            for _ in range(2):  # once more, for what rounding left
                for e in basis:
                    v = v - (v @ e) * e
            basis.append(v / v.norm())
        orthogonal.append(torch.stack(basis))
    q = torch.stack(orthogonal)
    return g * (q if wide else q.mT).reshape(tuple(shape))


@torch.no_grad()
def orthogonal_(
    weight: Tensor,
    *,
    gain: float = 1.0,
    kind: str = "linear",
    groups: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """`orthogonal_reference` in place: fills the weight and returns it. On an error it is as before.

    Gram and Schmidt's result is the Q of a QR decomposition whose R has a positive diagonal; a decomposition leaves
    the signs open, and only with these is Q uniformly distributed. Weights in half precision are drawn and decomposed
    in float32.
    """
    fans(check_weight(weight), kind=kind, groups=groups)
    g = check_gain(gain)
    dtype = torch.float64 if weight.dtype == torch.float64 else torch.float32
    drawn = torch.empty(weight.shape, dtype=dtype, device=weight.device).normal_(generator=generator)
    matrices = drawn.reshape(groups, weight.shape[0] // groups, -1)
    wide = matrices.shape[1] < matrices.shape[2]
    q, r = torch.linalg.qr(matrices.mT if wide else matrices)
    q = q * r.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)
    return weight.copy_(g * (q.mT if wide else q).reshape(weight.shape))
