"""How much smaller a codebook makes a layer."""

from optcourse.grading.definitions import Variant
from optcourse.grading.kinds import value_check

WEIGHTS, INDEX_BITS = 120 * 50, 5  # of the layer in the question
_BEFORE = WEIGHTS * 32  # bits, in float32
_INDICES, _CODEBOOK = WEIGHTS * INDEX_BITS, 2**INDEX_BITS * 32

ADVICE = "Count bits: one index for each weight, and the table of values that the indices point into. Then divide."

STORAGE = value_check(
    "quantization.storage",
    _BEFORE / (_INDICES + _CODEBOOK),
    relative=0.0005,
    variants=(
        Variant(
            "codebook_forgotten",
            {"answer": _BEFORE / _INDICES},
            "That counts the indices alone. Without the table of values nobody can read them.",
            ADVICE,
        ),
        Variant(
            "bits_for_values",
            {"answer": _BEFORE / (_INDICES + INDEX_BITS * 32)},
            f"That is a table of {INDEX_BITS} values. {INDEX_BITS} bits can tell 2^{INDEX_BITS} of them apart.",
            ADVICE,
        ),
        Variant(
            "codebook_in_bytes",
            {"answer": _BEFORE / (_INDICES + 2**INDEX_BITS * 8)},
            "That stores each value of the table in one byte. They are float32 numbers, of 32 bits each.",
            ADVICE,
        ),
        Variant(
            "index_fills_a_byte",
            {"answer": _BEFORE / (WEIGHTS * 8 + _CODEBOOK)},
            f"That gives each index a whole byte. Packed one after another they take {INDEX_BITS} bits each.",
            ADVICE,
        ),
        Variant(
            "bits_as_bytes",
            {"answer": _BEFORE / 8 / (_INDICES + _CODEBOOK / 8)},
            f"That takes {INDEX_BITS} bytes for each index. It is {INDEX_BITS} bits.",
            ADVICE,
        ),
        Variant(
            "inverted",
            {"answer": (_INDICES + _CODEBOOK) / _BEFORE},
            "That is the share that is left. Asked for is how many times smaller: the size before, divided by it.",
            ADVICE,
        ),
        Variant(
            "share_saved",
            {"answer": 1 - (_INDICES + _CODEBOOK) / _BEFORE},
            "That is the share that is saved. Asked for is how many times smaller the layer gets.",
            ADVICE,
        ),
        Variant(
            "share_saved",
            {"answer": 100 * (1 - (_INDICES + _CODEBOOK) / _BEFORE)},
            "That is what is saved, in percent. Asked for is how many times smaller the layer gets.",
            ADVICE,
        ),
    ),
    look_next=ADVICE,
    praise=f"Right: {INDEX_BITS} of 32 bits would be 6.4 times; in a small layer its table of values counts too.",
)
