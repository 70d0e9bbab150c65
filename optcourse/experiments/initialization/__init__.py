"""What lesson initialization measures, and its claims."""

from optcourse.experiments.initialization import glorot, training, variance
from optcourse.experiments.initialization.curves import CURVES
from optcourse.experiments.initialization.glorot import SCHEMES_OF_PAPER, look
from optcourse.experiments.initialization.nets import deep_net, noise, residual_net
from optcourse.experiments.initialization.training import deep_run, residual_run
from optcourse.experiments.initialization.variance import layer_variances, predicted_variances, settled

CLAIMS = (*variance.CLAIMS, *glorot.CLAIMS, *training.CLAIMS)

__all__ = [
    "CLAIMS",
    "CURVES",
    "SCHEMES_OF_PAPER",
    "deep_net",
    "deep_run",
    "layer_variances",
    "look",
    "noise",
    "predicted_variances",
    "residual_net",
    "residual_run",
    "settled",
]
