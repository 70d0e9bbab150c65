"""The nets that ship: files without pickle, what is said of them is true, and their training gives them again."""

import json

import numpy as np
import pytest
import torch

from optcourse.experiments.quantization import accuracy, checkpoint, checkpoints
from optcourse.experiments.quantization.__main__ import store
from optcourse.experiments.quantization.checkpoints import FOLDER, NETS, SHIPPED, path, rounded_state, train_anew
from optcourse.lab.code_hash import code_hash
from optcourse.lab.models import parameter_count

INDEX = json.loads((FOLDER / "checkpoints.json").read_text(encoding="utf-8"))


def test_every_file_is_in_the_index_and_all_are_small():
    files = {row["file"] for row in INDEX["files"]}
    assert files == {file.name for file in FOLDER.glob("*.npz")} == {path(n, s).name for n in NETS for s in SHIPPED}
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 1_000_000
    for field in ("command", "versions", "data"):
        assert INDEX[field]


def test_the_index_is_of_the_code_as_it_is():
    assert INDEX["code"] == code_hash(checkpoint.__module__), f"run {INDEX['command']}"


@pytest.mark.parametrize("row", INDEX["files"], ids=lambda row: row["file"])
def test_a_file_holds_half_precision_and_has_its_accuracy(row):
    with np.load(FOLDER / row["file"], allow_pickle=False) as arrays:
        assert {arrays[name].dtype for name in arrays.files} == {np.dtype("float16")}
    model = checkpoint(row["net"], row["seed"])
    assert parameter_count(model) == {"mlp": 118_282, "cnn": 20_490}[row["net"]]
    assert not model.training
    assert accuracy(model) == pytest.approx(row["test_accuracy"], abs=0.1)


def test_training_anew_gives_the_file():
    """Other processors add in another order, which 700 steps amplify: alike, not equal."""
    anew, shipped = rounded_state(train_anew("mlp", 0)), checkpoint("mlp", 0).state_dict()
    assert list(anew) == list(shipped)
    one, two = (torch.cat([value.flatten() for value in state.values()]) for state in (anew, shipped))
    assert float(torch.nn.functional.cosine_similarity(one, two, dim=0)) > 0.95
    other = torch.cat([value.flatten() for value in checkpoint("mlp", 1).state_dict().values()])
    assert float(torch.nn.functional.cosine_similarity(one, other, dim=0)) < 0.5


def test_what_is_stored_is_what_was_trained(monkeypatch, tmp_path):
    trained = checkpoints._BUILD["cnn"]()
    monkeypatch.setitem(checkpoints._TRAIN, "cnn", lambda seed: trained)
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    try:
        row = store("cnn", 1)
        stored = checkpoint("cnn", 1)
    finally:
        checkpoint.cache_clear()
    assert [file.name for file in tmp_path.iterdir()] == [row["file"]] == ["cnn_1.npz"]
    assert row["test_accuracy"] == pytest.approx(accuracy(stored), abs=0.01)
    for one, two in zip(stored.parameters(), trained.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=2**-11, atol=1e-7)
    assert any(not torch.equal(one, two) for one, two in zip(stored.parameters(), trained.parameters(), strict=True))


def test_other_seeds_are_trained(monkeypatch):
    asked = []
    monkeypatch.setitem(checkpoints._TRAIN, "mlp", lambda seed: asked.append(seed) or checkpoints._BUILD["mlp"]())
    model = checkpoints.checkpoint.__wrapped__("mlp", 99)
    assert asked == [99]
    assert all(torch.equal(value, value.half().float()) for value in model.state_dict().values())
    with pytest.raises(KeyError, match="transformer"):
        checkpoints.checkpoint.__wrapped__("transformer", 0)
