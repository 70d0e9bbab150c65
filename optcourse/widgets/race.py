"""Explorer: optimizers race from one start on a test surface."""

import html
from collections.abc import Mapping, Sequence
from functools import lru_cache
from inspect import signature
from typing import Any

import ipywidgets
import torch
from torch import Tensor

from optcourse.optimizers import OPTIMIZERS, SURFACES, Surface, descend
from optcourse.plots import figure, journey, trajectories
from optcourse.widgets.explorer import Choices, Drawing, Explorer

_CELL = "text-align: left; padding: 1px 16px 1px 0;"
_NARROW = {"style": {"description_width": "108px"}, "layout": {"width": "295px"}}


def race_on_a_surface(
    *,
    surface: str = "quadratic",
    optimizers: Sequence[str] = ("sgd", "momentum", "rmsprop", "adam"),
    lr: float = 0.05,
    momentum: float = 0.9,
    steps: int = 100,
) -> Explorer:
    """Explorer of optimizers that start at one point with one learning rate; the arguments are its first setting.

    Momentum is the momentum of `momentum` and `nesterov` and the beta1 of the Adam family; the others have none.

    Raises:
        ValueError: for a surface, an optimizer or a number that its control does not offer.
    """
    controls = {
        "surface": ipywidgets.Dropdown(options=list(SURFACES), description="Surface", **_NARROW),
        "lr": ipywidgets.FloatLogSlider(
            min=-4, max=1, step=0.05, description="Learning rate", continuous_update=False, **_NARROW
        ),
        "momentum": ipywidgets.FloatSlider(
            min=0, max=0.99, step=0.01, description="Momentum, β₁", continuous_update=False, **_NARROW
        ),
        "steps": ipywidgets.IntSlider(
            min=10, max=200, step=10, description="Steps", continuous_update=False, **_NARROW
        ),
        "optimizers": Choices(list(OPTIMIZERS), description="Optimizers"),
    }
    first = {"surface": surface, "optimizers": optimizers, "lr": lr, "momentum": momentum, "steps": steps}
    return Explorer(
        _draw_race,
        controls,
        first=first,
        title="Race on a surface",
        text=(
            "All racers share one start and one learning rate, so this is no fair comparison: "
            "look for the rate that suits each, and for the one that throws it out of the picture."
        ),
    )


def _draw_race(*, surface: str, optimizers: Sequence[str], lr: float, momentum: float, steps: int) -> Drawing:
    place = SURFACES[surface]
    paths = {name: _path(surface, name, lr, momentum, steps) for name in optimizers}
    picture, ax = figure(width=5.8, height=3.7)
    trajectories(place, paths, ax, title=f"{surface}, learning rate {lr:.3g}")
    ends = {name: _end(place, path) for name, path in paths.items()}
    words = "; ".join(f"{name} {where}" for name, (where, _, _) in ends.items()) or "nobody races"
    return Drawing(
        picture, f"Race on the {surface} surface, learning rate {lr:.3g}, {steps} steps: {words}.", _table(place, ends)
    )


@lru_cache(maxsize=256)
def _path(surface: str, optimizer: str, lr: float, momentum: float, steps: int) -> Tensor:
    kind = OPTIMIZERS[optimizer]
    known = signature(kind).parameters
    options: dict[str, Any] = {"lr": lr}
    if optimizer in ("momentum", "nesterov"):
        options["momentum"] = momentum
    elif "betas" in known:
        options["betas"] = (momentum, known["betas"].default[1])
    return descend(SURFACES[surface], lambda params: kind(params, **options), steps)


def _end(place: Surface, path: Tensor) -> tuple[str, str, str]:
    """Where a racer is at the end in words, its distance to the minimum, and its height above it."""
    travelled = journey(path, place.bounds)
    if travelled.diverged_at is not None:
        return f"diverged at step {travelled.diverged_at}", "∞", "∞"
    minimum = torch.tensor(place.minimum, dtype=path.dtype)
    end = path[-1]
    distance = float(torch.linalg.vector_norm(end - minimum))
    height = float(place.function(end) - place.function(minimum))
    where = f"at ({_plain(end[0])}, {_plain(end[1])})"
    if travelled.left_at is not None:
        where += f", left the picture at step {travelled.left_at}"
    return where, f"{distance:.2g}", f"{height:.2g}"


def _table(place: Surface, ends: Mapping[str, tuple[str, str, str]]) -> str:
    if not ends:
        return "Nobody races: check at least one optimizer."
    heads = ("optimizer", "ends", "distance to the minimum (★)", "height above it")
    rows = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{html.escape(cell)}</td>' for cell in (name, *cells)) + "</tr>"
        for name, cells in ends.items()
    )
    head = "".join(f'<th scope="col" style="{_CELL}">{cell}</th>' for cell in heads)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return html.escape(place.description) + table


def _plain(number: Tensor) -> str:
    """Three decimals, without a sign on zero."""
    return f"{float(number) + 0.0:.3f}".replace("-0.000", "0.000")
