"""Each scheme has its two texts under the course's names, documented to the standard."""

import inspect

import pytest

from optcourse import initialization
from optcourse.initialization import SCHEMES


@pytest.mark.parametrize("name", SCHEMES)
def test_two_texts(name):
    reference, fast = (getattr(initialization, f"{name}{end}") for end in ("_reference", "_"))
    assert SCHEMES[name] is fast
    assert next(iter(inspect.signature(reference).parameters)) == "shape"
    assert next(iter(inspect.signature(fast).parameters)) == "weight"
    mine = dict(list(inspect.signature(reference).parameters.items())[1:])
    theirs = dict(list(inspect.signature(fast).parameters.items())[1:])
    assert {name: p.default for name, p in mine.items()} == {name: p.default for name, p in theirs.items()}
    documentation = inspect.getdoc(reference)
    for section in (".. math::", "Example:", ">>>"):
        assert section in documentation
    assert "in place" in inspect.getdoc(fast)


@pytest.mark.parametrize(
    "name",
    [
        "fans",
        "gain",
        "moments",
        "lsuv_",
        "zero_residual_",
        "predicted_variance",
        "lecun_normal_reference",
        "he_normal_reference",
    ],
)
def test_documentation(name):
    documentation = inspect.getdoc(getattr(initialization, name))
    for section in (".. math::", "Args:", "Raises:", "Example:", ">>>"):
        if (name, section) != ("lsuv_", ".. math::"):
            assert section in documentation, f"{name} documents no {section}"


def test_all_is_whole():
    assert set(initialization.__all__) <= set(dir(initialization))
    assert len(set(initialization.__all__)) == len(initialization.__all__)
