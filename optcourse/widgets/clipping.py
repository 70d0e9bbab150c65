"""Explorer: bits and clipping range on the weights of a trained net, with the error and the accuracy they give."""

from functools import lru_cache

import ipywidgets
import torch
from torch import Tensor

from optcourse.experiments.quantization.clipping import (
    RangeError,
    clipped_accuracy,
    clipped_grid,
    layer_weights,
    range_error,
)
from optcourse.plots import figure, range_errors, weight_grid
from optcourse.quantization import dequantize
from optcourse.widgets.explorer import Drawing, Explorer

_NARROW = {"style": {"description_width": "108px"}, "layout": {"width": "295px"}}
_AXES = {"one for the tensor": None, "one for each output": 0}
_SHARES = range(4, 101, 4)  # percent


def bits_and_range(*, layer: int = 1, bits: int = 4, range: int = 100, scales: str = "one for the tensor") -> Explorer:
    """Explorer of the grid that weights are rounded to; the arguments are its first setting.

    Args:
        layer: 1, 2 or 3: which layer's weights are shown. The accuracy is that of the net with all of them rounded.
        bits: 2 to 8.
        range: where the grid ends, in percent of the largest magnitude: 4, 8, ... 100.
        scales: "one for the tensor" or "one for each output".

    Raises:
        ValueError: for a value that its control does not offer.
    """
    names = list(layer_weights())
    if layer not in (1, 2, 3):
        raise ValueError(f"layer must be 1, 2 or 3, got {layer!r}")
    controls = {
        "layer": ipywidgets.Dropdown(options=names, description="Layer", **_NARROW),
        "bits": ipywidgets.IntSlider(min=2, max=8, description="Bits", continuous_update=False, **_NARROW),
        "range": ipywidgets.SelectionSlider(
            options=list(_SHARES), description="Range (%)", continuous_update=False, **_NARROW
        ),
        "scales": ipywidgets.Dropdown(options=list(_AXES), description="Scales", **_NARROW),
    }
    return Explorer(
        _draw_grid,
        controls,
        first={"layer": names[layer - 1], "bits": bits, "range": range, "scales": scales},
        title="Bits and range",
        text=(
            "A wide range rounds coarsely, a narrow one clips. Find the best range for 8 bits, then for 2: is it the "
            "same? Is the range of least error the one of highest accuracy?"
        ),
    )


def _draw_grid(*, layer: str, bits: int, range: int, scales: str) -> Drawing:
    axis, share = _AXES[scales], range / 100
    weight, errors = layer_weights()[layer], _errors(layer, bits, _AXES[scales])
    shown, levels = _shown(weight, bits, share, axis)
    picture, (left, right) = figure(columns=2, width=7.6, height=3.5)
    label = "weight" if axis is None else "weight / largest of its output"
    weight_grid(shown.numpy(), left, levels=levels.numpy(), label=label, title=f"layer {layer}, {bits} bits")
    shares = [percent / 100 for percent in _SHARES]
    range_errors(
        shares, [e.rounding for e in errors], [e.clipping for e in errors], right, chosen=share, title="what it costs"
    )
    yours, best = errors[_SHARES.index(range)], min(errors, key=lambda error: error.total)
    rounded, floating = clipped_accuracy(bits, share, axis), clipped_accuracy(8, 1.0, 0)
    alt = (
        f"Bits and range: layer {layer} with {bits} bits and a range of {range} % of the largest weight, scales "
        f"{scales}: squared error {100 * yours.total:.2g} % of the mean square; accuracy of the net {rounded:.1f} %."
    )
    words = (
        f"{2**bits - 1} numbers. Squared error {100 * yours.total:.2g} % of the weights' mean square: rounding "
        f"{100 * yours.rounding:.2g} %, clipping {100 * yours.clipping:.2g} %. Least, {100 * best.total:.2g} %, at a "
        f"range of {_SHARES[errors.index(best)]} %.<br>All three layers rounded like this, activations in float: "
        f"{rounded:.1f} % of the test images right, {floating:.1f} % with 8 bits and a scale for each output."
    )
    return Drawing(picture, alt, words)


def _shown(weight: Tensor, bits: int, share: float, axis: int | None) -> tuple[Tensor, Tensor]:
    """Weights and grid numbers to draw; with a scale for each output both in units of its largest weight."""
    if axis is not None:
        weight, axis = weight / weight.abs().amax(dim=1, keepdim=True), None
    grid = clipped_grid(weight, bits, share, axis)
    integers = torch.arange(grid.quant_min, grid.quant_max + 1)
    return weight, dequantize(integers, grid)


@lru_cache(maxsize=64)
def _errors(layer: str, bits: int, axis: int | None) -> tuple[RangeError, ...]:
    """The error at every range that the control offers."""
    weight = layer_weights()[layer]
    return tuple(range_error(weight, clipped_grid(weight, bits, percent / 100, axis)) for percent in _SHARES)
