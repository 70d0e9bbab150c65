"""Documentation to the standard, purity, and device mistakes that show without a GPU."""

import inspect
import re

import pytest
import torch

import optcourse.quantization as package
from optcourse.quantization import (
    BFLOAT16,
    OBSERVERS,
    QuantizationParameters,
    Scheme,
    bfloat16_bits,
    choose_parameters,
    dequantize,
    fake_quantize,
    fixed_point,
    fold_batch_norm_reference,
    integer_conv2d,
    integer_conv2d_reference,
    integer_matmul,
    integer_matmul_reference,
    parameters_for,
    quantize,
    quantize_bias,
    requantize,
    requantize_fixed_point,
    round_to_format,
    straight_through,
)
from tests.optimizers.test_devices import OneDevice
from tests.quantization.cases import draw, draw_integers, grid

PUBLIC = [name for name in package.__all__ if callable(getattr(package, name))]
# Exceptions to "runs on meta": codebooks, Huffman codes, histograms and relative indices have sizes that depend on the
# numbers.
X = torch.empty(4, 6, device="meta")
Q = torch.empty(4, 6, dtype=torch.uint8, device="meta")
IMAGE, KERNEL = (torch.empty(shape, dtype=torch.int8, device="meta") for shape in [(2, 4, 5, 6), (6, 2, 3, 2)])
VECTOR = torch.empty(6, device="meta")
POINT = torch.empty((), device="meta")
LIMITS = {"zero_point": torch.empty((), dtype=torch.int32, device="meta"), "quant_min": 0, "quant_max": 255}
META = {
    "parameters_for": lambda: parameters_for(X).scale,
    "choose_parameters": lambda: choose_parameters(VECTOR, VECTOR, Scheme(axis=1, symmetric=True)).scale,
    "quantize": lambda: quantize(X, parameters_for(X, Scheme(axis=1))),
    "dequantize": lambda: dequantize(Q, parameters_for(X)),
    "fake_quantize": lambda: fake_quantize(X, parameters_for(X)),
    "straight_through": lambda: straight_through(X, parameters_for(X)),
    "integer_matmul": lambda: integer_matmul(Q, Q, 3, 4),
    "integer_matmul_reference": lambda: integer_matmul_reference(Q, Q, 3, VECTOR[:4].int()),
    "integer_conv2d": lambda: integer_conv2d(IMAGE, KERNEL, 3, 4, groups=2, padding=1),
    "integer_conv2d_reference": lambda: integer_conv2d_reference(IMAGE, KERNEL, 3, 4, groups=2, padding=1),
    "quantize_bias": lambda: quantize_bias(VECTOR, POINT, VECTOR),
    "fixed_point": lambda: fixed_point(VECTOR)[0],
    "requantize": lambda: requantize(Q.int(), VECTOR, **LIMITS),
    "requantize_fixed_point": lambda: requantize_fixed_point(Q.int(), VECTOR.long(), VECTOR.long(), **LIMITS),
    "round_to_format": lambda: round_to_format(X, BFLOAT16),
    "bfloat16_bits": lambda: bfloat16_bits(X),
    "fold_batch_norm_reference": lambda: fold_batch_norm_reference(
        X.T, VECTOR, mean=VECTOR, variance=VECTOR, gamma=VECTOR, beta=VECTOR, eps=1e-5
    )[0],
}


@pytest.mark.parametrize("name", META)
def test_runs_on_meta(name: str) -> None:
    """No control flow depends on numbers, and none is read back or made elsewhere."""
    with OneDevice("meta"):
        assert META[name]().device.type == "meta"


@pytest.mark.parametrize("name", PUBLIC)
def test_documentation(name: str) -> None:
    documentation = inspect.getdoc(getattr(package, name)) or ""
    assert len(documentation) > 40
    if name.endswith("_reference"):
        # The two that undo or compose `quantize_reference` leave the source to it.
        source = () if name in ("dequantize_reference", "fake_quantize_reference") else ("References:",)
        for section in ("Args:", "Returns:", "Pure", "Example:", *source):
            assert section in documentation, f"{name} documents no {section}"
    if name.endswith("_"):
        assert re.search(r"Mutates x", documentation)


def test_observers_are_exported() -> None:
    assert {kind.__name__ for kind in OBSERVERS.values()} == {name for name in PUBLIC if name.endswith("Observer")}
    assert len(set(package.__all__)) == len(package.__all__)


def test_nothing_is_mutated() -> None:
    x, q_x, q_w = draw(0, 3, 5), draw_integers(1, 3, 5), draw_integers(2, 4, 5)
    before = x.clone(), q_x.clone(), q_w.clone()
    parameters: QuantizationParameters = grid(0.1, 7)
    quantize(x, parameters)
    fake_quantize(x, parameters)
    straight_through(x, parameters)
    dequantize(q_x, parameters)
    round_to_format(x, BFLOAT16)
    integer_matmul(q_x, q_w, 3, 4)
    for kind in OBSERVERS.values():
        observer = kind()
        observer.observe(x)
        observer.range()
    for now, then in zip((x, q_x, q_w), before, strict=True):
        assert torch.equal(now, then)
