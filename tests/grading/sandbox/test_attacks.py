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


# Every kind of submission that the course promises to stand, and those that show it.
PROMISED = {
    "right, partly right": ["right", "wrong"],
    "errors of syntax and import": ["syntax error", "import error"],
    "loops": ["loop at the top", "loop in a function", "loop that swallows interrupts", "loop in C code"],
    "a loop in a thread": ["loop in a thread beside a right answer"],
    "ends of the process": ["os._exit at the top", "os._exit in step", "segmentation fault"],
    "bombs": ["fork bomb", "100 MB of output", "20 GB of a tensor", "disk fill"],
    "patches": ["patched asserts around a wrong answer", "patched comparisons around a wrong answer"],
    "values that lie": ["tensors that lie", "a float that equals everything"],
    "hooks": ["an import hook", "IPython's transformers"],
    "changed cells": ["changed check cells", "duplicated cell", "deleted cell", "reordered cells", "renamed cell"],
    "files": ["truncated", "not UTF-8", "another kernel", "notebook bomb: wide", "notebook bomb: long"],
    "hidden cases": ["looks for the hidden cases", "looks for the checks"],
    "ways out": ["talks to this machine's network", "writes to results and to another's submission"],
    "what is left": ["leaves a process behind"],
    "the solution": ["imports the solution", "torch's own"],
}


@pytest.mark.parametrize("kind", PROMISED)
def test_what_is_promised_is_tried(kind):
    assert set(PROMISED[kind]) <= {attack.name for attack in ATTACKS}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name.replace(" ", "_"))
def test_an_attack_gets_its_mark_and_status(attack, grader, hasty, tmp_path):
    path = tmp_path / "submission.ipynb"
    path.write_bytes(attack.content())
    chosen = hasty if attack.status == "timed out" else grader
    result = chosen.grade(path, learner="ada", hidden=HIDDEN if attack.hidden else None, exercises=EXERCISES)
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
