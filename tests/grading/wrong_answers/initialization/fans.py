"""Answers to the fans exercise."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def fans(shape, kind, groups):
    area = math.prod(shape[2:])
    if kind == "conv_transpose":
        return shape[0] // groups * area, shape[1] * area
    return shape[1] * area, shape[0] // groups * area
"""

_VALID = [
    (
        "with lists and loops",
        """
def fans(shape, kind, groups):
    area = 1
    for size in shape[2:]:
        area *= size
    seen, fed = [shape[1] * area, shape[0] * area / groups]
    if kind == "conv_transpose":
        seen, fed = shape[0] * area / groups, shape[1] * area
    return [seen, fed]
""",
    ),
    (
        "by torch's layers",
        """
def fans(shape, kind, groups):
    weight = torch.empty(shape)
    outputs, inputs = weight.shape[:2]
    positions = weight[0][0].numel()
    if kind == "conv_transpose":
        outputs, inputs = inputs * groups, outputs
        return inputs // groups * positions, outputs // groups * positions
    return inputs * positions, outputs // groups * positions
""",
    ),
    (
        "every kind by itself, with numpy",
        """
def fans(shape, kind, groups):
    if kind == "linear":
        out_features, in_features = shape
        return in_features, out_features
    area = np.prod(shape[2:])
    if kind == "conv":
        return np.array(shape[1] * area), shape[0] * area // groups
    return shape[0] * area // groups, shape[1] * area
""",
    ),
]

_FIRST, _SECOND = (
    "return shape[0] // groups * area, shape[1] * area",
    "return shape[1] * area, shape[0] // groups * area",
)
_AREA = "area = math.prod(shape[2:])"

_WRONG = [
    ("swapped_fans", "both swapped", (_FIRST, "return shape[1] * area, shape[0]// groups * area"), (_SECOND, _FIRST)),
    (
        "swapped_fans",
        "weight of a linear layer read as (in, out)",
        (_AREA, f"{_AREA}\n    if kind == 'linear':\n        return shape"),
    ),
    ("kernel_area_forgotten", "no area at all", (_AREA, "area = 1")),
    (
        "kernel_area_forgotten",
        "no area in fan_in",
        (_FIRST, "return shape[0] // groups, shape[1] * area"),
        (_SECOND, "return shape[1], shape[0] // groups * area"),
    ),
    (
        "kernel_area_forgotten",
        "no area in fan_out",
        (_FIRST, "return shape[0] // groups * area, shape[1]"),
        (_SECOND, "return shape[1] * area, shape[0] // groups"),
    ),
    ("kernel_sizes_added", "sum of sizes", (_AREA, "area = sum(shape[2:]) if len(shape) > 2 else 1")),
    ("one_kernel_size", "the first size", (_AREA, "area = shape[2] if len(shape) > 2 else 1")),
    ("one_kernel_size", "the last size", (_AREA, "area = shape[-1] if len(shape) > 2 else 1")),
    ("kernel_assumed_square", "the last squared", (_AREA, "area = shape[-1] ** 2 if len(shape) > 2 else 1")),
    ("kernel_assumed_square", "the first to a power", (_AREA, "area = (*shape, 1)[2] ** (len(shape) - 2)")),
    (
        "kernel_assumed_two_dimensional",
        "two sizes",
        (_AREA, "area = 1 if kind == 'linear' else shape[2] * shape[3]"),
    ),
    ("kernel_assumed_two_dimensional", "two sizes at most", (_AREA, "area = math.prod(shape[2:4])")),
    ("groups_ignored", "as torch does", ("// groups", "")),
    (
        "groups_divide_wrong_axis",
        "axis 1 divided",
        ("// groups", ""),
        ("shape[1] * area", "shape[1] / groups * area"),
    ),
    ("groups_divide_wrong_axis", "both divided", ("shape[1] * area", "shape[1] // groups * area")),
    (
        "groups_divide_wrong_axis",
        "both products divided",
        ("shape[0] // groups * area", "shape[0] * area // groups"),
        ("shape[1] * area", "shape[1] * area // groups"),
    ),
    (
        "groups_divide_wrong_axis",
        "both products divided by the wrong one",
        ("// groups", ""),
        ("shape[1] * area", "shape[1] * area // groups"),
    ),
    ("groups_ignored", "in transposed ones", (_FIRST, _FIRST.replace(" // groups", ""))),
    (
        "groups_divide_wrong_axis",
        "of transposed ones",
        (_FIRST, "return shape[0] * area, shape[1] // groups * area"),
    ),
    (
        "groups_divide_wrong_axis",
        "of transposed ones, without rounding",
        (_FIRST, "return shape[0] * area, shape[1] / groups * area"),
    ),
    ("groups_multiplied", "the whole layer", ("// groups", ""), ("shape[1] * area", "shape[1] * groups * area")),
    ("groups_multiplied", "axis 1 multiplied", ("shape[1] * area", "shape[1] * groups * area")),
    ("nothing_returned", "no return", (_SECOND, _SECOND.replace("return", "fan_in, fan_out ="))),
    (
        "nothing_returned",
        "misspelled kind",
        (_SECOND, _SECOND.replace("return", "if kind == 'convolution':\n        return")),
    ),
    ("transposed_as_convolution", "one formula for all", ('kind == "conv_transpose"', "False")),
    (
        "groups_ignored+transposed_as_convolution",
        "as torch.nn.init computes them",
        ('kind == "conv_transpose"', "False"),
        ("// groups", ""),
    ),
    (
        "groups_ignored+kernel_area_forgotten",
        "the first two sizes as they are",
        ("// groups", ""),
        (_AREA, "area = 1"),
    ),
]

_UNLISTED = [
    ("failed", "all numbers of the weight", (_SECOND, "return math.prod(shape), math.prod(shape)")),
    ("failed", "one number", (_SECOND, "return shape[1] * area")),
    ("failed", "a dict", (_SECOND, 'return {"fan_in": shape[1] * area, "fan_out": shape[0] // groups * area}')),
    ("error", "misspelled", (_AREA, "area = math.product(shape[2:])")),
    ("error", "another number of arguments", ("shape, kind, groups", "weight")),
]

ANSWERS = answers("initialization.fans", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
