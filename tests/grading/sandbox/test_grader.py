"""Grading in the sandbox: honest answers, hidden cases, tests as answers, and faults that stay where they are."""

import pytest

from optcourse import catalogue
from optcourse.grading.submission import HiddenCases
from tests.grading.sandbox.attacks.attack import MEMORY, RIGHT, TARGET
from tests.grading.sandbox.submissions import SOLUTION, cell_of, dumped, notebook_of, source_of, with_answers

HIDDEN = HiddenCases("spring", cases=2)
NESTEROV, RMSPROP = "optimizers.nesterov", "optimizers.rmsprop"
TEST = "initialization.test"


@pytest.fixture
def graded(grader, tmp_path):
    def grade(content, exercises=None, hidden=None):
        path = tmp_path / "submission.ipynb"
        path.write_bytes(content)
        result = grader.grade(path, learner="ada", hidden=hidden, exercises=exercises)
        return result, {item.exercise: item for item in result.exercises}

    return grade


@pytest.mark.parametrize("lesson", [row.slug for row in catalogue.lessons() if row.ready])
def test_solutions_get_full_points_with_hidden_cases(grader, lesson):
    path = SOLUTION.with_name(f"{catalogue.lesson(lesson).stem}.ipynb")
    result = grader.grade(path, learner="ada", hidden=HiddenCases("spring"))
    assert (str(result.status), result.lesson) == ("graded", lesson), result
    assert result.points == result.max_points == sum(row.points for row in catalogue.exercises(lesson))
    assert [item.exercise for item in result.exercises] == [row.id for row in catalogue.exercises(lesson)]
    for item in result.exercises:
        assert item.public_passed == item.public_total > 0
        assert item.hidden_passed == item.hidden_total
        assert (item.hidden_total > 0) == (catalogue.exercise(item.exercise).kind not in ("value", "choice"))


def test_the_exercises_as_handed_out_are_not_attempted(grader):
    for path in (SOLUTION.parents[1] / "exercises").glob("*.ipynb"):
        result = grader.grade(path, learner="ada", hidden=HIDDEN)
        assert str(result.status) == "not attempted"
        assert {item.status for item in result.exercises} == {"not attempted"}


def test_a_wrong_answer_is_named_as_in_a_notebook(graded):
    wrong = RIGHT.replace("+ p.grad", '+ (1 - group["momentum"]) * p.grad')
    _, by_id = graded(with_answers({TARGET: wrong}), [TARGET])
    assert (by_id[TARGET].status, by_id[TARGET].misconception) == ("convention", "dampening")
    assert by_id[TARGET].card["misconception"] == "dampening"


def test_only_some_exercises_can_be_graded_and_the_others_still_run(graded):
    builds_on = source_of(NESTEROV).replace("(Optimizer)", "(Momentum)")
    result, by_id = graded(with_answers({NESTEROV: builds_on}), [NESTEROV])
    assert list(by_id) == [NESTEROV]
    assert by_id[NESTEROV].status == "passed"
    assert (result.points, result.max_points) == (2, 2)


def test_a_check_that_fails_costs_its_exercise_alone(graded, monkeypatch):
    def fails(tree, around):
        raise RecursionError

    _, before = graded(with_answers({}), [TARGET])
    monkeypatch.setattr("optcourse.grading.sandbox.exercise.uses", fails)
    _, by_id = graded(with_answers({NESTEROV: ""}), [TARGET, NESTEROV])
    assert before[TARGET].status == "passed"
    assert [by_id[name].status for name in (TARGET, NESTEROV)] == ["error", "not attempted"]
    assert by_id[TARGET].card["message"] == "Your answer cannot be judged (RecursionError)."


