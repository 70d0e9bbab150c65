"""SGD with momentum and Nesterov's momentum as learners write them, right and wrong."""

from tests.grading.wrong_answers.learner import edited
from tests.grading.wrong_answers.optimizers.common import answers

SOURCE = """
class Optimizer(Given):
    def __init__(self, params, lr, momentum):
        super().__init__(params, lr=lr, momentum=momentum)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, mu = group["lr"], group["momentum"]
            for p in group["params"]:
                g = p.grad
                if g is None:
                    continue
                state = self.state[p]
                if not state:
                    state["m"] = torch.zeros_like(p)
                state["m"] = mu * state["m"] + g
                p -= lr * state["m"]
"""

_BUFFER, _MOVE = 'state["m"] = mu * state["m"] + g', 'p -= lr * state["m"]'
_START = """                if not state:
                    state["m"] = torch.zeros_like(p)
                state["m"] = mu * state["m"] + g
"""

_BUFFERS = [
    ("dampening", "an average", [(_BUFFER, _BUFFER.replace("+ g", "+ (1 - mu) * g"))], "convention"),
    (
        "dampening",
        "torch's dampening",
        [
            ("torch.zeros_like(p)", "g.clone()\n                    new = True"),
            ("                if not state:\n", "                new = False\n                if not state:\n"),
            (_BUFFER, 'state["m"] = g.clone() if new else mu * state["m"] + (1 - mu) * g'),
        ],
        "convention",
    ),
    ("momentum_undamped", "mu forgotten", [(_BUFFER, 'state["m"] = state["m"] + g')]),
    ("momentum_on_gradient", "mu on both", [(_BUFFER, 'state["m"] = mu * (state["m"] + g)')]),
    ("momentum_swapped", "1 - mu on the buffer", [(_BUFFER, 'state["m"] = (1 - mu) * state["m"] + g')]),
    ("momentum_swapped", "average the wrong way", [(_BUFFER, 'state["m"] = (1 - mu) * state["m"] + mu * g')]),
    ("momentum_sign_flipped", "buffer subtracted", [(_BUFFER, 'state["m"] = g - mu * state["m"]')]),
    ("buffer_starts_at_gradient", "starts at g and adds it", [("torch.zeros_like(p)", "g.clone()")]),
    (
        "first_step_skipped",
        "continue after making the buffer",
        [("torch.zeros_like(p)", "g.clone()\n                    continue")],
    ),
    (
        "aliases_gradient",
        "keeps the gradient itself",
        [(_START, '                state["m"] = state["m"].mul_(mu).add_(g) if state else g\n')],
    ),
    (
        "mutates_gradient",
        "adds the buffer to the gradient",
        [(_BUFFER, 'state["m"] = g.add_(mu * state["m"]).clone()')],
    ),
]

WRONG_MOMENTUM = [
    *_BUFFERS,
    (
        "lr_in_buffer",
        "lr in the buffer",
        [(_BUFFER, _BUFFER.replace("+ g", "+ lr * g")), (_MOVE, 'p -= state["m"]')],
        "convention",
    ),
    (
        "lr_in_buffer",
        "a velocity that is added",
        [(_BUFFER, 'state["m"] = mu * state["m"] - lr * g'), (_MOVE, 'p -= -state["m"]')],
        "convention",
    ),
    ("lr_twice", "lr inside and outside", [(_BUFFER, _BUFFER.replace("+ g", "+ lr * g"))]),
    ("lr_forgotten", "no lr", [(_MOVE, 'p -= state["m"]')]),
    (
        "bias_correction_added",
        "as Adam's m",
        [
            (
                _BUFFER,
                'state["t"] = state.get("t", 0) + 1\n                state["m"] = mu * state["m"] + (1 - mu) * g',
            ),
            (_MOVE, 'p -= lr * state["m"] / (1 - mu ** state["t"])'),
        ],
    ),
    (
        "stale_buffer",
        "moves before the buffer is updated",
        [(f"{_BUFFER}\n                {_MOVE}", f"{_MOVE}\n                {_BUFFER}")],
    ),
    ("nesterov_instead", "Nesterov's", [(_MOVE, 'p -= lr * (g + mu * state["m"])')]),
    (
        "dampening+lr_in_buffer",
        "an average with lr in it",
        [(_BUFFER, 'state["m"] = mu * state["m"] + (1 - mu) * lr * g'), (_MOVE, 'p -= state["m"]')],
    ),
]

