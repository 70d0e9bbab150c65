"""Answers to the exercise about the range of a percentile observer."""

from tests.grading.wrong_answers.from_text import answers
from tests.grading.wrong_answers.learner import WRONG

SOURCE = """
def percentile_range(batches, percent):
    numbers = torch.cat([batch.flatten() for batch in batches]).sort().values
    left_out = int(len(numbers) * (100 - percent) / 200)
    low, high = numbers[left_out], numbers[-1 - left_out]
    return min(low, 0.0), max(high, 0.0)
"""

_QUANTILE = """
def percentile_range(batches, percent):
    numbers = torch.cat([batch.flatten() for batch in batches])
    outside = 1 - percent / 100
    low, high = torch.quantile(numbers, outside / 2), torch.quantile(numbers, 1 - outside / 2)
    return min(low, 0.0), max(high, 0.0)
"""

_VALID = [
    (
        "a list of numbers",
        """
def percentile_range(batches, percent):
    numbers = sorted(number for batch in batches for number in batch.flatten().tolist())
    k = math.floor((1 - percent / 100) / 2 * len(numbers))
    inside = numbers[k : len(numbers) - k]
    return [min(inside[0], 0), max(inside[-1], 0)]
""",
    ),
    (
        "with numpy, one array of two",
        """
def percentile_range(batches, percent):
    x = np.sort(np.concatenate([batch.numpy().ravel() for batch in batches]))
    k = int(np.floor(x.size * (1 - percent / 100) / 2))
    return np.array([x[k], x[-k - 1]]).clip([-np.inf, 0], [0, np.inf])
""",
    ),
    (
        "kthvalue and clamps, one tensor of two",
        """
def percentile_range(batches, percent):
    x = torch.hstack([batch.reshape(-1) for batch in batches]).double()
    k = int((100 - percent) / 200 * x.numel())
    low, high = x.kthvalue(k + 1).values, x.kthvalue(x.numel() - k).values
    return torch.stack([low.clamp(max=0), high.clamp(min=0)])
""",
    ),
    (
        "topk, with zero put among the ends",
        """
def percentile_range(batches, percent):
    x = torch.cat([torch.ravel(batch) for batch in batches])
    k = int(len(x) * (50 - percent / 2) // 100)
    high = x.topk(k + 1).values[-1:]
    low = x.topk(k + 1, largest=False).values[-1:]
    zero = torch.zeros(1)
    return torch.minimum(low, zero), torch.maximum(high, zero)
""",
    ),
    (
        "extremes taken out one by one",
        """
def percentile_range(batches, percent):
    numbers = []
    for batch in batches:
        numbers.extend(batch.flatten().tolist())
    for _ in range(int(len(numbers) * (100 - percent) / 200)):
        numbers.remove(max(numbers))
        numbers.remove(min(numbers))
    return min(0.0, *numbers), max(0.0, *numbers)
""",
    ),
]

_NUMBERS = "numbers = torch.cat([batch.flatten() for batch in batches]).sort().values"
_COUNT = "left_out = int(len(numbers) * (100 - percent) / 200)"
_LOW, _HIGH = "numbers[left_out],", "numbers[-1 - left_out]"
_ENDS = f"low, high = {_LOW} {_HIGH}"
_RETURN = "return min(low, 0.0), max(high, 0.0)"


def _by_batch(low: str, high: str) -> list[tuple[str, str]]:
    """The range of each batch, and how they are put together."""
    return [
        (f"    {_NUMBERS}\n    {_COUNT}\n", ""),
        (
            _ENDS,
            "lows, highs = [], []\n"
            "    for batch in batches:\n"
            "        numbers = batch.flatten().sort().values\n"
            f"        {_COUNT}\n"
            f"        lows.append({_LOW[:-1]})\n"
            f"        highs.append({_HIGH})\n"
            f"    low, high = {low}, {high}",
        ),
    ]


