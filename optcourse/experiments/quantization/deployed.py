"""What int8 costs in a real runtime: bytes of the file and processor time of a call. Needs the extra `runtimes`."""

import time
from functools import cache
from typing import Any

import torch

from optcourse.experiments.quantization.training import fashion_mnist, keep_training
from optcourse.lab.claims import Claim, at_least, at_most, within
from optcourse.lab.models import cnn, mlp
from optcourse.runtimes import CostPanel, cost_panel

MLP_SIZES = (784, 1024, 1024, 10)
CNN_CHANNELS = (32, 64, 128)
BATCH = 64


@cache
def mlp_costs(seed: int, steps: int = 0, repeats: int = 30) -> CostPanel:
    """An MLP 784-1024-1024-10, 1.86 million weights, after `steps` updates; bytes and time do not depend on them."""
    return _costs(mlp(MLP_SIZES, seed=seed), seed, steps, repeats)


@cache
def cnn_costs(seed: int, steps: int = 0, repeats: int = 30) -> CostPanel:
    """A CNN of three blocks with 32, 64 and 128 channels, 0.1 million weights, after `steps` updates."""
    return _costs(cnn(channels=CNN_CHANNELS, seed=seed), seed, steps, repeats)


def _costs(model: torch.nn.Sequential, seed: int, steps: int, repeats: int) -> CostPanel:
    data = fashion_mnist()
    trained = keep_training(model, seed, steps) if steps else model.eval()
    options: dict[str, Any] = {"calibration": data.x_train[:300], "repeats": repeats, "clock": time.process_time}
    return cost_panel(trained, data.x_test, data.y_test, **options)


def static_file_ratio(seed: int) -> float:
    """Bytes of the statically quantized MLP's file over the float model's."""
    return mlp_costs(seed).ratio("runtime int8 static")


def static_latency_ratio(seed: int) -> float:
    """Time of the statically quantized MLP on 64 images over the eager float model's."""
    return mlp_costs(seed).ratio("runtime int8 static", BATCH)


def dynamic_slowdown_of_convolutions(seed: int) -> float:
    """Time of the dynamically quantized CNN on 64 images over the same runtime's in float32."""
    panel = cnn_costs(seed)
    return panel["runtime int8 dynamic"].latency[BATCH] / panel["runtime float32"].latency[BATCH]


CLAIMS = (
    Claim(
        "quantization.int8_file",
        "An int8 file is a quarter of the float32 one.",
        within(0.24, 0.27),
        static_file_ratio,
    ),
    Claim(
        "quantization.int8_latency",
        "In a runtime with integer kernels, the statically quantized MLP takes less than half the time of eager "
        "float32 on 64 images, one thread.",
        at_most(0.5),
        static_latency_ratio,
        kind="recorded",
        tolerance=0.4,
    ),
    Claim(
        "quantization.dynamic_convolutions_are_slow",
        "Dynamic quantization slows convolutions down: on 64 images the same runtime is faster in float32.",
        at_least(1.5),
        dynamic_slowdown_of_convolutions,
        kind="recorded",
        tolerance=6.0,
    ),
)