def test_after_a_crash_what_came_before_is_there_again(graded):
    content = with_answers(
        {
            TARGET: RIGHT + "\nfactor = 1.0",
            NESTEROV: "import os\nos._exit(1)",
            RMSPROP: source_of(RMSPROP).replace("p -= lr *", "p -= factor * lr *"),
        }
    )
    _, by_id = graded(content, [TARGET, NESTEROV, RMSPROP])
    assert [by_id[name].status for name in (TARGET, NESTEROV, RMSPROP)] == ["passed", "crashed", "passed"]


def test_what_other_exercises_forbid_is_allowed_where_it_is_not(graded):
    source = (
        "size = len(getattr(torch, 'op' + 'tim').Adam([torch.zeros(1)]).param_groups)\nstate_megabytes = 200.0 * size"
    )
    _, by_id = graded(with_answers({MEMORY: source}), [MEMORY, TARGET])
    assert [item.status for item in by_id.values()] == ["passed", "passed"]


def test_a_missing_import_is_explained(graded):
    _, by_id = graded(with_answers({TARGET: RIGHT.replace("torch.zeros_like", "np.zeros_like")}), [TARGET])
    assert by_id[TARGET].status == "error"
    assert "np" in by_id[TARGET].card["message"]
    _, by_id = graded(with_answers({TARGET: "Momentum = helper()"}), [TARGET])
    assert "only the answer cells and what was handed out run" in by_id[TARGET].card["message"]


def test_hidden_cases_of_a_learner_are_told_apart(graded):
    asked = []

    class Recording(HiddenCases):
        def seeds(self, exercise, learner=""):
            asked.append((exercise, learner))
            return super().seeds(exercise, learner)

    graded(dumped(notebook_of("optimizers")), [MEMORY, TARGET], Recording("x", per_learner=True))
    assert asked == [(TARGET, "ada")]


def with_test(source):
    notebook = notebook_of("initialization")
    cell_of(notebook, TEST)["source"] = source
    return dumped(notebook)


RIGHT_TEST = """
def test_he(initialize):
    {extra}
    weight = initialize(200, 500)
    std = math.sqrt(2 / 500)
    assert weight.shape == (200, 500)
    assert torch.isfinite(weight).all()
    assert abs(weight.mean()) < 0.03 * std
    assert abs(weight.std() / std - 1) < 0.03
    assert not torch.equal(weight[0], weight[1])
    assert not torch.equal(weight, initialize(200, 500))
"""


def test_a_test_is_judged_without_seeing_what_it_is_run_against(graded):
    extra = "print(initialize.__qualname__, hasattr(initialize, '__wrapped__'))"
    _, by_id = graded(with_test(RIGHT_TEST.format(extra=extra)), [TEST])
    assert by_id[TEST].status == "passed"
    assert set(by_id[TEST].card["printed"].split("\n")[:-1]) == {"Elsewhere._call False"}


def test_a_test_that_knows_only_the_order_fails_hidden_cases(graded):
    accepted, rejected = 3 * 12, 10 * 3  # initializers times draws, in the order of the public cases
    source = (
        "calls = -1\ndef test_he(initialize):\n    global calls\n    calls += 1\n"
        f"    assert calls % {accepted + rejected} < {accepted}\n"
    )
    _, by_id = graded(with_test(source), [TEST], HIDDEN)
    assert by_id[TEST].public_passed == by_id[TEST].public_total
    assert (by_id[TEST].status, by_id[TEST].points) == ("failed", 0)
    assert "a hidden one did not" in by_id[TEST].card["notes"][0]


def test_a_test_that_asks_for_too_much_harms_nobody(graded):
    extra = "initialize(10**7, 10**7)"
    _, by_id = graded(with_test(RIGHT_TEST.format(extra=extra)), [TEST])
    assert by_id[TEST].points == 0
    once = "if not hasattr(math, 'once'):\n        math.once = True\n"
    extra = once + "        try: initialize(10**7, 10**7)\n        except RuntimeError: print('refused')"
    _, by_id = graded(with_test(RIGHT_TEST.format(extra=extra)), [TEST])
    assert by_id[TEST].status == "passed"
    assert by_id[TEST].card["printed"] == "refused\n"
