"""A histogram that grows with its data and stays exact, for the observers that look at whole distributions.

Lesson slug: quantization.
"""

import torch
from torch import Tensor

from optcourse.quantization.checking import check_axis, check_finite, check_floating, check_integer, check_not_empty

BINS = 2048
LEAST_EXPONENT = -100  # numbers below 2^-100 count as 2^-100: their squares would underflow


class DoublingHistogram:
    r"""Counts of numbers in 2n bins of one width w around 0; a channel at a time where there is an axis.

    Bin i of 0 to 2n - 1 holds :math:`(i - n) w \le x < (i - n + 1) w`. The width is a power of two. When a number falls
    outside, pairs of bins are joined and w doubles until it fits. Since :math:`\lfloor x / 2w \rfloor = \lfloor \lfloor
    x / w \rfloor / 2 \rfloor` exactly, the counts are those that the final width would have given from the start:
    they do not depend on the order of the data or on how they were cut into batches.

    Args:
        axis: channels along this axis have counts and a width of their own; None for one of all.
        bins: n, bins on each side of 0; even.

    Attributes:
        counts: (channels, 2n) float64, whole numbers; 1 channel without axis. None before the first data.
        widths: (channels,) float64, w in units of x.
        low, high: (channels,) least and greatest number seen, in the dtype of the data.

    Raises:
        TypeError, ValueError: bins or axis break their rule.

    Example:
        >>> histogram = DoublingHistogram(bins=2)
        >>> histogram.add(torch.tensor([-0.3, 0.1, 0.6]))
        >>> histogram.counts, histogram.widths
        (tensor([[0., 1., 1., 1.]], dtype=torch.float64), tensor([0.5000], dtype=torch.float64))
        >>> histogram.add(torch.tensor([1.5]))
        >>> histogram.counts, histogram.widths
        (tensor([[0., 1., 2., 1.]], dtype=torch.float64), tensor([1.], dtype=torch.float64))

    Differs from torch.ao's HistogramObserver, which spreads old counts over new bins by interpolation.
    """

    def __init__(self, axis: int | None = None, bins: int = BINS) -> None:
        if check_integer("bins", bins, 2, 2**20) % 2:
            raise ValueError(f"bins must be even, since pairs of them are joined; got {bins}, try {bins + 1}")
        if axis is not None:
            check_integer("axis", axis, 0, 15)
        self.axis, self.bins = axis, bins
        self.counts: Tensor | None = None
        self.widths = self.low = self.high = torch.zeros(0)

    def add(self, x: Tensor) -> None:
        """Count the numbers of x. On an error nothing has changed.

        Raises:
            TypeError, ValueError: x is not floating, not finite or empty, or has other channels than before.
        """
        check_floating("x", x)
        check_not_empty("x", x)
        check_axis(x, self.axis)
        check_finite("x", x)
        x = x.detach()
        rows = x.flatten()[None] if self.axis is None else x.transpose(0, self.axis).flatten(1)
        if self.counts is not None and len(rows) != len(self.counts):
            raise ValueError(f"x must have {len(self.counts)} channels as before, got {len(rows)}")
        low, high = torch.aminmax(rows, dim=1)
        largest = torch.maximum(-low, high).double().clamp(min=2.0**LEAST_EXPONENT / 2)
        _, exponents = torch.frexp(largest)  # |x| < 2^exponent
        needed = torch.ldexp(torch.ones_like(largest), exponents) / self.bins
        if self.counts is None:
            counts, widths = torch.zeros(len(rows), 2 * self.bins, dtype=torch.float64, device=x.device), needed
        else:
            low, high = torch.minimum(self.low, low), torch.maximum(self.high, high)
            counts, widths = self.counts, self.widths
            while bool((narrow := widths < needed).any()):
                counts = torch.where(narrow[:, None], join_pairs(counts), counts)
                widths = torch.where(narrow, 2 * widths, widths)
        index = torch.floor(rows.double() / widths[:, None]).long() + self.bins
        counts = counts.scatter_add(1, index, torch.ones_like(index, dtype=torch.float64))
        self.counts, self.widths, self.low, self.high = counts, widths, low, high

    def centers(self) -> Tensor:
        """Middle of every bin, (channels, 2n) float64, in units of x."""
        steps = torch.arange(-self.bins, self.bins, dtype=torch.float64, device=self.widths.device) + 0.5
        return steps * self.widths[:, None]

    def filled(self) -> Tensor:
        """The counts.

        Raises:
            ValueError: no data were seen.
        """
        if self.counts is None:
            raise nothing_observed()
        return self.counts


def join_pairs(counts: Tensor) -> Tensor:
    """Counts of bins twice as wide: the 2n bins' pairs become the inner n, with empty ones on both sides.

    Example:
        >>> join_pairs(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))
        tensor([[0., 3., 7., 0.]])
    """
    pairs = counts[:, 0::2] + counts[:, 1::2]
    side = torch.zeros_like(pairs[:, : pairs.shape[1] // 2])
    return torch.cat([side, pairs, side], dim=1)


def nothing_observed() -> ValueError:
    """The error for a range asked for before any data."""
    return ValueError("no data were observed, so there is no range; call observe(x) on calibration data first")
