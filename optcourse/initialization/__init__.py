"""Initialization: where training starts, and the variance that decides whether it can.

fans, fans_of                              how many weights meet in one output, and where one input goes
gain, moments                              what an activation takes from the signal, by integration
lecun_*, xavier_*, he_*, orthogonal_*      schemes: `x_reference` is pure, `x_` fills a weight in place
initialize_                                a scheme for a whole network
lsuv_, zero_residual_                      what looks at data, and what starts blocks as the identity
predicted_variance, measured_variance      layer by layer, forward and backward
"""

from optcourse.initialization.fans import KINDS, Fans, fans, fans_of
from optcourse.initialization.gains import ACTIVATIONS, Moments, gain, moments
from optcourse.initialization.he import he_normal_, he_normal_reference, he_uniform_, he_uniform_reference
from optcourse.initialization.lecun import (
    lecun_normal_,
    lecun_normal_reference,
    lecun_uniform_,
    lecun_uniform_reference,
)
from optcourse.initialization.lsuv import Scaled, lsuv_, lsuv_reference
from optcourse.initialization.network import Scheme, initialize_
from optcourse.initialization.orthogonal import orthogonal_, orthogonal_reference
from optcourse.initialization.propagation import LayerVariance, measured_variance, predicted_variance
from optcourse.initialization.residual import Residual, zero_residual_
from optcourse.initialization.xavier import (
    xavier_normal_,
    xavier_normal_reference,
    xavier_uniform_,
    xavier_uniform_reference,
)

__all__ = [
    "ACTIVATIONS",
    "KINDS",
    "SCHEMES",
    "Fans",
    "LayerVariance",
    "Moments",
    "Residual",
    "Scaled",
    "Scheme",
    "fans",
    "fans_of",
    "gain",
    "he_normal_",
    "he_normal_reference",
    "he_uniform_",
    "he_uniform_reference",
    "initialize_",
    "lecun_normal_",
    "lecun_normal_reference",
    "lecun_uniform_",
    "lecun_uniform_reference",
    "lsuv_",
    "lsuv_reference",
    "measured_variance",
    "moments",
    "orthogonal_",
    "orthogonal_reference",
    "predicted_variance",
    "xavier_normal_",
    "xavier_normal_reference",
    "xavier_uniform_",
    "xavier_uniform_reference",
    "zero_residual_",
]

SCHEMES: dict[str, Scheme] = {
    "lecun_normal": lecun_normal_,
    "lecun_uniform": lecun_uniform_,
    "xavier_normal": xavier_normal_,
    "xavier_uniform": xavier_uniform_,
    "he_normal": he_normal_,
    "he_uniform": he_uniform_,
    "orthogonal": orthogonal_,
}
