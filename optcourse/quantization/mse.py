"""MSE observer: clip where the squared error of rounding and clipping together is least.  Lesson slug: quantization."""

import torch
from torch import Tensor

from optcourse.quantization.affine import fake_quantize_reference
from optcourse.quantization.checking import check_integer
from optcourse.quantization.histogram import BINS, DoublingHistogram
from optcourse.quantization.parameters import UINT8, QuantizationParameters, Scheme, choose_parameters


def mean_squared_error(x: Tensor, parameters: QuantizationParameters) -> Tensor:
    r"""Mean of :math:`(\hat x - x)^2` over all numbers, or with an axis over each channel's.

    Args:
        x: floating; with `parameters.axis`, its channels.

    Returns:
        () or (channels,), in squared units of x.

    Example:
        >>> from optcourse.quantization.affine import parameters_for
        >>> x = torch.tensor([0.0, 0.5, 3.0])
        >>> mean_squared_error(x, parameters_for(x, Scheme(bits=2)))
        tensor(0.0833)
    """
    scale, zero_point = parameters.broadcast(x)
    limits = {"quant_min": parameters.quant_min, "quant_max": parameters.quant_max}
    squares = (fake_quantize_reference(x, scale=scale, zero_point=zero_point, **limits) - x) ** 2
    return squares.mean() if parameters.axis is None else squares.transpose(0, parameters.axis).flatten(1).mean(1)


class MSEObserver:
    r"""The range f [min, max], f in (0, 1], whose quantization error is least.

    .. math::
        f^* = \arg\min_f \sum_i n_i\, (\hat c_i(f) - c_i)^2

    over a grid of k shares f = 1/k, 2/k, ..., 1, with n_i the count and c_i the center of bin i. Few bits want much
    clipping, since a wide range rounds coarsely: at 2 to 4 bits this is what makes post-training quantization bearable.

    Args:
        scheme: which integers the parameters are for; with an axis, a range for each channel.
        candidates: k, at least 2. Time grows with k, bins and channels.
        bins: bins of the histogram on each side of 0.

    Raises:
        TypeError, ValueError: an argument breaks its rule.

    Example:
        >>> x = torch.cat([torch.linspace(-1.0, 1.0, 999), torch.tensor([8.0])])
        >>> observer = MSEObserver(Scheme(bits=4, signed=True, symmetric=True))
        >>> observer.observe(x)
        >>> bool(observer.range()[1] < 4.0)  # the outlier is given up
        True

    References:
        Sung, Shin & Hwang, Resiliency of Deep Neural Networks under Quantization, arXiv 1511.06488.
        Nagel, Fournarakis, Amjad et al., A White Paper on Neural Network Quantization, arXiv 2106.08295, section 3.1.
    """

    def __init__(self, scheme: Scheme = UINT8, candidates: int = 100, bins: int = BINS // 2) -> None:
        self.scheme = scheme
        self.candidates = check_integer("candidates", candidates, 2, 10_000)
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
        counts, centers = self.histogram.filled(), self.histogram.centers()
        rows = Scheme(self.scheme.bits, self.scheme.signed, self.scheme.symmetric, axis=0)
        low, high = self.histogram.low.double(), self.histogram.high.double()
        best, least = torch.ones_like(low), torch.full_like(low, torch.inf)
        for i in range(self.candidates, 0, -1):  # of equal errors the widest range wins
            parameters = choose_parameters(low * i / self.candidates, high * i / self.candidates, rows)
            scale, zero_point = parameters.broadcast(centers)
            limits = {"quant_min": parameters.quant_min, "quant_max": parameters.quant_max}
            rounded = fake_quantize_reference(centers, scale=scale, zero_point=zero_point, **limits)
            error = (counts * (rounded - centers) ** 2).sum(1)
            better = error < least
            best, least = torch.where(better, i / self.candidates, best), torch.where(better, error, least)
        low, high = (best * low).to(self.histogram.low.dtype), (best * high).to(self.histogram.high.dtype)
        return (low[0], high[0]) if self.scheme.axis is None else (low, high)

    def parameters(self) -> QuantizationParameters:
        """Scale and zero-point for the range."""
        return choose_parameters(*self.range(), self.scheme)
