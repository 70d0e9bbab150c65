"""What a model costs, in one line: bytes, latency and accuracy in torch and in ONNX Runtime, float32 and int8."""

import html
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from optcourse.runtimes.export import evaluation_mode, export, float_bytes
from optcourse.runtimes.latency import Clock, interleaved_latency
from optcourse.runtimes.onnx_runtime import Session, quantize_dynamic, quantize_static

Form = Callable[[Tensor], Tensor]  # a model, or what runs one

EAGER = "eager float32"
CALIBRATED_AT_ONCE = 100  # examples


@dataclass(frozen=True)
class CostRow:
    """The costs of one form of a model.

    Attributes:
        name: "eager float32", "runtime float32", "runtime int8 dynamic" or "runtime int8 static".
        bytes: size of its file.
        latency: batch size -> median seconds of a call, one thread.
        accuracy: share of inputs whose largest output is at the label; NaN without labels.
        agreement: share of inputs whose largest output is where the eager model's is.
    """

    name: str
    bytes: int
    latency: Mapping[int, float]
    accuracy: float
    agreement: float


@dataclass(frozen=True)
class CostPanel:
    """All forms of a model beside each other; shows itself as a table, measured numbers between the marks ⟨ ⟩."""

    rows: tuple[CostRow, ...]

    def __getitem__(self, name: str) -> CostRow:
        """The row of that name.

        Raises:
            KeyError: with the names there are.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no row {name!r}; there are {', '.join(row.name for row in self.rows)}")

    def ratio(self, name: str, batch_size: int | None = None) -> float:
        """Bytes (or latency at a batch size) of a row over those of eager float32."""
        row, eager = self[name], self[EAGER]
        if batch_size is None:
            return row.bytes / eager.bytes
        return row.latency[batch_size] / eager.latency[batch_size]

    def _cells(self) -> list[list[str]]:
        sizes = list(self.rows[0].latency)
        accuracy = not math.isnan(self.rows[0].accuracy)
        head = ["form", "bytes", "ratio"]
        for size in sizes:
            head += [f"ms at batch {size}", "ratio"]
        cells = [[*head, *(["accuracy"] if accuracy else []), "as eager"]]
        for row in self.rows:
            line = [row.name, f"⟨{row.bytes:,}⟩", f"⟨{self.ratio(row.name):.2f}⟩"]
            for size in sizes:
                line += [f"⟨{1000 * row.latency[size]:.3f}⟩", f"⟨{self.ratio(row.name, size):.2f}⟩"]
            line += [f"⟨{100 * row.accuracy:.1f} %⟩"] if accuracy else []
            cells.append([*line, f"⟨{100 * row.agreement:.1f} %⟩"])
        return cells

    def __repr__(self) -> str:
        return "\n".join(" | ".join(line) for line in self._cells())

    def _repr_html_(self) -> str:
        head, *body = self._cells()
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in body)
        titles = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>"


def cost_panel(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor | None = None,
    *,
    calibration: Tensor | None = None,
    batch_sizes: Sequence[int] = (1, 64),
    repeats: int = 30,
    clock: Clock = time.perf_counter,
) -> CostPanel:
    """Export, quantize, measure: the costs of your model in torch and in ONNX Runtime.

    Args:
        model: a classifier from (N, ...) to (N, classes), float32 on the CPU. Not mutated.
        inputs: test inputs (N, ...), at least as many as the largest batch.
        labels: (N,) class numbers; without them no accuracy is shown.
        calibration: training inputs for the static ranges; the test inputs serve when there are none, which flatters.
        batch_sizes: of the latencies.
        repeats, clock: timed rounds, interleaved, and what times them; see `interleaved_latency`.

    Raises:
        ImportError: the extra `runtimes` is not installed; the message says how.
        TypeError, ValueError: an argument breaks its rule, or the model cannot be exported.
    """
    _check(inputs, labels, batch_sizes)
    _check_float32(model)
    calibration = inputs if calibration is None else calibration
    floating = export(model, inputs[:2])
    files = {
        "runtime float32": floating,
        "runtime int8 dynamic": quantize_dynamic(floating),
        "runtime int8 static": quantize_static(floating, calibration.split(CALIBRATED_AT_ONCE)),
    }
    forms: dict[str, Callable[[Tensor], Tensor]] = {EAGER: model} | {
        name: Session(file) for name, file in files.items()
    }
    sizes = {EAGER: float_bytes(model)} | {name: len(file) for name, file in files.items()}
    with evaluation_mode(model), torch.inference_mode():
        answers = {name: torch.cat([form(x).argmax(1) for x in inputs.split(1000)]) for name, form in forms.items()}
        latency: dict[str, dict[int, float]] = {name: {} for name in forms}
        for size in batch_sizes:
            calls = {name: partial(form, inputs[:size].clone()) for name, form in forms.items()}
            for name, seconds in interleaved_latency(calls, repeats=repeats, clock=clock).items():
                latency[name][size] = seconds
    return CostPanel(
        tuple(
            CostRow(
                name,
                sizes[name],
                latency[name],
                math.nan if labels is None else float((answers[name] == labels).float().mean()),
                float((answers[name] == answers[EAGER]).float().mean()),
            )
            for name in forms
        )
    )


def _check(inputs: Tensor, labels: Tensor | None, batch_sizes: Sequence[int]) -> None:
    if not batch_sizes or min(batch_sizes) < 1:
        raise ValueError(f"batch_sizes must be one or more integers >= 1, got {tuple(batch_sizes)}")
    if len(inputs) < max(batch_sizes):
        raise ValueError(f"inputs must be at least the largest batch, {max(batch_sizes)} examples, got {len(inputs)}")
    if labels is not None and labels.shape != inputs.shape[:1]:
        raise ValueError(f"labels must be ({len(inputs)},), one for each input, got {tuple(labels.shape)}")


def _check_float32(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if parameter.dtype != torch.float32:
            raise TypeError(
                f"model must be float32, its parameter {name} is {parameter.dtype}; "
                "try cost_panel(copy.deepcopy(model).float(), inputs.float(), ...)"
            )
