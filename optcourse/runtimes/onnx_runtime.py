"""ONNX Runtime: running a file, and making an int8 file of a float32 one."""

import logging
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from optcourse.runtimes.requirements import require


class Session:
    """A loaded model that is called like a module: tensor in, tensor out, on the CPU.

    Args:
        model: bytes of an ONNX file with one input and one output.
        threads: of one call; 1 is best for small models, and on a busy machine.

    Raises:
        ImportError: onnxruntime is not installed.
        ValueError: the bytes are no model that it can run, or it has several inputs.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        runtime = require("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        try:
            self._session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as failure:
            raise ValueError(f"ONNX Runtime cannot load these {len(model)} bytes: {failure}") from failure
        if len(self._session.get_inputs()) != 1:
            names = [entry.name for entry in self._session.get_inputs()]
            raise ValueError(f"the model must have one input, it has {names}")
        self._name = self._session.get_inputs()[0].name

    def __call__(self, x: Tensor) -> Tensor:
        """(N, ...) float32 -> the first output.

        Raises:
            TypeError: x is not float32 on the CPU, which the session would otherwise refuse in its own words.
        """
        if not isinstance(x, Tensor) or x.dtype != torch.float32 or x.device.type != "cpu":
            shown = f"{x.dtype} on {x.device}" if isinstance(x, Tensor) else type(x).__name__
            raise TypeError(f"x must be a float32 tensor on the CPU, got {shown}; try x.float().cpu()")
        (result, *_) = self._session.run(None, {self._name: x.detach().contiguous().numpy()})
        return torch.from_numpy(result)


def quantize_dynamic(model: bytes) -> bytes:
    """Weights in int8 (one scale an output), activations in uint8 by the range of each batch as it comes.

    Convolutions become ConvInteger, which is slower than float32 in this runtime; measure before you ship it.

    Args:
        model: bytes of a float32 ONNX file.

    Returns:
        Bytes of the quantized file.

    Raises:
        ImportError: onnx or onnxruntime is not installed.
        ValueError: the bytes are no ONNX model.
    """
    tools = require("onnxruntime.quantization")
    return _converted(
        lambda given, path: tools.quantize_dynamic(
            given, path, per_channel=True, weight_type=tools.QuantType.QInt8, reduce_range=False
        ),
        model,
    )


def quantize_static(model: bytes, batches: Iterable[Tensor]) -> bytes:
    """Weights in int8 (one scale an output), activations in uint8 with min-max ranges from calibration, as QDQ.

    QDQ writes QuantizeLinear and DequantizeLinear around each operator; the runtime joins them into integer kernels
    when it loads the file.

    Args:
        model: bytes of a float32 ONNX file.
        batches: calibration inputs, (N, ...) float32 each; from the training set.

    Returns:
        Bytes of the quantized file.

    Raises:
        ImportError: onnx or onnxruntime is not installed.
        TypeError, ValueError: batches is one tensor, or empty, of another shape than the model takes, or holds no
            finite numbers; or the bytes are no ONNX model.
    """
    if isinstance(batches, Tensor):
        raise TypeError("batches must be an iterable of batches, got one tensor; try x.split(100) or [x]")
    batches = list(batches)
    if not batches or not all(len(batch) for batch in batches):
        raise ValueError(f"calibration needs at least one batch, and examples in each; got {len(batches)} batches")
    if not all(bool(batch.isfinite().all()) for batch in batches):
        raise ValueError("calibration inputs must be finite, got NaN or infinities; clean them first")
    tools = require("onnxruntime.quantization")

    def convert(given: Any, path: str) -> None:
        entry = given.graph.input[0]
        sizes = [axis.dim_value or None for axis in entry.type.tensor_type.shape.dim]  # None for any
        _check_shapes(batches, sizes)
        tools.quantize_static(
            given,
            path,
            _reader(tools, entry.name, batches),
            quant_format=tools.QuantFormat.QDQ,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
            per_channel=True,
        )

    return _converted(convert, model)


def _check_shapes(batches: list[Tensor], sizes: list[int | None]) -> None:
    for batch in batches:
        fits = batch.dim() == len(sizes) and all(
            size in (None, length) for size, length in zip(sizes, batch.shape, strict=True)
        )
        if not fits:
            asked = ", ".join("N" if size is None else str(size) for size in sizes)
            raise ValueError(
                f"each calibration batch must be ({asked}), as the model takes them, got {tuple(batch.shape)}; "
                "give it the shape of the example that the model was exported with"
            )


def _reader(tools: Any, name: str, batches: list[Tensor]) -> Any:
    """Calibration batches in the form that ONNX Runtime reads: a dict a call, then None."""
    rest = iter(batches)

    class Reader(tools.CalibrationDataReader):
        def get_next(self) -> dict | None:
            batch = next(rest, None)
            return None if batch is None else {name: batch.detach().float().numpy()}

    return Reader()


def _converted(convert: Callable[[Any, str], None], model: bytes) -> bytes:
    """What convert(model, path) leaves at a temporary path; its advice is not logged."""
    try:
        given = require("onnx").load_from_string(model)
        if not given.graph.node:
            raise ValueError("they hold no operator")
    except ImportError:
        raise
    except Exception as failure:  # protobuf's own, which differs from release to release
        raise ValueError(
            f"these {len(model)} bytes are no ONNX model: {failure}; give what export(model, example) returns"
        ) from failure
    del given.graph.value_info[:]  # shapes noted by an exporter may contradict those after quantization
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            convert(given, str(path))
            return path.read_bytes()
    finally:
        logger.setLevel(level)
