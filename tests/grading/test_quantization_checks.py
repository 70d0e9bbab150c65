"""What is particular to the exercises of lesson 09; the kill matrix holds the rest."""

import math

import numpy as np
import pytest
import torch

from optcourse import catalogue, quantization
from optcourse.grading.checks import find
from optcourse.grading.checks.quantization import diagnosis_histograms, histograms, mutants, percentile, products
from optcourse.grading.checks.quantization.channels import quantize_channels
from optcourse.grading.checks.quantization.fixed_point import requantize
from optcourse.grading.checks.quantization.folding import fold
from optcourse.grading.checks.quantization.grid import grid
from optcourse.grading.checks.quantization.integer import integer_linear
from optcourse.grading.checks.quantization.rounding import quantize
from optcourse.grading.checks.quantization.training import qat_step
from optcourse.grading.definitions import Result
from optcourse.grading.engine import grade
from optcourse.grading.limits import Fault
from tests.grading.kill_matrix import kill_matrix
from tests.grading.wrong_answers.learner import SOLUTION, VALID
from tests.grading.wrong_answers.quantization import ANSWERS

SEEDS = range(20)


def problems(exercise: str, seed: int = 0) -> dict:
    return {case.name: case.problem for case in find(exercise).cases(seed)}


@pytest.mark.parametrize("seed", range(3))
def test_grids_are_those_of_the_library(seed):
    for low, high, quant_min, quant_max in problems("quantization.grid", seed).values():
        bits = round(math.log2(quant_max - quant_min + 1))
        scheme = quantization.Scheme(bits=bits, signed=quant_min < 0)
        ends = (torch.tensor(end, dtype=torch.float64) for end in (low, high))
        chosen = quantization.choose_parameters(*ends, scheme)
        scale, zero_point = grid(low, high, quant_min, quant_max)
        assert scale == pytest.approx(float(chosen.scale), rel=1e-12)
        assert zero_point == int(chosen.zero_point)


@pytest.mark.parametrize("seed", range(3))
def test_integers_and_what_they_stand_for_are_those_of_the_library(seed):
    for x, scale, zero_point, quant_min, quant_max in problems("quantization.quantize", seed).values():
        numbers = {"scale": torch.tensor(scale, dtype=torch.float64), "zero_point": torch.tensor(zero_point)}
        expected = quantization.quantize_reference(x, **numbers, quant_min=quant_min, quant_max=quant_max)
        q, x_hat = quantize(x, scale, zero_point, quant_min, quant_max)
        assert torch.equal(q, expected)
        torch.testing.assert_close(x_hat, quantization.dequantize_reference(expected, **numbers))


@pytest.mark.parametrize("seed", range(3))
def test_percentile_ranges_are_those_of_the_library_to_the_width_of_a_bin(seed):
    for batches, percent in problems("quantization.percentile", seed).values():
        observer = quantization.PercentileObserver(percentile=percent, bins=2**16)
        for batch in batches:
            observer.observe(batch)
        low, high = (float(end) for end in observer.range())
        widened = min(low, 0.0), max(high, 0.0)
        width = float(observer.histogram.widths)
        assert percentile.percentile_range(batches, percent) == pytest.approx(widened, rel=0, abs=1.01 * width)


@pytest.mark.parametrize("seed", range(3))
def test_channels_are_those_of_the_library(seed):
    for weight, bits in problems("quantization.channels", seed).values():
        chosen = quantization.parameters_for(weight, quantization.Scheme(bits, signed=True, symmetric=True, axis=0))
        q, scale = quantize_channels(weight, bits)
        torch.testing.assert_close(scale, chosen.scale)
        assert torch.equal(q, quantization.quantize(weight, chosen).double())


@pytest.mark.parametrize("seed", range(3))
def test_folded_layers_do_what_the_two_do(seed):
    for weight, bias, mean, variance, gamma, beta, eps in problems("quantization.fold", seed).values():
        x = torch.randn(6, weight.shape[1], *(2 * size for size in weight.shape[2:]), dtype=torch.float64)
        apply = {2: torch.nn.functional.linear, 3: torch.conv1d, 4: torch.conv2d}[weight.dim()]
        expected = torch.nn.functional.batch_norm(apply(x, weight, bias), mean, variance, gamma, beta, eps=eps)
        torch.testing.assert_close(apply(x, *fold(weight, bias, mean, variance, gamma, beta, eps)), expected)


@pytest.mark.parametrize("seed", range(3))
def test_integer_layers_are_those_of_the_library_bit_for_bit(seed):
    for q_x, x_grid, q_w, w_grid, bias, y_grid in problems("quantization.integer_linear", seed).values():
        scales = [torch.tensor(scale, dtype=torch.float64) for scale, _ in (x_grid, w_grid, y_grid)]
        expected = quantization.integer_matmul(q_x, q_w, x_grid[1], w_grid[1])
        expected = expected + quantization.quantize_bias(bias, scales[0], scales[1])
        accumulator, q_y = integer_linear(q_x, x_grid, q_w, w_grid, bias, y_grid)
        assert torch.equal(accumulator, expected.double())
        multiplier, zero_point = scales[0] * scales[1] / scales[2], torch.tensor(y_grid[1])
        limits = {"zero_point": zero_point, "quant_min": 0, "quant_max": 255}
        assert torch.equal(q_y, quantization.requantize(expected, multiplier, **limits).double())


