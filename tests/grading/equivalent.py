"""Mutants of solutions that are right all the same, with the reason: `mutants` prints those that are not listed."""

_SIZES = "sizes are free to choose, as long as they differ"
_TYPE = "whole numbers in a wide type: what is compared is the same"
_INPUTS = "inputs are free to choose, as long as some lie below the zero-point"

EQUIVALENT: dict[str, dict[str, str]] = {
    "initialization.fans": {
        "return (shape[1] * area, shape[0] // groups * area) -> return (shape[1] * area, shape[0] / groups * area)": (
            "the same number, as a float: groups divide the channels"
        ),
        "return (shape[0] // groups * area, shape[1] * area) -> return (shape[0] / groups * area, shape[1] * area)": (
            "the same number, as a float: groups divide the channels"
        ),
    },
    "initialization.orthogonal": {
        "wide = noise.shape[0] < noise.shape[1] -> wide = noise.shape[0] <= noise.shape[1]": (
            "a square matrix may be split either way"
        ),
    },
    "initialization.lsuv": {
        "for weight, bias in zip(weights, biases, strict=True): -> for weight, bias in zip(weights, biases):": (
            "there are as many biases as weights"
        ),
        "for weight, bias in zip(weights, biases, strict=True): -> "
        "for weight, bias in zip(weights, biases, strict=False):": "there are as many biases as weights",
        "break -> continue": "the weight stays as it is, and so does the condition in every further round",
        "if variance == 0 or abs(variance - 1) <= tolerance: -> if variance == 0 or abs(variance - 1) < tolerance:": (
            "no variance lies on the bound exactly"
        ),
        "if variance == 0 or abs(variance - 1) <= tolerance: -> if variance == 0 or abs(1 - variance) <= tolerance:": (
            "the absolute value of a difference"
        ),
    },
    "initialization.test": {
        f"{was} -> {now}": why
        for was, now, why in (
            (
                "fan_out, fan_in = (200, 500)",
                "fan_out, fan_in = (500, 200)",
                "sizes are free to choose, as long as they differ",
            ),
            (
                "fan_out, fan_in = (200, 500)",
                "fan_out, fan_in = (200, 501)",
                "sizes are free to choose, as long as they differ",
            ),
            (
                "fan_out, fan_in = (200, 500)",
                "fan_out, fan_in = (201, 500)",
                "sizes are free to choose, as long as they differ",
            ),
            (
                "fan_out, fan_in = (200, 500)",
                "fan_out, fan_in = (400, 500)",
                "sizes are free to choose, as long as they differ",
            ),
            (
                "fan_out, fan_in = (200, 500)",
                "fan_out, fan_in = (200, 1000)",
                "sizes are free to choose, as long as they differ",
            ),
            (
                "assert abs(weight.mean()) < 0.03 * std",
                "assert abs(weight.mean()) < 0.06 * std",
                "a tolerance between chance and the smallest mistake",
            ),
            (
                "assert abs(weight.std() / std - 1) < 0.03",
                "assert abs(weight.std() / std - 1) < 0.06",
                "a tolerance between chance and the smallest mistake",
            ),
            (
                "assert abs(weight.mean()) < 0.03 * std",
                "assert abs(weight.mean()) <= 0.03 * std",
                "the same comparison",
            ),
            (
                "assert abs(weight.std() / std - 1) < 0.03",
                "assert abs(weight.std() / std - 1) <= 0.03",
                "the same comparison",
            ),
            (
                "assert abs(weight.std() / std - 1) < 0.03",
                "assert abs(1 - weight.std() / std) < 0.03",
                "the same comparison",
            ),
            (
                "assert abs(weight.std() / std - 1) < 0.03",
                "assert abs(std / weight.std() - 1) < 0.03",
                "nearly the same comparison",
            ),
            (
                "assert not torch.equal(weight[0], weight[1])",
                "assert not torch.equal(weight[1], weight[0])",
                "the same comparison",
            ),
            (
                "assert not torch.equal(weight[0], weight[1])",
                "assert not torch.equal(weight[0], weight[2])",
                "two other rows",
            ),
            (
                "assert not torch.equal(weight[0], weight[1])",
                "assert not torch.equal(weight[-1], weight[1])",
                "two other rows",
            ),
            (
                "assert not torch.equal(weight, initialize(fan_out, fan_in))",
                "assert not torch.equal(initialize(fan_out, fan_in), weight)",
                "the same comparison",
            ),
        )
    },
    "optimizers.memory": {
        "state_megabytes = 25000000 * 2 * 4 / 1000000.0 -> state_megabytes = 25000001 * 2 * 4 / 1000000.0": (
            "one parameter more, of 25 million"
        ),
        "state_megabytes = 25000000 * 2 * 4 / 1000000.0 -> state_megabytes = 25000000 * 2 * 4 / 1000001.0": (
            "a millionth less, within the tolerance of 1e-4"
        ),
    },
    "reinforcement.q_learning": {
        "after = q.clone() -> after = q": "the check hands in a copy, and in place is right as well",
    },
    "reinforcement.n_step": {
        "for last in range(t, min(t + n, len(reward))): -> for last in range(t, min(len(reward), t + n)):": (
            "the smaller of two numbers"
        ),
    },
    "reinforcement.transitions": {
        "steps = kept.sum(dim=1).cumsum(dim=0) -> steps = kept.sum(dim=1).cumsum(dim=-1)": "its only axis",
    },
    "reinforcement.epsilon": {
        "share = min(step / steps, 1.0) -> share = min(1.0, step / steps)": "the smaller of two numbers",
    },
    "reinforcement.repair": {
        "weight = weight.clone().requires_grad_() -> weight = weight.requires_grad_()": "the check hands in a copy",
        "mean_square = ((target - prediction) ** 2).mean() -> mean_square = ((prediction - target) ** 2).mean()": (
            "the square of a difference"
        ),
        "return weight.detach() - lr * weight.grad -> return weight - lr * weight.grad": (
            "the same numbers, with a graph that nobody uses"
        ),
    },
    "reinforcement.clipped_loss": {
        "return -torch.minimum(ratio * advantage, clipped * advantage).mean() -> "
        "return -torch.minimum(clipped * advantage, ratio * advantage).mean()": "the smaller of two numbers",
    },
    "quantization.storage": {
        "weights = 6000 -> weights = 6001": "one weight more, of 6000",
    },
    "quantization.grid": {
        f"low, high = (min(low, 0.0), max(high, 0.0)) -> low, high = {now}": "the order of what is compared"
        for now in ("(min(0.0, low), max(high, 0.0))", "(min(low, 0.0), max(0.0, high))")
    },
    "quantization.percentile": {
        f"return (min(low, 0.0), max(high, 0.0)) -> return {now}": "the order of what is compared"
        for now in ("(min(0.0, low), max(high, 0.0))", "(min(low, 0.0), max(0.0, high))")
    },
    "quantization.integer_linear": {
        "q_bias = torch.round(bias / (x_scale * w_scale)).long() -> q_bias = torch.round(bias / (x_scale * w_scale))": (
            "the same whole number, as a float"
        ),
    },
    "quantization.test": {
        f"{was} -> {now}": why
        for was, pairs in (
            (
                "q_x = torch.randint(0, 256, (3, 501), dtype=torch.uint8)",
                (
                    ("q_x = torch.randint(0, 256, (3, 501))", _TYPE),
                    ("q_x = torch.randint(1, 256, (3, 501), dtype=torch.uint8)", _INPUTS),
                    ("q_x = torch.randint(0, 256, (4, 501), dtype=torch.uint8)", _SIZES),
                    ("q_x = torch.randint(0, 256, (6, 501), dtype=torch.uint8)", _SIZES),
                ),
            ),
            (
                "q_w = torch.randint(-128, 128, (5, 501), dtype=torch.int8)",
                (
                    ("q_w = torch.randint(-128, 128, (5, 501))", _TYPE),
                    ("q_w = torch.randint(-128, 128, (6, 501), dtype=torch.int8)", _SIZES),
                    ("q_w = torch.randint(-128, 128, (10, 501), dtype=torch.int8)", _SIZES),
                ),
            ),
            (
                "x_zero_point, w_zero_point = (131, 23)",
                tuple(
                    (f"x_zero_point, w_zero_point = ({x}, {w})", "zero-points are free to choose, if they differ")
                    for x, w in ((23, 131), (132, 23), (262, 23), (131, 24), (131, 46))
                ),
            ),
        )
        for now, why in pairs
    },
}
"""Exercise -> change -> why the changed solution is right all the same."""
