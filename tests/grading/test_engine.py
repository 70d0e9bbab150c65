"""`check` on bad input of every kind; the card; checks of the other kinds of answer."""

import time

import pytest
import torch

from optcourse import catalogue
from optcourse.grading import check, progress
from optcourse.grading.candidate import AnswerError, Script, Servant, Session, direct, serializing
from optcourse.grading.card import Card, Number
from optcourse.grading.checks import find
from optcourse.grading.definitions import Case, Variant, VariantError
from optcourse.grading.engine import PUBLIC_SEED, grade
from optcourse.grading.kinds import function_check, test_check
from tests.grading.wrong_answers.optimizers import adam, momentum
from tests.grading.wrong_answers.optimizers.common import build

# Time enough, whatever else the machine does.
ROW = catalogue.Exercise("toy.exercise", "Toy", "function", 2, 1, 1, 1, time_limit=60.0)
SCRIPT = "<script>alert(1)</script>"


def test_an_unknown_id_names_the_nearest():
    with pytest.raises(KeyError, match=r"did you mean 'optimizers\.adam'"):
        check("optimizers.adm", 1)


def test_arguments_the_wrong_way_round_are_told():
    with pytest.raises(TypeError, match="first argument is the exercise's id"):
        check(torch.optim.SGD, "optimizers.adam")


def test_a_failed_check_raises_under_nbgrader_and_keeps_no_points(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError, match="one buffer"):
        check("optimizers.memory", 100)
    assert check("optimizers.memory", 200).passed
    monkeypatch.delenv("NBGRADER_EXECUTION")
    assert progress().points == 0


@pytest.mark.parametrize("answer", [3, "Adam", [], torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)])
def test_an_answer_of_the_wrong_kind_is_told_what_is_asked(answer):
    card = check("optimizers.adam", answer)
    assert card.status == "error"
    assert "The answer is the class itself" in card.message


def test_a_class_with_another_constructor_gets_the_exception_and_its_line():
    class Adam:
        def __init__(self, parameters):
            self.parameters = parameters

    card = check("optimizers.adam", Adam)
    assert card.status == "error"
    assert card.misconception is None
    assert "at the constructor, your code raised `TypeError" in card.message
    assert "unexpected keyword argument" in card.message


def test_an_exception_names_case_step_and_line():
    broken = build(adam.SOURCE, ("v_hat.sqrt()", "v_hat.squareroot()"))
    card = check("optimizers.adam", broken)
    assert 'In the case "one step", at step 1' in card.message
    assert "`p -= lr * m_hat / (v_hat.squareroot() + eps)`" in card.message
    assert card.misconception is None


def test_an_endless_loop_gets_a_card_in_time():
    exercise = catalogue.exercise("optimizers.adam")
    looping = build(
        adam.SOURCE,
        ("                p -= lr", "                while True:\n                    pass\n                p -= lr"),
    )
    short = catalogue.Exercise(**{**vars(exercise), "time_limit": 0.3})
    start = time.process_time()
    card = grade(find("optimizers.adam"), looping, short)
    assert card.status == "timed out"
    assert "0.3 seconds" in card.message
    assert "while True:" in card.message or "pass" in card.message
    assert time.process_time() - start < 5


def test_prints_are_on_the_card_bounded():
    loud = build(
        adam.SOURCE, ("                p -= lr", "                print('m_hat', 'x' * 500)\n                p -= lr")
    )
    card = check("optimizers.adam", loud)
    assert card.passed
    assert card.printed.startswith("m_hat xxx")
    assert len(card.printed) == 2000
    assert card.dropped > 0
    assert "more dropped" in repr(card)


def test_a_step_that_returns_something_and_one_that_leaves_grad_mode_off():
    odd = build(adam.SOURCE, ("        for group in", "        torch.set_grad_enabled(False)\n        for group in"))
    assert check("optimizers.adam", odd).misconception == "stops_autograd"
    assert torch.is_grad_enabled()


def test_a_learners_random_numbers_leave_the_notebooks_alone():
    noisy = build(
        adam.SOURCE, ("                p -= lr", "                torch.manual_seed(3)\n                p -= lr")
    )
    before = torch.get_rng_state()
    assert check("optimizers.adam", noisy).passed
    assert torch.equal(before, torch.get_rng_state())


def test_the_same_answer_gets_the_same_card_every_time():
    wrong = build(adam.SOURCE, ("v_hat.sqrt()", "v_hat"))
    assert repr(check("optimizers.adam", wrong)) == repr(check("optimizers.adam", wrong))


