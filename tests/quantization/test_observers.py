"""Ranges: exact counts however the data come, and what each observer promises of them."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optcourse.quantization import (
    OBSERVERS,
    DoublingHistogram,
    EntropyObserver,
    MinMaxObserver,
    MovingAverageObserver,
    MSEObserver,
    PercentileObserver,
    Scheme,
    choose_parameters,
    coarsened_divergence,
    mean_squared_error,
    parameters_for,
    without_spikes,
)
from tests.quantization.cases import draw

quick = settings(max_examples=40, deadline=None)
values = st.lists(st.floats(-1e5, 1e5, width=32), min_size=2, max_size=30)
every_observer = pytest.mark.parametrize("name", OBSERVERS)
PER_CHANNEL = [name for name in OBSERVERS if name != "entropy"]
INT4 = Scheme(bits=4, signed=True, symmetric=True)


def laplace(seed: int, count: int) -> torch.Tensor:
    """Numbers of scale 1 with the heavy tails of weights and activations."""
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(count, generator=generator, dtype=torch.float64) - 0.5
    return (-uniform.sign() * torch.log1p(-2 * uniform.abs())).float()


def filled(values: torch.Tensor, cuts: list[int], bins: int = 16) -> DoublingHistogram:
    histogram = DoublingHistogram(bins=bins)
    for part in values.tensor_split(sorted(cuts)):
        if part.numel():
            histogram.add(part)
    return histogram


@quick
@given(values=values, cuts=st.lists(st.integers(0, 29), max_size=4), order=st.randoms(use_true_random=False))
def test_histogram_does_not_depend_on_batches_or_order(values: list[float], cuts: list[int], order) -> None:
    shuffled = list(values)
    order.shuffle(shuffled)
    once, often = filled(torch.tensor(values), []), filled(torch.tensor(shuffled), cuts)
    for attribute in ("counts", "widths", "low", "high"):
        assert torch.equal(getattr(once, attribute), getattr(often, attribute))


@quick
@given(values=values)
def test_histogram_counts(values: list[float]) -> None:
    """Against counting in Python; every number is inside, and no width is twice what is needed."""
    histogram = filled(torch.tensor(values), [3])
    width, counts = float(histogram.widths), histogram.filled()[0].tolist()
    expected = [0] * 32
    for value in values:
        expected[math.floor(value / width) + 16] += 1
    assert counts == expected
    assert sum(counts) == len(values)
    largest = max(abs(value) for value in values)
    assert largest < 16 * width
    assert width * 16 <= max(2 * largest, 2.0**-100)
    torch.testing.assert_close(histogram.centers()[0, 16], histogram.widths[0] / 2)


def test_a_batch_of_zeros_first_costs_no_resolution() -> None:
    """A layer may be silent on the first batch."""
    histogram = filled(torch.cat([torch.zeros(3), torch.tensor([1e-6, 3e-6])]), [3])
    assert float(histogram.widths) < 1e-6


def test_histogram_keeps_channels_apart() -> None:
    x = draw(0, 5, 3, 40) * torch.tensor([1.0, 100.0, 1e-3]).double()[:, None]
    together = DoublingHistogram(axis=1)
    for part in x.split(2):
        together.add(part)
    for channel in range(3):
        alone = DoublingHistogram()
        alone.add(x[:, channel])
        assert torch.equal(together.filled()[channel], alone.filled()[0])
        assert torch.equal(together.widths[channel], alone.widths[0])
    assert float(together.widths[1]) > 50 * float(together.widths[0])


@every_observer
def test_no_data_no_range(name: str) -> None:
    with pytest.raises(ValueError, match="no data were observed"):
        OBSERVERS[name]().range()


@every_observer
def test_errors_leave_the_observer_as_it_was(name: str) -> None:
    observer = OBSERVERS[name](Scheme(bits=4))
    x = laplace(1, 500)
    observer.observe(x)
    before = observer.range()
    bad = [
        (torch.tensor([1.0, math.nan]), ValueError, "must be finite, got 1 NaN and 0 infinite of 2"),
        (torch.tensor([math.inf, -math.inf, 9.0]), ValueError, "0 NaN and 2 infinite of 3"),
        (torch.zeros(0, 3), ValueError, r"at least one number, got shape \(0, 3\)"),
        (torch.tensor([1, 2]), TypeError, "floating tensor, got torch.int64"),
        ([1.0], TypeError, "must be a tensor, got list"),
    ]
    for given_, error, text in bad:
        with pytest.raises(error, match=text):
            observer.observe(given_)
    assert all(torch.equal(old, new) for old, new in zip(before, observer.range(), strict=True))


@pytest.mark.parametrize("name", PER_CHANNEL)
def test_channels_are_as_if_alone(name: str) -> None:
    x = laplace(2, 4 * 3 * 50).view(4, 3, 50) * torch.tensor([1.0, 30.0, 0.02])[:, None]
    together = OBSERVERS[name](Scheme(bits=3, axis=1))
    for part in x.split(3):
        together.observe(part)
    low, high = together.range()
    assert low.shape == high.shape == (3,)
    for channel in range(3):
        alone = OBSERVERS[name](Scheme(bits=3))
        for part in x.split(3):
            alone.observe(part[:, channel])
        assert torch.equal(torch.stack(alone.range()), torch.stack([low[channel], high[channel]]))
    with pytest.raises(ValueError, match="3 channels as before, got 2"):
        together.observe(x[:, :2])
    with pytest.raises(ValueError, match="axis 1 must be one of the 1 axes"):
        together.observe(x[0, 0])


@every_observer
@pytest.mark.parametrize("value", [0.0, 2.5, -0.3])
def test_constant_data(name: str, value: float) -> None:
    observer = OBSERVERS[name]()
    observer.observe(torch.full((3, 4), value))
    parameters = observer.parameters()
    assert float(parameters.scale) > 0
    if name != "moving_average":
        low, high = observer.range()
        assert bool((low <= torch.tensor(value)) & (torch.tensor(value) <= high))


@quick
@given(values=values, cuts=st.lists(st.integers(1, 29), max_size=3))
def test_min_max_is_all_that_was_seen(values: list[float], cuts: list[int]) -> None:
    observer = MinMaxObserver(INT4)
    for part in torch.tensor(values).tensor_split(sorted(cuts)):
        if part.numel():
            observer.observe(part)
    assert [float(end) for end in observer.range()] == [min(values), max(values)]
    torch.testing.assert_close(observer.parameters().scale, parameters_for(torch.tensor(values), INT4).scale)


def test_moving_average_is_the_recursion() -> None:
    observer, batches = MovingAverageObserver(averaging_constant=0.2), [laplace(i, 30) * (i + 1) for i in range(6)]
    low, high = float(batches[0].min()), float(batches[0].max())
    observer.observe(batches[0])
    for batch in batches[1:]:
        observer.observe(batch)
        low, high = 0.8 * low + 0.2 * float(batch.min()), 0.8 * high + 0.2 * float(batch.max())
    torch.testing.assert_close(torch.stack(observer.range()), torch.tensor([low, high]))


@quick
@given(values=values, percentile=st.floats(1, 100))
def test_percentile_clips_no_more_than_it_may(values: list[float], percentile: float) -> None:
    observer = PercentileObserver(percentile=percentile, bins=64)
    x = torch.tensor(values)
    observer.observe(x)
    low, high = observer.range()
    may = len(values) * (1 - percentile / 100) / 2 + 1e-9
    assert int((x > high).sum()) <= may
    assert int((x < low).sum()) <= may
    assert float(x.min()) <= float(low)
    assert float(high) <= float(x.max())


def test_percentile_against_sorting() -> None:
    """Within one bin of the order statistic, and all of it at 100."""
    x = laplace(3, 20_001)
    observer = PercentileObserver(percentile=98.0)
    observer.observe(x)
    width = float(observer.histogram.widths)
    for end, share in zip(observer.range(), (0.01, 0.99), strict=True):
        assert abs(float(end) - float(x.quantile(share))) <= width + 1e-3
    whole = PercentileObserver(percentile=100.0)
    whole.observe(x)
    assert torch.equal(torch.stack(whole.range()), torch.stack([x.min(), x.max()]))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_mse_is_the_best_of_its_candidates(bits: int) -> None:
    """On the numbers themselves instead of bins, over the same candidates."""
    x = laplace(4, 4000)
    scheme = Scheme(bits=bits, signed=True, symmetric=True)
    observer = MSEObserver(scheme)
    observer.observe(x)
    chosen = float(mean_squared_error(x, observer.parameters()))
    errors = [
        float(mean_squared_error(x, choose_parameters(x.min() * i / 100, x.max() * i / 100, scheme)))
        for i in range(1, 101)
    ]
    assert chosen <= min(errors) * 1.02
    assert min(errors) < errors[-1] * (0.95 if bits < 8 else 1.01)


def test_mse_clips_more_at_fewer_bits() -> None:
    """For a Laplace distribution of scale 1 and the three levels -s, 0, s the least error is at s = 2.

    Its derivative in s vanishes where s is the mean of the magnitudes above s / 2, which is s / 2 + 1.
    """
    x = laplace(5, 100_000)
    thresholds = []
    for bits in (2, 3, 4, 6):
        observer = MSEObserver(Scheme(bits=bits, signed=True, symmetric=True))
        observer.observe(x)
        thresholds.append(float(observer.parameters().high()))
    assert thresholds[0] == pytest.approx(2.0, abs=0.15)
    assert all(fewer * 1.1 < more for fewer, more in itertools.pairwise(thresholds))


def test_divergence_by_hand() -> None:
    counts = torch.tensor([8.0, 0.0, 2.0, 4.0, 1.0, 1.0])
    p = [8 / 16, 0, 2 / 16, 6 / 16]  # two clipped ones join the last bin kept
    q = [8 / 14, 0, 3 / 14, 3 / 14]  # runs (8, 0) and (2, 4), spread over the bins that are not empty
    expected = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)
    assert coarsened_divergence(counts, kept=4, levels=2) == pytest.approx(expected)
    assert coarsened_divergence(counts, kept=6, levels=6) == 0.0
    assert coarsened_divergence(torch.tensor([0.0, 0.0, 3.0]), kept=2, levels=1) == math.inf


def test_divergence_of_what_only_clipping_fills() -> None:
    """A last bin with nothing but clipped numbers has the share 1e-4 in Q before normalization."""
    counts = torch.tensor([6.0, 0.0, 2.0])
    q = [1 / 1.0001, 1e-4 / 1.0001]
    expected = 0.75 * math.log(0.75 / q[0]) + 0.25 * math.log(0.25 / q[1])
    assert coarsened_divergence(counts, kept=2, levels=2) == pytest.approx(expected)


@quick
@given(counts=st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_no_bin_rises_above_its_neighbors(counts: list[int]) -> None:
    """The text once more, over a list."""
    occupied = [(place, count) for place, count in enumerate(counts) if count]
    expected = list(counts)
    for i, (place, count) in enumerate(occupied):
        neighbors = [occupied[j][1] for j in (i - 1, i + 1) if 0 <= j < len(occupied)]
        expected[place] = min(count, max(neighbors, default=count))
    given_ = torch.tensor(counts, dtype=torch.float64)
    assert without_spikes(given_).tolist() == expected
    assert given_.tolist() == counts


def test_entropy_is_the_best_threshold() -> None:
    x = torch.cat([laplace(6, 5000), torch.full((4000,), 0.7), torch.tensor([15.0])])
    observer = EntropyObserver(bins=512, stride=8)
    observer.observe(x)
    low, high = observer.range()
    magnitudes = observer.histogram.filled()[0, 512:] + observer.histogram.filled()[0, :512].flip(0)
    smooth = without_spikes(magnitudes)
    width = float(observer.histogram.widths)
    divergences = {
        kept: coarsened_divergence(torch.cat([smooth[:kept], magnitudes[kept:]]), kept, 128)
        for kept in [*range(128, 481, 8), 481]
    }
    kept = min(divergences, key=lambda bins: divergences[bins])
    assert 128 < kept < 480  # neither the spike, in bin 22, nor the outlier decides
    assert (float(low), float(high)) == (max(float(x.min()), -kept * width), kept * width)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("silent", [0.5, 0.9], ids=["half of it silent", "nine tenths silent"])
def test_entropy_after_a_relu(bits: int, silent: float) -> None:
    """Zeros are the most frequent number by far, and exact on any grid: they say nothing about the range."""
    normal = draw(8, 20_000, dtype=torch.float32, shift=0.0)
    x = torch.cat([(normal - normal.quantile(silent)).relu(), torch.tensor([12.0])])
    observer = EntropyObserver(Scheme(bits=bits))
    observer.observe(x)
    assert float(x.quantile(0.999)) < float(observer.range()[1]) < 12.0
    error = float(mean_squared_error(x[:-1], observer.parameters()))
    assert error < {4: 0.02, 8: 0.001}[bits] * float(x[:-1].square().mean())


@pytest.mark.parametrize("bits", [4, 8])
def test_entropy_of_images_with_a_background(bits: int) -> None:
    """Half of the pixels have one value away from 0; the others lie anywhere between it and the brightest."""
    generator = torch.Generator().manual_seed(9)
    pixels = torch.randint(256, (20_000,), generator=generator) * (torch.rand(20_000, generator=generator) > 0.5)
    observer = EntropyObserver(Scheme(bits=bits))
    observer.observe(pixels / 90 - 0.81)
    torch.testing.assert_close(torch.stack(observer.range()), torch.tensor([-0.81, 255 / 90 - 0.81]))


def test_entropy_does_not_clip_a_spike() -> None:
    """Numbers that pile up where a layer saturates would all be moved."""
    x = torch.cat([laplace(10, 20_000).abs().clamp(max=6.0), torch.full((2000,), 6.0)])
    observer = EntropyObserver()
    observer.observe(x)
    assert float(observer.range()[1]) == 6.0


def test_entropy_leaves_one_sided_data_one_sided() -> None:
    observer = EntropyObserver()
    observer.observe(laplace(7, 3000).abs())
    assert float(observer.range()[0]) >= 0
    assert int(observer.parameters().zero_point) == 0


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: MovingAverageObserver(averaging_constant=0), ValueError, r"in \(0, 1\], got 0.0"),
        (lambda: MovingAverageObserver(averaging_constant=math.nan), ValueError, r"in \(0, 1\], got nan"),
        (lambda: PercentileObserver(percentile=101), ValueError, r"in \(0, 100\], got 101"),
        (lambda: PercentileObserver(percentile="99"), TypeError, "got '99'"),
        (lambda: MSEObserver(candidates=1), ValueError, "from 2 to 10000, got 1"),
        (lambda: MSEObserver(candidates=2.5), TypeError, r"got 2.5 \(float\)"),
        (lambda: EntropyObserver(Scheme(axis=0)), ValueError, "axis=0; use axis=None"),
        (lambda: EntropyObserver(bins=128), ValueError, "from 256 to"),
        (lambda: EntropyObserver(bins="2048"), TypeError, "bins must be an integer from 256"),
        (lambda: EntropyObserver(stride=0), ValueError, "stride must be an integer from 1"),
        (lambda: DoublingHistogram(bins=7), ValueError, "bins must be even.*try 8"),
        (lambda: DoublingHistogram(axis=-1), ValueError, "axis must be an integer from 0"),
    ],
)
def test_bad_settings(make, error, text) -> None:
    with pytest.raises(error, match=text):
        make()
