"""What lessons run on. Every public name can be had from here and is loaded when first asked for.

Example:
    from optcourse.lab import begin, load, mlp
"""

import importlib
from typing import Any

# Public name -> the module of this package that holds it.
_HOME = {
    "ACTIVATIONS": "models",
    "Claim": "claims",
    "DATASETS": "data",
    "Data": "data",
    "MODELS": "models",
    "Record": "records",
    "Run": "records",
    "Runs": "sweep",
    "Texts": "data",
    "UpdateRatios": "probes",
    "activation_statistics": "probes",
    "activations": "probes",
    "begin": "device",
    "build": "models",
    "cnn": "models",
    "cnn1d": "models",
    "describe_machine": "device",
    "evaluate": "train",
    "generator": "device",
    "gradient_noise_scale": "probes",
    "gradient_norms": "probes",
    "grid": "sweep",
    "home": "place",
    "load": "data",
    "load_texts": "data",
    "mlp": "models",
    "on_colab": "place",
    "parameter_count": "models",
    "process_pool": "sweep",
    "profile": "device",
    "run": "train",
    "seed_everything": "device",
    "seeds": "device",
    "series": "records",
    "sharpness": "probes",
    "sharpness_probe": "probes",
    "show_source": "listing",
    "track": "progress",
}

# A function and its module share a name here, and a package has one attribute for both: it stays the module, as
# `import optcourse.lab.train` leaves it. Ask the module: `from optcourse.lab.train import train`.
_MODULES = (
    "claims",
    "data",
    "device",
    "download",
    "mnist1d",
    "models",
    "place",
    "probes",
    "progress",
    "records",
    "listing",
    "sweep",
    "train",
)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers {', '.join(__dir__())}")


def __dir__() -> list[str]:
    return sorted([*_HOME, *_MODULES])
