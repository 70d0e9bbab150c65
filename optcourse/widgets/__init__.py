"""Explorers: figures with controls. Each is loaded when first asked for.

Explorer, Drawing, Choices   what explorers are made of
race_on_a_surface            optimizers on a test surface
bits_and_range               weights on a grid of few numbers
variance_through_depth       signal and gradient through a deep net
watch_the_policy             policies of CartPole, from first to lost
"""

import importlib
from typing import Any

# Public name -> the module of this package that holds it. Some need what lessons measure, others work without: a class
# run withholds the experiments from submissions, which may still import the others.
_HOME = {
    "Choices": "explorer",
    "Drawing": "explorer",
    "Explorer": "explorer",
    "bits_and_range": "clipping",
    "race_on_a_surface": "race",
    "variance_through_depth": "depth",
    "watch_the_policy": "cartpole",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers {', '.join(__dir__())}")


def __dir__() -> list[str]:
    return sorted(_HOME)
