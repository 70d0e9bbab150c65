"""Answers to the exercise about a step of quantization-aware training."""

from tests.grading.wrong_answers.from_text import answers
from tests.grading.wrong_answers.learner import WRONG

SOURCE = """
def qat_step(weight, x, target, scale, quant_max, lr):
    q = torch.round(weight / scale)
    w_hat = torch.clamp(q, -quant_max, quant_max) * scale
    error = x @ w_hat.T - target
    gradient = 2 / error.numel() * error.T @ x
    inside = q.abs() <= quant_max
    return weight - lr * gradient * inside
"""

_AUTOGRAD = """
def qat_step(weight, x, target, scale, quant_max, lr):
    weight = weight.clone().requires_grad_()
    q = torch.round(weight / scale)
    w_hat = torch.clamp(q, -quant_max, quant_max) * scale
    w_hat = weight + (w_hat - weight).detach()
    loss = ((x @ w_hat.T - target) ** 2).mean()
    loss.backward()
    inside = (q.abs() <= quant_max).double()
    return weight.detach() - lr * weight.grad * inside
"""

_VALID = [
    ("autograd and detach", _AUTOGRAD),
    (
        "a Function of its own",
        """
def qat_step(weight, x, target, scale, quant_max, lr):
    class Through(torch.autograd.Function):
        @staticmethod
        def forward(ctx, weight, scale, quant_max):
            q = torch.round(weight / scale)
            ctx.save_for_backward(q.abs() > quant_max)
            return q.clamp(-quant_max, quant_max) * scale

        @staticmethod
        def backward(ctx, gradient):
            return gradient.masked_fill(ctx.saved_tensors[0], 0.0), None, None

    weight = weight.clone().requires_grad_()
    outputs = torch.nn.functional.linear(x, Through.apply(weight, scale, quant_max))
    loss = torch.nn.functional.mse_loss(outputs, target)
    (gradient,) = torch.autograd.grad(loss, weight)
    with torch.no_grad():
        weight -= lr * gradient
    return weight
""",
    ),
    (
        "rounding made straight, then clamped",
        """
def qat_step(weight, x, target, scale, quant_max, lr):
    weight = torch.nn.Parameter(weight.clone())
    steps = weight / scale
    steps = steps + (torch.round(steps) - steps).detach()
    ((x @ (torch.clamp(steps, -quant_max, quant_max) * scale).T - target) ** 2).mean().backward()
    weight.data.add_(weight.grad, alpha=-lr)
    return weight
""",
    ),
    (
        "with numpy",
        """
def qat_step(weight, x, target, scale, quant_max, lr):
    w, a, t = (tensor.numpy() for tensor in (weight, x, target))
    q = np.rint(w / scale)
    mask = np.abs(q) < quant_max + 0.5
    error = a @ (np.clip(q, -quant_max, quant_max) * scale).T - t
    return np.where(mask, w - lr * np.einsum("bo,bi->oi", error, a) * 2 / error.size, w)
""",
    ),
]

_Q = "q = torch.round(weight / scale)"
_HAT = "w_hat = torch.clamp(q, -quant_max, quant_max) * scale"
_ERROR = "error = x @ w_hat.T - target"
_GRADIENT = "2 / error.numel()"
_INSIDE = "inside = q.abs() <= quant_max"
_RETURN = "return weight - lr * gradient * inside"

