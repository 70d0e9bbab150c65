"""What hostile and broken submissions get: the right mark and status, and nothing else."""

import pytest

from optcourse.grading.submission import HiddenCases, SubmissionResult
from tests.grading.sandbox.attacks import ATTACKS
from tests.grading.sandbox.attacks.attack import DIAGNOSIS, MEMORY, SECRET, TARGET

EXERCISES = (MEMORY, TARGET, DIAGNOSIS)
HIDDEN = HiddenCases(SECRET)


def test_there_are_enough_of_them():
    assert len(ATTACKS) >= 40
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name.replace(" ", "_"))
def test_an_attack_gets_its_mark_and_status(attack, grader, tmp_path):
    path = tmp_path / "submission.ipynb"
    path.write_bytes(attack.content())
    result = grader.grade(path, learner="ada", hidden=HIDDEN if attack.hidden else None, exercises=EXERCISES)
    told = [(item.exercise, item.status, item.card["message"], item.card["printed"]) for item in result.exercises]
    assert str(result.status) == attack.submission, (result.message, told)
    assert SubmissionResult.from_json(result.to_json()) == result
    if not attack.status:
        assert (result.points, result.exercises) == (0, ())
        assert result.message
        return
    by_id = {item.exercise: item for item in result.exercises}
    hit = by_id.pop(attack.exercise)
    assert hit.status == attack.status, told
    assert hit.points == (hit.max_points if attack.status == "passed" else 0)
    assert {item.status for item in by_id.values()} == {"passed"}, told
    if attack.printed is not None:
        assert hit.card["printed"].strip() == attack.printed
    assert attack.message in hit.card["message"]
    assert hit.card["message"]
    assert hit.card["message"].isprintable() or "\n" in hit.card["message"]
    assert sum(len(str(value)) for value in hit.card.values()) < 10_000
