"""A scale for each output channel of a weight: where learners go wrong."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from optcourse.grading.checks.quantization.raising import BROADCASTING, raises
from optcourse.grading.definitions import RESULT, Behaviour, Case, Result, Tolerance, Variant
from optcourse.grading.drawing import NOTHING_RETURNED, Numbers, facts
from optcourse.grading.kinds import function_check
from optcourse.grading.untouched import leaving_alone

AXIS_ADVICE = "torch stores weights with their outputs first: channel i is `weight[i]`, whatever follows."
SIZE_ADVICE = "The largest size of a number is `abs().max()`, and it becomes the greatest integer, 2^(bits-1) - 1."
SCALE = "the result[1]"
SHAPE_ADVICE = "`scale.view(-1, 1)` divides rows, `scale.view(-1, 1, 1, 1)` the channels of a convolution."


def quantize_channels(weight: Tensor, bits: int, **switches: str) -> tuple[Tensor, Tensor]:
    """(q, scale); the switches say which mistake is made at each place."""
    channels = switches.get("channels", "outputs")
    dims = _reduced(weight, channels)
    greatest = {
        "one sign": 2 ** (bits - 1) - 1,
        "power": 2 ** (bits - 1),
        "no sign": 2**bits - 1,
        "always 8": 127,
    }[switches.get("greatest", "one sign")]
    size = _size(weight, dims, switches.get("size", "largest"))
    empty = {"one": 1.0, "nan": 0.0, "zero": 0.0, "tiny": 1e-8}[switches.get("empty", "one")]
    scale = torch.where(size == 0, empty, size / greatest)
    steps = weight * scale if switches.get("division") == "multiplied" else weight / scale
    roundings: dict[str, Callable[[Tensor], Tensor]] = {
        "nearest": torch.round,
        "down": torch.floor,
        "cut": torch.trunc,
        "none": lambda t: t,
    }
    q = roundings[switches.get("rounding", "nearest")](steps)
    if switches.get("clamp") == "yes":
        q = q.clamp(-greatest, greatest)
    if switches.get("empty") == "zero":
        q = q.nan_to_num()
    return q, _returned(scale, weight, channels)


def _reduced(weight: Tensor, channels: str) -> tuple[int, ...]:
    dims = tuple(range(weight.dim()))
    return {
        "outputs": dims[1:],
        "inputs": (0, *dims[2:]),
        "none": dims,
        "none, repeated": dims,
        "kernels": dims[2:] or dims[1:],
        "rows of inputs": (1,),
        "first axis": (0,),
    }[channels]


def _size(weight: Tensor, dims: tuple[int, ...], kind: str) -> Tensor:
    sizes: dict[str, Callable[[], Tensor]] = {
        "largest": lambda: weight.abs().amax(dims, keepdim=True),
        "greatest": lambda: weight.amax(dims, keepdim=True),
        "half range": lambda: (weight.amax(dims, keepdim=True) - weight.amin(dims, keepdim=True)) / 2,
        "mean": lambda: weight.abs().mean(dims, keepdim=True),
        "norm": lambda: weight.square().sum(dims, keepdim=True).sqrt(),
    }
    return sizes[kind]()


def _returned(scale: Tensor, weight: Tensor, channels: str) -> Tensor:
    if channels == "none":
        return scale.reshape(())
    if channels == "none, repeated":
        return scale.reshape(1).repeat(len(weight))
    if channels in ("kernels", "rows of inputs", "first axis"):
        return scale.squeeze(_reduced(weight, channels))
    return scale.reshape(-1)


VARIANTS = (
    Variant(
        "scales_of_inputs",
        {"channels": "inputs"},
        "Each input has a scale. A sum over inputs cannot be scaled afterwards then; each output needs its own.",
        AXIS_ADVICE,
    ),
    *(
        Variant(
            "one_scale_for_all",
            {"channels": kind},
            f"One scale serves the whole weight{repeated}: a channel of small numbers keeps few integers, or only 0.",
            AXIS_ADVICE,
        )
        for kind, repeated in (("none", ""), ("none, repeated", ", repeated for each channel"))
    ),
    Variant(
        "scale_for_each_kernel",
        {"channels": "kernels"},
        "In a convolution each pair of output and input has a scale of its own. The sum over inputs needs one for all.",
        AXIS_ADVICE,
    ),
    Variant(
        "kernel_positions_apart",
        {"channels": "rows of inputs"},
        "The largest number is looked for along axis 1 alone: in a convolution each position of the kernel then has a "
        "scale of its own.",
        AXIS_ADVICE,
    ),
    Variant(
        "maximum_over_outputs",
        {"channels": "first axis"},
        "The largest number is looked for along axis 0, over the outputs. It is looked for within each of them.",
        AXIS_ADVICE,
    ),
    Variant(
        "sign_forgotten",
        {"size": "greatest"},
        "The scale is made from the greatest number, not from the largest size: a large negative number does not fit.",
        SIZE_ADVICE,
    ),
    Variant(
        "sign_forgotten",
        {"size": "greatest", "clamp": "yes"},
        "The scale is made from the greatest number, not from the largest size: large negative numbers are cut off.",
        SIZE_ADVICE,
    ),
    Variant(
        "range_instead_of_size",
        {"size": "half range"},
        "The scale is made from the range between least and greatest number. That needs a zero-point; a symmetric grid "
        "has none and must reach the larger of the two ends.",
        SIZE_ADVICE,
    ),
    Variant(
        "range_instead_of_size",
        {"size": "half range", "clamp": "yes"},
        "The scale is made from the range between least and greatest number, and what does not fit is cut off. A "
        "symmetric grid must reach the larger of the two ends.",
        SIZE_ADVICE,
    ),
    *(
        Variant(
            "mean_for_largest",
            switches,
            f"The scale is made from the {what} instead of the largest size in a channel.",
            SIZE_ADVICE,
        )
        for what, switches in (
            ("mean size", {"size": "mean"}),
            ("mean size, and what does not fit is cut off,", {"size": "mean", "clamp": "yes"}),
            ("norm", {"size": "norm"}),
        )
    ),
    Variant(
        "greatest_integer_off_by_one",
        {"greatest": "power"},
        "The largest number becomes 2^(bits-1), which does not exist: with 8 bits the integers end at 127.",
        SIZE_ADVICE,
    ),
    Variant(
        "greatest_integer_off_by_one",
        {"greatest": "power", "clamp": "yes"},
        "The largest number becomes 2^(bits-1), which does not exist, and is cut off to something else.",
        SIZE_ADVICE,
    ),
    Variant(
        "integers_without_sign",
        {"greatest": "no sign"},
        "The largest number becomes 2^bits - 1, as if there were no negative integers: it needs one bit more.",
        SIZE_ADVICE,
    ),
    Variant(
        "always_8_bits",
        {"greatest": "always 8"},
        "The largest number becomes 127, whatever `bits` is.",
        SIZE_ADVICE,
    ),
    Variant(
        "multiplied_by_scale",
        {"division": "multiplied"},
        "The weight is multiplied by the scale. The scale is the size of a step; dividing counts steps.",
        "`torch.round(weight / scale)`",
    ),
    *(
        Variant("floor_for_round", {"rounding": kind}, f"Numbers are {what}, not to the nearest one.", "`torch.round`")
        for kind, what in (("down", "rounded down"), ("cut", "cut off toward 0"))
    ),
    Variant("not_rounded", {"rounding": "none"}, "Nothing is rounded: q holds fractions.", "`torch.round`"),
    Variant(
        "empty_channel",
        {"empty": "nan"},
        "A channel of zeros has scale 0, and 0 / 0 is NaN. Pruned nets have such channels.",
        "`torch.where(scale == 0, 1.0, scale)`",
    ),
    Variant(
        "empty_channel",
        {"empty": "zero"},
        "A channel of zeros keeps the scale 0. Whoever divides by it later gets NaN; the exercise asks for 1.",
        "`torch.where(scale == 0, 1.0, scale)`",
    ),
    Variant(
        "empty_channel",
        {"empty": "tiny"},
        "A channel of zeros gets a tiny scale instead of 1. It works, but the exercise asks for 1.",
        "`torch.where(scale == 0, 1.0, scale)`",
    ),
)


SCALE_NOT_RESHAPED = raises(
    "scale_not_reshaped",
    BROADCASTING,
    "The scales do not line up with the channels: broadcasting begins at the last axis, and channels are the first.",
    SHAPE_ADVICE,
)


def _shaped(*, squeezed: bool) -> Callable[[Sequence[Result]], str | None]:
    """Finds scales that differ in their shape alone: without any axis, or with more than one."""

    def found(results: Sequence[Result]) -> str | None:
        deviations = [result.deviations[RESULT] for result in results if RESULT in result.deviations]
        shapes = [
            deviation.observed.value.shape
            for deviation in deviations
            if deviation.kind == "shape" and deviation.observed and deviation.observed.place == SCALE
        ]
        if not shapes or len(shapes) < len(deviations) or any((shape == ()) != squeezed for shape in shapes):
            return None
        return f"Yours have the shape {tuple(shapes[0])}."

    return found


KEPT_AXES = Behaviour(
    "scales_keep_their_axes",
    _shaped(squeezed=False),
    "You return the scales with further axes of size 1. To divide, they need them; asked for is the shape (channels,).",
    "`scale.flatten()`, after dividing.",
    explains_numbers=True,
)
SQUEEZED = Behaviour(
    "one_channel_squeezed",
    _shaped(squeezed=True),
    "`squeeze()` takes away every axis of size 1; where there is one channel alone, its axis too.",
    "`scale.flatten()` leaves one axis, whatever its size.",
    explains_numbers=True,
)


def cases(seed: int) -> Sequence[Case]:
    """Channels of very different sizes, whose largest number is negative in some; no two sizes of a shape are equal."""
    numbers = Numbers("quantization.channels", seed)

    def weight(bits: int, *shape: int) -> Tensor:
        values = numbers.normal(*shape).clamp(-2, 2)
        flat = values.view(len(values), -1)
        flat[:, 0] = 2.3 + 0.4 * numbers.uniform(len(values))
        flat[::2] *= -1
        scale = flat[:, :1].abs() / (2 ** (bits - 1) - 1)
        steps = flat / scale
        steps = steps.round() + (steps - steps.round()).clamp(-0.4, 0.4)  # none midway between two integers
        return (steps * scale * 10 ** -(1.5 * numbers.uniform(len(values), 1))).view(shape)

    rows, columns = numbers.distinct(2, (3, 5, 7))
    channels, inputs, height, width = numbers.distinct(4, (2, 3, 4, 5))
    with_zeros = weight(8, rows, columns)
    with_zeros[1] = 0.0
    return (
        Case("a linear layer, 8 bits", (weight(8, rows, columns), 8)),
        Case("a linear layer, 4 bits", (weight(4, columns, rows), 4)),
        Case("a convolution, 8 bits", (weight(8, channels, inputs, height, width), 8)),
        Case("a convolution, 3 bits", (weight(3, inputs, channels, width, height), 3)),
        Case("a channel of zeros", (with_zeros, 8)),
        Case("one channel alone", (weight(8, 1, columns), 8)),
    )


CHANNELS = leaving_alone(
    function_check(
        "quantization.channels",
        cases,
        quantize_channels,
        variants=VARIANTS,
        behaviours=(NOTHING_RETURNED, SCALE_NOT_RESHAPED, KEPT_AXES, SQUEEZED),
        facts=facts(quantize_channels),
        tolerance=Tolerance(1e-5, 1e-7),
        look_next=AXIS_ADVICE,
        praise="Right: each channel uses all its integers, whatever the size of its neighbors.",
    ),
    "weight",
    because="The float weights are still there to be compared with, and to be rounded to other bits.",
)
