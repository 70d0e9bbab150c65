"""Data for lessons: real, small, offline, split once and for all, and able to say what they are.

    data = load("fashion_mnist")
    data.x_train      float tensor (10000, 1, 28, 28) in [0, 1], on the device
    data.description  "Fashion-MNIST subset, 10,000 train + 2,000 test, sha256 ..."

What ships, and under whose license, stands in NOTICE and in `datasets/`.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import TensorDataset

from optcourse.lab.device import device as choose_device
from optcourse.lab.device import generator
from optcourse.lab.errors import require_floating, require_integer, unknown
from optcourse.lab.sources import READERS, checksum, movie_snippets

DATASETS = tuple(READERS)
TEXTS = ("movie_snippets",)


@dataclass(frozen=True, eq=False)
class Data:
    """A data set with a fixed split, as tensors on one device.

    Attributes:
        name: as `load` takes it, or your own.
        x_train, x_test: floating tensors (N, ...); images are (N, channels, height, width) in [0, 1].
        y_train, y_test: (N,) class numbers (int64), or floating targets.
        classes: what the class numbers stand for; empty for other targets.
        title: the name in words; `name` when not given.
        checksum: first 12 hexadecimal digits of the SHA-256 of the data as they come from their source, before any
            change below. Computed when not given.
        changes: what was done since, in order.

    Raises:
        TypeError, ValueError: when shapes, dtypes or devices disagree, or inputs are not finite.

    Example:
        >>> toy = Data("toy", torch.zeros(4, 2), torch.zeros(4).long(), torch.ones(2, 2), torch.ones(2).long())
        >>> toy.subset(3).description
        'toy, 3 train + 2 test, sha256 ..., subset of 3 with seed 0'
    """

    name: str
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: tuple[str, ...] = ()
    title: str = ""
    checksum: str = ""
    changes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _validate(self)
        if not self.title:
            object.__setattr__(self, "title", self.name)
        if not self.checksum:
            parts = (self.x_train, self.y_train, self.x_test, self.y_test)
            meta = self.device.type == "meta"  # no bytes to read
            object.__setattr__(self, "checksum", "none" if meta else checksum(*parts))

    @property
    def description(self) -> str:
        """One line that says which data were used: printed by lessons, stored in `Run.data`."""
        sizes = f"{len(self.x_train):,} train + {len(self.x_test):,} test"
        return ", ".join([self.title, sizes, f"sha256 {self.checksum}", *self.changes])

    @property
    def device(self) -> torch.device:
        return self.x_train.device

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return tuple(self.x_train.shape[1:])

    def __repr__(self) -> str:
        kind = f"{tuple(self.input_shape)} {self.x_train.dtype} on {self.device}"
        return f"<Data {self.description}; inputs {kind}>"

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Self:
        """The same data on another device, or in another floating type."""
        target = self.device if device is None else choose_device(device)
        dtype = self.x_train.dtype if dtype is None else require_floating(dtype)
        return replace(
            self,
            x_train=self.x_train.to(target, dtype),
            x_test=self.x_test.to(target, dtype),
            y_train=_move_targets(self.y_train, target, dtype),
            y_test=_move_targets(self.y_test, target, dtype),
        )

    def flatten(self) -> Self:
        """Inputs as vectors (N, features); shares memory where it can."""
        return replace(self, x_train=self.x_train.flatten(1), x_test=self.x_test.flatten(1))

    def standardize(self) -> Self:
        """Inputs with mean 0 and variance 1, by the mean and variance of the *training* inputs.

        Images are standardized channel by channel, other inputs with one mean and one variance for all features,
        so that features which never vary stay harmless.
        """
        dims = (0, 2, 3) if self.x_train.dim() == 4 else tuple(range(self.x_train.dim()))
        mean = self.x_train.mean(dims, keepdim=True)
        spread = self.x_train.std(dims, correction=0, keepdim=True)
        if self.device.type != "meta" and not bool((spread > 0).all()):
            raise ValueError(f"standardize needs inputs that vary; the training inputs of {self.name} are constant")
        return replace(
            self,
            x_train=(self.x_train - mean) / spread,
            x_test=(self.x_test - mean) / spread,
            changes=(*self.changes, "standardized"),
        )

    def subset(self, n_train: int, seed: int = 0) -> Self:
        """`n_train` training examples drawn without replacement; the test set stays whole.

        The same seed gives nested subsets: a smaller one is the beginning of a larger one.

        Raises:
            TypeError, ValueError: unless 1 <= n_train <= the number there is.
        """
        n_train = require_integer("n_train", n_train, low=1, high=len(self.x_train))
        index = torch.randperm(len(self.x_train), generator=generator(seed))[:n_train].to(self.device)
        change = f"subset of {n_train:,} with seed {seed}"
        return replace(self, x_train=self.x_train[index], y_train=self.y_train[index], changes=(*self.changes, change))

    def train_dataset(self) -> TensorDataset:
        """The training set for a `DataLoader`. The course slices tensors instead, which takes half the time."""
        return TensorDataset(self.x_train, self.y_train)

    def test_dataset(self) -> TensorDataset:
        return TensorDataset(self.x_test, self.y_test)


@dataclass(frozen=True, eq=False)
class Texts:
    """Rated sentences with a fixed split. How texts become tokens is for the lesson that teaches it.

    Attributes:
        texts_train, texts_test: the sentences.
        ratings_train, ratings_test: (N,) floating, the mean of several people's ratings on VADER's scale from
            -4 (extremely negative) over 0 (neutral) to 4 (extremely positive).
        y_train, y_test: (N,) int64, 1 where the rating is above 0.
        classes: what 0 and 1 stand for.
        checksum: as in `Data`.
    """

    name: str
    texts_train: tuple[str, ...]
    ratings_train: Tensor
    y_train: Tensor
    texts_test: tuple[str, ...]
    ratings_test: Tensor
    y_test: Tensor
    classes: tuple[str, ...]
    title: str
    checksum: str

    @property
    def description(self) -> str:
        """One line that says which data were used."""
        sizes = f"{len(self.texts_train):,} train + {len(self.texts_test):,} test"
        return f"{self.title}, {sizes}, sha256 {self.checksum}"

    def __repr__(self) -> str:
        return f"<Texts {self.description}>"


def load(
    name: str,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype = torch.float32,
    download: bool = False,
) -> Data:
    """Load a data set by name.

    ==================  ==================================================  ==============  ===================
    name                what                                                one input       train + test
    ==================  ==================================================  ==============  ===================
    fashion_mnist       Fashion-MNIST, 1,200 articles of each of 10 kinds   (1, 28, 28)     10,000 + 2,000
    fashion_mnist_full  Fashion-MNIST, all of it; needs a download          (1, 28, 28)     60,000 + 10,000
    digits              handwritten digits                                  (1, 8, 8)       1,437 + 360
    mnist1d             digits as signals, generated here                   (40,)           4,000 + 1,000
    ==================  ==================================================  ==============  ===================

    Args:
        name: one of the table.
        device: None for `optcourse.lab.device.device()`.
        dtype: of the inputs, a floating type. Class numbers are int64.
        download: allow `fashion_mnist_full` to fetch its 30 MB into `home()/data`, once. Nothing else downloads.

    Raises:
        ValueError: on an unknown name (with the nearest one), dtype or device.
        FileNotFoundError: when `fashion_mnist_full` is not there and download is False.

    Example:
        >>> load("digits", device="cpu").x_train.shape
        torch.Size([1437, 1, 8, 8])
    """
    if name in TEXTS:
        raise ValueError(f"{name!r} holds texts, not tensors; use load_texts({name!r})")
    if name not in DATASETS:
        raise unknown("data set", name, [*DATASETS, *TEXTS])
    dtype = require_floating(dtype)
    target = choose_device(device)
    arrays = READERS[name](download)

    def inputs(x: NDArray[Any]) -> Tensor:  # divided on the CPU, where it rounds alike for every device
        return (torch.tensor(x).to(dtype) / arrays.scale).to(target)

    return Data(
        name=name,
        x_train=inputs(arrays.x_train),
        y_train=torch.tensor(arrays.y_train, dtype=torch.int64, device=target),
        x_test=inputs(arrays.x_test),
        y_test=torch.tensor(arrays.y_test, dtype=torch.int64, device=target),
        classes=arrays.classes,
        title=arrays.title,
        checksum=arrays.checksum,
    )


def load_texts(
    name: str = "movie_snippets", *, device: str | torch.device | None = None, dtype: torch.dtype = torch.float32
) -> Texts:
    """Load rated texts: `movie_snippets`, 8,070 + 2,000 sentences from film reviews, each rated by several people.

    Args:
        name: `movie_snippets`.
        device, dtype: of the ratings; the labels are int64 on the same device.

    Raises:
        ValueError: on an unknown name, dtype or device.

    References:
        Hutto & Gilbert, VADER: A Parsimonious Rule-based Model for Sentiment Analysis, ICWSM 2014.
    """
    if name not in TEXTS:
        raise unknown("text data set", name, TEXTS)
    dtype, target = require_floating(dtype), choose_device(device)
    texts, ratings, train, test, digest = movie_snippets()

    def part(index: NDArray[Any]) -> tuple[tuple[str, ...], Tensor, Tensor]:
        rating = torch.tensor(ratings[index], dtype=dtype, device=target)
        return tuple(texts[i] for i in index), rating, (rating > 0).long()

    return Texts(name, *part(train), *part(test), ("negative", "positive"), "movie snippets", digest)


def _move_targets(y: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    return y.to(device, dtype) if y.is_floating_point() else y.to(device)


def _validate(data: Data) -> None:
    for part in ("train", "test"):
        x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
        for name, value in ((f"x_{part}", x), (f"y_{part}", y)):
            if not isinstance(value, Tensor):
                raise TypeError(f"{name} must be a tensor, got {type(value).__name__}; use torch.as_tensor({name})")
        if not x.is_floating_point():
            raise TypeError(f"x_{part} must be floating, got {x.dtype}; use x_{part}.float()")
        if x.dim() < 2 or len(x) == 0:
            raise ValueError(f"x_{part} must have shape (N, ...) with N >= 1, got {tuple(x.shape)}")
        if y.dim() == 0 or len(y) != len(x):
            raise ValueError(f"y_{part} must have one target for each of the {len(x)} inputs, got {tuple(y.shape)}")
        if x.device != y.device or x.device != data.x_train.device:
            raise ValueError(f"all tensors must be on one device, got x_{part} on {x.device}, y_{part} on {y.device}")
        # The extremes are NaN where any value is, and cost a tenth of asking each value.
        if x.device.type != "meta" and not bool(torch.stack(x.aminmax()).isfinite().all()):
            raise ValueError(f"x_{part} must be finite, but holds NaN or infinity; drop or impute those rows first")
    if data.x_train.shape[1:] != data.x_test.shape[1:]:
        shapes = f"{tuple(data.x_train.shape[1:])} and {tuple(data.x_test.shape[1:])}"
        raise ValueError(f"train and test inputs must have one shape, got {shapes}")
