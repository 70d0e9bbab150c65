"""What int8 costs and keeps in a real runtime: bytes, processor time, accuracy. Needs the extra `runtimes`."""

import html
import json
import math
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from torch import nn

from optcourse.experiments.quantization.checkpoints import NETS, checkpoint
from optcourse.experiments.quantization.training import fashion_mnist
from optcourse.lab.claims import Claim, at_least, at_most, within
from optcourse.lab.models import cnn, mlp
from optcourse.lab.records import Record, Run
from optcourse.runtimes import CostPanel, CostRow, Session, cost_panel, export, quantize_dynamic, quantize_static

LARGE_MLP = (784, 1024, 1024, 10)
LARGE_CNN = (32, 64, 128)
BATCH = 64
CALIBRATION = 300  # training images
PANELS = Path(__file__).parents[1] / "records" / "quantization" / "panels.json"


@cache
def mlp_costs(seed: int, repeats: int = 10) -> CostPanel:
    """An MLP 784-1024-1024-10, 1.86 million weights, as it starts: bytes and time do not depend on training."""
    return _costs(mlp(LARGE_MLP, seed=seed), repeats)


@cache
def cnn_costs(seed: int, repeats: int = 10) -> CostPanel:
    """A CNN of three blocks with 32, 64 and 128 channels, 0.1 million weights, as it starts."""
    return _costs(cnn(channels=LARGE_CNN, seed=seed), repeats)


def _costs(model: nn.Sequential, repeats: int) -> CostPanel:
    data = fashion_mnist()
    options: dict[str, Any] = {"calibration": data.x_train[:BATCH], "repeats": repeats, "clock": time.process_time}
    return cost_panel(model, data.x_test[:BATCH], batch_sizes=(BATCH,), **options)


@cache
def runtime_accuracy(net: str, seed: int) -> dict[str, float]:
    """Test accuracy in percent of a trained net in ONNX Runtime: "float32", "dynamic int8" and "static int8"."""
    data = fashion_mnist()
    floating = export(checkpoint(net, seed), data.x_test[:2])
    files = {
        "float32": floating,
        "dynamic int8": quantize_dynamic(floating),
        "static int8": quantize_static(floating, data.x_train[:CALIBRATION].split(100)),
    }
    return {
        form: 100 * float((Session(file)(data.x_test).argmax(1) == data.y_test).double().mean())
        for form, file in files.items()
    }


def accuracy_in_runtime(seed: int) -> tuple[Run, ...]:
    """A run of one record for each net and form; `Run.config["method"]` names both."""
    return tuple(
        Run(
            {"method": f"{net.upper()}, {form}", "bits": 32 if form == "float32" else 8, "seed": seed},
            (Record(0, math.nan, math.nan, math.nan, test_accuracy=percent / 100),),
            fashion_mnist().description,
        )
        for net in NETS
        for form, percent in runtime_accuracy(net, seed).items()
    )


def _lost(net: str, seed: int) -> float:
    percent = runtime_accuracy(net, seed)
    return max(abs(percent["float32"] - percent[form]) for form in ("dynamic int8", "static int8"))


def loss_of_mlp(seed: int) -> float:
    """Points by which the MLP in int8, dynamic or static, misses its float32 accuracy at most, either way."""
    return _lost("mlp", seed)


def loss_of_cnn(seed: int) -> float:
    """Points by which the CNN in int8, dynamic or static, misses its float32 accuracy at most, either way."""
    return _lost("cnn", seed)


def static_file_ratio(seed: int) -> float:
    """Bytes of the statically quantized MLP's file over the float model's."""
    return mlp_costs(seed).ratio("runtime int8 static")


def static_latency_ratio(seed: int) -> float:
    """Time of the statically quantized MLP on 64 images over the eager float model's."""
    return mlp_costs(seed).ratio("runtime int8 static", BATCH)


