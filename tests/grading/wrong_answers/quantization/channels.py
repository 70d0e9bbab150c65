"""Answers to the exercise about a scale for each channel."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def quantize_channels(weight, bits):
    greatest = 2 ** (bits - 1) - 1
    largest = weight.abs().flatten(1).amax(1)
    scale = torch.where(largest == 0, 1.0, largest / greatest)
    shape = (-1,) + (1,) * (weight.dim() - 1)
    return torch.round(weight / scale.view(shape)), scale
"""

_VALID = [
    (
        "channel by channel, stored in 8 bits",
        """
def quantize_channels(weight, bits):
    integers, scales = [], []
    for channel in weight:
        size = channel.abs().max().item()
        scales.append(size / (2 ** (bits - 1) - 1) if size > 0 else 1.0)
        integers.append((channel / scales[-1]).round().to(torch.int8))
    return torch.stack(integers), torch.tensor(scales, dtype=torch.float64)
""",
    ),
    (
        "from both ends, clamped",
        """
def quantize_channels(weight, bits):
    dims = list(range(1, weight.dim()))
    greatest = (1 << bits - 1) - 1
    scale = torch.maximum(weight.amax(dims, keepdim=True), -weight.amin(dims, keepdim=True)) / greatest
    scale[scale == 0] = 1
    return (weight / scale).round().clamp(-greatest, greatest), scale.flatten()
""",
    ),
    (
        "with numpy",
        """
def quantize_channels(weight, bits):
    rows = weight.numpy().reshape(len(weight), -1)
    scale = np.abs(rows).max(axis=1) / (2 ** (bits - 1) - 1)
    scale[scale == 0] = 1.0
    return np.rint(rows / scale[:, None]).reshape(weight.shape), scale
""",
    ),
]

_LARGEST = "largest = weight.abs().flatten(1).amax(1)"
_GREATEST = "greatest = 2 ** (bits - 1) - 1"
_SHAPE = "    shape = (-1,) + (1,) * (weight.dim() - 1)\n"
_RETURN = "return torch.round(weight / scale.view(shape)), scale"
_CLAMPED = "return torch.round(weight / scale.view(shape)).clamp(-greatest, greatest), scale"
_SCALE = "scale = torch.where(largest == 0, 1.0, largest / greatest)"

_WRONG = [
    (
        "scales_of_inputs",
        "axis 1",
        (_LARGEST, "largest = weight.abs().transpose(0, 1).flatten(1).amax(1)"),
        (_SHAPE, "    shape = (1, -1) + (1,) * (weight.dim() - 2)\n"),
    ),
    (
        "one_scale_for_all",
        "one number",
        (_LARGEST, "largest = weight.abs().max()"),
        ("scale.view(shape)", "scale"),
    ),
    ("one_scale_for_all", "repeated", (_LARGEST, "largest = weight.abs().max().expand(len(weight))")),
    (
        "scale_for_each_kernel",
        "over the kernel",
        (_LARGEST, "largest = weight.abs().flatten(2).amax(2) if weight.dim() > 2 else weight.abs().amax(1)"),
        (_SHAPE, "    shape = scale.shape + (1,) * (weight.dim() - scale.dim())\n"),
    ),
    (
        "kernel_positions_apart",
        "axis 1 alone",
        (_LARGEST, "largest = weight.abs().amax(1)"),
        ("scale.view(shape)", "scale.unsqueeze(1)"),
    ),
    (
        "maximum_over_outputs",
        "axis 0",
        (_LARGEST, "largest = weight.abs().amax(dim=0)"),
        ("scale.view(shape)", "scale"),
    ),
    ("scales_keep_their_axes", "as they divide", (", scale\n", ", scale.view(shape)\n")),
    ("one_channel_squeezed", "squeeze", (", scale\n", ", scale.view(shape).squeeze()\n")),
    ("sign_forgotten", "max without abs", ("weight.abs()", "weight")),
    ("sign_forgotten", "max without abs, clamped", ("weight.abs()", "weight"), (_RETURN, _CLAMPED)),
    (
        "range_instead_of_size",
        "half of max - min",
        (_LARGEST, "largest = (weight.flatten(1).amax(1) - weight.flatten(1).amin(1)) / 2"),
    ),
    (
        "range_instead_of_size",
        "half of max - min, clamped",
        (_LARGEST, "largest = (weight.flatten(1).amax(1) - weight.flatten(1).amin(1)) / 2"),
        (_RETURN, _CLAMPED),
    ),
    ("mean_for_largest", "mean", ("amax(1)", "mean(1)")),
    ("mean_for_largest", "mean, clamped", ("amax(1)", "mean(1)"), (_RETURN, _CLAMPED)),
    ("mean_for_largest", "norm", (_LARGEST, "largest = weight.flatten(1).norm(dim=1)")),
    ("greatest_integer_off_by_one", "128", (_GREATEST, "greatest = 2 ** (bits - 1)")),
    (
        "greatest_integer_off_by_one",
        "128, clamped",
        (_GREATEST, "greatest = 2 ** (bits - 1)"),
        (_RETURN, _CLAMPED),
    ),
    ("integers_without_sign", "255", (_GREATEST, "greatest = 2 ** bits - 1")),
    ("always_8_bits", "127", (_GREATEST, "greatest = 127")),
    ("multiplied_by_scale", "times", ("weight / scale", "weight * scale")),
    ("floor_for_round", "floor", ("torch.round", "torch.floor")),
    ("floor_for_round", "a cast", (_RETURN, "return (weight / scale.view(shape)).to(torch.int32), scale")),
    ("not_rounded", "no rounding", ("torch.round(weight / scale.view(shape))", "weight / scale.view(shape)")),
    ("empty_channel", "0 / 0", (_SCALE, "scale = largest / greatest")),
    ("empty_channel", "a tiny scale", (_SCALE, "scale = torch.clamp(largest / greatest, min=1e-8)")),
    (
        "empty_channel",
        "NaN painted over",
        (_SCALE, "scale = largest / greatest"),
        ("torch.round(weight / scale.view(shape))", "torch.nan_to_num(torch.round(weight / scale.view(shape)))"),
    ),
    ("scale_not_reshaped", "as it is", ("scale.view(shape)", "scale")),
    (
        "scale_not_reshaped+scales_keep_their_axes",
        "of a matrix alone",
        (_LARGEST, "largest = weight.flatten(1).abs().amax(1, keepdim=True)"),
        ("scale.view(shape)", "scale"),
    ),
    (
        "one_scale_for_all+sign_forgotten",
        "the greatest of all",
        (_LARGEST, "largest = weight.max().repeat(weight.shape[0])"),
    ),
    ("mutates_arguments", "divided in place", (_RETURN, "return weight.div_(scale.view(shape)).round_(), scale")),
    ("mutates_arguments", "sizes in place", (_LARGEST, "largest = weight.abs_().flatten(1).amax(1)")),
    (
        "mutates_arguments",
        "in the memory of the weight",
        (_RETURN, "weight.data /= scale.view(shape)\n    return torch.round(weight), scale"),
    ),
    ("nothing_returned", "no return", ("return torch", "q = torch")),
]

_UNLISTED = [
    ("failed", "half the scale", ("largest / greatest", "largest / greatest / 2")),
    ("failed", "scales in another order", (", scale\n", ", scale.flip(0)\n")),
    ("failed", "integers alone", (", scale\n", "\n")),
    ("error", "misspelled", ("torch.round", "torch.rounded")),
    ("error", "for matrices alone", ("(-1,) + (1,) * (weight.dim() - 1)", "(len(weight), weight.shape[2])")),
]

ANSWERS = answers("quantization.channels", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
