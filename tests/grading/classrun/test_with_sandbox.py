"""The whole way with the real sandbox: notebooks in a folder, `optcourse grade`, marks and pages."""

import csv
import json
from pathlib import Path

import pytest

from optcourse.cli import main
from tests.grading.sandbox.submissions import ROOT, SOLUTION, source_of, with_answers

MOMENTUM = "optimizers.momentum"


def test_a_class(tmp_path, capsys):
    dampened = source_of(MOMENTUM).replace("+ p.grad", '+ (1 - group["momentum"]) * p.grad')
    leaves = f"import os\nos._exit(0)\n{source_of(MOMENTUM)}"
    handed = {
        "right": SOLUTION.read_bytes(),
        "wrong": with_answers({MOMENTUM: dampened}),
        "leaves": with_answers({MOMENTUM: leaves}),
        "empty": (ROOT / "exercises" / SOLUTION.name).read_bytes(),
        "torn": SOLUTION.read_bytes()[:9000],
    }
    for learner, content in handed.items():
        (tmp_path / "handed" / learner).mkdir(parents=True)
        (tmp_path / "handed" / learner / "04.ipynb").write_bytes(content)
    (tmp_path / "hidden.toml").write_text('seed = "nobody knows"\n')
    out = tmp_path / "out"
    command = ["grade", str(tmp_path / "handed"), "--out", str(out), "--hidden", str(tmp_path / "hidden.toml")]
    status = main([*command, "--workers", "1"])
    said = capsys.readouterr().err
    if status and "isolat" in said:
        pytest.skip(f"no sandbox on this machine: {said}")
    assert status == 0, said
    with (out / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["learner"]: row for row in csv.DictReader(file)}
    assert {learner: (row["status"], row["points"]) for learner, row in rows.items()} == {
        "right": ("graded", "17"),
        "wrong": ("partly", "15"),
        "leaves": ("partly", "15"),
        "empty": ("not attempted", "0"),
        "torn": ("corrupt", ""),
    }
    assert {row["isolated"] for row in rows.values()} == {"yes"}
    results = {line["learner"]: line for line in map(json.loads, (out / "results.jsonl").read_text().splitlines())}
    momentum = {learner: result["exercises"][1] for learner, result in results.items() if result["exercises"]}
    assert momentum["right"]["hidden_passed"] == momentum["right"]["hidden_total"] > 0
    assert momentum["wrong"]["misconception"]
    assert momentum["leaves"]["status"] == "crashed"
    assert f"<code>{momentum['wrong']['misconception']}</code>" in feedback(out, "wrong")
    assert "nobody knows" not in "".join(path.read_text() for path in out.rglob("*") if path.is_file())


def feedback(out: Path, learner: str) -> str:
    return (out / "feedback" / "04_optimizers" / f"{learner}.html").read_text()