def test_an_exceptions_text_cannot_inject_html():
    nasty = build(
        adam.SOURCE,
        (
            "                p -= lr",
            f"                print('{SCRIPT}')\n                raise ValueError('{SCRIPT} `{SCRIPT}`')\n"
            "                p -= lr",
        ),
    )
    page = check("optimizers.adam", nasty)._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_every_text_of_a_card_is_escaped():
    nasty = Card(
        passed=False,
        points=0,
        misconception=SCRIPT,
        message=SCRIPT,
        exercise=SCRIPT,
        title=SCRIPT,
        case=SCRIPT,
        number=Number(SCRIPT, SCRIPT, SCRIPT),
        facts=(SCRIPT,),
        look_next=SCRIPT,
        printed=SCRIPT,
        notes=(SCRIPT,),
    )
    assert "<script" not in nasty._repr_html_()
    assert repr(nasty).count(SCRIPT) >= 9


def _squared(numbers, power=2, scale=1.0, crash=False):
    if crash and len(numbers) > 2:
        raise VariantError("IndexError")
    return [scale * number**power for number in numbers]


TOY = function_check(
    "toy.exercise",
    lambda seed: (Case("one number", ([2.0 + seed],)), Case("three numbers", ([1.5, -2.0, 3.0],))),
    _squared,
    variants=(
        Variant("cubed", {"power": 3}, "That is the cube."),
        Variant("doubled", {"scale": 2.0}, "That is twice as much."),
        Variant("pairs_alone", {"crash": True}, "That fails for more than two."),
    ),
)


def _indexes_too_far(numbers):
    return [number**2 for number in numbers] if len(numbers) < 3 else numbers[7]


@pytest.mark.parametrize("transport", [direct, serializing])
@pytest.mark.parametrize(
    ("answer", "status", "misconception"),
    [
        (lambda numbers: [number * number for number in numbers], "passed", None),
        (lambda numbers: torch.tensor(numbers) ** 2, "failed", None),
        (lambda numbers: [number**3 for number in numbers], "failed", "cubed"),
        (lambda numbers: [2 * number**3 for number in numbers], "failed", "cubed+doubled"),
        (_indexes_too_far, "failed", "pairs_alone"),
        (lambda numbers: numbers[7], "error", None),
        (lambda numbers: None, "failed", None),
        (lambda numbers: [abs(number) for number in numbers], "failed", None),
        (lambda numbers: object(), "error", None),
        (lambda: 3, "error", None),
        (lambda numbers: ..., "not attempted", None),
        (lambda numbers: float("nan"), "failed", None),
        (lambda numbers: [10**400, -(10**400)], "failed", None),
        (7, "error", None),
        (None, "not attempted", None),
    ],
)
def test_a_function_is_checked(transport, answer, status, misconception):
    card = grade(TOY, answer, ROW, transport=transport)
    assert (card.status, card.misconception) == (status, misconception)


def test_a_function_that_changes_its_arguments_changes_a_copy():
    def answer(numbers):
        squares = [number * number for number in numbers]
        numbers.clear()
        return squares

    assert grade(TOY, answer, ROW).passed


def _right(x):
    return max(x, 0)


TEST = test_check(
    "toy.exercise",
    right={"by max": _right, "by if": lambda x: x if x > 0 else 0},
    mutants={
        "no_clamp": (lambda x: x, "it returns negative numbers"),
        "absolute": (abs, "it flips negative numbers"),
        "shifted": (lambda x: max(x, 0) + (x > 100), "it is one too large above 100"),
    },
)


SEVERAL = test_check(
    "toy.exercise",
    right={"by max": _right},
    mutants={
        "no_clamp": (lambda x: x, "it returns negative numbers."),
        "shifted": (lambda x: max(x, 0) + (x > 100), "it is one too large above 100."),
        "cut": (lambda x: min(max(x, 0), 6), "it is cut at 6."),
        "doubled": (lambda x: 2 * max(x, 0), "it is twice as large."),
    },
)


def _thorough(relu):
    assert relu(-3) == 0
    assert relu(200) == 200
    assert relu(2) == 2


def _sloppy(relu):
    assert relu(-3) == 0
    return relu(2) == 2


def _todo(relu):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("answer", "status", "misconception"),
    [
        (_thorough, "passed", None),
        (lambda relu: relu(-3) == 0 and relu(200) == 200, "passed", None),
        (_sloppy, "failed", "misses_shifted"),
        (lambda relu: None, "failed", "accepts_everything"),
        (lambda relu: False, "failed", "rejects_everything"),
        (lambda relu: relu.no_such_thing, "failed", "raises_instead_of_asserting"),
        (_todo, "not attempted", None),
        ("relu", "error", None),
    ],
)
def test_a_test_is_graded_by_mutants(answer, status, misconception):
    card = grade(TEST, answer, ROW)
    assert (card.status, card.misconception) == (status, misconception)


def _now_and_then(relu):
    assert torch.rand(()) < 0.5
    _thorough(relu)


def _by_luck(relu):
    assert relu(-3) == 0
    assert relu(2) == 2
    assert relu(200) == 200 or torch.rand(()) < 0.5