_WRONG = [
    ("whole_share_at_each_end", "not halved", ("/ 200", "/ 100")),
    ("nothing_left_out", "batches counted", ("len(numbers)", "len(batches)")),
    ("nothing_left_out", "min-max", (_ENDS, "low, high = numbers.min(), numbers.max()")),
    ("count_not_rounded_down", "round", ("int(", "round(")),
    ("count_not_rounded_down", "ceil", ("int(", "math.ceil(")),
    ("one_number_not_counted", "the last place", ("len(numbers)", "(len(numbers) - 1)")),
    ("one_too_few", "numbers[-k]", (_HIGH, "numbers[-left_out]")),
    ("one_too_few", "numbers[n - k]", (_HIGH, "numbers[len(numbers) - left_out]")),
    ("one_too_few", "numbers[k - 1]", (_LOW, "numbers[left_out - 1],")),
    ("one_too_few", "kthvalue(k)", (_LOW, "numbers.kthvalue(left_out).values,")),
    ("one_too_few", "both", (_LOW, "numbers[left_out - 1],"), (_HIGH, "numbers[-left_out]")),
    (
        "one_too_few",
        "both, from the length",
        (_LOW, "numbers[left_out - 1],"),
        (_HIGH, "numbers[len(numbers) - left_out]"),
    ),
    ("one_too_many", "below", (_LOW, "numbers[left_out + 1],")),
    ("one_too_many", "above", (_HIGH, "numbers[-2 - left_out]")),
    ("one_too_many", "both", (_LOW, "numbers[left_out + 1],"), (_HIGH, "numbers[-2 - left_out]")),
    (
        "stops_where_none_is_left_out",
        "a slice",
        (_ENDS, "inside = numbers[left_out:-left_out]\n    low, high = inside[0], inside[-1]"),
    ),
    (
        "stops_where_none_is_left_out",
        "a slice of a list",
        (_ENDS, "inside = numbers.tolist()[left_out:-left_out]\n    low, high = min(inside), max(inside)"),
    ),
    ("ties_counted_once", "unique", (".sort().values", ".unique()")),
    (
        "ties_counted_once",
        "a set",
        (_NUMBERS, "numbers = sorted({number for batch in batches for number in batch.flatten().tolist()})"),
    ),
    (
        "share_of_the_range",
        "shortened",
        (
            _ENDS,
            "q = (100 - percent) / 200\n    span = numbers[-1] - numbers[0]\n"
            "    low, high = numbers[0] + q * span, numbers[-1] - q * span",
        ),
    ),
    (
        "share_of_the_range",
        "shortened by twice as much",
        (
            _ENDS,
            "q = 1 - percent / 100\n    span = numbers[-1] - numbers[0]\n"
            "    low, high = numbers[0] + q * span, numbers[-1] - q * span",
        ),
    ),
    (
        "share_of_the_range",
        "90 % of the ends",
        (_ENDS, "low, high = numbers[0] * percent / 100, numbers[-1] * percent / 100"),
    ),
    (
        "range_of_sizes",
        "of both ends",
        (_NUMBERS, f"{_NUMBERS[:-14]}.abs().sort().values"),
        (_ENDS, f"high = {_HIGH}\n    low = -high"),
    ),
    (
        "range_of_sizes",
        "of one end",
        (_NUMBERS, f"{_NUMBERS[:-14]}.abs().sort().values"),
        ("/ 200", "/ 100"),
        (_ENDS, f"high = {_HIGH}\n    low = -high"),
    ),
    ("made_symmetric", "the wider end", (_RETURN, "high = max(-low, high, 0.0)\n    return -high, high")),
    ("lower_end_kept", "high alone", (_LOW, "numbers[0],")),
    ("lower_end_kept", "high alone, not halved", (_LOW, "numbers[0],"), ("/ 200", "/ 100")),
    ("upper_end_kept", "low alone", (_HIGH, "numbers[-1]")),
    ("upper_end_kept", "low alone, not halved", (_HIGH, "numbers[-1]"), ("/ 200", "/ 100")),
    ("range_not_widened", "as it is", (_RETURN, "return low, high")),
    ("widened_on_one_side", "low", (_RETURN, "return min(low, 0.0), high")),
    ("widened_on_one_side", "high", (_RETURN, "return low, max(high, 0.0)")),
    ("order_swapped", "high first", (_RETURN, "return max(high, 0.0), min(low, 0.0)")),
    ("one_batch_alone", "a return in the loop", ("for batch in batches]", "for batch in batches[:1]]")),
    ("one_batch_alone", "each replaces the one before", ("for batch in batches]", "for batch in batches[-1:]]")),
    ("ranges_averaged", "mean", *_by_batch("sum(lows) / len(lows)", "sum(highs) / len(highs)")),
    ("widest_of_ranges", "as min-max does it", *_by_batch("min(lows)", "max(highs)")),
    ("not_flattened", "sorted along the last axis", ("batch.flatten()", "batch")),
    ("not_flattened", "features apart", (_NUMBERS, "numbers = torch.cat(batches).sort(dim=0).values")),
    (
        "not_flattened",
        "a range for each feature",
        (_NUMBERS, "numbers = batches[0].sort(dim=0).values"),
        (_RETURN, "return low, high"),
    ),
    ("not_flattened", "stacked", (_NUMBERS, "numbers = torch.stack(batches).flatten().sort().values")),
    ("percent_for_share", "not divided", ("(100 - percent) / 200", "(100 - percent) / 2")),
    ("values_instead_of_range", "clipped", (_RETURN, "return [batch.clamp(low, high) for batch in batches]")),
    ("values_instead_of_range", "those inside", (_RETURN, "return numbers.clamp(min(low, 0.0), max(high, 0.0))")),
    (
        "mutates_arguments",
        "numpy sorts in place",
        (
            _NUMBERS,
            "for batch in batches:\n        batch.numpy().reshape(-1).sort()\n"
            "    numbers = torch.cat([batch.flatten() for batch in batches]).sort().values",
        ),
    ),
    (
        "mutates_arguments",
        "clipped in place",
        (_RETURN, f"for batch in batches:\n        batch.clamp_(low, high)\n    {_RETURN}"),
    ),
    (
        "mutates_arguments",
        "the list is emptied",
        (_NUMBERS, f"parts = []\n    while batches:\n        parts.append(batches.pop().flatten())\n    {_NUMBERS}"),
        ("torch.cat([batch.flatten() for batch in batches])", "torch.cat(parts)"),
    ),
    (
        "mutates_arguments+values_instead_of_range",
        "clipped in place and returned",
        (_RETURN, "return [batch.clamp_(low, high) for batch in batches]"),
    ),
    (
        "mutates_arguments+range_of_sizes",
        "sizes in place",
        ("batch.flatten()", "batch.abs_().flatten()"),
        (_ENDS, f"high = {_HIGH}\n    low = -high"),
    ),
    ("range_not_widened+whole_share_at_each_end", "two at once", ("/ 200", "/ 100"), (_RETURN, "return low, high")),
    ("one_too_few+range_not_widened", "two others", (_HIGH, "numbers[-left_out]"), (_RETURN, "return low, high")),
    ("nothing_returned", "no return", (_RETURN, "low, high = min(low, 0.0), max(high, 0.0)")),
]

