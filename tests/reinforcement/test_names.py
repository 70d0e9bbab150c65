"""Names and documentation are what the course promises."""

import inspect
import json
import re
from pathlib import Path

import pytest

from optcourse import reinforcement
from optcourse.reinforcement import DQNConfig, dqn

LESSON = Path(__file__).parents[2] / "notebooks" / "17_reinforcement.ipynb"


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


def numbered(text):
    """The items of a numbered list, each on one line."""
    parts = re.split(r"^(\d+)\.\s+", text, flags=re.MULTILINE)
    assert list(map(int, parts[1::2])) == list(range(1, len(parts) // 2 + 1))
    return [" ".join(item.split()) for item in parts[2::2]]


DEVIATIONS = numbered(inspect.getdoc(inspect.getmodule(dqn)))


def test_deviations_are_numbered():
    assert "Mnih et al." in inspect.getdoc(inspect.getmodule(dqn))
    assert len(DEVIATIONS) >= 11


def test_the_lesson_names_the_same_deviations():
    cells = ["".join(cell["source"]) for cell in json.loads(LESSON.read_text(encoding="utf-8"))["cells"]]
    (section,) = [cell for cell in cells if "What differs from the paper of deep Q-learning" in cell]
    assert numbered(section) == DEVIATIONS


def test_deviations_tell_the_settings():
    config, whole = DQNConfig(), " ".join(DEVIATIONS)
    last = config.epsilon(10**9)
    for text in (
        f"{config.environments} sub-environments",
        f"{config.updates} after each {config.update_every} steps",
        f"clipped to {config.max_grad_norm:g}",
        f"learning rate of {config.lr}",
        f"{config.batch_size} transitions in a batch",
        f"every {config.target_every} updates",
        f"to {last} within {next(step for step in range(10**6) if config.epsilon(step) == last):,} steps",
        f"{config.buffer_size:,} transitions are kept",
        f"starts after {config.learning_starts:,} steps",
    ):
        assert text in whole


def test_all_is_whole():
    assert set(reinforcement.__all__) <= set(dir(reinforcement))
    assert len(set(reinforcement.__all__)) == len(reinforcement.__all__)
