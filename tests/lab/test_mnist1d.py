"""The generator gives the numbers of the authors' package, which is installed for these tests alone."""

import time

import numpy as np
import pytest

from optcourse.lab import mnist1d


@pytest.fixture(scope="module")
def package():
    """The authors' module. It draws from numpy's global generator, whose state is put back."""
    state = np.random.get_state()
    data = pytest.importorskip("mnist1d.data", reason="the package mnist1d is not installed")
    yield data
    np.random.set_state(state)


def theirs(package, **changes) -> dict:
    arguments = package.get_dataset_args()
    for name, value in changes.items():
        assert hasattr(arguments, name)
        setattr(arguments, name, value)
    return package.make_dataset(arguments)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_samples": 300, "seed": 7},
        {"num_samples": 305, "train_split": 0.55},
        {"num_samples": 200, "padding": (10, 20), "max_translation": 9, "final_seq_length": 25},
        {"num_samples": 200, "shuffle_seq": True},
        {"num_samples": 200, "scale_coeff": 1.5, "shear_scale": 2.0, "corr_noise_scale": 3.0, "iid_noise_scale": 1.0},
    ],
    ids=lambda changes: ", ".join(changes) or "defaults",
)
def test_equals_the_authors_package(package, changes):
    expected, actual = theirs(package, **changes), mnist1d.generate(**changes)
    for name in ("x", "y", "x_test", "y_test", "t"):
        ours = getattr(actual, name)
        assert ours.shape == expected[name].shape
        np.testing.assert_allclose(ours, expected[name], rtol=0, atol=1e-6)


def test_defaults_are_the_documented_shapes_and_standardized():
    data = mnist1d.generate()
    assert (data.x.shape, data.x_test.shape, data.t.shape) == ((4000, 40), (1000, 40), (40,))
    both = np.concatenate([data.x, data.x_test])
    assert abs(both.mean()) < 1e-12
    assert abs(both.std() - 1) < 1e-12
    assert np.bincount(np.concatenate([data.y, data.y_test])).tolist() == [500] * 10


def test_templates_start_and_end_at_zero(package):
    x, t = mnist1d.templates()
    np.testing.assert_allclose(x[:, [0, -1]], 0, atol=1e-12)
    np.testing.assert_allclose(x, package.get_templates()["x"], atol=1e-12)
    np.testing.assert_allclose(t, package.get_templates()["t"], atol=1e-12)


def test_the_global_generator_is_left_alone():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    mnist1d.generate(num_samples=20)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_another_seed_gives_other_data():
    assert np.abs(mnist1d.generate(num_samples=50).x - mnist1d.generate(num_samples=50, seed=1).x).max() > 0.1


def test_generating_takes_less_than_a_second_of_processor_time():
    def generating():
        begin = time.process_time()
        mnist1d.generate()
        return time.process_time() - begin

    assert any(generating() < 1 for _ in range(10))  # process time doubles beside busy neighbours


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_samples": 19}, "num_samples must be at least 20, got 19"),
        ({"train_split": 1.0}, r"train_split must be in \(0, 1\), got 1.0"),
        ({"train_split": float("nan")}, r"train_split must be in \(0, 1\), got nan"),
        ({"padding": (60, 36)}, r"padding\[1\] must be at least 60, got 36"),
        ({"padding": (1, 2, 3)}, r"padding must be \(least, greatest\)"),
        ({"max_translation": 0}, "max_translation must be at least 1, got 0"),
        ({"final_seq_length": 1}, "final_seq_length must be at least 2, got 1"),
        ({"shear_scale": float("nan")}, "shear_scale must be a finite number >= 0, got nan"),
        ({"iid_noise_scale": -0.1}, "iid_noise_scale must be a finite number >= 0, got -0.1"),
        ({"seed": -1}, "seed must be between 0 and 4294967295, got -1"),
    ],
)
def test_bad_arguments_are_answered_with_the_rule_and_the_value(changes, message):
    with pytest.raises(ValueError, match=message):
        mnist1d.generate(**changes)
