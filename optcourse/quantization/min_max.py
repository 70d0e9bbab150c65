"""Min-max observer: the range is all that was ever seen.  Lesson slug: quantization."""

import torch
from torch import Tensor

from optcourse.quantization.affine import range_of
from optcourse.quantization.histogram import nothing_observed
from optcourse.quantization.parameters import UINT8, QuantizationParameters, Scheme, choose_parameters


class MinMaxObserver:
    r"""Keeps the least and the greatest number, :math:`low = \min_t \min x_t` and :math:`high = \max_t \max x_t`.

    Nothing is clipped, so one outlier widens every step; right for weights at 8 bits.

    Args:
        scheme: which integers the parameters are for; with an axis, a range for each channel.

    Example:
        >>> observer = MinMaxObserver()
        >>> for batch in torch.tensor([[0.0, 1.0], [-1.0, 4.1]]):
        ...     observer.observe(batch)
        >>> observer.range()
        (tensor(-1.), tensor(4.1000))
    """

    def __init__(self, scheme: Scheme = UINT8) -> None:
        self.scheme = scheme
        self._range: tuple[Tensor, Tensor] | None = None

    def observe(self, x: Tensor) -> None:
        """Look at data; on an error nothing has changed.

        Raises:
            TypeError, ValueError: x is not floating, not finite or empty, lacks the axis or has other channels.
        """
        low, high = range_of(x, self.scheme.axis)
        if self._range is not None:
            check_same_channels(low, self._range[0])
            low, high = torch.minimum(low, self._range[0]), torch.maximum(high, self._range[1])
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


def check_same_channels(new: Tensor, old: Tensor) -> None:
    """Raise unless data have as many channels as those before.

    Raises:
        ValueError: they do not.
    """
    if new.shape != old.shape:
        raise ValueError(f"x must have {old.numel()} channels as before, got {new.numel()}")
