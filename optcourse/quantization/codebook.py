"""K-means codebook: weights share few values, chosen where the weights are.  Lesson slug: quantization.

Two texts of one algorithm: `kmeans_reference` compares every weight with every value, `kmeans` sorts once and cuts at
midpoints. Tests hold them equal.
"""

from typing import Literal

import torch
from torch import Tensor

from optcourse.quantization.checking import (
    check_finite,
    check_floating,
    check_integer,
    check_integers,
    check_not_empty,
)

Start = Literal["linear", "density"]


def start_codebook(x: Tensor, size: int, start: Start = "linear") -> Tensor:
    """Values to begin with, ascending.

    Args:
        x: floating, finite, not empty.
        size: k, how many values, 1 to 65,536.
        start: "linear" spaces them evenly from least to greatest number, so the few large weights, which matter most,
            have values near them; "density" puts them at evenly spaced quantiles, where most weights are.

    Returns:
        (k,) in the dtype of x; fewer where some coincide, as in a constant tensor.

    Raises:
        TypeError, ValueError: an argument breaks its rule.

    Example:
        >>> start_codebook(torch.tensor([0.0, 0.1, 0.2, 3.0]), 3)
        tensor([0.0000, 1.5000, 3.0000])
        >>> start_codebook(torch.tensor([0.0, 0.1, 0.2, 3.0]), 2, start="density")
        tensor([0.1000, 3.0000])

    References:
        Han, Mao & Dally, Deep Compression, ICLR 2016, section 3.2.
    """
    check_floating("x", x)
    check_not_empty("x", x)
    check_finite("x", x)
    check_integer("size", size, 1, 2**16)
    flat = x.detach().flatten()
    if start == "linear":
        low, high = torch.aminmax(flat)
        fractions = torch.linspace(0, 1, size, dtype=x.dtype, device=x.device) if size > 1 else x.new_tensor([0.5])
        return torch.unique(low + fractions * (high - low))
    if start == "density":
        ranks = (torch.arange(size, device=x.device, dtype=torch.float64) + 0.5) / size * flat.numel()
        return torch.unique(flat.sort().values[ranks.long()])
    raise ValueError(f"start must be 'linear' or 'density', got {start!r}")


def kmeans_reference(x: Tensor, codebook: Tensor, steps: int) -> Tensor:
    r"""Lloyd's iteration on numbers.

    .. math::
        c_i &= \arg\min_k |x_i - v_k| \\
        v_k &= \text{mean of the } x_i \text{ with } c_i = k, \text{ or } v_k \text{ where there is none}

    Args:
        x: floating.
        codebook: v, (k,) values, strictly ascending; they stay so.
        steps: iterations; the squared error never grows from one to the next.

    Returns:
        New codebook, ascending. Pure. A number midway between two values goes to the lower one.

    Example:
        >>> kmeans_reference(torch.tensor([0.0, 0.2, 1.0, 1.4]), torch.tensor([0.0, 2.0]), steps=1)
        tensor([0.4000, 1.4000])

    References:
        Lloyd, Least Squares Quantization in PCM, IEEE Transactions on Information Theory 28, 1982.
    """
    flat = x.detach().flatten()
    for _ in range(steps):
        code = (flat[:, None] - codebook).abs().argmin(1)
        member = code[:, None] == torch.arange(len(codebook), device=x.device)
        counts = member.sum(0)
        sums = (member * flat[:, None]).sum(0)
        codebook = torch.where(counts > 0, sums / counts.clamp(min=1), codebook)
    return codebook


def kmeans(x: Tensor, codebook: Tensor, steps: int = 100) -> Tensor:
    """`kmeans_reference` by sorting: O(n log n) once, then O(k log n) a step instead of O(k n).

    In one dimension the numbers nearest to a value lie between two midpoints, so their sum is a difference of two
    cumulative sums (in float64). Stops early where nothing changes any more.

    Raises:
        TypeError, ValueError: x is not floating, not finite or empty, codebook not strictly ascending, steps below 0.

    Example:
        >>> x = torch.tensor([0.0, 0.2, 1.0, 1.4])
        >>> kmeans(x, start_codebook(x, 2))
        tensor([0.1000, 1.2000])
    """
    check_floating("x", x)
    check_not_empty("x", x)
    check_finite("x", x)
    check_integer("steps", steps, 0, 10**6)
    if codebook.dim() != 1 or not len(codebook) or not bool((codebook.diff() > 0).all()):
        raise ValueError(
            f"codebook must be (values,) and strictly ascending, got {codebook.tolist()}; try torch.unique"
        )
    ordered = x.detach().flatten().double().sort().values
    sums = torch.cat([ordered.new_zeros(1), ordered.cumsum(0)])
    values = codebook.double()
    for _ in range(steps):
        cuts = torch.searchsorted(ordered, (values[:-1] + values[1:]) / 2, right=True)
        ends = torch.cat([cuts.new_zeros(1), cuts, cuts.new_full((1,), len(ordered))])
        counts = ends.diff()
        means = torch.where(counts > 0, sums[ends].diff() / counts.clamp(min=1), values)
        if torch.equal(means, values):
            break
        values = means
    return values.to(x.dtype)


def encode(x: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest value for each number, int64, of the shape of x; midway goes to the lower value.

    Example:
        >>> encode(torch.tensor([[0.9, -3.0], [0.5, 2.0]]), torch.tensor([0.0, 1.0]))
        tensor([[1, 0],
                [0, 1]])
    """
    check_floating("x", x)
    check_finite("x", x)
    return torch.searchsorted((codebook[:-1] + codebook[1:]) / 2, x.detach().contiguous(), right=False)


def decode(codes: Tensor, codebook: Tensor) -> Tensor:
    """The values that the codes stand for.

    Example:
        >>> decode(torch.tensor([1, 0, 1]), torch.tensor([0.0, 1.5]))
        tensor([1.5000, 0.0000, 1.5000])
    """
    return codebook[check_integers("codes", codes)]


def codebook_gradient(gradient: Tensor, codes: Tensor, size: int) -> Tensor:
    r"""Gradient of the shared values, :math:`\partial L / \partial v_k = \sum_{i : c_i = k} \partial L / \partial x_i`.

    Args:
        gradient: of the weights, any shape.
        codes: which value each weight shares, of that shape.
        size: number of values.

    Returns:
        (size,) in the dtype of gradient.

    Example:
        >>> codebook_gradient(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1, 0, 1]), 3)
        tensor([2., 5., 0.])

    References:
        Han, Mao & Dally, Deep Compression, ICLR 2016, equation 3.
    """
    return gradient.new_zeros(size).index_add_(0, codes.flatten(), gradient.flatten())
