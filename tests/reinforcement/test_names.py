"""Names and documentation are what the course promises."""

import inspect

import pytest

from optcourse import reinforcement
from optcourse.reinforcement import dqn


@pytest.mark.parametrize("name", reinforcement.__all__)
def test_documented(name):
    thing = getattr(reinforcement, name)
    if callable(thing):
        assert inspect.getdoc(thing)


@pytest.mark.parametrize(
    "name", ["td_target", "td_loss", "proportional_reference", "chain_values", "importance_weight"]
)
def test_documentation(name):
    documentation = inspect.getdoc(getattr(reinforcement, name))
    for section in (".. math::", "Args:", "Raises:", "Example:", ">>>"):
        assert section in documentation, f"{name} documents no {section}"


def test_deviations_are_numbered():
    documentation = inspect.getdoc(inspect.getmodule(dqn))
    assert "Mnih et al." in documentation
    assert all(f"\n{number}." in documentation for number in range(1, 11))


def test_all_is_whole():
    assert set(reinforcement.__all__) <= set(dir(reinforcement))
    assert len(set(reinforcement.__all__)) == len(reinforcement.__all__)
