"""Answers to the memory question and the diagnosis."""

import numpy as np
import torch

from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG, Answer

_MEMORY, _DIAGNOSIS = "optimizers.memory", "optimizers.diagnosis"
_RIGHT = {"A": "hidden_clamp", "B": "no_bias_correction", "C": "decay_not_scaled_by_lr", "D": "ignores_groups"}


def _exchanged(first: str, second: str) -> dict[str, str]:
    return {**_RIGHT, first: _RIGHT[second], second: _RIGHT[first]}


ANSWERS = [
    Answer(_MEMORY, "200", SOLUTION, 200, None, "passed"),
    Answer(_MEMORY, "as a float", VALID, 25e6 * 2 * 4 / 1e6, None, "passed"),
    Answer(_MEMORY, "as a tensor", VALID, torch.tensor(200.0), None, "passed"),
    Answer(_MEMORY, "as a numpy number", VALID, np.float32(200), None, "passed"),
    Answer(_MEMORY, "...", STUB, ..., None, "not attempted"),
    Answer(_MEMORY, "None", STUB, None, None, "not attempted"),
    Answer(_MEMORY, "one buffer", WRONG, 100, "one_buffer"),
    Answer(_MEMORY, "with the parameters", WRONG, 300, "counts_parameters"),
    Answer(_MEMORY, "everything", WRONG, 400.0, "counts_parameters_and_gradients"),
    Answer(_MEMORY, "numbers", WRONG, 50, "counts_elements"),
    Answer(_MEMORY, "bits", WRONG, 1600, "counts_bits"),
    Answer(_MEMORY, "bytes", WRONG, 200_000_000, "wrong_unit"),
    Answer(_MEMORY, "gigabytes", WRONG, 0.2, "wrong_unit"),
    Answer(_MEMORY, "MiB", WRONG, 25e6 * 8 / 2**20, "mebibytes", "convention"),
    Answer(_MEMORY, "nonsense", UNLISTED, 7),
    Answer(_MEMORY, "NaN", UNLISTED, float("nan")),
    Answer(_MEMORY, "text", UNLISTED, "200 MB", None, "error"),
    Answer(_DIAGNOSIS, "all four", SOLUTION, _RIGHT, None, "passed"),
    Answer(
        _DIAGNOSIS, "other case", VALID, {key: f" {value.upper()} " for key, value in _RIGHT.items()}, None, "passed"
    ),
    Answer(_DIAGNOSIS, "a tuple's dict", VALID, dict(tuple(_RIGHT.items())), None, "passed"),
    Answer(_DIAGNOSIS, "other order", VALID, dict(reversed(_RIGHT.items())), None, "passed"),
    Answer(_DIAGNOSIS, "all ...", STUB, dict.fromkeys("ABCD", ...), None, "not attempted"),
    Answer(_DIAGNOSIS, "all None", STUB, dict.fromkeys("ABCD"), None, "not attempted"),
    Answer(_DIAGNOSIS, "...", STUB, ..., None, "not attempted"),
    Answer(_DIAGNOSIS, "A and C", WRONG, _exchanged("A", "C"), "confuses_decay_not_scaled_by_lr_with_hidden_clamp"),
    Answer(_DIAGNOSIS, "B and D", WRONG, _exchanged("B", "D"), "confuses_ignores_groups_with_no_bias_correction"),
    Answer(_DIAGNOSIS, "A and B", WRONG, _exchanged("A", "B"), "confuses_hidden_clamp_with_no_bias_correction"),
    Answer(_DIAGNOSIS, "A and D", WRONG, _exchanged("A", "D"), "confuses_hidden_clamp_with_ignores_groups"),
    Answer(
        _DIAGNOSIS, "B and C", WRONG, _exchanged("B", "C"), "confuses_decay_not_scaled_by_lr_with_no_bias_correction"
    ),
    Answer(_DIAGNOSIS, "C and D", WRONG, _exchanged("C", "D"), "confuses_decay_not_scaled_by_lr_with_ignores_groups"),
    Answer(_DIAGNOSIS, "the sign", WRONG, {**_RIGHT, "B": "sign_flipped"}, "takes_sign_flipped_for_a_curve"),
    Answer(
        _DIAGNOSIS,
        "the step count",
        WRONG,
        {**_RIGHT, "B": "step_count_off_by_one"},
        "takes_step_count_off_by_one_for_a_curve",
    ),
    Answer(_DIAGNOSIS, "one bug for all", UNLISTED, dict.fromkeys("ABCD", "sign_flipped")),
    Answer(_DIAGNOSIS, "no such bug", UNLISTED, {**_RIGHT, "B": "gremlins"}, None, "error"),
    Answer(_DIAGNOSIS, "a curve left out", UNLISTED, {"A": "hidden_clamp"}, None, "error"),
    Answer(_DIAGNOSIS, "a list", UNLISTED, list(_RIGHT.values()), None, "error"),
]
