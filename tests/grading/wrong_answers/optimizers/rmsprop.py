"""RMSprop as learners write it, right and wrong."""

from tests.grading.wrong_answers.optimizers.common import answers

SOURCE = """
class Optimizer(Given):
    def __init__(self, params, lr, alpha, eps):
        super().__init__(params, lr=lr, alpha=alpha, eps=eps)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, alpha, eps = group["lr"], group["alpha"], group["eps"]
            for p in group["params"]:
                g = p.grad
                if g is None:
                    continue
                state = self.state[p]
                if not state:
                    state["v"] = torch.zeros_like(p)
                state["v"] = alpha * state["v"] + (1 - alpha) * g * g
                v = state["v"]
                p -= lr * g / (v.sqrt() + eps)
"""

_V, _ROOT = 'state["v"] = alpha * state["v"] + (1 - alpha) * g * g', "(v.sqrt() + eps)"
_USE = 'v = state["v"]\n'

WRONG = [
    ("epsilon_inside_root", "TensorFlow's", [(_ROOT, "(v + eps).sqrt()")], "convention"),
    ("epsilon_inside_root", "eps squared inside", [(_ROOT, "(v + eps**2).sqrt()")]),
    ("epsilon_forgotten", "no eps", [(_ROOT, "v.sqrt()")]),
    ("epsilon_fixed", "1e-8", [(_ROOT, "(v.sqrt() + 1e-8)")]),
    ("epsilon_as_floor", "maximum", [(_ROOT, "torch.maximum(v.sqrt(), torch.full_like(v, eps))")]),
    ("epsilon_outside_fraction", "parentheses missing", [("lr * g / (v.sqrt() + eps)", "lr * g / v.sqrt() + eps")]),
    (
        "bias_correction_added",
        "Adam's correction",
        [(_USE, 't = state["t"] = state.get("t", 0) + 1\n                v = state["v"] / (1 - alpha**t)\n')],
    ),
    ("alpha_swapped", "alpha swapped", [(_V, 'state["v"] = (1 - alpha) * state["v"] + alpha * g * g')]),
    ("square_undamped", "v is a sum that decays", [(_V, 'state["v"] = alpha * state["v"] + g * g')]),
    ("adagrad", "Adagrad", [(_V, 'state["v"] = state["v"] + g * g')]),
    ("memory_forgotten", "the newest square", [(_V, 'state["v"] = g * g')]),
    ("gradient_not_squared", "g in v", [(_V, 'state["v"] = alpha * state["v"] + (1 - alpha) * g')]),
    ("gradient_not_squared", "|g| in v", [(_V, 'state["v"] = alpha * state["v"] + (1 - alpha) * g.abs()')]),
    ("second_moment_of_tensor", "mean", [("(1 - alpha) * g * g", "(1 - alpha) * (g * g).mean()")]),
    ("second_moment_of_tensor", "norm", [("(1 - alpha) * g * g", "(1 - alpha) * g.norm() ** 2")]),
    ("root_forgotten", "no root", [(_ROOT, "(v + eps)")]),
    ("multiplied_by_root", "times", [("g / (v", "g * (v")]),
    (
        "stale_average",
        "v of the step before",
        [(_V, f'old = state["v"]\n                {_V}'), ("v.sqrt()", "old.sqrt()")],
    ),
    ("starts_at_one", "ones", [("zeros_like", "ones_like")]),
    ("starts_at_gradient", "starts at the square", [("torch.zeros_like(p)", "g * g")]),
    (
        "centered",
        "centered",
        [
            (
                _USE,
                'a = state["a"] = alpha * state.get("a", 0) + (1 - alpha) * g\n'
                '                v = state["v"] - a * a\n',
            )
        ],
    ),
    (
        "momentum_added",
        "an average of g",
        [("p -= lr * g", 'g = state["b"] = alpha * state.get("b", 0) + (1 - alpha) * g\n                p -= lr * g')],
    ),
    ("lr_forgotten", "no lr", [("p -= lr * g", "p -= g")]),
    (
        "lr_in_buffer",
        "a gradient scaled by lr",
        [
            ("                state = self", "                g = lr * g\n                state = self"),
            ("p -= lr * g", "p -= g"),
        ],
    ),
    ("lr_twice", "lr twice", [("p -= lr * g", "p -= lr * lr * g")]),
    ("mutates_gradient", "squares in place", [("(1 - alpha) * g * g", "(1 - alpha) * g.pow_(2)")]),
]

UNLISTED = [
    ("cube root", [("v.sqrt()", "v ** (1 / 3)")]),
    ("alpha squared", [("= alpha * state", "= alpha**2 * state")]),
    ("rounds", [("p -= lr", "p.copy_((p * 10).round() / 10)\n                p -= lr")]),
]

ANSWERS = answers("optimizers.rmsprop", SOURCE, WRONG, UNLISTED)