UNLISTED_MOMENTUM = [
    ("half of the gradient", [(_BUFFER, _BUFFER.replace("+ g", "+ 0.5 * g"))]),
    (
        "mu grows with time",
        [
            (
                _BUFFER,
                'n = state["n"] = state.get("n", 0) + 1\n                state["m"] = (n / (n + 3)) * state["m"] + g',
            )
        ],
    ),
    ("the sign of the buffer", [(_MOVE, 'p -= lr * state["m"].sign()')]),
]

NESTEROV_SOURCE = edited(SOURCE, (_MOVE, 'p -= lr * (g + mu * state["m"])'))
_AHEAD = 'p -= lr * (g + mu * state["m"])'

WRONG_NESTEROV = [
    *_BUFFERS[:-1],
    ("momentum_on_gradient", "mu at the other term", [(_AHEAD, 'p -= lr * (mu * g + state["m"])')]),
    ("lr_on_gradient_alone", "parentheses missing", [(_AHEAD, 'p -= lr * g + mu * state["m"]')]),
    (
        "lookahead_stored",
        "the direction as the buffer",
        [(_AHEAD, 'state["m"] = g + mu * state["m"]\n                p -= lr * state["m"]')],
    ),
    (
        "lr_in_buffer",
        "as CS231n writes it",
        [
            (_BUFFER, 'old = state["m"]\n                state["m"] = mu * old - lr * g'),
            (_AHEAD, 'p -= mu * old - (1 + mu) * state["m"]'),
        ],
        "convention",
    ),
    ("plain_momentum", "plain momentum", [(_AHEAD, _MOVE)]),
    (
        "plain_momentum",
        "look ahead with the old buffer",
        [
            (f"{_BUFFER}\n", f'old = state["m"]\n                {_BUFFER}\n'),
            (_AHEAD, "p -= lr * (g + mu * old)"),
        ],
    ),
    (
        "lr_in_buffer+plain_momentum",
        "CS231n without the old velocity",
        [
            (_BUFFER, 'state["m"] = mu * state["m"] - lr * g'),
            (_AHEAD, 'p -= mu * state["m"] - (1 + mu) * state["m"]'),
        ],
    ),
    ("gradient_counted_twice", "g plus the buffer", [(_AHEAD, 'p -= lr * (g + state["m"])')]),
    ("gradient_left_out", "mu m alone", [(_AHEAD, 'p -= lr * mu * state["m"]')]),
    ("lookahead_twice", "two looks ahead", [(_AHEAD, 'p -= lr * (g + mu * (g + mu * state["m"]))')]),
    ("lookahead_averaged", "an average of the two", [(_AHEAD, 'p -= lr * ((1 - mu) * g + mu * state["m"])')]),
    ("lookahead_backwards", "a minus", [(_AHEAD, 'p -= lr * (g - mu * state["m"])')]),
    ("momentum_on_gradient", "mu twice", [(_AHEAD, 'p -= lr * (g + mu * mu * state["m"])')]),
    ("lr_forgotten", "no lr", [(_AHEAD, 'p -= g + mu * state["m"]')]),
    ("lr_twice", "lr inside and outside", [(_BUFFER, 'g = lr * g\n                state["m"] = mu * state["m"] + g')]),
    (
        "stale_buffer",
        "the buffer of the step before",
        [(_BUFFER, f'old = state["m"]\n                {_BUFFER}'), (_AHEAD, "p -= lr * old")],
    ),
    (
        "bias_correction_added",
        "as Adam's m",
        [
            (
                _BUFFER,
                'state["t"] = state.get("t", 0) + 1\n                state["m"] = mu * state["m"] + (1 - mu) * g',
            ),
            (_AHEAD, 'p -= lr * (g + mu * state["m"] / (1 - mu ** state["t"]))'),
        ],
    ),
    ("lr_twice", "lr twice", [(_AHEAD, 'p -= lr * lr * (g + mu * state["m"])')]),
]

UNLISTED_NESTEROV = [
    ("half a look ahead", [(_AHEAD, 'p -= lr * (g + 0.5 * mu * state["m"])')]),
]

ANSWERS = [
    *answers("optimizers.momentum", SOURCE, WRONG_MOMENTUM, UNLISTED_MOMENTUM),
    *answers("optimizers.nesterov", NESTEROV_SOURCE, WRONG_NESTEROV, UNLISTED_NESTEROV),
]
