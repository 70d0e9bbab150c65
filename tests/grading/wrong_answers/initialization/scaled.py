"""Answers to the exercises on Xavier's uniform and He's normal weights."""

from tests.grading.wrong_answers.from_text import answers

XAVIER = """
def xavier_uniform(noise, fan_in, fan_out):
    std = math.sqrt(2 / (fan_in + fan_out))
    bound = math.sqrt(3) * std
    return (2 * noise - 1) * bound
"""

_XAVIER_VALID = [
    (
        "by Glorot's formula",
        """
def xavier_uniform(noise, fan_in, fan_out):
    b = (6 / (fan_in + fan_out)) ** 0.5
    return noise * 2 * b - b
""",
    ),
    (
        "by torch.lerp",
        """
def xavier_uniform(noise, fan_in, fan_out):
    bound = torch.tensor(6.0 / (fan_in + fan_out)).sqrt()
    return torch.lerp(-bound.double(), bound.double(), noise)
""",
    ),
    (
        "in place on a copy, in float32",
        """
def xavier_uniform(noise, fan_in, fan_out):
    mean_fan = (fan_in + fan_out) / 2
    return noise.float().sub_(0.5).mul_(2 * math.sqrt(3 / mean_fan))
""",
    ),
]

_STD, _BOUND, _RANGE = "2 / (fan_in + fan_out)", "bound = math.sqrt(3) * std", "(2 * noise - 1) * bound"

_XAVIER_WRONG = [
    ("std_as_bound", "bound is std", (_BOUND, "bound = std")),
    ("root_of_three_inverted", "divided by the root", (_BOUND, "bound = std / math.sqrt(3)")),
    ("wrong_factor_of_bound", "three", (_BOUND, "bound = 3 * std")),
    ("wrong_factor_of_bound", "root of twelve", (_BOUND, "bound = math.sqrt(12) * std")),
    ("variance_as_std", "no root", (f"math.sqrt({_STD})", _STD)),
    ("variance_as_std", "no root of the six", (_BOUND, "bound = 6 / (fan_in + fan_out)")),
    ("std_as_bound+variance_as_std", "bound is the variance", (f"math.sqrt({_STD})", _STD), (_BOUND, "bound = std")),
    ("one_fan", "fan_in", (_STD, "1 / fan_in")),
    ("one_fan", "fan_out", (_STD, "1 / fan_out")),
    ("he_instead_of_xavier", "He", (_STD, "2 / fan_in")),
    ("he_instead_of_xavier", "gain", (_BOUND, "bound = math.sqrt(2) * math.sqrt(3) * std")),
    ("sum_for_mean", "sum", (_STD, "1 / (fan_in + fan_out)")),
    ("fans_combined_wrongly", "product", (_STD, "2 / (fan_in * fan_out)")),
    ("fans_combined_wrongly", "geometric mean", (_STD, "1 / math.sqrt(fan_in * fan_out)")),
    ("fans_combined_wrongly", "mean of the variances", (_STD, "(1 / fan_in + 1 / fan_out) / 2")),
    ("half_the_range", "not doubled", (_RANGE, "(noise - 0.5) * bound")),
    ("not_centered", "positive", (_RANGE, "noise * bound")),
    ("not_centered", "positive and doubled", (_RANGE, "2 * bound * noise")),
    ("not_centered", "parentheses", (_RANGE, "2 * noise * bound - 1")),
    ("not_centered", "negative", (_RANGE, "noise * bound - bound")),
    ("not_centered", "one subtracted", (_RANGE, "noise * bound - 1")),
    ("not_centered", "the bound added", (_RANGE, "2 * bound * noise + bound")),
    ("not_centered", "the bound at the one", (_RANGE, "2 * noise - 1 * bound")),
    ("noise_taken_for_normal", "times std", (_RANGE, "noise * std")),
    ("fans_outside_fraction", "variance", (_STD, "2 / fan_in + fan_out")),
    ("fans_outside_fraction", "bound", (_BOUND, "bound = math.sqrt(6 / fan_in + fan_out)")),
    ("mutates_arguments", "in place", (_RANGE, "noise.mul_(2 * bound).sub_(bound)")),
    ("half_the_range+std_as_bound", "two at once", (_BOUND, "bound = std"), (_RANGE, "(noise - 0.5) * bound")),
    ("noise_ignored", "own numbers", (_RANGE, "torch.empty_like(noise).uniform_(-bound, bound)")),
    ("noise_ignored", "torch's", (_RANGE, "torch.nn.init.uniform_(torch.empty(fan_out, fan_in), -bound, bound)")),
    (
        "mutates_arguments+nothing_returned",
        "in place, not returned",
        ("return " + _RANGE, "noise.mul_(2).sub_(1).mul_(bound)"),
    ),
    ("fans_of_the_shape", "fans of the shape", (_STD, "2 / (noise.shape[0] + noise.shape[1])")),
    ("noise_standardized", "standardized", (_RANGE, "(noise - noise.mean()) / noise.std() * std")),
    ("≈mirrored", "the other way round", (_RANGE, "(1 - 2 * noise) * bound")),
]

