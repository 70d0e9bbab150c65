"""Plain values: what may cross between a check and an answer, and their form as bytes (never pickle).

A plain value is None, a bool, int, float, complex, str, a dense CPU tensor of any dtype and shape, or a list, tuple or
dict (with str keys) of plain values.  Bytes are a JSON header that holds the tree, followed by the tensors' raw memory:

    b"OPTC1\\n" | length of the header (8 bytes, little-endian) | header | raw memory
"""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

MAGIC = b"OPTC1\n"
MAX_DEPTH = 40
MAX_NODES = 100_000
MAX_BYTES = 64 * 2**20
MAX_DIMENSIONS = 32

_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128, torch.bool),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64),
    )
}


class NotPlainError(TypeError):
    """A value that may not cross: its type, its size or its depth."""


class BadBytesError(ValueError):
    """Bytes that `encode` did not write."""


class _Budget:
    def __init__(self) -> None:
        self.nodes, self.bytes = 0, 0

    def spend(self, size: int = 0) -> None:
        self.nodes += 1
        self.bytes += size
        if self.nodes > MAX_NODES or self.bytes > MAX_BYTES:
            raise NotPlainError(f"a value may hold {MAX_NODES:,} entries and {MAX_BYTES:,} bytes; this one is larger")


def plain(value: Any) -> Any:
    """A copy of a value in plain types alone.

    numpy's scalars and arrays become numbers and tensors, an Ellipsis (a blank left open) becomes None.  Tensors lose
    graph, subclass and device; strides of dense ones are kept (a transposed matrix stays transposed), others become
    contiguous.

    Raises:
        NotPlainError: if a part of it has another type, or it is too large or too deep.

    Example:
        >>> plain({"betas": (0.9, 0.999), "theta": torch.ones(2, requires_grad=True)})
        {'betas': (0.9, 0.999), 'theta': tensor([1., 1.])}
    """
    return _plain(value, _Budget(), 0)


def _plain(value: Any, budget: _Budget, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise NotPlainError(f"a value may be nested {MAX_DEPTH} deep; this one is deeper, or holds itself")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        value = torch.from_numpy(np.ascontiguousarray(value).reshape(value.shape))
    if isinstance(value, Tensor):
        return _plain_tensor(value, budget)
    budget.spend(len(value) if isinstance(value, str) else 8)
    if value is None or value is Ellipsis:
        return None
    scalars: tuple[Callable[[Any], Any], ...] = (bool, int, float, complex, str)  # bool first: it is an int too
    for kind in scalars:
        if isinstance(value, kind):  # type: ignore[arg-type]
            return kind(value)
    if isinstance(value, (list, tuple)):
        items = [_plain(item, budget, depth + 1) for item in list(value)]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise NotPlainError("a dict may cross if its keys are strings")
        return {str(key): _plain(item, budget, depth + 1) for key, item in value.items()}
    raise NotPlainError(f"a {type(value).__name__} is not a tensor, number, string, list or dict")


def _plain_tensor(value: Tensor, budget: _Budget) -> Tensor:
    with torch._C.DisableTorchFunctionSubclass():  # a subclass could answer for itself
        if value.layout != torch.strided or value.device.type == "meta" or value.is_quantized:
            raise NotPlainError(f"a tensor must be dense and hold data, got {value.layout} on {value.device}")
        tensor = value.detach().as_subclass(Tensor)
        if str(tensor.dtype).removeprefix("torch.") not in _DTYPES:
            raise NotPlainError(f"tensors of {tensor.dtype} cannot cross; convert it")
        if tensor.dim() > MAX_DIMENSIONS:
            raise NotPlainError(f"a tensor may have {MAX_DIMENSIONS} dimensions, got {tensor.dim()}")
        budget.spend(tensor.numel() * tensor.element_size())
        return tensor.cpu().resolve_conj().resolve_neg().clone()


def encode(value: Any, *, is_plain: bool = False) -> bytes:
    """The bytes of a plain value.

    Args:
        is_plain: whether the value came out of `plain`, so that it need not be looked through again.

    Raises:
        NotPlainError: as `plain`.

    Example:
        >>> decode(encode([1, 2.5, None, "theta"]))
        [1, 2.5, None, 'theta']
    """
    raw: list[bytes] = []
    header = json.dumps(_node(value if is_plain else plain(value), raw), separators=(",", ":")).encode("ascii")
    return b"".join((MAGIC, len(header).to_bytes(8, "little"), header, *raw))


def _node(value: Any, raw: list[bytes]) -> list:
    if value is None:
        return ["none"]
    if isinstance(value, Tensor):
        order = sorted(range(value.dim()), key=lambda axis: value.stride()[axis], reverse=True)
        dense = value.permute(order).contiguous()
        raw.append(dense.reshape(-1).view(torch.uint8).numpy().tobytes())
        return ["tensor", str(value.dtype).removeprefix("torch."), list(value.shape), order]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", hex(value)]
    if isinstance(value, float):
        return ["float", value.hex()]
    if isinstance(value, complex):
        return ["complex", value.real.hex(), value.imag.hex()]
    if isinstance(value, str):
        return ["str", value]
    if isinstance(value, dict):
        return ["dict", [[key, _node(item, raw)] for key, item in value.items()]]
    return ["tuple" if isinstance(value, tuple) else "list", [_node(item, raw) for item in value]]


def decode(data: bytes) -> Any:
    """The value whose bytes these are.

    Raises:
        BadBytesError: if they are not what `encode` writes; nothing in them is executed, and no memory beyond their own
            length (and `MAX_NODES` entries) is taken.
    """
    if len(data) > 2 * MAX_BYTES or data[: len(MAGIC)] != MAGIC or len(data) < len(MAGIC) + 8:
        raise BadBytesError("not a value of optcourse, or too large")
    start = len(MAGIC) + 8
    end = start + int.from_bytes(data[len(MAGIC) : start], "little")
    if end > len(data):
        raise BadBytesError("the header is cut off")
    if data.count(b"[", start, end) + data.count(b"{", start, end) > 10 * MAX_NODES:
        raise BadBytesError("too many entries")
    try:
        tree = json.loads(data[start:end].decode("ascii"), parse_constant=_no_constant)
        reader = _Reader(data, end)
        value = reader.value(tree, 0)
    except BadBytesError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError, RuntimeError) as error:
        raise BadBytesError(f"malformed value: {type(error).__name__}") from None
    if reader.position != len(data):
        raise BadBytesError("bytes are left over")
    return value


