"""The cost panel of the lesson: measured where the runtimes are installed, elsewhere recorded, and saying so."""

import re

import pytest
import torch
from torch import nn

from optcourse.experiments import Ledger, record_path
from optcourse.experiments.quantization import costs, deployed
from optcourse.lab.claims import ClaimRecord
from optcourse.runtimes import available, requirements


def without_measured(text: str) -> str:
    return re.sub(r"⟨[^⟩\n]*⟩", "MEASURED", text)


@pytest.fixture
def no_runtimes(monkeypatch):
    import_module = requirements.importlib.import_module

    def refuse(name: str):
        if name.partition(".")[0] in requirements.PACKAGES:
            raise ImportError(name)
        return import_module(name)

    monkeypatch.setattr(requirements.importlib, "import_module", refuse)
    deployed.mlp_costs.cache_clear()
    deployed.cnn_costs.cache_clear()


def test_without_the_runtimes_the_record_is_shown_and_said(no_runtimes):
    shown = costs("cnn")
    assert shown.panel == deployed.recorded_panels()["cnn"]
    assert re.search(r"the recorded CNN: \w+ is not installed; install .*optcourse\[runtimes\]", repr(shown))
    assert "the recorded CNN" in shown._repr_html_()


@pytest.mark.skipif(not available(), reason="the extra `runtimes` is not installed")
def test_both_differ_in_measured_numbers_alone():
    torch.manual_seed(0)
    mine = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    now = costs("mlp", model=mine)
    assert now.origin == "measured now"
    recorded = deployed.Costs(deployed.recorded_panels()["mlp"], "the recorded MLP")
    assert without_measured(repr(now)) == without_measured(repr(recorded))
    assert without_measured(now._repr_html_()) == without_measured(recorded._repr_html_())


def test_a_claim_that_needs_them_shows_its_record(no_runtimes):
    result = Ledger("quantization")("quantization.int8_file")
    recorded = ClaimRecord.load(record_path("quantization.int8_file")).sets()[0]
    assert result.values == recorded
    assert re.search(r"seed 0 recomputed now: ⟨not here, \w+ is not installed.*⟩", repr(result))


@pytest.mark.skipif(not available(), reason="the extra `runtimes` is not installed")
def test_a_claim_reads_alike_with_and_without_them(no_runtimes, monkeypatch):
    without = Ledger("quantization")("quantization.int8_file")
    monkeypatch.undo()
    here = Ledger("quantization")("quantization.int8_file", values={0: without.values[0]})
    assert without_measured(repr(here)) == without_measured(repr(without))


def test_other_failed_imports_are_not_hidden(monkeypatch):
    def broken(name: str) -> None:
        raise ImportError("cannot import name 'cost_panel'")

    monkeypatch.setattr(deployed, "mlp_costs", broken)
    with pytest.raises(ImportError, match="cost_panel"):
        Ledger("quantization")("quantization.int8_file")


def test_the_worse_form_counts(monkeypatch):
    percent = {"float32": 86.0, "dynamic int8": 86.5, "static int8": 85.0}
    monkeypatch.setattr(deployed, "runtime_accuracy", lambda net, seed: percent)
    assert deployed.loss_of_mlp(0) == deployed.loss_of_cnn(0) == 1.0
    runs = deployed.accuracy_in_runtime(3)
    assert [run.config["method"] for run in runs[:3]] == ["MLP, float32", "MLP, dynamic int8", "MLP, static int8"]
    assert {run.config["seed"] for run in runs} == {3}
    assert [run.final() for run in runs[3:]] == [0.86, 0.865, 0.85]
