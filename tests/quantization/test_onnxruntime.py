"""Integer arithmetic against the real runtime's: accumulators and requantized outputs, bit for bit.

Weights are unsigned or of 7 bits: kernels for unsigned times signed numbers without VNNI instructions add pairs of
products in 16 bits, which saturates with signed weights of 8.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from optcourse.quantization import (
    INT8_PER_CHANNEL,
    IntegerLayer,
    integer_conv2d,
    integer_conv2d_reference,
    integer_matmul,
    integer_matmul_reference,
    parameters_for,
    quantize,
    requantize,
)
from tests.quantization.cases import draw, draw_integers

onnx = pytest.importorskip("onnx", reason="needs the extra 'runtimes'")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'runtimes'")

SEVEN_BITS = {"low": -64, "high": 63, "dtype": torch.int8}


def compute(operator: str, inputs: dict[str, Tensor], result: torch.dtype, **attributes: Any) -> Tensor:
    """One ONNX operator on these inputs, in order."""
    kind = {
        torch.uint8: onnx.TensorProto.UINT8,
        torch.int8: onnx.TensorProto.INT8,
        torch.int32: onnx.TensorProto.INT32,
        torch.float32: onnx.TensorProto.FLOAT,
    }
    outputs = ["y", "y_scale_", "y_zero_point_"] if operator == "DynamicQuantizeLinear" else ["y"]
    node = onnx.helper.make_node(operator, list(inputs), outputs, **attributes)
    graph = onnx.helper.make_graph(
        [node],
        "one",
        [onnx.helper.make_tensor_value_info(name, kind[x.dtype], list(x.shape)) for name, x in inputs.items()],
        [onnx.helper.make_tensor_value_info("y", kind[result], None)],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {name: x.numpy() for name, x in inputs.items()})[0])


def scalar(value: float, dtype: torch.dtype) -> Tensor:
    return torch.tensor(value, dtype=dtype)


WEIGHT_KINDS = [{}, SEVEN_BITS]


@pytest.mark.parametrize("kind", WEIGHT_KINDS, ids=["uint8", "int7"])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("shape", [(5, 37), (1, 300), (64, 9)])
def test_matmul_accumulators(kind: dict, per_channel: bool, shape: tuple[int, int]) -> None:
    q_x, q_w = draw_integers(0, *shape), draw_integers(1, 11, shape[1], **kind)
    low = kind.get("low", 0)
    z_w = draw_integers(2, 11, low=low + 1, high=low + 120, dtype=q_w.dtype) if per_channel else scalar(29, q_w.dtype)
    inputs = {"x": q_x, "w": q_w.T.contiguous(), "zx": scalar(113, torch.uint8), "zw": z_w}
    theirs = compute("MatMulInteger", inputs, torch.int32)
    for product in (integer_matmul, integer_matmul_reference):
        assert torch.equal(product(q_x, q_w, 113, z_w), theirs)


@pytest.mark.parametrize("kind", WEIGHT_KINDS, ids=["uint8", "int7"])
@pytest.mark.parametrize(
    ("groups", "stride", "padding", "dilation"),
    [
        (1, (1, 1), (0, 0), (1, 1)),
        (2, (2, 1), (1, 2), (1, 1)),
        (1, (1, 1), (2, 1), (1, 2)),
        (4, (1, 2), (1, 1), (1, 1)),
    ],
)
def test_conv_accumulators(kind: dict, groups: int, stride: Any, padding: Any, dilation: Any) -> None:
    q_x, q_w = draw_integers(3, 2, 4, 9, 7), draw_integers(4, 8, 4 // groups, 3, 2, **kind)
    inputs = {"x": q_x, "w": q_w, "zx": scalar(113, torch.uint8), "zw": scalar(29, q_w.dtype)}
    options = {"strides": list(stride), "pads": [*padding, *padding], "dilations": list(dilation), "group": groups}
    theirs = compute("ConvInteger", inputs, torch.int32, **options)
    ours = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    for convolve in (integer_conv2d, integer_conv2d_reference):
        assert torch.equal(convolve(q_x, q_w, 113, 29, **ours), theirs)


def near_tie(accumulator: Tensor, multiplier: Tensor) -> Tensor:
    """Where the exact product is within float32's rounding of the middle between two integers."""
    exact = accumulator.double() * multiplier.double()
    return (exact - exact.floor() - 0.5).abs() <= exact.abs() * 2.0**-22


def compare(ours: Tensor, theirs: Tensor, ties: Tensor, fixed: Tensor) -> None:
    """Equal but at ties; the fixed-point variant within one step. Prints the share of differences."""
    different, off = ours != theirs, (fixed - theirs).abs()
    shares = float(different.float().mean()), float((off > 0).float().mean())
    print(f"share of differences: float scale {shares[0]:.2e}, fixed point {shares[1]:.2e}")
    assert not bool((different & ~ties).any())
    assert int((ours - theirs).abs().max()) <= 1
    assert int(off.max()) <= 1
    assert shares[1] < 0.001
    assert len(theirs.unique()) > 60


