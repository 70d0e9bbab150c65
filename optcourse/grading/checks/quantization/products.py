"""Integer products that a learner's test has to judge: three that are right, and nine wrong ones.

Each takes (q_x, q_w, x_zero_point, w_zero_point): uint8 (M, K), int8 (N, K), and two whole numbers.
"""

import torch
from torch import Tensor


def by_differences(q_x: Tensor, q_w: Tensor, x_zero_point: int, w_zero_point: int) -> Tensor:
    """The definition."""
    return (q_x.long() - x_zero_point) @ (q_w.long() - w_zero_point).T


def by_four_terms(q_x: Tensor, q_w: Tensor, x_zero_point: int, w_zero_point: int) -> Tensor:
    """The product of the stored integers, corrected; in 32 bits."""
    x, w = q_x.int(), q_w.int()
    corner = x.shape[1] * x_zero_point * w_zero_point
    sums = w_zero_point * x.sum(1, keepdim=True) + x_zero_point * w.sum(1)
    return (x @ w.T - sums + corner).int()


def in_double_precision(q_x: Tensor, q_w: Tensor, x_zero_point: int, w_zero_point: int) -> Tensor:
    """Exact: sums stay far below 2^53."""
    return ((q_x.double() - x_zero_point) @ (q_w.double() - w_zero_point).T).long()


def _differences_in_8_bits(q_x: Tensor, q_w: Tensor, x_zero_point: int, w_zero_point: int) -> Tensor:
    return by_differences((q_x.long() - x_zero_point) % 256, q_w, 0, w_zero_point)


def _corner_forgotten(q_x: Tensor, q_w: Tensor, x_zero_point: int, w_zero_point: int) -> Tensor:
    return by_differences(q_x, q_w, x_zero_point, w_zero_point) - q_x.shape[1] * x_zero_point * w_zero_point


def _wrapped_in_16_bits(q_x: Tensor, q_w: Tensor, x_zero_point: int, w_zero_point: int) -> Tensor:
    return by_differences(q_x, q_w, x_zero_point, w_zero_point).to(torch.int16).int()


def _rounded_to_8_bits(q_x: Tensor, q_w: Tensor, x_zero_point: int, w_zero_point: int) -> Tensor:
    return by_differences(q_x, q_w, x_zero_point, w_zero_point).bfloat16().long()


def _last_of_odd_left_out(q_x: Tensor, q_w: Tensor, x_zero_point: int, w_zero_point: int) -> Tensor:
    even = q_x.shape[1] // 2 * 2 or 1
    return by_differences(q_x[:, :even], q_w[:, :even], x_zero_point, w_zero_point)


def _transposed(q_x: Tensor, q_w: Tensor, x_zero_point: int, w_zero_point: int) -> Tensor:
    return by_differences(q_x, q_w, x_zero_point, w_zero_point).T


IMPLEMENTATIONS = {
    "by_differences": by_differences,
    "by_four_terms": by_four_terms,
    "in_double_precision": in_double_precision,
    "x_zero_point_ignored": lambda q_x, q_w, z_x, z_w: by_differences(q_x, q_w, 0, z_w),
    "w_zero_point_ignored": lambda q_x, q_w, z_x, z_w: by_differences(q_x, q_w, z_x, 0),
    "zero_points_exchanged": lambda q_x, q_w, z_x, z_w: by_differences(q_x, q_w, z_w, z_x),
    "corner_forgotten": _corner_forgotten,
    "differences_in_8_bits": _differences_in_8_bits,
    "wrapped_in_16_bits": _wrapped_in_16_bits,
    "rounded_to_8_bits": _rounded_to_8_bits,
    "last_of_odd_left_out": _last_of_odd_left_out,
    "transposed": _transposed,
}