_XAVIER_UNLISTED = [
    ("failed", "normal", (_RANGE, "torch.erfinv(2 * noise - 1) * math.sqrt(2) * std")),
    ("failed", "the bound alone", ("return " + _RANGE, "return bound")),
    ("failed", "transposed", (_RANGE, f"({_RANGE}).transpose(0, 1)")),
    ("error", "no such name", ("std = ", "sigma = ")),
]

HE = """
def he_normal(noise, fan_in, fan_out, mode, slope):
    fan = fan_in if mode == "fan_in" else fan_out
    gain = math.sqrt(2 / (1 + slope**2))
    std = gain / math.sqrt(fan)
    return noise * std
"""

_HE_VALID = [
    (
        "by the variance",
        """
def he_normal(noise, fan_in, fan_out, mode, slope):
    variance = 2 / (1 + slope * slope) / {"fan_in": fan_in, "fan_out": fan_out}[mode]
    return variance**0.5 * noise
""",
    ),
    (
        "in place on a copy",
        """
def he_normal(noise, fan_in, fan_out, mode, slope):
    fan = torch.tensor({"fan_in": fan_in, "fan_out": fan_out}[mode], dtype=torch.float32)
    weight = noise.clone()
    weight *= math.sqrt(2.0) * torch.rsqrt(fan * (1 + slope**2))
    return weight
""",
    ),
    (
        "in float32",
        """
def he_normal(noise, fan_in, fan_out, mode, slope):
    if mode == "fan_out":
        fan_in = fan_out
    return noise.to(torch.float32) * ((2 / (1 + slope**2)) ** 0.5 * fan_in**-0.5)
""",
    ),
]

_FAN, _GAIN, _HE_STD = (
    'fan = fan_in if mode == "fan_in" else fan_out',
    "gain = math.sqrt(2 / (1 + slope**2))",
    "std = gain / math.sqrt(fan)",
)
_NOISE = "return noise * std"

