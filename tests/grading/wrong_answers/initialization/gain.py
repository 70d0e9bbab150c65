"""Answers to the gain exercise."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def gain(z, f):
    density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    width = z[1] - z[0]
    second_moment = (f**2 * density).sum() * width
    return 1 / math.sqrt(second_moment)
"""

_VALID = [
    (
        "by the trapezoidal rule",
        """
def gain(z, f):
    normal = torch.distributions.Normal(0.0, 1.0)
    return torch.trapezoid(f**2 * normal.log_prob(z).exp(), z).rsqrt()
""",
    ),
    (
        "with weights that sum to 1",
        """
def gain(z, f):
    weights = torch.softmax(-z.square() / 2, dim=0)
    return 1 / torch.sqrt(torch.dot(weights, f.square())).item()
""",
    ),
    (
        "with numpy and a loop",
        """
def gain(z, f):
    z, f = z.numpy(), f.numpy()
    total = 0.0
    for left, right, value in zip(z[:-1], z[1:], f[:-1], strict=True):
        total += value**2 * np.exp(-0.5 * left**2) * (right - left)
    return (total / np.sqrt(2 * np.pi)) ** -0.5
""",
    ),
]

_MOMENT = "second_moment = (f**2 * density).sum() * width"
_RETURN = "return 1 / math.sqrt(second_moment)"
_DENSITY = "density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)"
_MEAN = "mean = (f * density).sum() * width\n    "

_WRONG = [
    ("root_forgotten", "1 / E", (_RETURN, "return 1 / second_moment")),
    ("inverted", "sqrt(E)", (_RETURN, "return math.sqrt(second_moment)")),
    ("inverted+root_forgotten", "E", (_RETURN, "return second_moment")),
    ("centered_moment", "variance", (_MOMENT, f"{_MEAN}second_moment = ((f - mean)**2 * density).sum() * width")),
    ("centered_moment", "difference of moments", (_RETURN, f"{_MEAN}return (second_moment - mean**2) ** -0.5")),
    ("centered_moment", "mean of the grid", (_MOMENT, "second_moment = ((f - f.mean())**2 * density).sum() * width")),
    ("not_squared", "E[f]", (_MOMENT, "second_moment = (f * density).sum() * width")),
    ("not_squared", "E|f|", (_MOMENT, "second_moment = (f.abs() * density).sum() * width")),
    ("mean_before_square", "1 / E[f]", (_MOMENT, _MEAN), (_RETURN, "return 1 / mean")),
    ("mean_before_square", "square around the sum", (_MOMENT, "second_moment = ((f * density).sum() * width) ** 2")),
    (
        "backward_gain",
        "by torch.gradient",
        (_MOMENT, "slope = torch.gradient(f, spacing=(z,))[0]\n    second_moment = (slope**2 * density).sum() * width"),
    ),
    (
        "backward_gain",
        "by differences",
        (_MOMENT, "slope = f.diff() / width\n    second_moment = (slope**2 * density[:-1]).sum() * width"),
    ),
    (
        "backward_gain",
        "by Stein's lemma",
        (_MOMENT, "second_moment = (z * f * density).sum() * width"),
    ),
    ("input_multiplied", "z in the square", (_MOMENT, "second_moment = ((z * f) ** 2 * density).sum() * width")),
    ("gain_of_relu", "from torch's table", (_RETURN, "return torch.nn.init.calculate_gain('relu')")),
    ("nothing_returned", "prints it", (_RETURN, "print(1 / math.sqrt(second_moment))")),
    ("centered_moment+density_forgotten", "one over std", (_RETURN, "return 1 / f.std()")),
    ("density_forgotten", "no density", (_MOMENT, "second_moment = (f**2).sum() * width")),
    ("density_forgotten", "plain mean", (_MOMENT, "second_moment = (f**2).mean()")),
    ("density_forgotten", "mean with the density", (_MOMENT, "second_moment = (f**2 * density).mean()")),
    ("density_not_normalized", "no 2 pi", (" / math.sqrt(2 * math.pi)", "")),
    ("density_not_normalized", "2 pi without root", ("math.sqrt(2 * math.pi)", "(2 * math.pi)")),
    ("density_not_normalized", "root of pi", ("math.sqrt(2 * math.pi)", "math.sqrt(math.pi)")),
    ("density_too_narrow", "no half", ("-(z**2) / 2", "-(z**2)")),
    ("density_too_narrow", "no half, normalized", ("-(z**2) / 2", "-(z**2)"), ("(2 * math.pi)", "(math.pi)")),
    ("density_wrong_shape", "absolute value", ("-(z**2) / 2", "-z.abs() / 2")),
    ("density_squared", "square around both", ("f**2 * density", "(f * density)**2")),
    ("step_forgotten", "no width", (".sum() * width", ".sum()")),
    ("step_fixed", "the width of the example", ("width = z[1] - z[0]", "width = 0.005")),
    ("density_of_values", "f in the density", ("torch.exp(-(z**2) / 2)", "torch.exp(-(f**2) / 2)")),
    ("mutates_arguments", "f squared in place", (_MOMENT, _MOMENT.replace("f**2", "f.square_()"))),
    (
        "mutates_arguments",
        "z in place, through numpy",
        (_DENSITY, _DENSITY.replace("z**2", "torch.from_numpy(z.numpy()) ** 2") + "\n    z -= 0 * z\n    z += 1"),
    ),
    ("half_axis", "positive half", ("(f**2 * density).sum()", "(f**2 * density)[z > 0].sum()")),
    (
        "density_not_normalized+root_forgotten",
        "two at once",
        (" / math.sqrt(2 * math.pi)", ""),
        ("math.sqrt(second", "(second"),
    ),
]

_UNLISTED = [
    ("failed", "near, by random numbers", (_RETURN, "return 1.01 / math.sqrt(second_moment)")),
    ("failed", "squared again", (_MOMENT, "second_moment = (f**4 * density).sum() * width")),
    (
        "failed",
        "one number a point",
        (_MOMENT, "second_moment = f**2 * density"),
        ("math.sqrt(second_moment)", "second_moment.sqrt()"),
    ),
    ("error", "the function is called", (_MOMENT, "second_moment = f(z).square().mean()")),
]

ANSWERS = answers("initialization.gain", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
