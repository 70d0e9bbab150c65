"""The parts that the lesson's experiments are made of; their numbers are claims, tested elsewhere."""

import copy
import re

import pytest
import torch
from torch import nn

from optcourse import runtimes
from optcourse.experiments import quantization as experiments
from optcourse.experiments.quantization import (
    bits,
    deep_compression,
    differences_from_runtime,
    requantized,
    rescale_channels,
)
from optcourse.lab.models import mlp
from optcourse.quantization import Scheme, decode, parameters_for
from tests.quantization.cases import draw


def linear_layers(model: nn.Module) -> list[nn.Linear]:
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear)]


def test_claims_have_names_of_the_lesson() -> None:
    ids = [claim.id for claim in experiments.CLAIMS]
    assert len(set(ids)) == len(ids) >= 10
    assert all(id.startswith("quantization.") for id in ids)


@pytest.mark.parametrize("decades", [0.0, 3.5])
def test_rescaling_keeps_the_function(decades: float) -> None:
    model = mlp((30, 12, 7, 4), seed=0, dtype=torch.float64)
    before = copy.deepcopy(model.state_dict())
    rescaled = rescale_channels(model, decades, seed=1)
    x = draw(0, 20, 30)
    torch.testing.assert_close(rescaled(x), model(x), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=0)
    old, new = (parameters_for(linear_layers(net)[0].weight, Scheme(axis=0)).scale for net in (model, rescaled))
    spread = float((new / old).max() / (new / old).min())
    assert spread == 1.0 if decades == 0 else 30 < spread < 10**decades


def test_largest_keeps_the_largest() -> None:
    weight = torch.tensor([[0.1, -5.0, 2.0], [-3.0, 0.0, 0.2]])
    assert deep_compression.largest(weight, 0.5).tolist() == [[False, True, True], [True, False, False]]


def test_pruning_and_sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep_compression, "ROUND_STEPS", 3)
    monkeypatch.setattr(deep_compression, "SHARED_STEPS", 3)
    model = mlp((784, 24, 21, 10), seed=0)
    layers = linear_layers(model)
    largest, shares = deep_compression.largest, []
    monkeypatch.setattr(deep_compression, "largest", lambda w, share: shares.append(share) or largest(w, share))
    masks = deep_compression.prune(model, layers, seed=0)
    assert shares[::3] == pytest.approx([0.08 ** (turn / 4) for turn in (1, 2, 3, 4)])  # the same share each round
    for layer, mask, kept in zip(layers, masks, deep_compression.KEPT, strict=True):
        assert int(mask.sum()) == round(kept * mask.numel())
        assert not layer.weight[~mask].any()
        assert bool(layer.weight[mask].abs().min() > 0)
    pruned = [layer.weight.detach().clone() for layer in layers]
    codes, codebooks = deep_compression.share(model, layers, masks, seed=0)
    for layer, mask, code, codebook, before in zip(layers, masks, codes, codebooks, pruned, strict=True):
        assert len(codebook) <= 64
        assert torch.equal(layer.weight[mask], decode(code, codebook))
        assert not layer.weight[~mask].any()
        assert not torch.equal(layer.weight, before)
        assert float((layer.weight.detach() - before).norm() / before.norm()) < 0.1


def test_every_byte_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float bytes by hand, each stage smaller than the one before, the index width the paper's."""
    monkeypatch.setattr(deep_compression, "SIZES", (784, 24, 21, 10))
    for name in ("STEPS", "ROUND_STEPS", "SHARED_STEPS"):
        monkeypatch.setattr(deep_compression, name, 3)
    result = deep_compression.compress.__wrapped__(0)
    weights = 784 * 24 + 24 * 21 + 21 * 10
    assert result.bytes["float"] == 4 * (weights + 24 + 21 + 10)
    sizes = [result.bytes[stage] for stage in ("float", "pruned", "shared", "huffman")]
    assert sizes == sorted(sizes, reverse=True)
    kept = round(0.08 * 784 * 24) + round(0.09 * 24 * 21) + round(0.26 * 210)
    assert result.bytes["pruned"] >= kept * (32 + 5) / 8
    assert result.bytes["huffman"] > kept * 2 / 8
    assert result.ratio("pruned") == result.bytes["float"] / result.bytes["pruned"]


def test_bits_against_accuracy_names_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bits, "ptq_accuracy", lambda seed, width, observer: 10.0 * width)
    monkeypatch.setattr(bits, "qat_accuracy", lambda seed, width: 11.0 * width)
    runs = bits.bits_against_accuracy(3, bits=(2, 4))
    assert [(run.config["method"], run.config["bits"]) for run in runs] == [
        (method, width) for width in (2, 4) for method in (*bits.LABELS.values(), "QAT")
    ]
    assert [run.final() for run in runs[-2:]] == [0.4, 0.44]


@pytest.mark.skipif(not runtimes.available(), reason="needs the extra 'runtimes'")
@pytest.mark.parametrize("rounding", ["fixed_point", "float_scale"])
def test_requantized_outputs_are_the_runtimes_but_for_ties(rounding) -> None:
    found = differences_from_runtime(rounding, seeds=[1])
    assert found.outputs == 2000 * (128 + 128 + 10)
    assert found.largest <= 1
    assert found.different < 1e-4 * found.outputs


def test_requantized_outputs_that_differ_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requantized, "_in_runtime", lambda layer, q: layer(q).int() + 3 * (layer(q) > 200).int())
    found = differences_from_runtime(seeds=[0])
    assert found.largest == 3
    assert 0 < found.different < found.outputs
    assert re.fullmatch(r"⟨\d+ of 532,000 outputs differ \(\d+\.\d{5} %\), by 3 at most⟩", repr(found))


def test_without_a_runtime_the_comparison_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"{name} is not installed; install the runtimes with pip")

    monkeypatch.setattr(requantized, "require", missing)
    assert repr(differences_from_runtime(seeds=[0])) == "⟨onnx is not installed; install the runtimes with pip⟩"
    with pytest.raises(ValueError, match="must be 'fixed_point' or 'float_scale', got 'nearest'"):
        differences_from_runtime("nearest", seeds=[0])
