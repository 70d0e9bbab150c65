"""optcourse: a course on deep-learning optimization that proves what it says.

Submodules load when they are first asked for, so that `import optcourse` costs no more than its lightest part:

    initialization, optimizers
                     what is taught, in pure torch (further lessons bring further modules)
    lab              data, models, training loop, sweeps, probes, claims
    experiments      what the lessons measure
    plots, widgets   records to figures, figures to explorers
    grading          checks that name the mistake, cards, points
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"

_SUBMODULES = (
    "authoring",
    "catalogue",
    "cli",
    "experiments",
    "grading",
    "initialization",
    "lab",
    "optimizers",
    "plots",
    "quantization",
    "reinforcement",
    "runtimes",
    "schedules",
    "widgets",
)


def __getattr__(name: str) -> ModuleType:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its submodules are {', '.join(_SUBMODULES)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_SUBMODULES])