@pytest.mark.parametrize("relu", [False, True])
def test_requantized_linear(relu: bool) -> None:
    """Per channel, 16,000 outputs; a ReLU is the lower bound of the integers."""
    x, weight = draw(5, 2000, 40, dtype=torch.float32), draw(6, 8, 40, dtype=torch.float32, shift=0.1)
    linear = torch.nn.Linear(40, 8, bias=False)
    linear.weight.data.copy_(weight)
    y = linear(x).detach()
    grids = parameters_for(x), parameters_for(weight, INT8_PER_CHANNEL), parameters_for(y / 2)
    q_x = quantize(x, grids[0])
    floats, fixed = (IntegerLayer(linear, *grids, relu, rounding) for rounding in ("float_scale", "fixed_point"))
    floats.q_weight.div_(2, rounding_mode="floor")
    fixed.q_weight.div_(2, rounding_mode="floor")  # 7 bits: any integers will do
    inputs = {"x": q_x, "x_scale": grids[0].scale, "zx": grids[0].zero_point.to(torch.uint8)}
    inputs |= {"w": floats.q_weight.T.contiguous(), "w_scale": grids[1].scale, "zw": torch.zeros(8, dtype=torch.int8)}
    inputs |= {"y_scale": grids[2].scale, "zy": grids[2].zero_point.to(torch.uint8)}
    theirs = compute("QLinearMatMul", inputs, torch.uint8).int()
    theirs = theirs.clamp(min=int(grids[2].zero_point)) if relu else theirs
    ties = near_tie(floats.accumulate(q_x), floats.requantize.multiplier)
    compare(floats(q_x).int(), theirs, ties, fixed(q_x).int())


def test_requantized_conv_with_bias() -> None:
    conv = torch.nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2)
    conv.weight.data.copy_(draw(7, 6, 2, 3, 2, shift=0.1))
    conv.bias.data.copy_(draw(8, 6))
    x = draw(9, 30, 4, 15, 8, dtype=torch.float32)
    grids = parameters_for(x), parameters_for(conv.weight, INT8_PER_CHANNEL), parameters_for(conv(x) / 2)
    q_x = quantize(x, grids[0])
    floats, fixed = (IntegerLayer(conv, *grids, rounding=rounding) for rounding in ("float_scale", "fixed_point"))
    floats.q_weight.div_(2, rounding_mode="floor")
    fixed.q_weight.div_(2, rounding_mode="floor")
    inputs = {"x": q_x, "x_scale": grids[0].scale, "zx": grids[0].zero_point.to(torch.uint8)}
    inputs |= {"w": floats.q_weight, "w_scale": grids[1].scale, "zw": torch.zeros(6, dtype=torch.int8)}
    inputs |= {"y_scale": grids[2].scale, "zy": grids[2].zero_point.to(torch.uint8), "bias": floats.q_bias}
    options = {"strides": [2, 1], "pads": [1, 0, 1, 0], "group": 2}
    theirs = compute("QLinearConv", inputs, torch.uint8, **options).int()
    ties = near_tie(floats.accumulate(q_x), floats.requantize.multiplier).permute(0, 3, 1, 2)
    compare(floats(q_x).int(), theirs, ties, fixed(q_x).int())
    assert bool(floats.q_bias.abs().min() > 50)


def test_float_scale_ties_are_theirs() -> None:
    """A multiplier of 1/2 makes every odd accumulator a tie: both round to even, before the zero-point is added."""
    q_x = torch.arange(1, 200, 2, dtype=torch.uint8)[:, None]
    theirs = compute(
        "QLinearMatMul",
        {
            "x": q_x,
            "x_scale": scalar(0.5, torch.float32),
            "zx": scalar(100, torch.uint8),
            "w": torch.tensor([[1]], dtype=torch.int8),
            "w_scale": scalar(1.0, torch.float32),
            "zw": scalar(0, torch.int8),
            "y_scale": scalar(1.0, torch.float32),
            "zy": scalar(77, torch.uint8),
        },
        torch.uint8,
    )
    a = integer_matmul(q_x, torch.tensor([[1]], dtype=torch.int8), 100, 0)
    assert bool(near_tie(a, torch.tensor(0.5)).all())
    ours = requantize(a, torch.tensor(0.5), zero_point=torch.tensor(77), quant_min=0, quant_max=255)
    assert torch.equal(ours, theirs.int())


@pytest.mark.parametrize("shift", [0.7, -0.4, 9.0])
def test_dynamic_quantization(shift: float) -> None:
    """DynamicQuantizeLinear chooses the grid that we choose, and rounds as we round."""
    x = draw(10, 50, 30, dtype=torch.float32, shift=shift)
    theirs = compute("DynamicQuantizeLinear", {"x": x}, torch.uint8)
    assert torch.equal(quantize(x, parameters_for(x)), theirs)


def test_rounding_to_a_grid() -> None:
    """QuantizeLinear divides, as we do and torch does not, so the numbers agree without exception."""
    x = np.float32(draw(11, 8, 4000).numpy())
    grid = parameters_for(torch.from_numpy(x))
    inputs = {"x": torch.from_numpy(x * np.float32(1.2)), "s": grid.scale, "z": grid.zero_point.to(torch.uint8)}
    assert torch.equal(quantize(inputs["x"], grid), compute("QuantizeLinear", inputs, torch.uint8))
