"""The test to be written: what is wrong with each product that it has to reject."""

from optcourse.grading.checks.quantization import products
from optcourse.grading.kinds import test_check

RIGHT = ("by_differences", "by_four_terms", "in_double_precision")
WRONG = {
    "x_zero_point_ignored": "the zero-point of the input is not taken off. A test with x_zero_point 0 cannot see it.",
    "w_zero_point_ignored": "the zero-point of the weight is not taken off. A test with w_zero_point 0 cannot see it.",
    "zero_points_exchanged": "the two zero-points are exchanged. It shows only where they differ.",
    "corner_forgotten": "the term K · z_x · z_w is missing. It shows only where neither zero-point is 0.",
    "differences_in_8_bits": "q_x - x_zero_point wraps around in uint8. It shows only where an input lies below its "
    "zero-point.",
    "wrapped_in_16_bits": "sums are kept in 16 bits. It shows only where one leaves -32,768 to 32,767, as rows of many "
    "large numbers do.",
    "rounded_to_8_bits": "sums are rounded to 8 significant bits, as bfloat16 has them. It shows only where large sums "
    "are compared exactly.",
    "last_of_odd_left_out": "numbers are summed in pairs, and the last of an odd count is left out.",
    "transposed": "the result is transposed: (N, M) for (M, N). It shows only where the two differ.",
}

ADVICE = (
    "For each shortcut that a fast product may take, ask which input would show it: zero-points of 0, equal ones, "
    "small numbers, an even K, square shapes all hide something."
)

PRODUCT_TEST = test_check(
    "quantization.test",
    right={name: products.IMPLEMENTATIONS[name] for name in RIGHT},
    mutants={name: (products.IMPLEMENTATIONS[name], why) for name, why in WRONG.items()},
    noun="product",
    look_next=ADVICE,
    praise=f"Right: your test accepts what is right, in any integer type, and sees all {len(WRONG)} wrong ones.",
)
