"""Answers to the question about storage."""

import numpy as np
import torch

from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG, Answer

_STORAGE = "quantization.storage"

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
]
