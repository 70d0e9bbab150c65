"""Answers to the exercise about folding batch normalization."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def fold(weight, bias, mean, variance, gamma, beta, eps):
    factor = gamma / torch.sqrt(variance + eps)
    if bias is None:
        bias = 0.0
    shape = (-1,) + (1,) * (weight.dim() - 1)
    return weight * factor.view(shape), (bias - mean) * factor + beta
"""

_VALID = [
    (
        "channel by channel",
        """
def fold(weight, bias, mean, variance, gamma, beta, eps):
    new_weight, new_bias = weight.clone(), beta.clone()
    for i in range(len(weight)):
        factor = gamma[i] / (variance[i] + eps) ** 0.5
        new_weight[i] *= factor
        new_bias[i] -= mean[i] * factor
        if bias is not None:
            new_bias[i] += bias[i] * factor
    return [new_weight, new_bias]
""",
    ),
    (
        "by asking the normalization",
        """
def fold(weight, bias, mean, variance, gamma, beta, eps):
    def normalize(y):
        return torch.nn.functional.batch_norm(y, mean, variance, gamma, beta, False, 0.0, eps)
    zero = torch.zeros(1, len(mean), dtype=weight.dtype)
    new_bias = normalize(zero if bias is None else bias[None])[0]
    factor = (normalize(zero + 1) - normalize(zero))[0]
    return (weight.flatten(1) * factor[:, None]).reshape(weight.shape), new_bias
""",
    ),
    (
        "with numpy",
        """
def fold(weight, bias, mean, variance, gamma, beta, eps):
    w, g, m = weight.numpy(), gamma.numpy(), mean.numpy()
    factor = g / np.sqrt(variance.numpy() + eps)
    b = np.zeros_like(m) if bias is None else bias.numpy()
    return np.einsum("o,o...->o...", factor, w), beta.numpy() + factor * b - factor * m
""",
    ),
]

_FACTOR = "factor = gamma / torch.sqrt(variance + eps)"
_BIAS = "(bias - mean) * factor + beta"
_NONE = "    if bias is None:\n        bias = 0.0\n"
_WEIGHT = "weight * factor.view(shape)"


def _factor(text: str) -> tuple[str, str]:
    return _FACTOR, f"factor = {text}"


_WRONG = [
    ("eps_forgotten", "no eps", _factor("gamma / torch.sqrt(variance)")),
    ("eps_misplaced", "outside", _factor("gamma / (torch.sqrt(variance) + eps)")),
    ("eps_misplaced", "squared", _factor("gamma / torch.sqrt(variance + eps**2)")),
    ("eps_misplaced", "minus", _factor("gamma / torch.sqrt(variance - eps)")),
    ("variance_for_std", "no root", _factor("gamma / (variance + eps)")),
    ("variance_for_std", "squared", _factor("gamma / (variance + eps)**2")),
    ("gamma_forgotten", "1", _factor("1 / torch.sqrt(variance + eps)")),
    ("gamma_forgotten", "in the bias", (_BIAS, "(bias - mean) / torch.sqrt(variance + eps) + beta")),
    ("factor_inverted", "times", _factor("gamma * torch.sqrt(variance + eps)")),
    ("factor_inverted", "upside down", _factor("torch.sqrt(variance + eps) / gamma")),
    ("spread_forgotten", "gamma alone", _factor("gamma")),
    ("weight_not_folded", "weight as it was", (_WEIGHT, "weight")),
    ("bias_not_folded", "bias as it was", (_BIAS, "bias + 0.0 * mean")),
    ("bias_not_scaled", "own bias added", (_BIAS, "bias - mean * factor + beta")),
    ("bias_not_scaled", "nothing scaled", (_BIAS, "bias - mean + beta")),
    ("mean_not_scaled", "mean as it is", (_BIAS, "bias * factor - mean + beta")),
    ("mean_forgotten", "no mean", (_BIAS, "bias * factor + beta")),
    ("mean_sign", "plus", ("(bias - mean)", "(bias + mean)")),
    ("beta_forgotten", "no beta", (_BIAS, "(bias - mean) * factor")),
    ("beta_scaled", "all in parentheses", (_BIAS, "(bias - mean + beta) * factor")),
    ("beta_sign", "minus", (_BIAS, "(bias - mean) * factor - beta")),
    ("bias_lost", "no bias", (_BIAS, "beta - mean * factor")),
    ("missing_bias", "None not looked at", (_NONE, "")),
    (
        "missing_bias",
        "beta for None",
        (_NONE, "    if bias is None:\n        bias = mean\n"),
    ),
    (
        "bias_stays_missing",
        "None for None",
        (_BIAS, "None if no_bias else (bias - mean) * factor + beta"),
        (_NONE, "    no_bias = bias is None\n    bias = mean if no_bias else bias\n"),
    ),
    (
        "number_of_axes_fixed",
        "two or four",
        ("(-1,) + (1,) * (weight.dim() - 1)", "(-1, 1) if weight.dim() == 2 else (-1, 1, 1, 1)"),
    ),
    ("factor_along_inputs", "as it is", (_WEIGHT, "weight * factor")),
    (
        "beta_forgotten+eps_forgotten",
        "neither beta nor eps",
        _factor("gamma / torch.sqrt(variance)"),
        (_BIAS, "(bias - mean) * factor"),
    ),
    (
        "eps_misplaced+mean_sign",
        "eps outside, mean added",
        _factor("gamma / (torch.sqrt(variance) + eps)"),
        ("(bias - mean)", "(bias + mean)"),
    ),
    ("mutates_arguments", "the weight in place", (_WEIGHT, "weight.mul_(factor.view(shape))")),
    ("mutates_arguments", "beta in place", (_BIAS, "beta.add_((bias - mean) * factor)")),
    ("mutates_arguments", "the variance in place", ("variance + eps", "variance.add_(eps)")),
    (
        "mutates_arguments",
        "the mean in place",
        ("    if bias is None:\n", "    mean *= factor\n    if bias is None:\n"),
        (_BIAS, "bias * factor - mean + beta"),
    ),
    (
        "mutates_arguments",
        "in the memory of the weight",
        (_FACTOR, f"w = weight.numpy()\n    {_FACTOR}"),
        (f"return {_WEIGHT}", "w *= factor.view(shape).numpy()\n    return w"),
    ),
    ("eps_forgotten+mutates_arguments", "no eps, in place", _factor("gamma.div_(torch.sqrt(variance))")),
    (
        "mutates_arguments+nothing_returned",
        "in place, and nothing returned",
        (f"return {_WEIGHT}, {_BIAS}", f"weight *= factor.view(shape)\n    bias = {_BIAS}"),
    ),
    ("nothing_returned", "no return", ("return weight", "folded = weight")),
]

_UNLISTED = [
    ("failed", "half the factor", _factor("gamma / torch.sqrt(variance + eps) / 2")),
    ("failed", "weight alone", (f"return {_WEIGHT}, {_BIAS}", f"return {_WEIGHT}")),
    ("error", "misspelled", ("torch.sqrt", "torch.root")),
    ("error", "for matrices alone", ("factor.view(shape)", "factor.view(len(factor), weight.shape[3])")),
]

ANSWERS = answers("quantization.fold", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
