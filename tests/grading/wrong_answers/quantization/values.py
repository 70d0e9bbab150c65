"""Answers to the question about storage and to the diagnosis."""

import numpy as np
import torch

from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG, Answer

_STORAGE, _DIAGNOSIS = "quantization.storage", "quantization.diagnosis"
_RIGHT = {"A": "zero_point_0", "B": "outlier", "C": "from_4_bits", "D": "calibrated_on_small"}


def _exchanged(first: str, second: str) -> dict[str, str]:
    return {**_RIGHT, first: _RIGHT[second], second: _RIGHT[first]}


ANSWERS = [
    Answer(_STORAGE, "in bits", SOLUTION, 120 * 50 * 32 / (120 * 50 * 5 + 32 * 32), None, "passed"),
    Answer(_STORAGE, "rounded", VALID, 6.19, None, "passed"),
    Answer(_STORAGE, "in bytes, as a tensor", VALID, torch.tensor(24_000) / 3_878, None, "passed"),
    Answer(_STORAGE, "as a numpy number", VALID, np.float64(24_000) / 3_878, None, "passed"),
    Answer(_STORAGE, "...", STUB, ..., None, "not attempted"),
    Answer(_STORAGE, "None", STUB, None, None, "not attempted"),
    Answer(_STORAGE, "32 / 5", WRONG, 32 / 5, "codebook_forgotten"),
    Answer(_STORAGE, "a table of 5", WRONG, 192_000 / (30_000 + 5 * 32), "bits_for_values"),
    Answer(_STORAGE, "a byte for each value", WRONG, 24_000 / (3_750 + 32), "codebook_in_bytes"),
    Answer(_STORAGE, "a byte for each index", WRONG, 24_000 / (6_000 + 128), "index_fills_a_byte"),
    Answer(_STORAGE, "5 bytes an index", WRONG, 24_000 / (30_000 + 128), "bits_as_bytes"),
    Answer(_STORAGE, "the share left", WRONG, 0.1616, "inverted"),
    Answer(_STORAGE, "the share saved", WRONG, 1 - 3_878 / 24_000, "share_saved"),
    Answer(_STORAGE, "percent saved", WRONG, 83.84, "share_saved"),
    Answer(_STORAGE, "nonsense", UNLISTED, 32),
    Answer(_STORAGE, "NaN", UNLISTED, float("nan")),
    Answer(_STORAGE, "text", UNLISTED, "6 times", None, "error"),
    Answer(_DIAGNOSIS, "all four", SOLUTION, _RIGHT, None, "passed"),
    Answer(_DIAGNOSIS, "capitals", VALID, {key: f" {value.upper()} " for key, value in _RIGHT.items()}, None, "passed"),
    Answer(_DIAGNOSIS, "a tuple's dict", VALID, dict(tuple(_RIGHT.items())), None, "passed"),
    Answer(_DIAGNOSIS, "other order", VALID, dict(reversed(_RIGHT.items())), None, "passed"),
    Answer(_DIAGNOSIS, "all ...", STUB, dict.fromkeys("ABCD", ...), None, "not attempted"),
    Answer(_DIAGNOSIS, "...", STUB, ..., None, "not attempted"),
    Answer(_DIAGNOSIS, "A and B", WRONG, _exchanged("A", "B"), "confuses_outlier_with_zero_point_0"),
    Answer(_DIAGNOSIS, "A and C", WRONG, _exchanged("A", "C"), "confuses_from_4_bits_with_zero_point_0"),
    Answer(_DIAGNOSIS, "A and D", WRONG, _exchanged("A", "D"), "confuses_calibrated_on_small_with_zero_point_0"),
    Answer(_DIAGNOSIS, "B and C", WRONG, _exchanged("B", "C"), "confuses_from_4_bits_with_outlier"),
    Answer(_DIAGNOSIS, "B and D", WRONG, _exchanged("B", "D"), "confuses_calibrated_on_small_with_outlier"),
    Answer(_DIAGNOSIS, "C and D", WRONG, _exchanged("C", "D"), "confuses_calibrated_on_small_with_from_4_bits"),
    Answer(_DIAGNOSIS, "B right", WRONG, {**_RIGHT, "B": "right"}, "takes_outlier_for_right"),
    Answer(_DIAGNOSIS, "B symmetric", WRONG, {**_RIGHT, "B": "symmetric"}, "takes_outlier_for_symmetric"),
    Answer(_DIAGNOSIS, "A symmetric", WRONG, {**_RIGHT, "A": "symmetric"}, "takes_zero_point_0_for_symmetric"),
    Answer(_DIAGNOSIS, "D right", WRONG, {**_RIGHT, "D": "right"}, "takes_clipping_for_right"),
    Answer(_DIAGNOSIS, "one name for all", UNLISTED, dict.fromkeys("ABCD", "outlier")),
    Answer(_DIAGNOSIS, "no such name", UNLISTED, {**_RIGHT, "B": "8 bits"}, None, "error"),
    Answer(_DIAGNOSIS, "a panel left out", UNLISTED, {"A": "outlier"}, None, "error"),
    Answer(_DIAGNOSIS, "a list", UNLISTED, list(_RIGHT.values()), None, "error"),
]