@pytest.mark.parametrize("seed", range(3))
def test_multipliers_in_fixed_point_are_those_of_the_library(seed):
    for accumulator, multiplier in problems("quantization.requantize", seed).values():
        wide = {"zero_point": torch.tensor(0), "quant_min": -(2**31), "quant_max": 2**31 - 1}
        expected = quantization.fixed_point(torch.tensor(multiplier, dtype=torch.float64))
        mantissa, shift, scaled = requantize(accumulator, multiplier)
        assert (mantissa, shift) == tuple(int(number) for number in expected)
        assert torch.equal(scaled.int(), quantization.requantize_fixed_point(accumulator, *expected, **wide))


@pytest.mark.parametrize("seed", range(3))
def test_a_step_through_rounding_is_that_of_the_librarys_estimator(seed):
    for weight, x, target, scale, quant_max, lr in problems("quantization.qat_step", seed).values():
        leaf = weight.clone().requires_grad_()
        limits = {"zero_point": torch.tensor(0), "quant_min": -quant_max, "quant_max": quant_max}
        w_hat = quantization.straight_through_reference(leaf, scale=torch.tensor(scale).double(), **limits)
        torch.nn.functional.mse_loss(x @ w_hat.T, target).backward()
        torch.testing.assert_close(qat_step(weight, x, target, scale, quant_max, lr), weight - lr * leaf.grad)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_zero_point_is_0_no_shape_is_square_and_no_result_is_a_tie_by_accident(seed):
    for name, problem in problems("quantization.grid", seed).items():
        zero_point = grid(*problem)[1]
        assert zero_point != 0, name
    for name, (x, scale, zero_point, *_) in problems("quantization.quantize", seed).items():
        assert zero_point != 0, name
        ties = (x / scale - torch.floor(x / scale) - 0.5).abs() < 1e-3
        assert bool(ties.all() if name == "midway between two integers" else not ties.any()), name
    for name, (batches, percent) in problems("quantization.percentile", seed).items():
        assert all(len(set(batch.shape)) == batch.dim() for batch in batches), name
        left_out = sum(batch.numel() for batch in batches) * (100 - percent) / 200
        assert left_out in (0, 2) or 0.2 < left_out % 1 < 0.8, name
    for name, (weight, bits) in problems("quantization.channels", seed).items():
        assert len(set(weight.shape)) == weight.dim(), name
        scale = quantize_channels(weight, bits)[1].view(-1, *[1] * (weight.dim() - 1))
        assert not bool(((weight / scale - torch.floor(weight / scale) - 0.5).abs() < 1e-3).any()), name
    for name, (weight, *_) in problems("quantization.fold", seed).items():
        assert len(set(weight.shape)) == weight.dim(), name
    for name, (q_x, x_grid, q_w, w_grid, _, y_grid) in problems("quantization.integer_linear", seed).items():
        assert 0 not in (x_grid[1], w_grid[1], y_grid[1]), name
        assert len({*q_x.shape, *q_w.shape}) == 3, name


