"""Entropy observer: clip where the distribution of the numbers is changed least.  Lesson slug: quantization."""

import math

import torch
from torch import Tensor

from optcourse.quantization.checking import check_integer
from optcourse.quantization.histogram import BINS, DoublingHistogram
from optcourse.quantization.parameters import UINT8, QuantizationParameters, Scheme, choose_parameters

SMOOTHING = 1e-4
"""Share that Q gives to a bin that only clipped numbers fill."""


def coarsened_divergence(counts: Tensor, kept: int, levels: int) -> float:
    r"""Kullback-Leibler divergence between a clipped histogram and its version with few levels.

    P is the histogram's first `kept` bins, with all that lies beyond added to the last of them (that is what clipping
    does). Q is cut from the same bins without what lies beyond: into `levels` runs as equal as whole bins allow, each
    run's count spread evenly over those of its bins that are not empty in P. Then

    .. math:: D(P \| Q) = \sum_i p_i \log (p_i / q_i), \qquad p = P / \textstyle\sum P, \; q = Q / \sum Q

    in nats. A bin that holds something in P and nothing in Q would make it infinite; it gets the share 1e-4 in Q.
    Infinite where nothing lies inside.

    Args:
        counts: (bins,) counts of magnitudes.
        kept: bins inside the range, 1 to len(counts).
        levels: positive integers, 1 to kept.

    Example:
        >>> coarsened_divergence(torch.tensor([4.0, 4.0, 2.0, 2.0]), kept=4, levels=2)
        0.0

    References:
        Migacz, 8-bit Inference with TensorRT, GTC 2017, slides 38-39.
    """
    inside = counts[:kept].double()
    if not bool(inside.any()):
        return math.inf
    p = inside.clone()
    p[-1] += counts[kept:].sum()
    level = torch.arange(kept, device=counts.device) * levels // kept
    total = torch.zeros(levels, dtype=torch.float64, device=counts.device).index_add_(0, level, inside)
    occupied = torch.zeros_like(total).index_add_(0, level, (p > 0).double())
    q = torch.where(p > 0, (total / occupied.clamp(min=1))[level], 0.0)
    p, q = p / p.sum(), q / inside.sum()
    q = torch.where((p > 0) & (q == 0), SMOOTHING, q)
    q = q / q.sum()
    terms = torch.where(p > 0, p * (p / q).log(), 0.0)
    return max(float(terms.sum()), 0.0)  # 0 up to rounding where nothing is lost


def without_spikes(counts: Tensor) -> Tensor:
    r"""Counts in which no bin rises above its neighbors, so that what remains is a density.

    With :math:`c_1, \dots, c_m` the counts of the bins that are not empty, in their order, the new counts are

    .. math:: \min(c_i, \max(c_{i-1}, c_{i+1}))

    where the first and the last have one neighbor. Empty bins stay empty, and a bin without any neighbor as it is.

    Args:
        counts: (bins,); not mutated.

    Returns:
        (bins,) in the dtype of counts, nowhere above them.

    Example:
        >>> without_spikes(torch.tensor([900.0, 7.0, 5.0, 0.0, 80.0, 3.0]))
        tensor([7., 7., 5., 0., 5., 3.])
    """
    occupied = counts.nonzero()[:, 0]
    if len(occupied) < 2:
        return counts.clone()
    own = counts[occupied]
    around = torch.cat([own[1:2], own, own[-2:-1]])  # an end's one neighbor stands on both of its sides
    result = counts.clone()
    result[occupied] = torch.minimum(own, torch.maximum(around[:-2], around[2:]))
    return result


class EntropyObserver:
    r"""The threshold T whose range [-T, T] loses least information, as a Kullback-Leibler divergence.

    Every number of bins that is a multiple of `stride` and not below the number of levels is tried as T, and the whole
    of what was seen; see `coarsened_divergence`. Levels are the 2^(b-1) magnitudes of b bits where both signs occur,
    and 2^b where the numbers have one sign. Range: [-T, T] within what was seen, so one-sided data stay one-sided.

    A value that comes again and again is a spike in one bin: the zeros behind a ReLU, the background of images. Any T
    above it spreads the spike over the bins of its level, a great divergence although rounding moves it by half a step
    at most; what T clips weighs little beside it; so the least T would win. Hence bins inside T count
    `without_spikes`, and what lies beyond T counts in full: clipping a spike costs what it should.

    It still loses where the divergence is a bad measure of what rounding costs. It does not ask how far beyond T the
    clipped numbers lie, so a few huge ones that matter are given up; with 8 bits it often clips more than
    `MSEObserver`; and where one outlier is so large that all else falls in two or three bins, those count
    as a spike too.

    Args:
        scheme: which integers the parameters are for; one scale for the tensor (axis None), as in the source.
        bins: bins of the histogram of magnitudes, at least 2^bits.
        stride: of the thresholds, in bins.

    Raises:
        TypeError, ValueError: an argument breaks its rule.

    Example:
        >>> normal = torch.randn(10_000, generator=torch.Generator().manual_seed(0))
        >>> observer = EntropyObserver()
        >>> observer.observe(torch.cat([normal, torch.tensor([100.0])]))
        >>> bool(observer.range()[1] < 10.0)  # the outlier is given up
        True

    Differs from the source, whose slides do not say how empty bins are smoothed; here only those of Q that P fills are.
    NVIDIA's pytorch-quantization takes the count of the second bin for the first one, against zeros alone.

    References:
        Migacz, 8-bit Inference with TensorRT, GTC 2017.
    """

    def __init__(self, scheme: Scheme = UINT8, bins: int = BINS, stride: int = 16) -> None:
        if scheme.axis is not None:
            raise ValueError(
                f"the entropy observer has one scale for the tensor, got axis={scheme.axis}; use axis=None"
            )
        self.scheme = scheme
        check_integer("bins", bins, 2**scheme.bits, 2**20)
        self.stride = check_integer("stride", stride, 1, bins)
        self.histogram = DoublingHistogram(None, bins)

    def observe(self, x: Tensor) -> None:
        """Look at data; on an error nothing has changed.

        Raises:
            TypeError, ValueError: x is not floating, not finite or empty.
        """
        self.histogram.add(x)

    def range(self) -> tuple[Tensor, Tensor]:
        """(low, high), 0-d.

        Raises:
            ValueError: nothing was observed.
        """
        counts, bins = self.histogram.filled()[0], self.histogram.bins
        low, high, width = self.histogram.low[0], self.histogram.high[0], self.histogram.widths[0]
        magnitudes = counts[bins:] + counts[:bins].flip(0)
        both_signs = bool((low < 0) & (high > 0))
        levels = 2 ** (self.scheme.bits - 1) if both_signs else 2**self.scheme.bits
        seen = int(magnitudes.nonzero()[-1]) + 1
        # All that was seen clips nothing; with a bin or less for each level nothing is merged either.
        tried = dict.fromkeys(range(levels, seen, self.stride), levels) | {seen: min(levels, seen)}
        smooth = without_spikes(magnitudes)
        divergences = {
            kept: coarsened_divergence(torch.cat([smooth[:kept], magnitudes[kept:]]), kept, count)
            for kept, count in tried.items()
        }
        threshold = (min(divergences, key=divergences.__getitem__) * width).to(low.dtype)
        return torch.maximum(low, -threshold), torch.minimum(high, threshold)

    def parameters(self) -> QuantizationParameters:
        """Scale and zero-point for the range."""
        return choose_parameters(*self.range(), self.scheme)
