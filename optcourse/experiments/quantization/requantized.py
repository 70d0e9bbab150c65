"""Our integer layers beside ONNX Runtime's: how many requantized outputs differ. Needs the extra `runtimes`."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from optcourse.experiments.quantization.checkpoints import SHIPPED, checkpoint
from optcourse.experiments.quantization.training import calibration_batches, fashion_mnist
from optcourse.quantization import IntegerLayer, Scheme, convert, quantize, simulate
from optcourse.quantization.integer_layers import Rounding
from optcourse.runtimes.export import IR_VERSION, OPSET
from optcourse.runtimes.requirements import require

WEIGHT = Scheme(7, signed=True, symmetric=True, axis=0)
"""Kernels on processors without VNNI add pairs of products in 16 bits, which saturates with weights of 8."""


@dataclass(frozen=True, repr=False)
class Differences:
    """Integer outputs that are not the runtime's; shows itself as a sentence between the marks ⟨ ⟩.

    Attributes:
        outputs: how many were compared.
        different: how many of them differ.
        largest: difference, in steps of the output's grid.
        missing: why none were compared; empty when they were.
    """

    outputs: int = 0
    different: int = 0
    largest: int = 0
    missing: str = ""

    def __repr__(self) -> str:
        share = self.different / max(self.outputs, 1)
        found = f"{self.different} of {self.outputs:,} outputs differ ({100 * share:.5f} %), by {self.largest} at most"
        return f"⟨{self.missing or found}⟩"


@torch.no_grad()
def differences_from_runtime(rounding: Rounding = "fixed_point", seeds: Iterable[int] = SHIPPED) -> Differences:
    """All layers of the lesson's MLPs in integers, on the test images; each gets our integers as its input.

    Args:
        rounding: of our layers; the runtime's is a float32 product, rounded half to even.
        seeds: of the nets.

    Returns:
        What was found now; where the runtimes are not installed, how to install them.

    Raises:
        ValueError: rounding is neither of the two.
    """
    off = []
    try:
        for seed in seeds:
            model = convert(simulate(checkpoint("mlp", seed), calibration_batches(), weight=WEIGHT), rounding)
            q = quantize(fashion_mnist().x_test, model.input)
            for layer in model.layers:
                after = layer(q)
                if isinstance(layer, IntegerLayer):
                    off.append((after.int() - _in_runtime(layer, q).int()).abs().flatten())
                q = after
    except ImportError as missing:
        return Differences(missing=str(missing))
    steps = torch.cat(off)
    return Differences(steps.numel(), int((steps > 0).sum()), int(steps.max()))


def _in_runtime(layer: IntegerLayer, q_x: Tensor) -> Tensor:
    """What the runtime gives for a linear layer's integers, as a convolution of 1 x 1: that operator adds a bias."""
    onnx, runtime = require("onnx"), require("onnxruntime")
    one, end = torch.tensor(1.0), layer.requantize
    inputs = {
        "x": q_x[:, :, None, None],
        "x_scale": one,
        "x_zero_point": layer.input_zero_point.to(q_x.dtype),
        "w": layer.q_weight[:, :, None, None],
        "w_scale": end.multiplier,  # the runtime takes x_scale w_scale / y_scale
        "w_zero_point": layer.weight_zero_point.to(layer.q_weight.dtype),
        "y_scale": one,
        "y_zero_point": end.zero_point.to(end.dtype),
        "bias": layer.q_bias,
    }
    make = onnx.helper
    types = {name: make.np_dtype_to_tensor_dtype(x.numpy().dtype) for name, x in inputs.items()}
    graph = make.make_graph(
        [make.make_node("QLinearConv", list(inputs), ["y"])],
        "layer",
        [make.make_tensor_value_info(name, types[name], list(x.shape)) for name, x in inputs.items()],
        [make.make_tensor_value_info("y", types["y_zero_point"], None)],
    )
    file = make.make_model(graph, opset_imports=[make.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    session = runtime.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {name: x.contiguous().numpy() for name, x in inputs.items()})
    return torch.from_numpy(y)[:, :, 0, 0].clamp(min=end.quant_min)
