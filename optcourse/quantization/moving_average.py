"""Moving-average observer: the range follows the batches.  Lesson slug: quantization."""

from torch import Tensor

from optcourse.quantization.affine import range_of
from optcourse.quantization.checking import check_fraction
from optcourse.quantization.histogram import nothing_observed
from optcourse.quantization.min_max import check_same_channels
from optcourse.quantization.parameters import UINT8, QuantizationParameters, Scheme, choose_parameters


class MovingAverageObserver:
    r"""Exponential moving average of each batch's least and greatest number.

    .. math::
        low_t &= low_{t-1} + c\,(\min x_t - low_{t-1}) \\
        high_t &= high_{t-1} + c\,(\max x_t - high_{t-1})

    with the first batch's own range as the start. A single outlier batch moves it by the share c alone; it depends on
    the order of the batches. Used for activations in quantization-aware training, where the range drifts.

    Args:
        scheme: which integers the parameters are for; with an axis, a range for each channel.
        averaging_constant: c in (0, 1]; about 1 / c batches are remembered. torch.ao's default.

    Raises:
        TypeError, ValueError: averaging_constant breaks its rule.

    Example:
        >>> import torch
        >>> observer = MovingAverageObserver(averaging_constant=0.1)
        >>> for batch in torch.tensor([[0.0, 1.0], [-1.0, 5.0]]):
        ...     observer.observe(batch)
        >>> observer.range()
        (tensor(-0.1000), tensor(1.4000))

    References:
        Jacob, Kligys, Chen et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, CVPR 2018, section 3.1.
    """

    def __init__(self, scheme: Scheme = UINT8, averaging_constant: float = 0.01) -> None:
        self.scheme = scheme
        self.averaging_constant = check_fraction("averaging_constant", averaging_constant, 0, 1)
        self._range: tuple[Tensor, Tensor] | None = None

    def observe(self, x: Tensor) -> None:
        """Look at one batch; on an error nothing has changed.

        Raises:
            TypeError, ValueError: x is not floating, not finite or empty, lacks the axis or has other channels.
        """
        low, high = range_of(x, self.scheme.axis)
        if self._range is not None:
            before_low, before_high = self._range
            check_same_channels(low, before_low)
            low = before_low + self.averaging_constant * (low - before_low)
            high = before_high + self.averaging_constant * (high - before_high)
        self._range = low, high

    def range(self) -> tuple[Tensor, Tensor]:
        """(low, high), () or (channels,).

        Raises:
            ValueError: nothing was observed.
        """
        if self._range is None:
            raise nothing_observed()
        return self._range

    def parameters(self) -> QuantizationParameters:
        """Scale and zero-point for the range."""
        return choose_parameters(*self.range(), self.scheme)
