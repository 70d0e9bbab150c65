"""What the tests of quantization share: grids whose zero-point is not 0, tensors that are not square."""

from typing import Any

import torch
from torch import Tensor

from optcourse.quantization import QuantizationParameters, Scheme

SCHEMES = [
    Scheme(),
    Scheme(signed=True),
    Scheme(bits=4),
    Scheme(bits=2),
    Scheme(bits=3, signed=True),
    Scheme(bits=7, symmetric=True),
    Scheme(bits=12),
    Scheme(bits=16, signed=True),
    Scheme(axis=0),
    Scheme(bits=5, signed=True, axis=1),
    Scheme(signed=True, symmetric=True, axis=0),
]


def name_of(scheme: Scheme) -> str:
    kind = "symmetric" if scheme.symmetric else "affine"
    return f"{'int' if scheme.signed else 'uint'}{scheme.bits} {kind} axis {scheme.axis}"


def draw(seed: int, *shape: int, dtype: torch.dtype = torch.float64, shift: float = 0.7) -> Tensor:
    """Normal numbers about `shift`, so that no affine grid has its zero-point in the middle or at an end."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator, dtype=torch.float64) + shift).to(dtype)


def draw_integers(seed: int, *shape: int, low: int = 0, high: int = 255, dtype: torch.dtype = torch.uint8) -> Tensor:
    """Integers from low to high, both included."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high + 1, shape, generator=generator).to(dtype)


def grid(scale: float, zero_point: int, quant_min: int = 0, quant_max: int = 255) -> QuantizationParameters:
    return QuantizationParameters(
        torch.tensor(scale), torch.tensor(zero_point, dtype=torch.int32), quant_min, quant_max
    )


def as_keywords(parameters: QuantizationParameters, x: Tensor) -> dict[str, Any]:
    """The parameters as the reference twins take them."""
    scale, zero_point = parameters.broadcast(x)
    return {
        "scale": scale,
        "zero_point": zero_point,
        "quant_min": parameters.quant_min,
        "quant_max": parameters.quant_max,
    }
