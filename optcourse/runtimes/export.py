"""From a torch model to the bytes of an ONNX file."""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from optcourse.quantization import plan_layers
from optcourse.runtimes.requirements import require

OPSET = 17
IR_VERSION = 8  # the version of the file format that came with this operator set
INPUT, OUTPUT = "input", "output"


def float_bytes(model: nn.Module) -> int:
    """Size in bytes of the file that `torch.save` makes of the model's state."""
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    return buffer.tell()


def export(model: nn.Module, example: Tensor) -> bytes:
    """The model in evaluation mode as an ONNX file, for any batch size.

    A nn.Sequential of linear, convolutional, pooling, ReLU, Flatten, Dropout and normalization layers is written
    directly, in milliseconds, normalization folded. Any other model goes through `torch.onnx.export`, which traces it
    with the example and takes seconds.

    Args:
        model: from one tensor (N, ...) to one tensor (N, ...), on the CPU. Not mutated; its mode comes back.
        example: an input, at least one example.

    Returns:
        The bytes of the file; `pathlib.Path(...).write_bytes` stores them.

    Raises:
        ImportError: onnx is not installed (or, for other models, onnxscript).
        TypeError, ValueError: the model or the example breaks its rule, or torch cannot export the model; its own
            message is the cause.
    """
    if not isinstance(example, Tensor) or example.dim() < 2 or not len(example):
        shown = tuple(example.shape) if isinstance(example, Tensor) else type(example).__name__
        raise ValueError(f"example must be a tensor (N, ...) of at least one example, got {shown}")
    with evaluation_mode(model), torch.no_grad():
        if not isinstance(model(example), Tensor):
            raise TypeError(f"model must return one tensor, got {type(model(example)).__name__}; wrap it")
        layers: list[nn.Module] | None = None
        with contextlib.suppress(TypeError):  # some layer has no place in a list
            layers = plan_layers(model)
        return _traced(model, example) if layers is None else _written(layers, example)


@contextlib.contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode while the block runs; then every module's mode is as it was."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _traced(model: nn.Module, example: Tensor) -> bytes:
    require("onnxscript")
    program_example = example if len(example) > 1 else torch.cat([example, example])  # a size of 1 would be a constant
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)  # of optional packages that are not there, and of torch's own search
    try:
        printed = io.StringIO()  # torch prints its progress, and the graph where it fails
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            warnings.simplefilter("ignore")  # torch warns of its own internals
            program = torch.onnx.export(
                model,
                (program_example,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
    except Exception as failure:
        raise ValueError(
            f"torch cannot export this {type(model).__name__}: {_reason(failure)}. A forward must take the same steps "
            "whatever the numbers: write torch.where or torch.cond in place of Python's if and while on tensors, and "
            "leave out float(x) and x.item()"
        ) from failure
    finally:
        logging.disable(disabled)
    assert program is not None
    return program.model_proto.SerializeToString()


def _reason(failure: BaseException) -> str:
    """First line of what failed at the start of a chain of errors, without colors of the terminal."""
    while (cause := failure.__cause__ or failure.__context__) is not None:
        failure = cause
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(failure)).strip().splitlines()
    return f"{type(failure).__name__}: {lines[0].rstrip('.')}" if lines else type(failure).__name__


def _written(layers: list[nn.Module], example: Tensor) -> bytes:
    onnx = require("onnx")
    make = onnx.helper
    nodes, constants = [], []

    def constant(name: str, tensor: Tensor) -> str:
        constants.append(onnx.numpy_helper.from_array(tensor.detach().float().contiguous().numpy(), name))
        return name

    before, y = INPUT, example
    layers = [layer for layer in layers if not isinstance(layer, nn.Dropout)]
    for i, layer in enumerate(layers):
        after = OUTPUT if i == len(layers) - 1 else f"layer{i}_output"
        operator, attributes = _operator(layer, y.dim())
        inputs = [before]
        if isinstance(layer, nn.Linear) and operator == "MatMul":
            nodes.append(make.make_node("MatMul", [before, constant(f"layer{i}_weight", layer.weight.T)], [f"{i}_sum"]))
            bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
            operator, inputs = "Add", [f"{i}_sum", constant(f"layer{i}_bias", bias)]
        elif isinstance(layer, nn.Linear | nn.Conv2d):
            inputs.append(constant(f"layer{i}_weight", layer.weight))
            if layer.bias is not None:
                inputs.append(constant(f"layer{i}_bias", layer.bias))
        nodes.append(make.make_node(operator, inputs, [after], name=f"layer{i}", **attributes))
        before, y = after, layer(y)
    if not layers:
        raise ValueError("model must have a layer to export, got none")
    kind = onnx.TensorProto.FLOAT
    graph = make.make_graph(
        nodes,
        "model",
        [make.make_tensor_value_info(INPUT, kind, ["batch", *example.shape[1:]])],
        [make.make_tensor_value_info(OUTPUT, kind, ["batch", *y.shape[1:]])],
        constants,
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _operator(layer: nn.Module, axes: int) -> tuple[str, dict[str, Any]]:
    """ONNX operator and attributes of one layer whose input has this many axes."""
    if isinstance(layer, nn.Linear):
        return ("Gemm", {"transB": 1}) if axes == 2 else ("MatMul", {})
    if isinstance(layer, nn.Flatten):
        if (layer.start_dim, layer.end_dim) != (1, -1):
            raise ValueError(f"only nn.Flatten(1, -1) is exported, got {layer}")
        return "Flatten", {"axis": 1}
    if isinstance(layer, nn.ReLU):
        return "Relu", {}
    padding = layer.padding
    if isinstance(padding, str) or getattr(layer, "padding_mode", "zeros") != "zeros":
        raise ValueError(f"a convolution must pad with zeros, by numbers, to be exported; got {layer}")
    pads = 2 * list(_pair(padding))
    attributes: dict[str, Any] = {"strides": _pair(layer.stride), "pads": pads, "dilations": _pair(layer.dilation)}
    if isinstance(layer, nn.Conv2d):
        return "Conv", attributes | {"kernel_shape": list(layer.kernel_size), "group": layer.groups}
    assert isinstance(layer, nn.MaxPool2d)
    return "MaxPool", attributes | {"kernel_shape": _pair(layer.kernel_size), "ceil_mode": int(layer.ceil_mode)}


def _pair(value: Any) -> list[int]:
    return list(value) if isinstance(value, tuple | list) else [value, value]
