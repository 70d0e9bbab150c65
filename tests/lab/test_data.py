"""What ships is what its publishers say, split the same for everybody, and says what it is."""

import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader

from optcourse import lab
from optcourse.lab.data import DATASETS, Data, load, load_texts

SHIPPED = ("fashion_mnist", "digits", "mnist1d")

# Every figure of the course rests on these: a change here is a change of the data, or of their split.
DESCRIPTIONS = {
    "fashion_mnist": "Fashion-MNIST subset, 10,000 train + 2,000 test, sha256 17ed228a1cd1",
    "digits": "digits, 1,437 train + 360 test, sha256 9f2c07fb5632",
    "mnist1d": "MNIST-1D, 4,000 train + 1,000 test, sha256 6a028fa928f8",
}
SHAPES = {"fashion_mnist": (1, 28, 28), "digits": (1, 8, 8), "mnist1d": (40,)}


def toy(**changes) -> Data:
    parts = {
        "x_train": torch.tensor([[0.0, 2.0], [4.0, 6.0], [8.0, 10.0]]),
        "y_train": torch.tensor([0, 1, 0]),
        "x_test": torch.tensor([[5.0, 5.0]]),
        "y_test": torch.tensor([1]),
    }
    return Data("toy", **(parts | changes))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_data_are_the_expected_ones(name):
    data = load(name, device="cpu")
    assert data.description == DESCRIPTIONS[name]
    assert data.input_shape == SHAPES[name]
    assert data.x_train.dtype == torch.float32
    assert data.y_train.dtype == torch.int64
    assert data.y_train.unique().tolist() == list(range(10)) == data.y_test.unique().tolist()
    assert len(data.classes) == 10


@pytest.mark.parametrize("name", ["fashion_mnist", "digits"])
def test_images_fill_the_unit_interval(name):
    data = load(name, device="cpu")
    assert data.x_train.min() == 0
    assert data.x_train.max() == 1


def test_every_kind_of_article_is_there_as_often():
    data = load("fashion_mnist", device="cpu")
    assert data.y_train.bincount().tolist() == [1000] * 10
    assert data.y_test.bincount().tolist() == [200] * 10


@pytest.mark.parametrize("name", ["fashion_mnist", "mnist1d"])
def test_no_test_input_is_in_the_training_set(name):
    data = load(name, device="cpu").flatten()
    train = {row.tobytes() for row in data.x_train.numpy()}
    assert not [i for i, row in enumerate(data.x_test.numpy()) if row.tobytes() in train]


def test_digits_are_scikit_learns():
    data, truth = load("digits", device="cpu", dtype=torch.float64), load_digits()
    ours = torch.cat([data.x_train, data.x_test]).flatten(1).numpy() * 16
    labels = torch.cat([data.y_train, data.y_test]).numpy()
    ours_sorted = np.lexsort(np.column_stack([ours, labels]).T)
    theirs_sorted = np.lexsort(np.column_stack([truth.data, truth.target]).T)
    np.testing.assert_array_equal(ours[ours_sorted], truth.data[theirs_sorted])
    np.testing.assert_array_equal(labels[ours_sorted], truth.target[theirs_sorted])


def test_each_digit_has_its_share_of_the_test_set():
    data = load("digits", device="cpu")
    exact = np.bincount(load_digits().target) * 360 / 1797
    assert np.abs(data.y_test.bincount().numpy() - exact).max() < 1


def test_loading_twice_gives_independent_tensors():
    first = load("digits", device="cpu")
    first.x_train.fill_(7)
    first.y_train.fill_(7)
    second = load("digits", device="cpu")
    assert second.x_train.max() == 1
    assert second.y_train.max() == 9


