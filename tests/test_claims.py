"""Claims: verdicts, marks, records, staleness, and that prose and records agree with them."""

import math
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from optcourse.catalogue import lessons
from optcourse.experiments import Ledger, claims, record_path, recorded_runs, sweeps
from optcourse.experiments.__main__ import is_fresh, module_of, weaknesses
from optcourse.experiments.recorded_runs import load_runs, save_runs
from optcourse.lab import code_hash as hashing
from optcourse.lab.claims import Band, Claim, ClaimError, ClaimRecord, Interval, Result, at_least, at_most, within
from optcourse.lab.records import Record, Run

READY = [lesson for lesson in lessons() if lesson.ready]
ALL = {id: claim for lesson in READY for id, claim in claims(lesson.slug).items()}
TRAININGS = {id: train for lesson in READY for id, train in sweeps(lesson.slug).items()}
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def measure_seed(seed: int) -> float:
    return float(seed)


def made(asks: Interval, *values: float, **options) -> Result:
    claim = Claim("optimizers.example", "A sentence.", asks, measure_seed, **options)
    return Result(claim, dict(enumerate(values)))


@pytest.mark.parametrize(
    ("asks", "values", "verdict"),
    [
        (at_least(1), (1.0, 2.0), "reproduced"),
        (at_least(1), (0.9, 2.0), "undecided"),
        (at_least(1), (0.1, 0.9), "not reproduced"),
        (at_most(1), (0.1, 0.9), "reproduced"),
        (at_most(1), (1.1, 9.0), "not reproduced"),
        (within(1, 2), (1.1, 1.9), "reproduced"),
        (within(1, 2), (0.5, 2.5), "undecided"),
        (within(1, 2), (2.1, 2.5), "not reproduced"),
        (at_least(1), (math.inf, 2.0), "reproduced"),
        (at_least(1), (math.nan, 2.0), "not reproduced"),
    ],
)
def test_verdicts(asks, values, verdict):
    assert made(asks, *values).verdict == verdict


def test_a_contradicted_claim_fails_and_says_all():
    with pytest.raises(ClaimError, match=r"optimizers\.example.*says reproduced.*not reproduced.*at least 5.*0: 1\.0"):
        made(at_least(5), 1.0, 2.0).require()


def test_an_unexpected_reproduction_fails_too():
    result = made(at_least(5), 6.0, 7.0, expected="not reproduced", reason="too small a net")
    with pytest.raises(ClaimError, match="the lesson says not reproduced"):
        result.require()


def test_an_undecided_claim_is_shown():
    assert "undecided" in repr(made(at_least(1), 0.5, 2.0).require())


def test_a_claim_kept_as_undecided_must_stay_so():
    options = {"kind": "recorded", "tolerance": 1.0, "expected": "undecided", "reason": "seeds differ"}
    assert made(at_least(0), 1.0, 2.0, **options).require().verdict == "undecided"  # inside, by too thin a margin
    assert made(at_least(0), -1.0, 2.0, **options).require().verdict == "undecided"
    for values, verdict in [((5.0, 6.0), "reproduced"), ((-6.0, -5.0), "not reproduced")]:
        with pytest.raises(ClaimError, match=f"the lesson says undecided, this run says {verdict}"):
            made(at_least(0), *values, **options).require()


def test_a_recomputed_seed_must_meet_its_record():
    claim = Claim("optimizers.example", "A sentence.", at_least(0), measure_seed, kind="recorded", tolerance=0.1)
    Result(claim, {0: 1.0, 1: 2.0}, recomputed=(0, 1.05)).require()
    for value in (1.2, math.nan):
        with pytest.raises(ClaimError, match="make claims"):
            Result(claim, {0: 1.0, 1: 2.0}, recomputed=(0, value)).require()


