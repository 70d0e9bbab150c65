"""Answers to the question about depth and to the diagnosis."""

import numpy as np
import torch

from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG, Answer

_DEPTH, _DIAGNOSIS = "initialization.depth", "initialization.diagnosis"
_RIGHT = {"A": "he_fan_out", "B": "xavier", "C": "gain_squared", "D": "he_fan_in"}


def _exchanged(first: str, second: str) -> dict[str, str]:
    return {**_RIGHT, first: _RIGHT[second], second: _RIGHT[first]}


ANSWERS = [
    Answer(_DEPTH, "2**-14.5", SOLUTION, 2**-14.5, None, "passed"),
    Answer(_DEPTH, "rounded", VALID, 4.3e-5, None, "passed"),
    Answer(_DEPTH, "as a tensor", VALID, torch.tensor(0.5).sqrt() ** 29, None, "passed"),
    Answer(_DEPTH, "as a numpy number", VALID, np.sqrt(np.float64(0.5) ** 29), None, "passed"),
    Answer(_DEPTH, "...", STUB, ..., None, "not attempted"),
    Answer(_DEPTH, "None", STUB, None, None, "not attempted"),
    Answer(_DEPTH, "mean square", WRONG, 0.5**29, "mean_square_for_its_root"),
    Answer(_DEPTH, "thirty ReLUs", WRONG, 0.5**15, "one_relu_too_many"),
    Answer(_DEPTH, "mean square of thirty", WRONG, 0.5**30, "one_relu_too_many"),
    Answer(_DEPTH, "28 ReLUs", WRONG, 0.5**14, "one_relu_too_few"),
    Answer(_DEPTH, "stays 1", WRONG, 1, "relu_forgotten"),
    Answer(_DEPTH, "grows", WRONG, 2**14.5, "grows_instead"),
    Answer(_DEPTH, "grows squared", WRONG, 2.0**29, "grows_instead"),
    Answer(_DEPTH, "variance of ReLU", WRONG, (0.5 - 0.5 / np.pi) ** 14.5, "variance_after_relu"),
    Answer(_DEPTH, "one ReLU", WRONG, 0.707, "one_layer_alone"),
    Answer(_DEPTH, "root of the depth", WRONG, 29**-0.5, "shrinks_with_depth_not_by_it"),
    Answer(_DEPTH, "nonsense", UNLISTED, 7),
    Answer(_DEPTH, "NaN", UNLISTED, float("nan")),
    Answer(_DEPTH, "text", UNLISTED, "2^-14.5", None, "error"),
    Answer(_DIAGNOSIS, "all four", SOLUTION, _RIGHT, None, "passed"),
    Answer(_DIAGNOSIS, "capitals", VALID, {key: f" {value.upper()} " for key, value in _RIGHT.items()}, None, "passed"),
    Answer(_DIAGNOSIS, "a tuple's dict", VALID, dict(tuple(_RIGHT.items())), None, "passed"),
    Answer(_DIAGNOSIS, "other order", VALID, dict(reversed(_RIGHT.items())), None, "passed"),
    Answer(_DIAGNOSIS, "all ...", STUB, dict.fromkeys("ABCD", ...), None, "not attempted"),
    Answer(_DIAGNOSIS, "...", STUB, ..., None, "not attempted"),
    Answer(_DIAGNOSIS, "A and D", WRONG, _exchanged("A", "D"), "confuses_he_fan_in_with_he_fan_out"),
    Answer(_DIAGNOSIS, "A and B", WRONG, _exchanged("A", "B"), "confuses_he_fan_out_with_xavier"),
    Answer(_DIAGNOSIS, "A and C", WRONG, _exchanged("A", "C"), "confuses_gain_squared_with_he_fan_out"),
    Answer(_DIAGNOSIS, "B and C", WRONG, _exchanged("B", "C"), "confuses_gain_squared_with_xavier"),
    Answer(_DIAGNOSIS, "B and D", WRONG, _exchanged("B", "D"), "confuses_he_fan_in_with_xavier"),
    Answer(_DIAGNOSIS, "C and D", WRONG, _exchanged("C", "D"), "confuses_gain_squared_with_he_fan_in"),
    Answer(_DIAGNOSIS, "std as bound", WRONG, {**_RIGHT, "B": "std_as_bound"}, "takes_xavier_for_std_as_bound"),
    Answer(_DIAGNOSIS, "variance", WRONG, {**_RIGHT, "B": "variance_as_std"}, "takes_xavier_for_variance_as_std"),
    Answer(_DIAGNOSIS, "one name for all", UNLISTED, dict.fromkeys("ABCD", "xavier")),
    Answer(_DIAGNOSIS, "no such name", UNLISTED, {**_RIGHT, "B": "lecun"}, None, "error"),
    Answer(_DIAGNOSIS, "a curve left out", UNLISTED, {"A": "xavier"}, None, "error"),
    Answer(_DIAGNOSIS, "a list", UNLISTED, list(_RIGHT.values()), None, "error"),
]
