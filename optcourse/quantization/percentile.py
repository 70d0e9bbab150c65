"""Percentile observer: a fixed share of the numbers may be clipped.  Lesson slug: quantization."""

import torch
from torch import Tensor

from optcourse.quantization.checking import check_fraction
from optcourse.quantization.histogram import BINS, DoublingHistogram
from optcourse.quantization.parameters import UINT8, QuantizationParameters, Scheme, choose_parameters


class PercentileObserver:
    r"""The range that leaves out the same share of numbers at both ends.

    With N numbers seen and p the percentile, high is the right edge of the first bin at which at least
    :math:`N\,(1 + p/100)/2` numbers are counted from the left, low the left edge of the last bin at which as many are
    counted from the right; neither reaches beyond what was seen. So at most the share (1 - p/100) / 2 is clipped on
    either side, and with p = 100 nothing is.

    Args:
        scheme: which integers the parameters are for; with an axis, a range for each channel.
        percentile: p in (0, 100], percent of the numbers inside.
        bins: bins of the histogram on each side of 0; low and high are exact to one bin's width.

    Raises:
        TypeError, ValueError: an argument breaks its rule.

    Example:
        >>> observer = PercentileObserver(percentile=90.0)
        >>> observer.observe(torch.cat([torch.linspace(0.0, 1.0, 99), torch.tensor([1000.0])]))
        >>> observer.range()
        (tensor(0.), tensor(1.))

    References:
        Wu, Judd, Zhang, Isaev & Micikevicius, Integer Quantization for Deep Learning Inference: Principles and
        Empirical Evaluation, arXiv 2004.09602, section 3.3.
    """

    def __init__(self, scheme: Scheme = UINT8, percentile: float = 99.99, bins: int = BINS) -> None:
        self.scheme = scheme
        self.percentile = check_fraction("percentile", percentile, 0, 100)
        self.histogram = DoublingHistogram(scheme.axis, bins)

    def observe(self, x: Tensor) -> None:
        """Look at data; on an error nothing has changed.

        Raises:
            TypeError, ValueError: x is not floating, not finite or empty, lacks the axis or has other channels.
        """
        self.histogram.add(x)

    def range(self) -> tuple[Tensor, Tensor]:
        """(low, high), () or (channels,).

        Raises:
            ValueError: nothing was observed.
        """
        counts = self.histogram.filled()
        inside = counts.sum(1, keepdim=True) * (1 + self.percentile / 100) / 2
        from_left, from_right = counts.cumsum(1), counts.flip(1).cumsum(1)
        right = (from_left < inside).sum(1) + 1 - self.histogram.bins  # edges, counted in bins from 0
        left = self.histogram.bins - ((from_right < inside).sum(1) + 1)
        seen_low, seen_high = self.histogram.low, self.histogram.high
        high = torch.minimum((right * self.histogram.widths).to(seen_high.dtype), seen_high)
        low = torch.maximum((left * self.histogram.widths).to(seen_low.dtype), seen_low)
        return (low[0], high[0]) if self.scheme.axis is None else (low, high)

    def parameters(self) -> QuantizationParameters:
        """Scale and zero-point for the range."""
        return choose_parameters(*self.range(), self.scheme)