def test_cases_hold_what_their_names_say():
    x, scale, zero_point, *_ = problems("quantization.quantize")["numbers beyond both ends"]
    assert float((x / scale + zero_point).min()) < 0
    assert float((x / scale + zero_point).max()) > 255
    outputs = integer_linear(*problems("quantization.integer_linear")["outputs beyond the grid"])[1]
    assert {0.0, 255.0} <= set(outputs.flatten().tolist())
    weight, _, _, scale, quant_max, _ = problems("quantization.qat_step")["weights at its ends"]
    steps = weight / scale
    assert bool(((steps.abs() > quant_max) & (steps.abs() < quant_max + 0.5)).any())
    _, multiplier = problems("quantization.requantize")["a multiplier just below 1"]
    assert round(math.frexp(multiplier)[0] * 2**31) == 2**31
    first, again, other = (problems("quantization.fold", seed)["a linear layer"][0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert first.shape != other.shape or not torch.equal(first, other)


def test_every_wrong_product_is_right_where_nothing_shows_it():
    """Small numbers, equal zero-points of 0, an even length and square shapes: what a careless test looks at."""
    q_x = torch.tensor([[1, 2, 3, 4], [2, 0, 1, 5]], dtype=torch.uint8)
    q_w = torch.tensor([[3, -1, 2, 4], [-1, 2, -2, 3]], dtype=torch.int8)
    careless = products.by_differences(q_x, q_w, 0, 0)
    q_x_long, q_w_long = (torch.randint(0, 256, (3, 501)).byte(), torch.randint(-128, 128, (5, 501)).to(torch.int8))
    careful = products.by_differences(q_x_long, q_w_long, 131, 23)
    for name, product in products.IMPLEMENTATIONS.items():
        result = product(q_x, q_w, 0, 0)
        hidden = torch.equal(result.T if name == "transposed" else result, careless.to(result.dtype))
        assert hidden, name
        shown = product(q_x_long, q_w_long, 131, 23)
        same = shown.shape == careful.shape and bool((shown == careful).all())
        assert same == (name in mutants.RIGHT), name


@pytest.mark.parametrize("seed", range(5))
def test_honest_tests_pass_whatever_the_draw(seed):
    answers = [a for a in ANSWERS if a.exercise == "quantization.test" and a.kind in (SOLUTION, VALID)]
    assert [cell.answer.name for cell in kill_matrix(answers, seed=seed) if not cell.card.passed] == []


def test_the_four_histograms_can_be_told_apart_by_what_the_exercise_says():
    shares = {
        run.config["panel"]: np.array([record.values["share"] for record in run.records])
        for run in diagnosis_histograms()
    }
    assert all(values.sum() == pytest.approx(1) for values in shares.values())
    seen = {
        histograms._DRAWN_BY[panel]: (
            bool(values[0] > max(4 * values[1], 0.03)),  # a peak at 0
            bool(values[-1] > max(4 * values[-2], 0.03)),  # a peak at 255
            bool((values > 0).sum() <= 16),  # few integers are used
            bool((np.diff((values > 0).astype(int)) == 1).sum() > 10),  # gaps between them
        )
        for panel, values in shares.items()
    }
    assert seen == {
        "zero_point_0": (True, False, False, False),
        "outlier": (False, False, True, False),
        "from_4_bits": (False, False, True, True),
        "calibrated_on_small": (True, True, False, False),
    }
    x = 1 + np.random.default_rng(0).standard_normal(histograms.NUMBERS)
    assert 0.75 < np.ptp(histograms.integers(x, "symmetric")) / 255 < 0.85  # a fifth is wasted, as a card says
    assert histograms.integers(x, "right").min() == 0
    assert histograms.integers(x, "right").max() == 255


def test_an_index_of_thousands_of_digits_is_no_evidence():
    digits = "9" * 5000
    fault = Fault("error", "IndexError", f"index {digits} is out of bounds for dimension 0 with size {digits}")
    result = Result(find("quantization.percentile").cases(0)[0], (), fault)
    assert percentile.PERCENT_FOR_SHARE.found([result]) is None


def test_an_exception_is_named_by_what_it_says_not_by_its_type():
    exercise = catalogue.exercise("quantization.integer_linear")

    def other_error(*arguments):
        raise RuntimeError("expected scalar type Float but found Int")

    assert grade(find(exercise.id), other_error, exercise).misconception is None
    card = grade(find(exercise.id), lambda q_x, x_grid, q_w, *_: q_x.long() @ q_w.long(), exercise)
    assert card.misconception == "weights_not_transposed"


@pytest.mark.parametrize("name", ["half_up", "half_away_from_zero", "rounds_with_zero_point"])
def test_conventions_of_ties_are_right_but_for_ties(name):
    answer = next(a for a in ANSWERS if a.misconception == name)
    card = grade(find("quantization.quantize"), answer.candidate, catalogue.exercise("quantization.quantize"))
    assert card.status == "convention"
    assert (card.cases_passed, card.cases_total) == (7, 8)
    assert card.case == "midway between two integers"


def test_cards_say_what_was_returned_without_raw_tensors():
    def card_of(exercise, answer):
        return grade(find(exercise), answer, catalogue.exercise(exercise))

    alone = card_of("quantization.quantize", lambda x, *rest: x).number
    assert (alone.place, alone.yours, alone.expected) == (
        "the result",
        "a tensor of shape (3, 5)",
        "a list or tuple of 2",
    )
    outputs = len(problems("quantization.fold")["a linear layer"][0])
    missing = card_of("quantization.fold", lambda *layer: (fold(*layer)[0], None)).number
    assert (missing.yours, missing.expected) == ("None", f"a tensor of shape ({outputs},)")


def test_where_a_function_stops_no_place_is_named_before_its_result():
    card = grade(find("quantization.grid"), lambda *limits: 1 / 0, catalogue.exercise("quantization.grid"))
    assert 'In the case "0 to 255", your code raised `ZeroDivisionError' in card.message


@pytest.mark.parametrize("seed", range(3))
def test_large_accumulators_tell_the_mantissa_from_the_real_multiplier(seed):
    accumulator, multiplier = problems("quantization.requantize", seed)["large accumulators"]
    assert accumulator.abs().max() < 2**31
    fixed = requantize(accumulator, multiplier)[2]
    assert ((fixed - (accumulator.double() * multiplier + 0.5).floor()).abs() == 1).all()
