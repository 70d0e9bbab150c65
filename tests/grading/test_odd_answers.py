"""Whatever an exercise is answered with, there is a card that says what is wrong."""

import math

import pytest
import torch

from optcourse import catalogue
from optcourse.grading.checks import find
from optcourse.grading.engine import grade

ODD = {
    "text": "W",
    "a truth value": True,
    "a huge number": -(2**2000),
    "complex": torch.ones(4, 4, dtype=torch.complex64),
    "truth values": torch.ones(4, 4, dtype=torch.bool),
    "infinite": torch.full((4, 4), math.inf),
    "empty": torch.empty(3, 0),
    "a pair of nothing": (None, None),
    "a number and a text": (1.0, "two"),
    "a long text": "x" * 10**6,
    "a long key": {"x" * 10**6: (1.0, "y" * 10**6)},
    "a class of a long name": type("x" * 10**6, (), {})(),
    "a long list": [0.0] * 20_000,
    "nested": [1, [2, [torch.ones(1)]]],
    "a dict": {"fan_in": 3},
    "an object": object(),
    "overflowing": torch.full((4, 4), 1e308, dtype=torch.float64),
}
READY = [lesson.slug for lesson in catalogue.lessons() if lesson.ready]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("slug", READY)
def test_whatever_is_returned_gets_a_card(slug, name):
    for exercise in catalogue.exercises(slug):
        answer = (lambda *_, **__: ODD[name]) if exercise.kind in ("function", "test") else ODD[name]
        card = grade(find(exercise.id), answer, exercise)
        assert not card.passed
        assert card.message
        assert len(repr(card)) < 10_000
        assert card._repr_html_()