def _no_constant(text: str) -> None:
    raise BadBytesError(f"malformed number {text}")


class _Reader:
    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position, self.nodes = data, position, 0

    def value(self, node: Any, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH or not isinstance(node, list) or not node:
            raise BadBytesError("too many or malformed entries")
        kind, *rest = node
        match kind, rest:
            case "none", []:
                return None
            case "bool", [bool(value)]:
                return value
            case "int", [str(text)]:
                return int(text, 16)
            case "float", [str(text)]:
                return float.fromhex(text)
            case "complex", [str(real), str(imaginary)]:
                return complex(float.fromhex(real), float.fromhex(imaginary))
            case "str", [str(text)]:
                return text
            case "list" | "tuple", [list(items)]:
                values = [self.value(item, depth + 1) for item in items]
                return values if kind == "list" else tuple(values)
            case "dict", [list(items)]:
                return {self.key(key): self.value(item, depth + 1) for key, item in items}
            case "tensor", [str(dtype), list(shape), list(order)]:
                return self.tensor(_DTYPES[dtype], shape, order)
        raise BadBytesError("unknown entry")

    def key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise BadBytesError("keys are strings")
        return key

    def tensor(self, dtype: torch.dtype, shape: list, order: list) -> Tensor:
        whole = len(shape) <= MAX_DIMENSIONS and all(type(size) is int and 0 <= size < 2**48 for size in shape)
        if not whole or not all(type(axis) is int for axis in order) or sorted(order) != list(range(len(shape))):
            raise BadBytesError("malformed shape")
        stored = [shape[axis] for axis in order]
        size = math.prod(stored) * dtype.itemsize
        if self.position + size > len(self.data):
            raise BadBytesError("a tensor is cut off")
        raw = bytearray(self.data[self.position : self.position + size])
        self.position += size
        if not size:
            tensor = torch.empty(stored, dtype=dtype)
        elif dtype == torch.bool:
            tensor = torch.frombuffer(raw, dtype=torch.uint8).ne(0).reshape(stored)
        else:
            tensor = torch.frombuffer(raw, dtype=dtype).reshape(stored)
        return tensor.permute([order.index(axis) for axis in range(len(order))])
