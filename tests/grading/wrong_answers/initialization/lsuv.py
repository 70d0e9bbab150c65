"""Answers to the exercise on layer-sequential unit variance."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def lsuv(weights, biases, batch, tolerance, max_rounds):
    x, mended = batch, []
    for weight, bias in zip(weights, biases):
        for _ in range(max_rounds):
            variance = (x @ weight.T + bias).var(correction=0)
            if variance == 0 or abs(variance - 1) <= tolerance:
                break
            weight = weight / variance.sqrt()
        mended.append(weight)
        x = torch.relu(x @ weight.T + bias)
    return mended
"""

_VALID = [
    (
        "in place on copies, with functions of torch.nn",
        """
def lsuv(weights, biases, batch, tolerance, max_rounds):
    weights = [weight.clone() for weight in weights]
    for layer, (weight, bias) in enumerate(zip(weights, biases)):
        rounds = 0
        outputs = torch.nn.functional.linear(batch, weight, bias)
        while rounds < max_rounds and (outputs.var(unbiased=False) - 1).abs() > tolerance and outputs.any():
            weight.div_(outputs.std(unbiased=False))
            outputs = torch.nn.functional.linear(batch, weight, bias)
            rounds += 1
        batch = outputs.clamp(min=0)
    return weights
""",
    ),
    (
        "in numpy, as a tuple",
        """
def lsuv(weights, biases, batch, tolerance, max_rounds):
    x, weights = batch.numpy(), [w.numpy() for w in weights]
    for k, b in enumerate(biases):
        for _ in range(max_rounds):
            v = np.var(x @ weights[k].T + b.numpy())
            if v < 1e-12 or np.abs(v - 1) <= tolerance:
                break
            weights[k] = weights[k] / np.sqrt(v)
        x = np.maximum(0, x @ weights[k].T + b.numpy())
    return tuple(weights)
""",
    ),
    (
        "with the mean written out",
        """
def lsuv(weights, biases, batch, tolerance, max_rounds):
    def outputs(x, w, b):
        return torch.einsum("ni,oi->no", x, w) + b[None]

    result = []
    for w, b in zip(weights, biases):
        scale, rounds = 1.0, 0
        while rounds < max_rounds:
            h = outputs(batch, w * scale, b)
            v = ((h - h.mean()) ** 2).mean().item()
            if v == 0 or -tolerance <= v - 1 <= tolerance:
                break
            scale /= math.sqrt(v)
            rounds += 1
        result += [w * scale]
        batch = outputs(batch, result[-1], b)
        batch = torch.where(batch > 0, batch, 0.0)
    return result
""",
    ),
]

_VARIANCE = "(x @ weight.T + bias).var(correction=0)"
_TEST = "abs(variance - 1) <= tolerance"
_DIVIDE = "weight = weight / variance.sqrt()"
_ON = "x = torch.relu(x @ weight.T + bias)"
_OUTPUTS = "            variance = "
_LOOP = "for _ in range(max_rounds):"

