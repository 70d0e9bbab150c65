"""The published kill matrix is that of the answers on record."""

import html
from pathlib import Path

import pytest

from optcourse import catalogue
from optcourse.grading.card import Card
from tests.grading.kill_matrix import Cell, all_answers
from tests.grading.page import MARKED, README, lesson_table, web_page, with_table
from tests.grading.wrong_answers.learner import SOLUTION, UNLISTED, VALID, WRONG, Answer

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


def test_the_readme_sums_up_every_lesson():
    [table] = MARKED.findall(README.read_text(encoding="utf-8"))
    answers = all_answers()
    for lesson in catalogue.lessons():
        kinds = [answer.kind for answer in answers if lesson.ready and answer.exercise.startswith(f"{lesson.slug}.")]
        if kinds:
            [row] = [line for line in table.splitlines() if line.startswith(f"| {lesson.title} |")]
            right, wrong, unlisted = (
                sum(map(kinds.count, some)) for some in ((SOLUTION, VALID), (WRONG,), (UNLISTED,))
            )
            assert row.startswith(
                f"| {lesson.title} | {len(catalogue.exercises(lesson.slug))} | {right} of {right} | "
                f"{wrong} of {wrong} | {unlisted} of {unlisted} | "
            ), f"run {MAKE}"


def test_the_table_counts_what_failed():
    wrong = Answer("optimizers.adam", "x", WRONG, None, "no_bias_correction")
    cells = [Cell(wrong, Card(False, 0, "lr_in_buffer", ""), 0.0)]
    table = lesson_table(cells, {"optimizers.adam": (3, 4)})
    assert "| Optimizers | 1 | 0 of 0 | 0 of 1 | 0 of 0 | 3 of 4 |" in table
    assert with_table("a\n<!-- kill matrix -->\nold\n<!-- end of kill matrix -->\n", "new\n").splitlines()[2] == "new"
    with pytest.raises(ValueError, match="no marks"):
        with_table("a", table)


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
