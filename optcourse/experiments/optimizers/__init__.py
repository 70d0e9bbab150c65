"""What lesson optimizers measures, and its claims."""

from optcourse.experiments.optimizers import (
    comparison,
    counterexamples,
    label_noise,
    memory,
    quadratics,
    sharpness,
    sparse,
)
from optcourse.experiments.optimizers.counterexamples import convergence_failure, train_with_long_memory
from optcourse.experiments.optimizers.memory import bytes_per_parameter
from optcourse.experiments.optimizers.quadratics import (
    cycle,
    cycling_heavy_ball,
    distances,
    settling_gradient_descent,
    tuned_gradient_descent,
    tuned_heavy_ball,
)
from optcourse.experiments.optimizers.sharpness import descend_full_batch
from optcourse.experiments.optimizers.sparse import sparse_runs

CLAIMS = (
    *quadratics.CLAIMS,
    *counterexamples.CLAIMS,
    *sparse.CLAIMS,
    *sharpness.CLAIMS,
    *label_noise.CLAIMS,
    *comparison.CLAIMS,
    *memory.CLAIMS,
)

SWEEPS = {**label_noise.SWEEPS, **comparison.SWEEPS}

__all__ = [
    "CLAIMS",
    "SWEEPS",
    "bytes_per_parameter",
    "convergence_failure",
    "cycle",
    "cycling_heavy_ball",
    "descend_full_batch",
    "distances",
    "settling_gradient_descent",
    "sparse_runs",
    "train_with_long_memory",
    "tuned_gradient_descent",
    "tuned_heavy_ball",
]
