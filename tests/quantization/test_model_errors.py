"""Models that cannot be quantized, and bad input to layers and calibration: the rule, the value given, the fix."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from optcourse.quantization import (
    UINT8,
    DynamicLinear,
    FakeQuantizer,
    IntegerLayer,
    MinMaxObserver,
    Scheme,
    convert,
    fold_batch_norm,
    parameters_for,
    quantize_dynamic,
    quantize_static,
    simulate,
)
from tests.quantization.cases import draw


class Residual(nn.Module):
    def forward(self, x):
        return x


class Tuned(nn.Linear):
    """A subclass may do anything in its forward."""


@pytest.mark.parametrize(
    ("model", "error", "text"),
    [
        (nn.Sequential(nn.Linear(4, 3), Residual()), TypeError, r"model\.1 is a Residual, which has no quantized form"),
        (nn.Sequential(nn.Sequential(Tuned(4, 3))), TypeError, r"model\.0\.0 is a Tuned.*supported are Sequential"),
        (nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)), TypeError, r"model\.1 is a Softmax"),
        (nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)), TypeError, r"model\.0 is a BatchNorm1d that follows no"),
        (nn.Sequential(nn.Flatten()), ValueError, "must contain an nn.Linear or nn.Conv2d"),
        (
            nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)),
            ValueError,
            "track_running_stats=False",
        ),
    ],
)
def test_unsupported_models(model: nn.Module, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        simulate(model, [torch.ones(2, 4)])


def test_bad_calibration() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    before = copy.deepcopy(model.state_dict())
    x = torch.ones(2, 4)
    for batches, error, text in [
        ([], ValueError, "at least one batch, got none"),
        (x, TypeError, r"got one tensor; try x\.split"),
        ([torch.full((2, 4), torch.nan)], ValueError, "calibration batch 0 must be finite, got 8 NaN"),
        ([x, x / 0], ValueError, "calibration batch 1 must be finite, got 0 NaN and 8 infinite"),
        ([x, torch.zeros(0, 4)], ValueError, r"calibration batch 1 must.*got shape \(0, 4\); leave out what is empty"),
        ([[1.0]], TypeError, "calibration batch 0 must be a tensor, got list"),
    ]:
        with pytest.raises(error, match=text):
            quantize_static(model, batches)
    torch.testing.assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: simulate(nn.Linear(4, 3), [torch.ones(2, 4)], activation=Scheme(axis=1), ends=Scheme(axis=1)),
            ValueError,
            "axis=1",
        ),
        (
            lambda: FakeQuantizer(UINT8, MinMaxObserver, 2.0),
            ValueError,
            "averaging_constant must be a number",
        ),
        (lambda: DynamicLinear(nn.Conv2d(1, 2, 3)), TypeError, "must be an nn.Linear, got Conv2d"),
        (lambda: DynamicLinear(nn.Linear(4, 3), Scheme(axis=1)), ValueError, "got axes 1 and None"),
        (lambda: DynamicLinear(nn.Linear(4, 3))(torch.zeros(0, 4)), ValueError, "at least one number"),
        (lambda: DynamicLinear(nn.Linear(4, 3))(torch.full((1, 4), torch.nan)), ValueError, "4 NaN"),
        (lambda: quantize_dynamic(nn.Sequential(nn.ReLU())), ValueError, "must contain an nn.Linear"),
        (
            lambda: quantize_dynamic({"0.weight": torch.ones(3, 4)}),
            TypeError,
            "an nn.Module, got dict; build the model",
        ),
        (lambda: fold_batch_norm(nn.ReLU(), nn.BatchNorm1d(3)), TypeError, "got ReLU and BatchNorm1d"),
        (lambda: fold_batch_norm(nn.Linear(3, 4), nn.BatchNorm1d(3)), ValueError, "4 channels, it takes 3"),
        (lambda: convert(nn.Sequential(nn.Linear(3, 4))), TypeError, "its first layer is Linear"),
        (lambda: convert(nn.Sequential()), TypeError, "its first layer is missing"),
    ],
)
def test_bad_input(make, error, text) -> None:
    with pytest.raises(error, match=text):
        make()


def test_nothing_is_dropped_in_silence() -> None:
    simulated = simulate(nn.Linear(4, 3), [draw(10, 5, 4, dtype=torch.float32)]).append(nn.Softmax(1))
    with pytest.raises(TypeError, match="it holds a Softmax; put that"):
        convert(simulated)


def test_layers_that_cannot_be_integer() -> None:
    x, y = parameters_for(torch.tensor([-1.0, 2.0])), parameters_for(torch.tensor([-3.0, 2.0]))
    weight = parameters_for(torch.tensor([-1.0, 3.0]))
    conv = partial(nn.Conv2d, 2, 3, 3)
    for layer, error, text in [
        (nn.ReLU(), TypeError, "got ReLU"),
        (conv(padding="same"), ValueError, "padding='same'"),
        (conv(padding_mode="reflect", padding=1), ValueError, "padding_mode='reflect'"),
    ]:
        with pytest.raises(error, match=text):
            IntegerLayer(layer, x, weight, y)
    linear = nn.Linear(2, 3)
    by_input = parameters_for(linear.weight, Scheme(axis=1))
    with pytest.raises(ValueError, match="got axes None, None and 1"):
        IntegerLayer(linear, x, by_input, y)
    with pytest.raises(ValueError, match="'fixed_point' or 'float_scale', got 'nearest'"):
        IntegerLayer(linear, x, weight, y, rounding="nearest")
