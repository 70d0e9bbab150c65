"""Export, ONNX Runtime and the cost panel; without the extra, an error that says how to install it."""

import builtins
import copy
import itertools
import math
import re
import subprocess
import sys

import pytest
import torch
from torch import nn

from optcourse import runtimes
from optcourse.lab.models import cnn, mlp
from optcourse.runtimes import (
    CostPanel,
    CostRow,
    Session,
    cost_panel,
    export,
    float_bytes,
    interleaved_latency,
    quantize_dynamic,
    quantize_static,
)
from optcourse.runtimes.requirements import require
from tests.quantization.cases import draw

needs_runtimes = pytest.mark.skipif(not runtimes.available(), reason="needs the extra 'runtimes'")
IMAGES = draw(0, 12, 3, 9, 8, dtype=torch.float32)


def seeded(make):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


def every_layer() -> nn.Sequential:
    model = seeded(
        lambda: nn.Sequential(
            nn.Conv2d(3, 6, (3, 2), stride=(2, 1), padding=(1, 0), bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.MaxPool2d((2, 3), stride=1, padding=1),
            nn.Sequential(nn.Conv2d(6, 4, 2, dilation=(1, 2), groups=2), nn.Identity(), nn.Dropout(0.5)),
            nn.Flatten(),
            nn.Linear(4 * 5 * 5, 7),
        )
    )
    for _ in range(5):
        model(IMAGES * 2 + 1)
    return model


class Gated(nn.Module):
    """What no list of layers describes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate = nn.Linear(8, 5), nn.Linear(8, 5)

    def forward(self, x):
        return self.first(x) * torch.sigmoid(self.gate(x))


@needs_runtimes
def test_a_written_model_computes_the_same() -> None:
    model = every_layer()
    modes = [module.training for module in model.modules()]
    before = copy.deepcopy(model.state_dict())
    session = Session(export(model, IMAGES[:2]))
    assert [module.training for module in model.modules()] == modes
    torch.testing.assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=0)
    model.eval()
    for count in (1, 5, 12):  # another batch size than the example's
        torch.testing.assert_close(session(IMAGES[:count]), model(IMAGES[:count]), rtol=1e-5, atol=1e-5)


@needs_runtimes
@pytest.mark.parametrize("bias", [False, True])
def test_linear_layers_on_more_axes(bias: bool) -> None:
    model = seeded(lambda: nn.Sequential(nn.Linear(8, 5, bias=bias), nn.ReLU(), nn.Linear(5, 2, bias=bias)))
    x = draw(1, 4, 3, 8, dtype=torch.float32)
    torch.testing.assert_close(Session(export(model, x[:1]))(x), model(x), rtol=1e-5, atol=1e-6)


@needs_runtimes
def test_any_other_model_is_traced() -> None:
    model = seeded(Gated)
    x = draw(2, 6, 8, dtype=torch.float32)
    session = Session(export(model, x[:1]))
    for count in (1, 6):
        torch.testing.assert_close(session(x[:count]), model(x[:count]), rtol=1e-5, atol=1e-6)


@needs_runtimes
@pytest.mark.parametrize("make", [lambda: cnn(seed=0), lambda: mlp((784, 60, 10), seed=0)], ids=["cnn", "mlp"])
def test_quantized_files_are_small_and_near(make) -> None:
    model, x = make(), draw(3, 40, 1, 28, 28, dtype=torch.float32).relu()
    floating = export(model, x)
    assert len(floating) == pytest.approx(float_bytes(model), rel=0.1)
    expected = model(x).detach()
    for file in (quantize_dynamic(floating), quantize_static(floating, x.split(10))):
        assert len(file) < 0.45 * len(floating)
        result = Session(file)(x)
        assert 0 < float((result - expected).norm() / expected.norm()) < 0.05
    torch.testing.assert_close(Session(floating)(x), expected, rtol=1e-4, atol=1e-5)


@needs_runtimes
def test_the_panel_measures_every_form() -> None:
    model, x = mlp((784, 60, 10), seed=0), draw(4, 70, 1, 28, 28, dtype=torch.float32)
    labels = model(x).argmax(1)
    panel = cost_panel(model, x, labels, calibration=x[:50], repeats=2)
    assert [row.name for row in panel.rows] == [
        "eager float32",
        "runtime float32",
        "runtime int8 dynamic",
        "runtime int8 static",
    ]
    for row in panel.rows:
        assert set(row.latency) == {1, 64}
        assert all(0 < seconds < 10 for seconds in row.latency.values())
        assert row.accuracy == row.agreement > 0.8
    assert panel["eager float32"].accuracy == 1.0
    assert panel.ratio("runtime int8 static") < 0.4
    assert panel["runtime float32"].bytes == len(export(model, x))
    ticks = itertools.count()
    unlabelled = cost_panel(model, x, batch_sizes=(3,), repeats=1, clock=lambda: next(ticks))
    assert all(row.latency == {3: 1} for row in unlabelled.rows)
    assert math.isnan(unlabelled.rows[0].accuracy)
    assert "accuracy" not in repr(unlabelled)


def test_every_measured_number_stands_between_the_marks() -> None:
    rows = tuple(CostRow(name, 1234567, {1: 0.5, 64: 0.25}, 0.875, 0.75) for name in ("eager float32", "a & b"))
    panel = CostPanel(rows)
    for text in (repr(panel), panel._repr_html_()):
        assert "1,234,567" in text
        outside = re.sub(r"⟨[^⟩]*⟩", "", text).replace("batch 1", "").replace("batch 64", "").replace("float32", "")
        assert not re.search(r"\d", outside)
    assert "a &amp; b" in panel._repr_html_()
    with pytest.raises(KeyError, match="no row 'int8'; there are eager float32, a & b"):
        panel["int8"]


def test_latency_is_interleaved_and_the_median() -> None:
    order: list[str] = []
    times = iter([0, 1, 10, 12, 20, 29, 30, 32, 40, 43, 50, 52])  # a: 1, 9, 3; b: 2, 2, 2
    calls = {name: (lambda name=name: order.append(name)) for name in "ab"}
    threads = torch.get_num_threads()
    assert interleaved_latency(calls, repeats=3, warm_up=2, clock=lambda: next(times)) == {"a": 3, "b": 2}
    assert order == [*"aabb", *"ababab"]
    assert torch.get_num_threads() == threads


def test_threads_come_back_after_an_error() -> None:
    def fail() -> None:
        assert torch.get_num_threads() == 1
        raise RuntimeError("no")

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError, match="no"):
            interleaved_latency({"a": fail})
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_bad_latency_settings() -> None:
    for calls, options in [({}, {}), ({"a": list}, {"repeats": 0}), ({"a": list}, {"warm_up": -1})]:
        with pytest.raises(ValueError, match="at least one call, repeats >= 1 and warm_up >= 0"):
            interleaved_latency(calls, **options)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name, *arguments, **named):
        if name.partition(".")[0].startswith("onnx"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *arguments, **named)

    monkeypatch.setattr("importlib.import_module", lambda name: missing(name))
    with pytest.raises(ImportError, match=r"onnx is not installed.*pip install 'optcourse\[runtimes\]'"):
        export(nn.Linear(4, 3), torch.zeros(1, 4))
    with pytest.raises(ImportError, match="onnxruntime is not installed"):
        Session(b"")
    with pytest.raises(ImportError, match="onnxruntime is not installed"):
        require("onnxruntime.quantization")


def test_importing_loads_no_runtime() -> None:
    program = "import optcourse.runtimes, sys; print(sorted(m for m in sys.modules if m.split('.')[0][:4] == 'onnx'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Branching(nn.Module):
    def forward(self, x):
        return x if float(x.sum()) > 0 else -x


class Pair(nn.Module):
    def forward(self, x):
        return x, x


@needs_runtimes
@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: export(nn.Linear(4, 3), torch.zeros(0, 4)), ValueError, r"at least one example, got \(0, 4\)"),
        (lambda: export(nn.Linear(4, 3), [1.0]), ValueError, "got list"),
        (lambda: export(Pair(), torch.ones(2, 4)), TypeError, "must return one tensor, got tuple; wrap it"),
        (lambda: export(nn.Sequential(), torch.ones(2, 4)), ValueError, "must have a layer to export"),
        (lambda: export(nn.Flatten(0), torch.ones(2, 4)), ValueError, r"only nn.Flatten\(1, -1\) is exported"),
        (lambda: export(nn.Conv2d(1, 2, 3, padding="same"), torch.ones(2, 1, 5, 6)), ValueError, "pad with zeros"),
        (lambda: Session(b"no model"), ValueError, "cannot load these 8 bytes"),
        (lambda: Session(export(nn.Linear(4, 3), torch.ones(1, 4)))(torch.ones(1, 4).double()), TypeError, "float64"),
        (lambda: quantize_dynamic(b"abc"), ValueError, "these 3 bytes are no ONNX model.*give what export"),
        (lambda: quantize_dynamic(b""), ValueError, "these 0 bytes are no ONNX model: they hold no operator"),
        (
            lambda: quantize_static(export(nn.Linear(4, 3), torch.ones(1, 4)), [torch.ones(2, 4), torch.ones(2, 5)]),
            ValueError,
            r"must be \(N, 4\), as the model takes them, got \(2, 5\)",
        ),
        (
            lambda: quantize_static(export(nn.Linear(4, 3), torch.ones(1, 4)), [torch.ones(2, 1, 4)]),
            ValueError,
            r"must be \(N, 4\).*got \(2, 1, 4\)",
        ),
        (
            lambda: cost_panel(nn.Linear(4, 3).double(), torch.ones(9, 4).double(), batch_sizes=(2,)),
            TypeError,
            "model must be float32, its parameter weight is torch.float64; try cost_panel",
        ),
        (lambda: quantize_static(b"", torch.ones(2, 4)), TypeError, r"got one tensor; try x.split"),
        (lambda: quantize_static(b"", []), ValueError, "at least one batch"),
        (lambda: quantize_static(b"", [torch.zeros(0, 4)]), ValueError, "at least one batch"),
        (lambda: quantize_static(b"", [torch.full((2, 4), math.nan)]), ValueError, "must be finite"),
        (lambda: cost_panel(nn.Linear(4, 3), torch.ones(9, 4)), ValueError, "largest batch, 64 examples, got 9"),
        (lambda: cost_panel(nn.Linear(4, 3), torch.ones(9, 4), batch_sizes=()), ValueError, "got ()"),
        (
            lambda: cost_panel(nn.Linear(4, 3), torch.ones(9, 4), torch.ones(8), batch_sizes=(2,)),
            ValueError,
            r"labels must be \(9,\)",
        ),
    ],
)
def test_bad_input(make, error, text) -> None:
    with pytest.raises(error, match=text):
        make()


@needs_runtimes
def test_a_model_that_cannot_be_traced(capfd: pytest.CaptureFixture) -> None:
    """The rule, the innermost cause in a line, the fix; nothing on the terminal, no code of one in the message."""
    with pytest.raises(ValueError, match="torch cannot export this Branching") as caught:
        export(Branching(), torch.ones(2, 4))
    message = str(caught.value)
    assert re.fullmatch(
        r"torch cannot export this Branching: \w+: Could not guard on data-dependent expression [^\x1b\n]*\. A forward "
        r"must take the same steps whatever the numbers: write torch\.where or torch\.cond in place of Python's if and "
        r"while on tensors, and leave out float\(x\) and x\.item\(\)",
        message,
    )
    assert capfd.readouterr() == ("", "")