_HE_WRONG = [
    ("variance_as_std", "variance", (_HE_STD, "std = gain**2 / fan")),
    ("gain_forgotten", "no gain", (_GAIN, "gain = math.sqrt(1 / (1 + slope**2))")),
    ("gain_forgotten+slope_ignored", "no gain, no slope", (_GAIN, "gain = 1")),
    ("gain_inverted", "half", ("math.sqrt(2 /", "math.sqrt(0.5 /")),
    ("gain_squared", "four", ("math.sqrt(2 /", "math.sqrt(4 /")),
    ("gain_squared", "outside the root", (_GAIN, "gain = 2 / (1 + slope**2)")),
    ("root_of_fan_forgotten", "divided by the fan", (_HE_STD, "std = gain / fan")),
    ("fan_forgotten", "no fan", (_HE_STD, "std = gain")),
    ("fan_multiplied", "times the fan", (_HE_STD, "std = gain * math.sqrt(fan)")),
    ("fan_multiplied", "upside down", (_HE_STD, "std = math.sqrt(fan) / gain")),
    ("modes_swapped", "swapped", ('== "fan_in"', '== "fan_out"')),
    ("mode_ignored", "fan_in always", (_FAN, "fan = fan_in")),
    ("mode_ignored", "fan_out always", (_FAN, "fan = fan_out")),
    ("xavier_instead_of_he", "mean of fans", (_FAN, "fan = (fan_in + fan_out) / 2")),
    ("xavier_instead_of_he", "sum of fans", (_FAN, "fan = fan_in + fan_out")),
    ("slope_ignored", "ReLU's gain", (_GAIN, "gain = math.sqrt(2)")),
    ("slope_not_squared", "1 + slope", ("slope**2", "slope")),
    ("slope_not_squared", "(1 + slope)²", ("(1 + slope**2)", "(1 + slope)**2")),
    ("slope_sign", "1 - slope²", ("1 + slope**2", "1 - slope**2")),
    ("slope_multiplied", "slope above", ("2 / (1 + slope**2)", "2 * (1 + slope**2)")),
    ("noise_standardized", "standardized", (_NOISE, "return (noise - noise.mean()) / noise.std() * std")),
    (
        "noise_standardized",
        "by numpy",
        (_NOISE, "noise = noise.numpy()\n    return (noise - noise.mean()) / noise.std() * std"),
    ),
    ("noise_standardized", "centered", (_NOISE, "return (noise - noise.mean()) * std")),
    ("noise_standardized", "divided", (_NOISE, "return noise / noise.std() * std")),
    ("noise_cut", "clamped", (_NOISE, "return noise.clamp(-2, 2) * std")),
    ("noise_ignored", "own numbers", (_NOISE, "return torch.randn_like(noise) * std")),
    (
        "mutates_arguments+noise_ignored",
        "torch's",
        (_NOISE, "return torch.nn.init.kaiming_normal_(noise, a=slope, mode=mode)"),
    ),
    ("fans_of_the_shape", "fan of the shape", (_FAN, 'fan = noise.shape[1] if mode == "fan_in" else noise.shape[0]')),
    ("bound_for_std", "root of three", (_NOISE, "return math.sqrt(3) * noise * std")),
    ("slope_beside_fraction", "no parentheses", ("2 / (1 + slope**2)", "2 / 1 + slope**2")),
    (
        "slope_beside_fraction",
        "no parentheses, with the fan",
        (_HE_STD, "std = math.sqrt(2 / 1 + slope**2 / fan)"),
    ),
    ("mutates_arguments", "in place", (_NOISE, "noise *= std\n    return noise")),
    ("slope_outside_root", "root too short", (_GAIN, "gain = math.sqrt(2) / (1 + slope**2)")),
    ("gain_forgotten+mode_ignored", "LeCun's", (_FAN, "fan = fan_in"), ("math.sqrt(2 /", "math.sqrt(1 /")),
    ("slope_ignored+variance_as_std", "variance of ReLU's", (_HE_STD, "std = 2 / fan")),
]

_HE_UNLISTED = [
    ("failed", "cube root", (_HE_STD, "std = gain / fan ** (1 / 3)")),
    ("failed", "the standard deviation alone", (_NOISE, "return std")),
    ("failed", "flattened", (_NOISE, "return noise.flatten() * std")),
    ("failed", "NaN", (_GAIN, "gain = math.nan")),
    ("error", "the mode is called", (_FAN, "fan = mode(fan_in, fan_out)")),
]

ANSWERS = [
    *answers(
        "initialization.xavier_uniform", XAVIER, valid=_XAVIER_VALID, wrong=_XAVIER_WRONG, unlisted=_XAVIER_UNLISTED
    ),
    *answers("initialization.he_normal", HE, valid=_HE_VALID, wrong=_HE_WRONG, unlisted=_HE_UNLISTED),
]