def static_latency_of_convolutions(seed: int) -> float:
    """Time of the statically quantized CNN on 64 images over the eager float model's."""
    return cnn_costs(seed).ratio("runtime int8 static", BATCH)


def dynamic_slowdown_of_convolutions(seed: int) -> float:
    """Time of the dynamically quantized CNN on 64 images over the same runtime's in float32."""
    panel = cnn_costs(seed)
    return panel["runtime int8 dynamic"].latency[BATCH] / panel["runtime float32"].latency[BATCH]


@dataclass(frozen=True, repr=False)
class Costs:
    """A cost panel that says where it was measured; shows itself as that sentence and the panel's table.

    Attributes:
        panel: the numbers.
        origin: "measured now", or why they come from a record.
    """

    panel: CostPanel
    origin: str

    def __repr__(self) -> str:
        return f"⟨{self.origin}⟩\n{self.panel!r}"

    def _repr_html_(self) -> str:
        return f"<p>⟨{html.escape(self.origin)}⟩</p>{self.panel._repr_html_()}"


def costs(net: str, model: nn.Module | None = None) -> Costs:
    """The costs of a net of the lesson, seed 0, or of your own model of 28 x 28 images, in one line.

    Args:
        net: "mlp" or "cnn"; whose recorded numbers are shown where the runtimes are not installed.
        model: yours instead, from (N, 1, 28, 28) to (N, 10); not mutated.

    Returns:
        The numbers measured now; where the runtimes are not installed those recorded, which says so.
    """
    data = fashion_mnist()
    try:
        panel = cost_panel(
            checkpoint(net, 0) if model is None else model,
            data.x_test,
            data.y_test,
            calibration=data.x_train[:CALIBRATION],
            repeats=15,
            clock=time.process_time,
        )
    except ImportError as missing:
        return Costs(recorded_panels()[net], f"the recorded {net.upper()}: {missing}")
    return Costs(panel, "measured now")


def recorded_panels() -> dict[str, CostPanel]:
    """The panels that ship, by net; `python -m optcourse.experiments.quantization` measures them anew."""
    return {
        net: CostPanel(
            tuple(CostRow(**row | {"latency": {int(n): s for n, s in row["latency"].items()}}) for row in rows)
        )
        for net, rows in json.loads(PANELS.read_text(encoding="utf-8"))["panels"].items()
    }


CLAIMS = (
    Claim(
        "quantization.int8_file",
        "An int8 file is a quarter of the float32 one.",
        within(0.24, 0.27),
        static_file_ratio,
        kind="recorded",
        tolerance=0.005,
    ),
    Claim(
        "quantization.int8_latency",
        "In a runtime with integer kernels, the statically quantized MLP takes less than half the time of eager "
        "float32 on 64 images, one thread.",
        at_most(0.5),
        static_latency_ratio,
        kind="recorded",
        tolerance=0.3,
    ),
    Claim(
        "quantization.int8_cnn_latency",
        "So does the statically quantized CNN.",
        at_most(0.5),
        static_latency_of_convolutions,
        kind="recorded",
        tolerance=0.3,
    ),
    Claim(
        "quantization.dynamic_slowdown",
        "Dynamic quantization slows convolutions down: on 64 images the same runtime is faster in float32.",
        at_least(1.5),
        dynamic_slowdown_of_convolutions,
        kind="recorded",
        tolerance=7.0,
    ),
    Claim(
        "quantization.mlp_keeps_accuracy",
        "In the runtime, the MLP's accuracy in int8, dynamic or static, is that in float32.",
        at_most(2.0),
        loss_of_mlp,
        unit="points of accuracy",
        kind="recorded",
        tolerance=0.5,
        data="fashion_mnist",
    ),
    Claim(
        "quantization.cnn_keeps_accuracy",
        "So is the CNN's.",
        at_most(2.0),
        loss_of_cnn,
        unit="points of accuracy",
        kind="recorded",
        tolerance=0.5,
        data="fashion_mnist",
    ),
)
