"""Models outside torch: export to ONNX, ONNX Runtime in float32 and int8, bytes and latency, a cost panel in one line.

Needs the extra `runtimes` (onnx, onnxruntime, onnxscript), imported when first used.

Example:
    from optcourse.runtimes import cost_panel
    cost_panel(model, inputs, labels, calibration=training_inputs)
"""

from optcourse.runtimes.export import export, float_bytes
from optcourse.runtimes.latency import interleaved_latency
from optcourse.runtimes.onnx_runtime import Session, quantize_dynamic, quantize_static
from optcourse.runtimes.panel import CostPanel, CostRow, cost_panel
from optcourse.runtimes.requirements import available

__all__ = [
    "CostPanel",
    "CostRow",
    "Session",
    "available",
    "cost_panel",
    "export",
    "float_bytes",
    "interleaved_latency",
    "quantize_dynamic",
    "quantize_static",
]
