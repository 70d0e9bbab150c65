"""How small a signal gets on its way through a deep net."""

import math

from optcourse.grading.definitions import Variant
from optcourse.grading.kinds import value_check

LAYERS = 30  # of the net in the question, each with weights of variance 1 / fan_in, and ReLU between them

ADVICE = (
    "Follow the mean square: what does a layer make of it, what does ReLU, and how often does each act before layer 30?"
)
ROOT_ADVICE = "The mean square halves with each ReLU. The question asks for its root."

DEPTH = value_check(
    "initialization.depth",
    2 ** (-(LAYERS - 1) / 2),
    relative=0.02,
    variants=(
        Variant(
            "mean_square_for_its_root",
            {"answer": 2.0 ** -(LAYERS - 1)},
            "That is the mean square of the outputs (or their size, if ReLU halved it). Asked for is the root of it.",
            ROOT_ADVICE,
        ),
        Variant(
            "one_relu_too_many",
            {"answer": 2 ** (-LAYERS / 2)},
            f"That is one ReLU too many: before the outputs of layer {LAYERS} stand {LAYERS - 1} of them.",
            ADVICE,
        ),
        Variant(
            "one_relu_too_many",
            {"answer": 2.0**-LAYERS},
            f"That is the mean square, after one ReLU too many: {LAYERS - 1} stand before layer {LAYERS}, and the root "
            "is asked for.",
            ROOT_ADVICE,
        ),
        Variant(
            "one_relu_too_few",
            {"answer": 2 ** (-(LAYERS - 2) / 2)},
            f"That is one ReLU too few: {LAYERS - 1} of them stand before the outputs of layer {LAYERS}.",
            ADVICE,
        ),
        Variant(
            "relu_forgotten",
            {"answer": 1.0},
            "Without ReLU it would stay 1. ReLU sets half of its inputs to 0, and the layer after it misses them.",
            ADVICE,
        ),
        Variant(
            "grows_instead",
            {"answer": 2 ** ((LAYERS - 1) / 2)},
            "It shrinks by that factor; it does not grow.",
            ADVICE,
        ),
        Variant(
            "grows_instead",
            {"answer": 2.0 ** (LAYERS - 1)},
            "It shrinks, and the number is the mean square's, not its root's.",
            ROOT_ADVICE,
        ),
        Variant(
            "variance_after_relu",
            {"answer": (0.5 - 1 / (2 * math.pi)) ** ((LAYERS - 1) / 2)},
            "That follows the variance after ReLU, 0.34, its mean subtracted. The next layer sums the inputs as "
            "they are: their mean square counts, and that is 1/2.",
            ADVICE,
        ),
        Variant(
            "one_layer_alone",
            {"answer": 2**-0.5},
            "That is what one ReLU does. The net has many, and each halves what the ones before it left.",
            ADVICE,
        ),
        Variant(
            "shrinks_with_depth_not_by_it",
            {"answer": (LAYERS - 1) ** -0.5},
            "That falls like one over the root of the depth. Each layer multiplies: the depth is an exponent.",
            ADVICE,
        ),
    ),
    look_next=ADVICE,
    praise=f"Right: each ReLU halves the mean square, {LAYERS - 1} of them leave 2^-{(LAYERS - 1) / 2:g} of its root.",
)
