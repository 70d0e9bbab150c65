"""MNIST-1D: digits as one-dimensional signals, generated in a moment and hard enough to tell models apart.

Ten hand-drawn templates of 12 points are padded, stretched, scaled, shifted, buried in noise, sheared and sampled down.
Draws are taken from numpy's legacy generator in the order of the authors' package, so that the default arguments give
its numbers (to rounding); the arithmetic is done on all signals at once.

References:
    Greydanus & Kobak, Scaling Down Deep Learning with MNIST-1D, ICML 2024, appendix on construction.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optcourse.lab.errors import require_integer

Array = NDArray[np.float64]

# Heights of the strokes of the digits 0 to 9, read along the stroke; the authors' data (Apache-2.0).
_STROKES = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
_CLASSES, _TEMPLATE_LENGTH = _STROKES.shape
_SMOOTHING = 2.0  # standard deviation, in samples, of the filter that correlates the background noise
_SIGNAL = 1e-8  # lifts the template off zero, so that zero marks padding alone


class Signals(NamedTuple):
    """What `generate` returns.

    Attributes:
        x, x_test: float64 of shape (N, length), standardized together to mean 0 and variance 1.
        y, y_test: int64 of shape (N,), the digit.
        t: float64 of shape (length,), the position of each sample, in the unit of x.
    """

    x: Array
    y: NDArray[np.int64]
    x_test: Array
    y_test: NDArray[np.int64]
    t: Array


def templates() -> tuple[Array, Array]:
    """The ten undistorted signals (10, 12), which start and end at 0, and their positions (12,)."""
    x = _STROKES - _STROKES.mean(1, keepdims=True)
    x = x / x.std(1, keepdims=True)
    return (x - x[:, :1]) / 6, np.linspace(-5, 5, _TEMPLATE_LENGTH) / 6


def generate(
    *,
    num_samples: int = 5000,
    train_split: float = 0.8,
    padding: tuple[int, int] = (36, 60),
    scale_coeff: float = 0.4,
    max_translation: int = 48,
    corr_noise_scale: float = 0.25,
    iid_noise_scale: float = 0.02,
    shear_scale: float = 0.75,
    shuffle_seq: bool = False,
    final_seq_length: int = 40,
    seed: int = 42,
) -> Signals:
    """Generate the data set. Arguments and defaults carry the names of the authors' package.

    Args:
        num_samples: signals in all, the same number of each digit (rounded down to a multiple of 10).
        train_split: fraction that goes into x and y; in (0, 1).
        padding: least and greatest number of zeros put after the template.
        scale_coeff: amplitudes are multiplied by 1 + scale_coeff * U(-1/2, 1/2).
        max_translation: signals are rotated by 0 to max_translation - 1 samples.
        corr_noise_scale: amplitude of the noise that fills the padding, before a Gaussian filter of 2 samples.
        iid_noise_scale: amplitude of the white noise on top of everything.
        shear_scale: a line of slope shear_scale * U(-1/2, 1/2) is subtracted.
        shuffle_seq: permute the samples of all signals alike, which takes their neighbourhood away.
        final_seq_length: samples of a signal.
        seed: of a generator of its own; numpy's global one is not touched.

    Raises:
        TypeError, ValueError: when an argument lies outside what is said above.

    Example:
        >>> data = generate(num_samples=100)
        >>> data.x.shape, data.x_test.shape, data.t.shape
        ((80, 40), (20, 40), (40,))
    """
    _validate(locals())
    low, high = padding
    per_class = num_samples // _CLASSES
    n, length = per_class * _CLASSES, _TEMPLATE_LENGTH + high
    template, position = templates()
    random = np.random.RandomState(require_integer("seed", seed, low=0, high=2**32 - 1))

    x = np.empty((n, length))
    shift = np.empty(n, dtype=np.int64)
    scale, slope = np.empty((n, 1)), np.empty((n, 1))
    background, white = np.empty((n, length)), np.empty((n, length))
    for i in range(n):  # one signal's draws after another's: this order is what makes a seed mean the same data
        zeros = low + int(random.random_sample() * (high - low + 1))
        x[i] = _resample(np.append(template[i // per_class] + _SIGNAL, np.zeros(zeros)), length)
        scale[i] = random.random_sample() - 0.5
        shift[i] = random.randint(max_translation)
        background[i] = random.standard_normal(length)
        white[i] = random.standard_normal(length)
        slope[i] = random.random_sample() - 0.5

    x *= 1 + scale_coeff * scale
    x = np.take_along_axis(x, (np.arange(length) - shift[:, None]) % length, axis=1)
    x = np.where(x != 0, x, _smooth(corr_noise_scale * background)) + iid_noise_scale * white
    x -= shear_scale * slope * np.linspace(-0.5, 0.5, length)
    x = _resample_rows(x, final_seq_length)
    t = _resample(_resample(position, length), final_seq_length)

    order = random.permutation(n)
    x, y = x[order], order // per_class
    if shuffle_seq:
        x = x[:, random.permutation(final_seq_length)]
    spread = x.std()
    x, t = (x - x.mean()) / spread, t / spread
    cut = int(n * train_split)
    return Signals(x[:cut], y[:cut], x[cut:], y[cut:], t)


def _resample(signal: Array, length: int) -> Array:
    """Linear interpolation of one signal at `length` equidistant positions, ends included."""
    return np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(signal)), signal)


def _resample_rows(signals: Array, length: int) -> Array:
    """`_resample` of every row; they share their positions, so weights are computed once."""
    place = np.linspace(0, signals.shape[1] - 1, length)
    left = np.minimum(place.astype(np.int64), signals.shape[1] - 2)
    weight = place - left
    return signals[:, left] * (1 - weight) + signals[:, left + 1] * weight


def _smooth(signals: Array) -> Array:
    """Gaussian filter along the rows, cut off at four standard deviations, edges mirrored."""
    radius = math.ceil(4 * _SMOOTHING)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / _SMOOTHING) ** 2)
    kernel /= kernel.sum()
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(signals, ((0, 0), (radius, radius)), mode="symmetric"), 2 * radius + 1, axis=1
    )
    return windows @ kernel


def _validate(arguments: dict) -> None:
    padding = arguments["padding"]
    if len(padding) != 2:
        raise ValueError(f"padding must be (least, greatest), got {padding!r}")
    least = require_integer("padding[0]", padding[0], low=0)
    require_integer("padding[1]", padding[1], low=least)
    require_integer("num_samples", arguments["num_samples"], low=2 * _CLASSES)
    require_integer("max_translation", arguments["max_translation"], low=1)
    require_integer("final_seq_length", arguments["final_seq_length"], low=2)
    for name in ("scale_coeff", "corr_noise_scale", "iid_noise_scale", "shear_scale"):
        if not 0 <= arguments[name] < math.inf:  # also rejects nan
            raise ValueError(f"{name} must be a finite number >= 0, got {arguments[name]!r}")
    if not 0 < arguments["train_split"] < 1:
        raise ValueError(f"train_split must be in (0, 1), got {arguments['train_split']!r}")