def test_dtype_and_device_are_honored(monkeypatch):
    assert load("digits", dtype=torch.float64, device="cpu").x_test.dtype == torch.float64
    half = load("mnist1d", dtype=torch.bfloat16, device="cpu")
    assert (half.x_train.dtype, half.y_train.dtype) == (torch.bfloat16, torch.int64)
    monkeypatch.setenv("OPTCOURSE_DEVICE", "meta")
    data = load("digits")
    parts = (data.x_train, data.y_train, data.x_test, data.y_test)
    assert {part.device.type for part in parts} == {"meta"}
    assert data.description == DESCRIPTIONS["digits"]


@pytest.mark.parametrize("change", ["flatten", "standardize", lambda d: d.subset(5), lambda d: d.to(dtype=torch.half)])
def test_changes_keep_every_tensor_on_its_device(change):
    data = load("mnist1d", device="meta")
    changed = getattr(data, change)() if isinstance(change, str) else change(data)
    parts = (changed.x_train, changed.y_train, changed.x_test, changed.y_test)
    assert {part.device.type for part in parts} == {"meta"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load("fashon_mnist"), "did you mean 'fashion_mnist'"),
        (lambda: load("mnist"), "did you mean 'mnist1d'"),
        (lambda: load(None), "unknown data set None"),
        (lambda: load("movie_snippets"), r"use load_texts\('movie_snippets'\)"),
        (lambda: load("digits", dtype=torch.int64), "floating torch.dtype .* got torch.int64"),
        (lambda: load("digits", dtype="float32"), "floating torch.dtype .* got 'float32'"),
        (lambda: load("digits", device="gpu"), "device must name a torch device such as cpu .* got 'gpu'"),
        (lambda: load_texts("movie_snipets"), "did you mean 'movie_snippets'"),
        (lambda: toy().subset(4), "n_train must be between 1 and 3, got 4"),
        (lambda: toy().subset(0), "n_train must be between 1 and 3, got 0"),
        (lambda: toy(x_train=torch.ones(3, 2)).standardize(), "inputs that vary; the training inputs of toy are const"),
        (lambda: toy(y_train=torch.tensor([0, 1])), "one target for each of the 3 inputs"),
        (lambda: toy(y_train=torch.tensor(0)), "one target for each of the 3 inputs"),
        (lambda: toy(x_train=torch.tensor([[1.0, 2.0], [torch.nan, 1.0], [0.0, 0.0]])), "finite, but holds NaN"),
        (lambda: toy(x_test=torch.tensor([[1.0, -torch.inf]])), "x_test must be finite, but holds NaN or infinity"),
        (lambda: toy(x_test=torch.ones(1, 3)), r"one shape, got \(2,\) and \(3,\)"),
        (lambda: toy(x_test=torch.empty(0, 2), y_test=torch.empty(0)), "N >= 1"),
        (lambda: toy(y_test=torch.zeros(1, device="meta")), "on one device, got x_test on cpu, y_test on meta"),
    ],
)
def test_wrong_values_are_answered_with_the_rule_and_the_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: toy(x_train=np.ones((3, 2))), "x_train must be a tensor, got ndarray; use torch.as_tensor"),
        (lambda: toy(x_train=torch.ones(3, 2).long()), r"floating, got torch.int64; use x_train.float\(\)"),
        (lambda: toy().subset(1.5), "n_train must be an integer"),
        (lambda: toy().subset(True), "n_train must be an integer"),
    ],
)
def test_wrong_types_are_answered_with_the_rule_and_the_type(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_standardize_fits_on_the_training_inputs_alone():
    data = toy(x_test=torch.full((1, 2), 100.0)).standardize()
    mean, spread = 5.0, np.sqrt(np.mean([25, 9, 1, 1, 9, 25]))
    torch.testing.assert_close(data.x_train, (toy().x_train - mean) / spread)
    torch.testing.assert_close(data.x_test, torch.full((1, 2), (100 - mean) / spread))


def test_standardize_treats_each_channel_of_an_image_alone():
    x = torch.rand(6, 2, 3, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 50.0]).view(2, 1, 1)
    data = Data("two channels", x, torch.zeros(6), x[:1], torch.zeros(1)).standardize()
    torch.testing.assert_close(data.x_train.mean((0, 2, 3)), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(data.x_train.std((0, 2, 3), correction=0), torch.ones(2))


def test_subsets_are_seeded_nested_and_keep_pairs_together():
    data = load("digits", device="cpu").flatten()
    small, large = data.subset(50, seed=3), data.subset(200, seed=3)
    assert small.x_train.equal(large.x_train[:50])
    assert not small.x_train.equal(data.subset(50, seed=4).x_train)
    assert small.x_test is data.x_test
    rows = {row.numpy().tobytes(): int(y) for row, y in zip(data.x_train, data.y_train, strict=True)}
    assert all(rows[x.numpy().tobytes()] == y for x, y in zip(large.x_train, large.y_train, strict=True))
    assert len({row.tobytes() for row in large.x_train.numpy()}) == 200


def test_description_tells_every_change():
    data = load("digits", device="cpu").flatten().subset(100, seed=7).standardize()
    assert data.description == (
        "digits, 100 train + 360 test, sha256 9f2c07fb5632, subset of 100 with seed 7, standardized"
    )


def test_checksum_of_own_data_depends_on_every_value():
    base = toy().checksum
    assert toy().checksum == base
    assert toy(y_test=torch.tensor([0])).checksum != base
    assert toy(x_train=toy().x_train.nextafter(torch.tensor(9.0))).checksum != base
    assert toy(x_train=toy().x_train.double(), x_test=toy().x_test.double()).checksum != base


def test_floating_targets_follow_the_dtype_and_class_numbers_do_not():
    regression = toy(y_train=torch.ones(3), y_test=torch.ones(1)).to(dtype=torch.float64)
    assert regression.y_train.dtype == torch.float64
    assert toy().to(dtype=torch.float64).y_train.dtype == torch.int64


def test_datasets_go_into_a_data_loader():
    data = load("digits", device="cpu")
    x, y = next(iter(DataLoader(data.train_dataset(), batch_size=16)))
    assert (x.shape, y.shape) == ((16, 1, 8, 8), (16,))
    assert len(data.test_dataset()) == 360


def test_snippets_are_rated_split_and_labeled():
    texts = load_texts(device="cpu", dtype=torch.float64)
    assert texts.description == "movie snippets, 8,070 train + 2,000 test, sha256 dab3001011bd"
    ratings = torch.cat([texts.ratings_train, texts.ratings_test])
    assert ratings.dtype == torch.float64
    assert -4 <= ratings.min() < -3.5
    assert 3.5 < ratings.max() <= 4
    assert texts.y_test.equal((texts.ratings_test > 0).long())
    assert abs(texts.y_test.double().mean() - texts.y_train.double().mean()) < 1e-3
    assert not set(texts.texts_train) & set(texts.texts_test)
    assert all(texts.texts_train)


def test_a_snippet_keeps_its_own_rating():
    texts = load_texts(device="cpu", dtype=torch.float64)
    train = dict(zip(texts.texts_train, texts.ratings_train.tolist(), strict=True))
    test = dict(zip(texts.texts_test, texts.ratings_test.tolist(), strict=True))
    assert (train | test)["Effective but too tepid biopic"] == -0.6


def test_every_shipped_file_is_named_in_the_notice():
    folder = resources.files("optcourse.lab") / "datasets"
    notice = (resources.files("optcourse").joinpath("..", "NOTICE")).read_text(encoding="utf-8")
    shipped = [file.name for file in folder.iterdir() if file.name not in ("README.md", "__pycache__")]
    assert len(shipped) == 7
    assert not [name for name in shipped if name not in notice]


def test_every_public_name_of_the_laboratory_resolves():
    assert not [name for name in dir(lab) if not hasattr(lab, name)]
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        _ = lab.laod


def test_data_sets_named_in_the_documentation_are_those_there_are():
    assert [name for name in DATASETS if name not in (load.__doc__ or "")] == []


def test_importing_the_laboratory_loads_no_torch():
    code = "import sys, optcourse.lab; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
