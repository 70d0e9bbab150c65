"""Training losses over the steps, recorded over several seeds."""

from optcourse.experiments.initialization.training import deep_run, residual_run
from optcourse.lab.records import Run


def deep_curves(seed: int) -> tuple[Run, ...]:
    """Thirty plain ReLU layers from He's weights and from Xavier's."""
    return tuple(deep_run(scheme, 30, seed) for scheme in ("he_normal", "xavier_normal"))


def residual_curves(seed: int) -> tuple[Run, ...]:
    """Fifteen residual blocks with zeroed branches, and with He's weights throughout."""
    return tuple(residual_run(zero, seed) for zero in (True, False))


CURVES = {"deep_curves": deep_curves, "residual_curves": residual_curves}
