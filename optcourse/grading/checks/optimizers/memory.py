"""How much memory an optimizer's state takes."""

from optcourse.grading.definitions import CONVENTION, Variant
from optcourse.grading.kinds import value_check

PARAMETERS = 25_000_000  # of the network in the question, in float32
_MEGABYTES = PARAMETERS * 4 / 1e6  # of one buffer

ADVICE = (
    "Which tensors does AdamW keep for each parameter from one step to the next, and how many bytes has each number?"
)

MEMORY = value_check(
    "optimizers.memory",
    2 * _MEGABYTES,
    variants=(
        Variant(
            "one_buffer", {"answer": _MEGABYTES}, "That is one buffer, as momentum has it. AdamW keeps more.", ADVICE
        ),
        Variant("counts_parameters", {"answer": 3 * _MEGABYTES}, "That counts the parameters themselves too.", ADVICE),
        Variant(
            "counts_parameters_and_gradients",
            {"answer": 4 * _MEGABYTES},
            "That is everything a training step holds (parameters and gradients too), or the state in 8-byte numbers.",
            ADVICE,
        ),
        Variant(
            "counts_elements", {"answer": PARAMETERS * 2 / 1e6}, "That is millions of numbers, not of bytes.", ADVICE
        ),
        Variant("counts_bits", {"answer": 16 * _MEGABYTES}, "That is megabits: 8 bits are a byte.", ADVICE),
        Variant(
            "wrong_unit", {"answer": 2 * _MEGABYTES * 1e6}, "That is in bytes; the answer is in megabytes.", ADVICE
        ),
        Variant(
            "wrong_unit", {"answer": 2 * _MEGABYTES / 1e3}, "That is in gigabytes; the answer is in megabytes.", ADVICE
        ),
        Variant(
            "mebibytes",
            {"answer": 2 * _MEGABYTES * 1e6 / 2**20},
            "Right in mebibytes (MiB, 2^20 bytes). Asked for are megabytes, 10^6 bytes.",
            ADVICE,
            kind=CONVENTION,
        ),
    ),
    look_next=ADVICE,
    praise="Right: two buffers (m and v) of 4 bytes a parameter, twice the size of the network itself.",
)