_INTERPOLATED = "torch.quantile(numbers, outside / 2), torch.quantile(numbers, 1 - outside / 2)"


def _interpolation(kind: str) -> tuple[str, str]:
    return (
        _INTERPOLATED,
        f"[torch.quantile(numbers, q, interpolation='{kind}') for q in (outside / 2, 1 - outside / 2)]",
    )


_WRONG_QUANTILES = [
    ("≈another_quantile", "as it is"),
    *(("≈another_quantile", kind, _interpolation(kind)) for kind in ("lower", "higher", "nearest", "midpoint")),
    ("another_quantile+whole_share_at_each_end", "not halved", ("outside / 2", "outside")),
    ("another_quantile+range_not_widened", "not widened", (_RETURN, "return low, high")),
    (
        "another_quantile+range_of_sizes",
        "of sizes",
        (f"low, high = {_INTERPOLATED}", "high = torch.quantile(numbers.abs(), percent / 100)\n    low = -high"),
    ),
    (
        "another_quantile+not_flattened+whole_share_at_each_end",
        "numpy's concatenate and percentile",
        ("torch.cat([batch.flatten() for batch in batches])", "np.concatenate([batch.numpy() for batch in batches])"),
        (_INTERPOLATED, "np.percentile(numbers, [100 - percent, percent])"),
    ),
    ("percent_for_share", "not divided", ("1 - percent / 100", "100 - percent")),
    (
        "share_for_percent",
        "numpy's percentile",
        (_INTERPOLATED, "np.percentile(numbers, outside / 2), np.percentile(numbers, 1 - outside / 2)"),
    ),
]

_UNLISTED = [
    ("failed", "three standard deviations", (_ENDS, "low, high = -3 * numbers.std(), 3 * numbers.std()")),
    ("failed", "one end", (_RETURN, "return max(high, 0.0)")),
    ("failed", "a third", ("/ 200", "/ 300")),
    ("error", "misspelled", (".sort()", ".sorted()")),
    ("error", "one batch expected", ("batch.flatten() for batch in batches", "batches.flatten()")),
]

ANSWERS = [
    *answers("quantization.percentile", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED),
    *(
        answer
        for answer in answers("quantization.percentile", _QUANTILE, valid=(), wrong=_WRONG_QUANTILES)
        if answer.kind == WRONG
    ),
]
