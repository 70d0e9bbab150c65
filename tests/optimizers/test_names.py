"""Every optimizer has its three texts under the names the course uses, a documentation to the standard, and a place in
the table of configurations. The recipe "add an optimizer" is kept true by this."""

import inspect
import re

import pytest

from optcourse import optimizers
from optcourse.optimizers import OPTIMIZERS
from tests.optimizers.cases import CASES

every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


@every_optimizer
def test_three_texts(name: str) -> None:
    kind = OPTIMIZERS[name]
    assert kind.__name__.lower() == name
    for public in (f"{name}_reference", f"{name}_", kind.__name__):
        assert public in optimizers.__all__
        assert getattr(optimizers, public).__module__ == f"optcourse.optimizers.{name}"


@every_optimizer
def test_in_the_table(name: str) -> None:
    assert OPTIMIZERS[name] in {case.optimizer for case in CASES}


@every_optimizer
def test_documentation(name: str) -> None:
    reference = inspect.getdoc(getattr(optimizers, f"{name}_reference")) or ""
    for section in (".. math::", "Args:", "Returns:", "Pure:", "Example:", ">>>", "References:"):
        assert section in reference, f"{name}_reference documents no {section}"
    in_place = inspect.getdoc(getattr(optimizers, f"{name}_")) or ""
    assert re.search(r"Mutates thetas.*never gs", in_place, flags=re.DOTALL)
    docs = inspect.getdoc(OPTIMIZERS[name]) or ""
    for section in ("Args:", "Raises:"):
        assert section in docs


@every_optimizer
def test_signatures(name: str) -> None:
    reference = inspect.signature(getattr(optimizers, f"{name}_reference")).parameters
    several = name == "sam"  # its norm is over all tensors
    assert list(reference)[:2] == (["thetas", "gs"] if several else ["theta", "g"])
    assert list(inspect.signature(getattr(optimizers, f"{name}_")).parameters)[:2] == ["thetas", "gs"]
    assert list(inspect.signature(OPTIMIZERS[name]).parameters)[:2] == ["params", "lr"]


def test_all_is_whole() -> None:
    assert set(optimizers.__all__) <= set(dir(optimizers))
    assert len(set(optimizers.__all__)) == len(optimizers.__all__)
