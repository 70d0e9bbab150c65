"""The published kill matrix is that of the answers on record."""

import html
from pathlib import Path

from optcourse import catalogue
from optcourse.grading.card import Card
from tests.grading.kill_matrix import Cell, all_answers
from tests.grading.page import web_page
from tests.grading.wrong_answers.learner import SOLUTION, WRONG, Answer

PUBLISHED = Path(__file__).parents[2] / "docs" / "kill_matrix.html"
MAKE = "python -m tests.grading.kill_matrix --html docs/kill_matrix.html"


def test_it_shows_every_answer_and_no_failure():
    page = PUBLISHED.read_text(encoding="utf-8")
    ready = {lesson.slug for lesson in catalogue.lessons() if lesson.ready}
    answers = [answer for answer in all_answers() if answer.exercise.partition(".")[0] in ready]
    for exercise in {answer.exercise for answer in answers}:
        assert f"<code>{exercise}</code>" in page, f"{exercise} is missing; run {MAKE}"
    for answer in answers:
        assert f"<td>{html.escape(answer.name)}</td>" in page, f"{answer.name} is missing; run {MAKE}"
    assert page.count('<td class="yes">✓</td>') == len(answers), f"run {MAKE}"
    assert 'class="no"' not in page
    assert "http" not in page


def test_a_wrong_verdict_is_plain_to_see_and_text_is_escaped():
    wrong = Answer("optimizers.adam", "<b>", WRONG, None, "no_bias_correction")
    right = Answer("optimizers.adam", "the solution", SOLUTION, None, status="passed")
    cells = [
        Cell(wrong, Card(False, 0, "lr_in_buffer", "<script>"), 0.0),
        Cell(right, Card(True, 4, None, "Right.", status="passed"), 0.0),
    ]
    page = web_page(cells, {"optimizers.adam": (3, 4)})
    assert "&lt;b&gt;" in page
    assert "<script>" not in page
    assert page.count('<td class="no">✗</td>') == 1
    assert '<td class="no">0 of 1</td>' in page
    assert '<td class="no">3 of 4</td>' in page
    assert '<td class="yes">1 of 1</td>' in page