def test_a_test_whose_verdict_is_chance_is_told_so():
    mutants = {"shifted": (lambda x: max(x, 0) + (x > 100), "it shifts."), "same": (lambda x: x, "it does nothing.")}
    definition = test_check("toy.exercise", {"by max": _right}, mutants, draws=20, noun="activation")
    card = grade(definition, _now_and_then, ROW)
    assert card.misconception == "verdict_depends_on_the_draw"
    assert " of 20 tries on a right activation (by max)" in card.message
    assert "matches none" not in card.message
    assert grade(definition, _by_luck, ROW).misconception == "misses_shifted"
    assert grade(definition, _thorough, ROW).passed


def test_a_test_that_misses_several_is_told_how_many_and_one_of_them():
    card = grade(SEVERAL, lambda relu: relu(-3) == 0, ROW)
    assert card.misconception == "misses_several"
    assert "It misses 3 of 4. In one of them, it is one too large above 100." in card.message
    assert "Not right for: a wrong implementation (3 of 4)." in card.message


def test_a_test_that_raises_is_told_what():
    card = grade(TEST, lambda relu: relu.no_such_thing, ROW)
    assert "It raises AttributeError: 'function' object has no attribute 'no_such_thing' on a right" in card.message


def test_the_servant_knows_only_its_requests_and_its_time():
    servant = Servant(lambda: 3, seconds=1)
    assert servant.handle({"do": "_do_value"})["fault"]["kind"] == "exception"
    assert servant.handle({})["fault"]["kind"] == "exception"
    servant.seconds = 0
    assert servant.handle({"do": "value"})["fault"]["kind"] == "timeout"


def test_a_session_can_read_state_and_set_options():
    session = Session(serializing(Servant(build(adam.SOURCE), seconds=5)))
    options = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8}
    session.construct([{"params": [torch.ones(2)]}], options, "list")
    session.set_group_option(0, "lr", 0.5)
    session.step([torch.ones(2)])
    state = session.read("state")[0]
    assert state["t"] == 1
    torch.testing.assert_close(state["m"], torch.full((2,), 0.1))
    torch.testing.assert_close(session.read("parameters")[0], torch.full((2,), 0.5))
    session.zero_grad()
    assert session.read("gradients") == [None]


def script_of(steps):
    script = Script()
    script.construct([{"params": [torch.ones(2)]}], {"lr": 0.5}, "list")
    for _ in range(steps):
        script.step([torch.ones(2)])
        script.read("parameters")
    return script


class StopsInItsThirdStep(torch.optim.SGD):
    def step(self):
        print("stepping")
        torch.set_default_dtype(torch.float64)
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps == 3:
            raise ValueError("enough")
        super().step()


@pytest.mark.parametrize("transport", [direct, serializing])
def test_a_script_tells_what_came_before_a_fault_and_leaves_torch_as_it_was(transport):
    servant = Servant(StopsInItsThirdStep, seconds=5)
    session = Session(transport(servant))
    seen = []
    with pytest.raises(AnswerError, match="enough"):
        seen.extend(session.play(script_of(4)))
    assert [None if value is None else value[0][0].item() for value in seen] == [None, None, 0.5, None, 0.0]
    assert session.printed == "stepping\n" * 3
    assert torch.get_default_dtype() == torch.float32
    assert servant.seconds < 5
    servant.seconds = 0
    with pytest.raises(AnswerError) as out_of_time:
        next(session.play(script_of(1)))
    assert out_of_time.value.fault.kind == "timeout"


@pytest.mark.parametrize("value", [None, (), {}, [None] * 4, [None]])
def test_values_of_a_script_that_cannot_be_are_refused(value):
    session = Session(lambda request: {"value": value, "fault": None, "printed": "", "dropped": 0})
    with pytest.raises(ValueError, match="values of a script"):
        list(session.play(script_of(1)))


def test_where_a_process_ended_is_not_guessed():
    fault = {"kind": "crash", "type": "SIGSEGV", "message": "", "line": "", "line_number": 0}

    def transport(request):
        if request["do"] == "describe":
            value = {"type": "type", "is_class": True, "is_callable": True, "is_missing": False}
            return {"value": value, "fault": None, "printed": "", "dropped": 0}
        return {"value": [], "fault": fault, "printed": "", "dropped": 0}

    row = catalogue.exercise("optimizers.momentum")
    card = grade(find(row.id), Session(transport), row)
    assert 'In the case "one step", your code ended its process (SIGSEGV).' in card.message


def test_a_card_says_that_hidden_cases_are_still_to_come():
    definition = find("optimizers.momentum")
    card = check("optimizers.momentum", build(momentum.SOURCE))
    public = len(definition.cases(PUBLIC_SEED))
    for text in (repr(card), card._repr_html_()):
        assert f"{public} public cases passed; hidden cases run at submission" in text
