"""Records of submissions and hidden cases."""

import json

import pytest

from optcourse.grading.card import Card, Number
from optcourse.grading.submission import ExerciseResult, HiddenCases, Status, SubmissionResult, card_fields


def test_a_result_is_one_line_of_ascii_and_comes_back_equal():
    card = Card(False, 0, "dampening", "né\n\ud800", number=Number("step 1", "1", "2"), facts=("a", "b"))
    one = ExerciseResult("optimizers.adam", "failed", 0.0, 4.0, "dampening", card_fields(card), 3, 10, 0, 10, 0.5, "ab")
    result = SubmissionResult(
        "ada", "optimizers", "a/b.ipynb", Status.PARTLY, 2.0, 17.0, True, "bubblewrap", (one,), "text", 1.5, "f" * 64
    )
    line = json.dumps(result.to_json())
    assert line.isascii()
    assert "\n" not in line
    assert SubmissionResult.from_json(json.loads(line)) == result


@pytest.mark.parametrize(
    "change",
    [
        {"status": "splendid"},
        {"points": float("nan")},
        {"points": "17"},
        {"exercises": [{"id": 1}]},
        {"exercises": 5},
        {"grade": 1},
    ],
    ids=repr,
)
def test_what_is_no_record_is_refused(change):
    good = SubmissionResult("ada", "", "a", Status.MISSING, 0.0, 17.0, True, "none").to_json()
    with pytest.raises(ValueError):
        SubmissionResult.from_json({**good, **change})


def test_hidden_seeds_differ_by_all_that_they_depend_on():
    cases = HiddenCases("one", cases=3, per_learner=True)
    seeds = cases.seeds("optimizers.adam", "ada")
    assert seeds == cases.seeds("optimizers.adam", "ada")
    assert len(set(seeds)) == 3
    assert all(0 < seed < 2**31 for seed in seeds)
    others = [
        cases.seeds("optimizers.adam", "bob"),
        cases.seeds("optimizers.adamw", "ada"),
        HiddenCases("two", cases=3, per_learner=True).seeds("optimizers.adam", "ada"),
    ]
    assert len({seeds, *others}) == 4
    same = HiddenCases("one", cases=3)
    assert same.seeds("optimizers.adam", "ada") == same.seeds("optimizers.adam", "bob")


def test_a_file_of_hidden_cases(tmp_path):
    path = tmp_path / "hidden.toml"
    path.write_text('seed = "spring"\ncases = 2\nper_learner = true\n')
    assert HiddenCases.from_file(path) == HiddenCases("spring", 2, True)
    path.write_text('seed = "spring"')
    assert HiddenCases.from_file(path) == HiddenCases("spring")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed = ", "not a TOML file"),
        ("cases = 2", "seed is missing"),
        ('seed = "  "', "a text that nobody can guess"),
        ("seed = 5", "got 5"),
        ('seed = "secret"\ncases = 0', "from 1 to 20, got 0"),
        ('seed = "secret"\ncases = true', "got True"),
        ('seed = "secret"\nper_learner = 1', "true or false, got 1"),
        ('seed = "secret"\nlearner = true', "unknown learner"),
    ],
)
def test_a_wrong_file_is_told_without_its_seed(tmp_path, text, told):
    path = tmp_path / "hidden.toml"
    path.write_text(text)
    with pytest.raises(ValueError) as error:
        HiddenCases.from_file(path)
    assert told in str(error.value)
    assert str(path) in str(error.value)
    assert "secret" not in str(error.value)


def test_the_seed_is_not_shown():
    assert "secret" not in repr(HiddenCases("secret"))
