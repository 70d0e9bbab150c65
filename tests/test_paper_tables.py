"""Paper / ours / verdict: rows from records, over five seeds, measured digits between the marks."""

import re

import pytest

from optcourse.experiments import claims, paper_tables, record_path
from optcourse.experiments.paper_tables import paper_table
from optcourse.lab.claims import ClaimRecord

IDS = ["initialization.he_forward", "initialization.xavier_std"]


def test_a_row_a_claim_over_five_seeds():
    table = paper_table("He et al. 2015", IDS)
    assert [len(result.values) for result in table.results] == [5, 5]
    recorded = ClaimRecord.load(record_path(IDS[0])).values
    assert table.results[0].values == {seed: recorded[seed] for seed in range(5)}
    lines = repr(table).splitlines()
    assert lines[0] == "He et al. 2015: paper | ours | verdict"
    for line, result in zip(lines[1:], table.results, strict=True):
        assert line == f"  {result.claim.id} | {result.claim.paper} | ⟨{result.measured()}⟩, 5 seeds | reproduced"
    page = table._repr_html_()
    for result in table.results:
        for text in (result.claim.id, result.measured(), "reproduced", f"asked {result.claim.asks}"):
            assert text in page


def test_measured_digits_stand_between_the_marks():
    table = paper_table("He et al. 2015", IDS)
    for text in (repr(table), table._repr_html_()):
        outside = re.sub(r"⟨[^⟩]*⟩", "", text)
        for result in table.results:
            for number in re.findall(r"\d\.\d{2,}", result.measured()):
                assert number not in outside.replace(result.claim.paper, "").replace(result.claim.text, "")


def test_a_verdict_is_that_of_its_seeds(monkeypatch):
    record = ClaimRecord.load(record_path(IDS[0]))
    away = ClaimRecord(record.id, {seed: 3.0 + seed for seed in range(5)}, 3, "", "", {})
    monkeypatch.setattr(paper_tables.ClaimRecord, "load", classmethod(lambda cls, path: away))
    assert "| not reproduced" in repr(paper_table("He et al. 2015", IDS[:1]))


def test_an_undecided_claim_is_shown_over_all_seeds():
    (result,) = paper_table("He et al. 2015", ["initialization.lead_22"]).results
    assert len(result.values) == 15
    assert result.verdict == "undecided"


def test_html_is_escaped():
    assert "&lt;b&gt;" in paper_table("<b>", IDS)._repr_html_()


def test_bad_input():
    without = next(claim.id for claim in claims("initialization").values() if not claim.paper)
    for ids, message in (
        ([], "at least one claim"),
        (["initialization.nonsense"], "not a claim"),
        ([without], "not a claim"),
    ):
        with pytest.raises(ValueError, match=message):
            paper_table("He et al. 2015", ids)