_WRONG = [
    ("divides_by_variance", "by the variance", (_DIVIDE, "weight = weight / variance")),
    ("scales_the_wrong_way", "times std", (_DIVIDE, "weight = weight * variance.sqrt()")),
    ("scales_the_wrong_way", "times variance", (_DIVIDE, "weight = weight * variance")),
    ("root_twice", "root of std", (_DIVIDE, "weight = weight / variance.sqrt().sqrt()")),
    ("weights_unchanged", "the old list", ("return mended", "return weights")),
    ("activation_forgotten", "no ReLU", ("torch.relu(x @ weight.T + bias)", "x @ weight.T + bias")),
    (
        "stale_outputs",
        "outputs of the given weight",
        ("    x, mended = batch, []\n", "    x, mended = batch, []\n    given = iter(weights)\n"),
        (_ON, "x = torch.relu(x @ next(given).T + bias)"),
    ),
    (
        "stale_outputs",
        "outputs measured last",
        ("variance = (x @ weight.T + bias)", "outputs = x @ weight.T + bias\n            variance = outputs"),
        (_ON, "x = torch.relu(outputs)"),
    ),
    (
        "measured_once",
        "measured before the rounds",
        (f"        {_LOOP}\n    {_OUTPUTS[4:]}{_VARIANCE}\n", f"        variance = {_VARIANCE}\n        {_LOOP}\n"),
    ),
    ("nothing_returned", "no return", ("    return mended\n", "")),
    ("mutates_arguments", "weights in place", (_DIVIDE, "weight /= variance.sqrt()")),
    (
        "mutates_arguments",
        "the list of weights",
        ("        mended.append(weight)\n", "        weights[len(mended)] = weight\n        mended.append(weight)\n"),
    ),
    ("mutates_arguments", "the batch", (_ON, "x = torch.relu_(x @ weight.T + bias)\n        batch.zero_()")),
    ("small_variance_left", "taken for none", ("variance == 0", "variance < 1e-2")),
    ("small_variance_left", "no bars", (_TEST, "variance - 1 <= tolerance")),
    ("bias_forgotten", "measured without it", (_VARIANCE, "(x @ weight.T).var(correction=0)")),
    ("every_layer_sees_the_batch", "x never changes", (f"        {_ON}\n", "")),
    (
        "measures_after_activation",
        "variance after ReLU",
        (_VARIANCE, "torch.relu(x @ weight.T + bias).var(correction=0)"),
    ),
    ("bias_scaled", "bias divided too", (_DIVIDE, f"bias = bias / variance.sqrt()\n            {_DIVIDE}")),
    ("bias_forgotten", "no bias", (" + bias", "")),
    ("one_round", "no loop", ("in range(max_rounds)", "in range(1)")),
    ("rounds_off_by_one", "one fewer", ("in range(max_rounds)", "in range(1, max_rounds)")),
    ("rounds_off_by_one", "one more", ("in range(max_rounds)", "in range(max_rounds + 1)")),
    ("tolerance_ignored", "all rounds", (f" or {_TEST}", "")),
    (
        "tolerance_checked_late",
        "asked after dividing",
        (
            f"            if variance == 0 or {_TEST}:\n                break\n            {_DIVIDE}\n",
            f"            if variance == 0:\n                break\n            {_DIVIDE}\n"
            f"            if {_TEST}:\n                break\n",
        ),
    ),
    ("bias_after_activation", "bias outside", (_ON, "x = torch.relu(x @ weight.T) + bias")),
    ("tolerance_of_std", "std compared", (_TEST, "abs(variance.sqrt() - 1) <= tolerance")),
    ("divides_by_zero", "no test for 0", ("variance == 0 or ", "")),
    ("second_moment_for_variance", "squares", (_VARIANCE, "((x @ weight.T + bias) ** 2).mean()")),
    (
        "unit_by_unit",
        "each unit",
        (_VARIANCE, "(x @ weight.T + bias).var(dim=0, correction=0)"),
        (
            "variance == 0 or abs(variance - 1) <= tolerance",
            "(variance == 0).all() or ((variance - 1).abs() <= tolerance).all()",
        ),
        (_DIVIDE, "weight = weight / variance.sqrt()[:, None]"),
    ),
    ("unit_by_unit", "mean over units", (_VARIANCE, "(x @ weight.T + bias).var(dim=0, correction=0).mean()")),
    ("unit_by_unit", "mean over examples", (_VARIANCE, "(x @ weight.T + bias).var(1).mean()")),
    ("≈unbiased_variance", "Bessel's correction", ("var(correction=0)", "var()")),
    ("⧖rounds_unbounded", "while not right", (_LOOP, "while True:")),
    ("bias_forgotten+divides_by_variance", "two at once", (" + bias", ""), (_DIVIDE, "weight = weight / variance")),
    (
        "activation_forgotten+rounds_off_by_one",
        "two others",
        ("in range(max_rounds)", "in range(max_rounds - 1)"),
        ("torch.relu(x @ weight.T + bias)", "x @ weight.T + bias"),
    ),
]

_UNLISTED = [
    (
        "failed",
        "rounds of all layers counted together",
        ("    x, mended", "    rounds = iter(range(max_rounds))\n    x, mended"),
        ("for _ in range(max_rounds)", "for _ in rounds"),
    ),
    ("failed", "tanh", ("torch.relu", "torch.tanh")),
    ("failed", "the last weight alone", ("return mended", "return weight")),
    ("failed", "one layer too few", ("return mended", "return mended[1:]")),
    ("failed", "rounded", (_DIVIDE, "weight = (weight / variance.sqrt()).round(decimals=1)")),
    ("error", "weights the other way round", ("x @ weight.T", "x @ weight")),
]

ANSWERS = answers("initialization.lsuv", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
