"""Where learners go wrong with the range of a percentile observer."""

from optcourse.grading.checks.quantization.grid import WIDENED_ON_ONE_SIDE
from optcourse.grading.definitions import CONVENTION, Variant

COUNT_ADVICE = (
    "Sort all N numbers. k = floor(N · (100 - percent) / 200) are left out below and as many above: try it by hand "
    "with five numbers and k = 1, then k = 0."
)
FLAT_ADVICE = "`torch.cat([batch.flatten() for batch in batches])` has all numbers in one row."
PERCENT_ADVICE = "(100 - percent) / 200 is the share at one end: 0.05 for 90 percent."
SIDES_ADVICE = "Two ends, two percentiles: activations after ReLU end at 0 on one side and far out on the other."
WIDEN_ADVICE = "low = min(low, 0), high = max(high, 0)"

_COUNTS = (
    Variant(
        "whole_share_at_each_end",
        {"share": "whole"},
        "All that may lie outside is left out at each end, twice as much as asked for: of 10 percent, 5 lie below the "
        "range and 5 above.",
        PERCENT_ADVICE,
    ),
    Variant(
        "nothing_left_out",
        {"share": "none"},
        "Your range goes from the least number to the greatest, whatever `percent` is: no outlier is left out.",
        "N counts the numbers of all batches, not the batches: `numel()`, or `len` of all in one row.",
    ),
    *(
        Variant(
            "count_not_rounded_down",
            {"count": kind},
            f"The count k is rounded {kind}. More than the share that may lie outside is left out then.",
            "`int(...)` of a positive number rounds down.",
        )
        for kind in ("nearest", "up")
    ),
    Variant(
        "one_number_not_counted",
        {"total": "n - 1"},
        "The count k is made of N - 1 numbers instead of N.",
        COUNT_ADVICE,
    ),
    *(
        Variant("one_too_few", switches, f"{what} is taken one place too far out: {how}", COUNT_ADVICE)
        for what, how, switches in (
            ("The upper end", "`numbers[-k]` leaves out k - 1, and `numbers[-0]` is the least of all.", {"high": "-k"}),
            ("The upper end", "counting begins at 0, and the last place is N - 1.", {"high": "n-k"}),
            ("The lower end", "k - 1 are left out, and where k is 0, `numbers[-1]` is the greatest.", {"low": "k-1"}),
            ("The lower end", "`kthvalue` counts from 1, places from 0.", {"low": "kthvalue"}),
            ("Each end", "counting begins at 0.", {"low": "k-1", "high": "-k"}),
            ("Each end", "counting begins at 0, and the last place is N - 1.", {"low": "k-1", "high": "n-k"}),
        )
    ),
    *(
        Variant("one_too_many", switches, f"One number more than k is left out at {where}.", COUNT_ADVICE)
        for where, switches in (
            ("the lower end", {"low": "k+1"}),
            ("the upper end", {"high": "-2-k"}),
            ("each end", {"low": "k+1", "high": "-2-k"}),
        )
    ),
    Variant(
        "ties_counted_once",
        {"of": "distinct numbers"},
        "Equal numbers are counted once. A share of all numbers is asked for: after ReLU half of them may be 0.",
        "`sort` keeps equal numbers, `unique` does not.",
    ),
    *(
        Variant(
            "another_quantile",
            {"method": f"quantile, {kind}"},
            f"Right in the form of `torch.quantile` {how}. Here numbers are counted; the two are equal where the share "
            "of N - 1 numbers is a whole number, and near each other where there are many.",
            COUNT_ADVICE,
            kind=CONVENTION,
        )
        for kind, how in (
            ("linear", "as it is, which interpolates between two numbers"),
            ("lower", "with interpolation='lower'"),
            ("higher", "with interpolation='higher'"),
            ("nearest", "with interpolation='nearest'"),
            ("midpoint", "with interpolation='midpoint'"),
        )
    ),
    Variant(
        "share_for_percent",
        {"method": "hundredth, linear"},
        "A share is taken for percent: `percentile` counts from 0 to 100, `quantile` from 0 to 1.",
        PERCENT_ADVICE,
    ),
    *(
        Variant(
            "share_of_the_range",
            switches,
            f"{what} A single outlier still moves the range then; a share of the *numbers* is left out.",
            COUNT_ADVICE,
        )
        for what, switches in (
            ("The range is shortened by the share that may lie outside.", {"of": "the range"}),
            ("The range is shortened by twice the share.", {"of": "the range", "share": "whole"}),
            ("The least and the greatest number are multiplied by the share.", {"of": "the ends"}),
        )
    ),
)

_ENDS = (
    *(
        Variant(
            "range_of_sizes",
            switches,
            "The percentile is that of the sizes, |x|, and the range symmetric. Each end has a percentile of its own.",
            SIDES_ADVICE,
        )
        for switches in ({"ends": "sizes"}, {"ends": "sizes", "share": "whole"})
    ),
    Variant(
        "made_symmetric",
        {"ends": "made symmetric"},
        "The wider of the two ends is taken for both. A range may be asymmetric: the zero-point is there for that.",
        SIDES_ADVICE,
    ),
    *(
        Variant(
            f"{kept}_end_kept",
            {"ends": clipped, **share},
            f"Nothing is left out at the {kept} end. Outliers may lie there as well.",
            SIDES_ADVICE,
        )
        for kept, clipped in (("lower", "upper"), ("upper", "lower"))
        for share in ({}, {"share": "whole"})
    ),
    Variant(
        "range_not_widened",
        {"widening": "none"},
        "The range is not widened to hold 0. Where it lies on one side of 0, the grid has no integer for it.",
        WIDEN_ADVICE,
    ),
    *WIDENED_ON_ONE_SIDE,
    Variant("order_swapped", {"order": "high first"}, "You return the upper end first.", "(low, high)"),
)

_BATCHES = (
    *(
        Variant(
            "one_batch_alone",
            {"pooled": which},
            f"The range is that of the {which} batch alone. All of them count.",
            FLAT_ADVICE,
        )
        for which in ("first", "last")
    ),
    Variant(
        "ranges_averaged",
        {"pooled": "mean"},
        "The range is the mean of the batches' ranges. A small batch counts as much as a large one then, and its "
        "outliers with it.",
        FLAT_ADVICE,
    ),
    Variant(
        "widest_of_ranges",
        {"pooled": "widest"},
        "The range reaches over the ranges of all batches: the batch with the worst outliers decides.",
        FLAT_ADVICE,
    ),
)

VARIANTS = (*_COUNTS, *_ENDS, *_BATCHES)
