"""The packages of the extra `runtimes`, imported when first used."""

import importlib
import importlib.util
from typing import Any

PACKAGES = ("onnx", "onnxruntime", "onnxscript")
INSTALL = "pip install 'optcourse[runtimes]'"


def available() -> bool:
    """Whether all packages of the extra are installed; none is imported."""
    return all(importlib.util.find_spec(package) is not None for package in PACKAGES)


def require(name: str) -> Any:
    """A module of the extra.

    Args:
        name: as in `import name`, such as "onnxruntime.quantization".

    Raises:
        ImportError: its package is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as missing:
        package = name.partition(".")[0]
        raise ImportError(f"{package} is not installed; install the runtimes with {INSTALL}") from missing
