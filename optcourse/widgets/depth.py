"""Explorer: how the variance goes through a deep net, by depth, gain and activation."""

import html
import math
from functools import lru_cache

import ipywidgets
import torch

from optcourse.initialization import (
    ACTIVATIONS,
    LayerVariance,
    gain,
    initialize_,
    measured_variance,
    orthogonal_,
    predicted_variance,
    xavier_normal_,
)
from optcourse.lab.device import generator
from optcourse.lab.models import ACTIVATIONS as MODULES
from optcourse.lab.models import mlp
from optcourse.plots import figure, layer_curves
from optcourse.widgets.explorer import Drawing, Explorer

_NARROW = {"style": {"description_width": "108px"}, "layout": {"width": "295px"}}
_NAMES = tuple(name for name in ACTIVATIONS if name in MODULES)
_SCHEMES = {"normal": xavier_normal_, "orthogonal": orthogonal_}
_BATCH = 32


def variance_through_depth(
    *, activation: str = "relu", gain: float = 1.0, depth: int = 30, width: int = 128, weights: str = "normal"
) -> Explorer:
    """Explorer of the variance of signal and gradient, layer by layer; the arguments are its first setting.

    Weights have the standard deviation gain / sqrt(width); inputs and the gradient at the output are from N(0, 1).

    Raises:
        ValueError: for an activation, a number or a kind of weights that its control does not offer.
    """
    controls = {
        "activation": ipywidgets.Dropdown(options=list(_NAMES), description="Activation", **_NARROW),
        "gain": ipywidgets.FloatLogSlider(
            min=-1, max=1, step=0.025, description="Gain", continuous_update=False, **_NARROW
        ),
        "depth": ipywidgets.IntSlider(
            min=2, max=60, step=1, description="Depth (layers)", continuous_update=False, **_NARROW
        ),
        "width": ipywidgets.Dropdown(options=[32, 128, 256], description="Width (units)", **_NARROW),
        "weights": ipywidgets.Dropdown(options=list(_SCHEMES), description="Weights", **_NARROW),
    }
    first = {"activation": activation, "gain": gain, "depth": depth, "width": width, "weights": weights}
    return Explorer(
        _draw_variance,
        controls,
        first=first,
        title="Variance through depth",
        text=(
            "Find, for each activation, the gain at which the signal neither dies nor explodes. Then look at the "
            "gradient: is it the same gain?"
        ),
    )


def _draw_variance(*, activation: str, gain: float, depth: int, width: int, weights: str) -> Drawing:
    predicted, measured = _rows(activation, gain, depth, width, weights)
    picture, (left, right) = figure(columns=2, width=7.6, height=3.5)
    for ax, way, title in (
        (left, "forward", f"signal: {activation}, gain {gain:.3g}"),
        (right, "backward", "gradient"),
    ):
        layer_curves(
            {"measured": [[getattr(row, way) for row in measured]]},
            ax,
            label="mean square at the layer's output",
            predicted={"measured": [getattr(row, way) for row in predicted]},
            title=title,
            legend=ax is left,
        )
    alt = (
        f"Variance through {depth} layers of {width} units, {activation}, gain {gain:.3g}, {weights} weights: "
        f"signal {_fate([row.forward for row in measured])}; "
        f"gradient, from the output back, {_fate([row.backward for row in reversed(measured)])}."
    )
    return Drawing(picture, alt, _reading(activation, gain, alt))


@lru_cache(maxsize=128)
def _rows(
    activation: str, gain: float, depth: int, width: int, weights: str
) -> tuple[tuple[LayerVariance, ...], tuple[LayerVariance, ...]]:
    """Predicted and measured in one net of square layers; the seed is always 0, so that only the controls change it."""
    network = mlp([width] * (depth + 1), activation=activation, seed=0)
    initialize_(network, _SCHEMES[weights], gain=gain, generator=generator(0))
    x = torch.randn(_BATCH, width, generator=generator(1))
    return predicted_variance(network, x), measured_variance(network, x, generator=generator(2))


def _fate(values: list[float]) -> str:
    """What becomes of the first value until the last, in words."""
    for number, value in enumerate(values, start=1):
        if not math.isfinite(value):
            return f"overflows after {number - 1} layers"
        if value == 0:
            return f"is exactly 0 after {number - 1} layers"
    if len(values) == 1:
        return f"is {values[0]:.3g}"
    rate = (values[-1] / values[0]) ** (1 / (len(values) - 1))
    return f"goes from {values[0]:.2g} to {values[-1]:.2g}, a factor {rate:.2f} a layer"


def _reading(activation: str, chosen: float, words: str) -> str:
    forward, backward = gain(activation), gain(activation, "backward")
    return (
        f"{html.escape(words.split(': ', 1)[1].capitalize())}<br>For {activation} at variance 1 the gain that keeps "
        f"the signal is {forward:.3f}, the one that keeps the gradient {backward:.3f}; yours is {chosen:.3g}."
    )