def test_a_recomputed_seed_must_show_what_a_reproduced_claim_asks_for():
    claim = Claim("optimizers.example", "A sentence.", at_least(0.95), measure_seed, kind="recorded", tolerance=0.1)
    Result(claim, {0: 1.0}, recomputed=(0, 0.96)).require()
    with pytest.raises(ClaimError, match=r"gives 0\.94, asked at least 0\.95: here the claim does not hold"):
        Result(claim, {0: 1.0}, recomputed=(0, 0.94)).require()
    undecided = replace(claim, expected="undecided", reason="seeds differ")
    Result(undecided, {0: 1.0, 1: 0.9}, recomputed=(0, 0.94)).require()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Interval(2, 1), "low < high"),
        (lambda: Band.of({}), "at least one seed"),
        (lambda: made(at_least(0), 1.0, kind="recorded"), "tolerance"),
        (lambda: made(at_least(0), 1.0, expected="not reproduced"), "reason"),
        (lambda: made(at_least(0), 1.0, expected="undecided", reason="seeds differ"), "record it"),
    ],
)
def test_bad_input_is_refused(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_margin_is_in_band_widths():
    assert Band(3.0, 2.5, 3.5).margin(at_least(1)) == 2.0
    assert Band(3.0, 3.0, 3.0).margin(at_least(1)) == math.inf
    assert Band(1.5, 1.4, 1.6).margin(within(1, 1.7)) == pytest.approx(1.0)


def test_every_measured_digit_stands_between_the_marks():
    result = made(within(0, 10), 1.2345, 5.4321, paper="7 %", unit="%")
    for text in (repr(result), result._repr_html_()):
        outside = re.sub(r"⟨[^⟩]*⟩", "", text)
        for digits in ("1.23", "5.43", "3.33"):
            assert digits in text
            assert digits not in outside


def test_html_is_escaped():
    result = Result(Claim("optimizers.x", "a < b & <script>", at_least(0), measure_seed), {0: 1.0})
    assert "<script>" not in result._repr_html_()
    assert "a &lt; b" in result._repr_html_()


def test_ledger_refuses_unknown_and_missing_claims():
    ledger = Ledger("optimizers")
    with pytest.raises(KeyError, match=r"optimizers\.adam_memory"):
        ledger("optimizers.nonsense")
    ledger("optimizers.adam_memory")
    with pytest.raises(ValueError, match=r"not made.*momentum_memory"):
        ledger.table()


def hash_of_top(module: str = "claimed.top") -> str:
    hashing.code_hash.cache_clear()
    hashing._source.cache_clear()
    return hashing.code_hash(module)


def test_code_hash_follows_behavior_and_not_layout(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(hashing, "__name__", "claimed.lab")
    package = tmp_path / "claimed"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text('"""Doc."""\ndef f(x):\n    return x + 1\n')
    (package / "top.py").write_text("from claimed.deep import f\ndef measure(seed):\n    return f(seed)\n")

    first = hash_of_top()
    (package / "deep.py").write_text('# Other\ndef f(x):\n    """Another."""\n    return (x +\n        1)\n')
    assert hash_of_top() == first
    (package / "deep.py").write_text("def f(x):\n    return x + 2\n")
    assert hash_of_top() != first
    hashing.code_hash.cache_clear()
    hashing._source.cache_clear()


def test_code_hash_looks_through_what_a_package_hands_on(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(hashing, "__name__", "handing.lab")
    inner = tmp_path / "handing" / "inner"
    inner.mkdir(parents=True)
    handing = (
        "from handing.inner.one import f as g\nfrom handing.inner.two import h\nfrom handing.inner import one as uno\n"
    )
    (inner.parent / "__init__.py").write_text("")
    (inner / "__init__.py").write_text(handing + "def own(x):\n    return x\n")
    (inner / "one.py").write_text("def f(x):\n    return x\n")
    (inner / "two.py").write_text("def h(x):\n    return x\n")
    top = inner.parent / "top.py"

    def changed_by(name: str, text: str) -> bool:
        path = inner / name
        kept, before = path.read_text(), hash_of_top("handing.top")
        path.write_text(text)
        after = hash_of_top("handing.top")
        path.write_text(kept)
        return after != before

    other = "def f(x):\n    return 2 * x\n"
    top.write_text("from handing.inner import g\n")
    assert changed_by("one.py", other)
    assert not changed_by("two.py", "def h(x):\n    return 2 * x\n")
    assert not changed_by("__init__.py", handing + "from handing.inner.three import new\n")
    for whole in ("from handing.inner import own\n", "import handing.inner\n", "from handing import inner\n"):
        top.write_text(whole)
        assert changed_by("one.py", other)
        assert changed_by("__init__.py", handing + "def own(x):\n    return 2 * x\n")
    for module in ("from handing.inner import one\n", "from handing.inner import uno\n"):
        top.write_text(module)
        assert changed_by("one.py", other)
        assert not changed_by("two.py", "def h(x):\n    return 2 * x\n")


def test_records_survive_a_round_trip(tmp_path):
    record = ClaimRecord("optimizers.x", {0: 1.0, 1: math.inf}, 1, "ab", "make claims", {"torch": "2"}, "digits")
    record.save(tmp_path / "deep" / "x.json")
    assert ClaimRecord.load(tmp_path / "deep" / "x.json") == record
    assert record.sets() == [{0: 1.0}, {1: math.inf}]
    with pytest.raises(FileNotFoundError, match="make claims"):
        ClaimRecord.load(tmp_path / "none.json")


@pytest.mark.parametrize("id", ALL)
def test_every_claim_is_recorded_afresh_and_carries(id):
    claim = ALL[id]
    assert is_fresh(id, module_of(claim)), f"{id}: its record is of other code; run `make claims`"
    assert weaknesses(claim, ClaimRecord.load(record_path(id))) == []


@pytest.mark.parametrize("id", TRAININGS)
def test_recorded_trainings_are_fresh(id):
    assert is_fresh(id, module_of(TRAININGS[id])), f"{id}: its record is of other code; run `make claims`"
    assert {run.config["seed"] for run in recorded_runs(id)} == {0, 1, 2, 3, 4}


def test_runs_survive_a_round_trip(tmp_path):
    last = Record(7, 1.0, 0.5, 0.1, test_loss=0.25, test_accuracy=0.75)
    runs = [
        Run({"optimizer": "sgd", "lr": 0.1, "seed": 0, "momentum": 0.9}, (last,), "digits"),
        Run({"optimizer": "adam", "lr": 0.1, "seed": 0}, (Record(3, 1.0, math.nan, 0.1),), "digits", diverged=True),
    ]
    save_runs(tmp_path / "runs.json", runs, code="ab", command="make claims", versions={"torch": "2"})
    back = load_runs(tmp_path / "runs.json")
    assert [(run.config["optimizer"], run.diverged) for run in back] == [("sgd", False), ("adam", True)]
    assert (back[0].final(), back[0].final("test_loss"), back[0].records[-1].step) == (0.75, 0.25, 7)
    assert math.isnan(back[1].final())
    assert list(back[0].config) == ["optimizer", "lr", "seed"]
    with pytest.raises(ValueError, match="no runs"):
        save_runs(tmp_path / "none.json", [], code="", command="", versions={})
    with pytest.raises(FileNotFoundError, match="make claims"):
        load_runs(tmp_path / "none.json")


def test_whole_runs_survive_a_round_trip(tmp_path):
    looks = tuple(Record(step, float(step), 1.0 / (1 + step), 0.1, test_loss=2.0) for step in range(3))
    broken = (looks[0], Record(1, 1.0, math.nan, 0.1))
    runs = [
        Run({"scheme": "he", "depth": 30, "lr": 0.1, "seed": 0}, looks, "digits"),
        Run({"scheme": "he", "depth": 30, "lr": 0.1, "seed": 1}, broken, "digits", diverged=True),
    ]
    save_runs(tmp_path / "runs.json", runs, code="", command="", versions={}, whole=True)
    back = load_runs(tmp_path / "runs.json")
    assert [(run.config["seed"], run.diverged) for run in back] == [(0, False), (1, True)]
    assert [(look.step, look.loss, look.test_loss) for look in back[0].records] == [
        (look.step, look.loss, look.test_loss) for look in looks
    ]
    assert math.isnan(back[1].records[-1].loss)


def test_weak_claims_are_named():
    claim = Claim("optimizers.x", "A sentence.", at_least(0), measure_seed)

    def faults(*values: float) -> str:
        return " ".join(weaknesses(claim, ClaimRecord("x", dict(enumerate(values)), 2, "", "", {})))

    assert faults(*[5.0, 6.0] * 5) == ""
    assert "margin" in faults(*[0.1, 6.0] * 5)
    assert "verdicts" in faults(*[5.0, 6.0] * 4, -1.0, -2.0)
    assert "4 disjoint" in faults(*[5.0, 6.0] * 4)


def test_a_claim_kept_as_undecided_is_recorded_as_such():
    options = {"kind": "recorded", "tolerance": 1.0, "expected": "undecided", "reason": "seeds differ"}
    claim = Claim("optimizers.x", "A sentence.", at_least(0), measure_seed, **options)

    def faults(*values: float) -> list[str]:
        return weaknesses(claim, ClaimRecord("x", dict(enumerate(values)), 2, "", "", {}))

    assert faults(*[1.0, 2.0] * 5) == faults(*[-1.0, 2.0] * 5) == []
    assert "say what it shows" in faults(*[5.0, 6.0] * 5)[0]


# Prose cites a claim as: 0.82 [optimizers.heavy_ball_rate]
CITATION = re.compile(r"(-?\d[\d,]*\.?\d*)[^\d\[\]]{0,40}\[(\w+\.\w+)\]")
STORED = re.compile(r"\| (\w+\.\w+) \|.*?⟨(\S+) \[(\S+), (\S+)\]⟩", re.DOTALL)


def cited_outside_their_band(notebook) -> list[str]:
    """Citations in the prose of a notebook whose number is not inside the band its outputs show."""
    bands: dict[str, tuple[float, float]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/plain", "")
            for id, _, low, high in STORED.findall(text):
                bands.setdefault(id, (_read(low), _read(high)))
    faults = []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for number, id in CITATION.findall(cell.source):
            if id not in bands:
                faults.append(f"{id} is cited and never shown")
                continue
            low, high = bands[id]
            slack = _half_digit(number)
            if not low - slack <= _read(number) <= high + slack:
                faults.append(f"{number} [{id}] is outside its band {low:g} to {high:g}")
    return faults


def _read(number: str) -> float:
    return float(number.replace(",", ""))


def _half_digit(number: str) -> float:
    """Half a unit of the last digit that the prose gives: 0.82 may stand for 0.8182."""
    return 0.5 * 10 ** -len(number.partition(".")[2])


@pytest.mark.parametrize("stem", [lesson.stem for lesson in READY])
def test_numbers_in_prose_lie_inside_their_claims(stem):
    notebook = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4)
    assert sum(len(CITATION.findall(c.source)) for c in notebook.cells if c.cell_type == "markdown") >= 5
    assert cited_outside_their_band(notebook) == []


def test_a_wrong_number_in_prose_is_found():
    shown = nbformat.v4.new_code_cell("claim('optimizers.x')")
    text = "reproduced | optimizers.x | A sentence.\n  measured: ⟨0.821 [0.82, 0.822]⟩ over 3 seeds"
    shown.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": text})]

    def faults(prose: str) -> list[str]:
        return cited_outside_their_band(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose), shown]))

    assert faults("It is 0.82 a step [optimizers.x].") == []
    assert "outside" in faults("It is 0.84 a step [optimizers.x].")[0]
    assert "never shown" in faults("It is 3 [optimizers.y].")[0]
