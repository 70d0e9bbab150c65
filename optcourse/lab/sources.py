"""Where the data of `load` and `load_texts` come from: the files in `datasets/`, the generator, the download."""

import gzip
import hashlib
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optcourse.lab import download, mnist1d
from optcourse.lab.place import home

_SPLIT_SEED = 0  # of the splits made here; changing it changes every number in the course
_DIGITS_TEST = 360
_SNIPPETS_TEST = 2000


class Arrays(NamedTuple):
    """A data set as its source has it; inputs are divided by `scale`."""

    title: str
    classes: tuple[str, ...]
    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any]
    y_test: NDArray[Any]
    scale: float
    checksum: str


_ARTICLES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_DIGITS = tuple("0123456789")


def _file(name: str) -> Any:
    return resources.files("optcourse.lab") / "datasets" / name


@cache
def _fashion_mnist() -> Arrays:
    with _file("fashion_mnist.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        parts = [arrays[key] for key in ("x_train", "y_train", "x_test", "y_test")]
    return _images("Fashion-MNIST subset", _ARTICLES, parts, 255.0)


def _full_fashion_mnist(allow_download: bool) -> Arrays:
    files, folder = download.FASHION_MNIST, home() / "data" / "fashion_mnist"
    if allow_download:
        download.fetch(files, folder)
    elif not download.present(files, folder):
        megabytes = sum(file.size for file in files) / 1e6
        raise FileNotFoundError(
            f"the full Fashion-MNIST is not in {folder}, or not whole; fetch its {megabytes:.0f} MB once with "
            f'load("fashion_mnist_full", download=True), or use the subset that ships: load("fashion_mnist")'
        )
    x_train, y_train, x_test, y_test = (_read_idx(folder / file.name) for file in files)
    return _images("Fashion-MNIST, full", _ARTICLES, [x_train, y_train, x_test, y_test], 255.0)


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """An IDX file: two zero bytes, the element type (8: unsigned byte), the number of axes, their lengths, the data."""
    content = gzip.decompress(path.read_bytes())
    zeros, kind, axes = int.from_bytes(content[:2], "big"), content[2], content[3]
    if zeros != 0 or kind != 8:
        raise ValueError(f"{path} is not an IDX file of unsigned bytes; delete it and load with download=True")
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


@cache
def _digits() -> Arrays:
    with _file("digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    train, test = _split(labels, _DIGITS_TEST)
    return _images("digits", _DIGITS, [images[train], labels[train], images[test], labels[test]], 16.0)


@cache
def _mnist1d() -> Arrays:
    signals = mnist1d.generate()
    # Sums may round differently from one machine to the next; six decimals are the same everywhere.
    rounded = [np.rint(x * 1e6).astype(np.int32) for x in (signals.x, signals.x_test)]
    digest = checksum(rounded[0], signals.y, rounded[1], signals.y_test)
    return Arrays("MNIST-1D", _DIGITS, signals.x, signals.y, signals.x_test, signals.y_test, 1.0, digest)


@cache
def movie_snippets() -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], str]:
    packed = _file("movie_snippets.tsv.gz").read_bytes()
    content = gzip.decompress(packed)
    rows = [line.split("\t") for line in content.decode("utf-8").rstrip("\n").split("\n")]
    ratings = np.array([float(rating) for _, rating, _ in rows])
    texts = tuple(text for _, _, text in rows)
    train, test = _split(ratings > 0, _SNIPPETS_TEST)
    return texts, ratings, train, test, hashlib.sha256(content).hexdigest()[:12]


# Name -> reader; its argument says whether it may download.
READERS: dict[str, Callable[[bool], Arrays]] = {
    "fashion_mnist": lambda _: _fashion_mnist(),
    "fashion_mnist_full": _full_fashion_mnist,
    "digits": lambda _: _digits(),
    "mnist1d": lambda _: _mnist1d(),
}


def _images(title: str, classes: tuple[str, ...], parts: list[NDArray[Any]], scale: float) -> Arrays:
    x_train, y_train, x_test, y_test = parts
    return Arrays(title, classes, x_train[:, None], y_train, x_test[:, None], y_test, scale, checksum(*parts))


def _split(labels: NDArray[Any], n_test: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of train and test, stratified: each class has its share of the test rows, to within one."""
    random = np.random.RandomState(_SPLIT_SEED)  # the legacy generator's stream is frozen for good
    order = random.permutation(len(labels))
    values, counts = np.unique(labels, return_counts=True)
    exact = counts * n_test / len(labels)
    share = np.floor(exact).astype(int)
    share[np.argsort(share - exact, kind="stable")[: n_test - share.sum()]] += 1
    chosen = [order[labels[order] == value][:number] for value, number in zip(values, share, strict=True)]
    in_test = np.isin(order, np.concatenate(chosen))
    return order[~in_test], order[in_test]


def checksum(*parts: NDArray[Any] | Tensor) -> str:
    """First 12 hexadecimal digits of the SHA-256 of the parts' types, shapes and little-endian bytes, in order."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Tensor):
            part = part.detach().cpu()
            part = (part.float() if part.dtype == torch.bfloat16 else part).numpy()  # numpy has no bfloat16
        array = np.ascontiguousarray(part, dtype=part.dtype.newbyteorder("<"))
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:12]