_WRONG = [
    ("passes_outside", "no mask", (_RETURN, "return weight - lr * gradient")),
    ("passes_outside", "the other mask", ("<= quant_max", "> quant_max")),
    ("passes_on_one_side", "above alone", (_INSIDE, "inside = q <= quant_max")),
    ("ends_shut", "smaller", ("<= quant_max", "< quant_max")),
    ("≈inside_by_the_number", "before rounding", (_INSIDE, "inside = (weight / scale).abs() <= quant_max")),
    ("gradient_scaled", "times scale", ("lr * gradient", "lr * scale * gradient")),
    ("gradient_scaled", "by scale", ("lr * gradient", "lr * gradient / scale")),
    ("float_weight_lost", "from w_hat", (_RETURN, "return w_hat - lr * gradient * inside")),
    (
        "result_rounded",
        "on the grid",
        (
            _RETURN,
            "q = torch.round((weight - lr * gradient * inside) / scale)\n"
            "    return torch.clamp(q, -quant_max, quant_max) * scale",
        ),
    ),
    (
        "result_clamped",
        "within the ends",
        (_RETURN, "new = weight - lr * gradient * inside\n    return new.clamp(-quant_max * scale, quant_max * scale)"),
    ),
    ("forward_not_quantized", "float weights", ("x @ w_hat.T", "x @ weight.T")),
    ("floor_for_round", "floor", ("torch.round", "torch.floor")),
    ("floor_for_round", "trunc", ("torch.round", "torch.trunc")),
    ("not_rounded", "clamped alone", (_Q, "q = weight / scale")),
    ("forward_not_clamped", "no clamp", (_HAT, "w_hat = q * scale"), (_RETURN, "return weight - lr * gradient")),
    (
        "uses_least_integer",
        "-8",
        (_HAT, "w_hat = torch.clamp(q, -quant_max - 1, quant_max) * scale"),
        (_INSIDE, "inside = (q >= -quant_max - 1) & (q <= quant_max)"),
    ),
    ("another_loss", "sum", (_GRADIENT, "2")),
    ("another_loss", "over examples", (_GRADIENT, "2 / len(x)")),
    ("another_loss", "over outputs", (_GRADIENT, "2 / len(weight)")),
    ("another_loss", "halved", (_GRADIENT, "1 / error.numel()")),
    ("another_loss", "halved sum", (_GRADIENT, "1")),
    ("another_loss", "halved, over examples", (_GRADIENT, "1 / len(x)")),
    ("step_uphill", "plus", ("return weight - lr", "return weight + lr")),
    ("lr_forgotten", "no lr", ("lr * gradient", "gradient")),
    ("passes_outside+step_uphill", "two at once", (_RETURN, "return weight + lr * gradient")),
    ("mutates_arguments", "the weight in place", (_RETURN, "weight -= lr * gradient * inside\n    return weight")),
    ("mutates_arguments", "the target in place", (_ERROR, "error = target.neg_() + x @ w_hat.T")),
    ("mutates_arguments+step_uphill", "up, in place", (_RETURN, "return weight.add_(lr * gradient * inside)")),
    (
        "mutates_arguments+nothing_returned",
        "as an optimizer does it",
        (_RETURN, "weight.sub_(lr * gradient * inside)"),
    ),
    ("nothing_returned", "no return", ("return weight", "new = weight")),
]

_WRONG_AUTOGRAD = [
    (
        "mutates_arguments",
        "the weight in place",
        ("weight = weight.clone().requires_grad_()", "weight.requires_grad_()"),
        (
            "return weight.detach() - lr * weight.grad * inside",
            "with torch.no_grad():\n        weight -= lr * weight.grad * inside\n    return weight",
        ),
    ),
    ("no_gradient_passes", "detach forgotten", ("(w_hat - weight).detach()", "(w_hat - weight)"), (" * inside", "")),
    ("no_gradient_passes", "no bridge", ("weight + (w_hat - weight).detach()", "w_hat + 0 * weight")),
    ("passes_outside", "no mask", (" * inside", "")),
    (
        "gradient_scaled",
        "bridged in steps",
        ("weight + (w_hat - weight).detach()", "scale * weight + (w_hat - scale * weight).detach()"),
    ),
    ("another_loss", "sum", (".mean()", ".sum()")),
]

_UNLISTED = [
    ("failed", "half the step", ("lr * gradient", "lr * gradient / 2 ** 0.5")),
    ("failed", "the gradient alone", (_RETURN, "return gradient")),
    ("failed", "integers", (_RETURN, "return q.int()")),
    ("error", "misspelled", ("error.numel()", "error.count()")),
]

ANSWERS = [
    *answers("quantization.qat_step", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED),
    *(
        answer
        for answer in answers("quantization.qat_step", _AUTOGRAD, valid=(), wrong=_WRONG_AUTOGRAD)
        if answer.kind == WRONG
    ),
]
