"""Adam as learners write it, right and wrong."""

from tests.grading.wrong_answers.optimizers.common import answers

SOURCE = """
class Optimizer(Given):
    def __init__(self, params, lr, betas, eps):
        super().__init__(params, lr=lr, betas=betas, eps=eps)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (beta1, beta2), eps = group["lr"], group["betas"], group["eps"]
            for p in group["params"]:
                g = p.grad
                if g is None:
                    continue
                state = self.state[p]
                if not state:
                    state["t"], state["m"], state["v"] = 0, torch.zeros_like(p), torch.zeros_like(p)
                state["t"] += 1
                t = state["t"]
                state["m"] = beta1 * state["m"] + (1 - beta1) * g
                state["v"] = beta2 * state["v"] + (1 - beta2) * g * g
                m, v = state["m"], state["v"]
                m_hat = m / (1 - beta1**t)
                v_hat = v / (1 - beta2**t)
                p -= lr * m_hat / (v_hat.sqrt() + eps)
"""

_M, _V = '"] + (1 - beta1) * g\n', '"] + (1 - beta2) * g * g'
_M_HAT, _V_HAT = "m_hat = m / (1 - beta1**t)", "v_hat = v / (1 - beta2**t)"
_DENOMINATOR = "(v_hat.sqrt() + eps)"
_COUNT = 'state["t"] += 1\n                t = state["t"]'
_ZEROS = "torch.zeros_like(p), torch.zeros_like(p)"

WRONG = [
    ("no_bias_correction", "no hats", [(_M_HAT, "m_hat = m"), (_V_HAT, "v_hat = v")]),
    ("second_moment_uncorrected", "v without hat", [(_V_HAT, "v_hat = v")]),
    ("first_moment_uncorrected", "m without hat", [(_M_HAT, "m_hat = m")]),
    ("bias_correction_without_power", "1 - beta", [("beta1**t", "beta1"), ("beta2**t", "beta2")]),
    ("bias_correction_without_power", "t stays 1", [('t = state["t"]', "t = 1")]),
    ("bias_correction_without_power", "beta * t", [("beta1**t", "beta1 * t"), ("beta2**t", "beta2 * t")]),
    (
        "bias_corrections_exchanged",
        "betas of the hats exchanged",
        [("beta1**t", "beta3**t"), ("beta2**t", "beta1**t"), ("beta3**t", "beta2**t")],
    ),
    ("bias_corrections_exchanged", "both hats with beta1", [("beta2**t", "beta1**t")]),
    ("bias_correction_sign", "a plus", [("(1 - beta1**t)", "(1 + beta1**t)"), ("(1 - beta2**t)", "(1 + beta2**t)")]),
    ("bias_correction_sign", "no 1 -", [("(1 - beta1**t)", "beta1**t"), ("(1 - beta2**t)", "beta2**t")]),
    (
        "bias_correction_multiplied",
        "times instead of divided",
        [("m / (1 - beta1**t)", "m * (1 - beta1**t)"), ("v / (1 - beta2**t)", "v * (1 - beta2**t)")],
    ),
    (
        "bias_correction_after_root",
        "correction after the root",
        [(_V_HAT, "v_hat = v"), (_DENOMINATOR, "(v_hat.sqrt() / (1 - beta2**t) + eps)")],
    ),
    ("epsilon_inside_root", "eps inside", [(_DENOMINATOR, "(v_hat + eps).sqrt()")]),
    (
        "epsilon_inside_root",
        "eps inside, folded correction",
        [(_V_HAT, "v_hat = (v + eps) / (1 - beta2**t)"), (_DENOMINATOR, "v_hat.sqrt()")],
    ),
    ("epsilon_forgotten", "no eps", [(_DENOMINATOR, "v_hat.sqrt()")]),
    ("epsilon_fixed", "1e-8", [(_DENOMINATOR, "(v_hat.sqrt() + 1e-8)")]),
    (
        "beta1_for_both",
        "beta1 everywhere",
        [("beta2 * state", "beta1 * state"), ("(1 - beta2)", "(1 - beta1)"), ("beta2**t", "beta1**t")],
    ),
    ("beta1_for_both", "beta1 in v alone", [(_V, '"] + (1 - beta1) * g * g'), ("= beta2 * state", "= beta1 * state")]),
    (
        "moments_share_tensor",
        "one tensor of zeros",
        [
            (
                'state["t"], state["m"], state["v"] = 0, torch.zeros_like(p), torch.zeros_like(p)',
                'state["t"] = 0\n                    state["m"] = state["v"] = torch.zeros_like(p)',
            ),
            ('state["m"] = beta1 * state["m"] + (1 - beta1) * g\n', 'state["m"].mul_(beta1).add_((1 - beta1) * g)\n'),
            (
                'state["v"] = beta2 * state["v"] + (1 - beta2) * g * g',
                'state["v"].mul_(beta2).add_((1 - beta2) * g * g)',
            ),
        ],
    ),
    ("epsilon_as_floor", "clamp at eps", [(_DENOMINATOR, "v_hat.sqrt().clamp(min=eps)")]),
    (
        "epsilon_outside_fraction",
        "parentheses missing",
        [("lr * m_hat / (v_hat.sqrt() + eps)", "lr * m_hat / v_hat.sqrt() + eps")],
    ),
    (
        "epsilon_hat",
        "Kingma's epsilon-hat",
        [(_DENOMINATOR, "((v.sqrt() + eps) / (1 - beta2**t) ** 0.5)")],
        "convention",
    ),
    (
        "step_count_off_by_one",
        "t starts at 1, counted before",
        [('state["t"], state["m"], state["v"] = 0,', 'state["t"], state["m"], state["v"] = 1,')],
    ),
    ("step_count_off_by_one", "t counted after its use", [(_COUNT, 't = state["t"]\n                state["t"] += 1')]),
    (
        "step_count_off_by_one",
        "t counted after, as a tensor",
        [(_COUNT, 't = torch.tensor(float(state["t"]))\n                state["t"] += 1')],
    ),
    (
        "step_count_off_by_one",
        "t counted after, numbers divided",
        [
            (_COUNT, 't = state["t"]\n                state["t"] += 1'),
            ("lr * m_hat /", "lr / (1 - beta1**t) * m /"),
        ],
    ),
    (
        "shared_step_count",
        "t of the optimizer",
        [
            ("    def step(self):\n", "    def step(self):\n        self.t = getattr(self, 't', 0) + 1\n"),
            (_COUNT, "t = self.t"),
        ],
    ),
    ("shared_step_count", "t counted for every tensor", [(_COUNT, "t = self.t = getattr(self, 't', 0) + 1")]),
    ("lr_in_buffer", "lr in m", [(_M, '"] + (1 - beta1) * lr * g\n'), ("p -= lr * m_hat", "p -= m_hat")]),
    ("lr_in_buffer", "lr in m and outside", [(_M, '"] + (1 - beta1) * lr * g\n')]),
    (
        "lr_in_buffer",
        "a gradient scaled by lr",
        [(_COUNT, f"g = lr * g\n                {_COUNT}"), ("p -= lr *", "p -=")],
    ),
    ("lr_in_buffer", "scaled by lr, and outside", [(_COUNT, f"g = lr * g\n                {_COUNT}")]),
    (
        "amsgrad",
        "AMSGrad before the correction",
        [(_V_HAT, f'v = state["x"] = torch.maximum(state.get("x", v), v)\n                {_V_HAT}')],
    ),
    (
        "hidden_clamp",
        "cuts the quotient",
        [("p -= lr * m_hat / (v_hat.sqrt() + eps)", "p -= lr * (m_hat / (v_hat.sqrt() + eps)).clamp(-0.3, 0.3)")],
    ),
    ("moments_start_wrong", "m starts at g", [(_ZEROS, "g.clone(), torch.zeros_like(p)")]),
    ("step_count_off_by_one", "max(t, 1)", [(_COUNT, 't = max(state["t"], 1)\n                state["t"] += 1')]),
    ("shared_step_count", "t of the group", [(_COUNT, 't = group["t"] = group.get("t", 0) + 1')]),
    (
        "shared_step_count",
        "t counted where there is a gradient",
        [
            (
                "    def step(self):\n",
                "    def step(self):\n"
                "        some = any(p.grad is not None for group in self.param_groups for p in group['params'])\n"
                "        self.t = getattr(self, 't', 0) + some\n",
            ),
            (_COUNT, "t = self.t"),
        ],
    ),
    ("lr_forgotten", "no lr", [("p -= lr * m_hat", "p -= m_hat")]),
    ("lr_twice", "lr twice", [("p -= lr * m_hat", "p -= lr * lr * m_hat")]),
    ("betas_swapped", "betas swapped", [("(beta1, beta2), eps", "(beta2, beta1), eps")]),
    ("dampening", "m is a sum", [(_M, '"] + g\n')]),
    ("dampening", "m damped twice", [("p -= lr * m_hat", "p -= (1 - beta1) * lr * m_hat")]),
    ("second_moment_undamped", "v is a sum", [(_V, '"] + g * g')]),
    ("moments_undamped", "both are sums", [(_M, '"] + g\n'), (_V, '"] + g * g')]),
    ("gradient_not_squared", "g in v", [(_V, '"] + (1 - beta2) * g')]),
    ("gradient_not_squared", "|g| in v", [(_V, '"] + (1 - beta2) * g.abs()')]),
    ("second_moment_of_first", "m squared in v", [(_V, '"] + (1 - beta2) * state["m"] ** 2')]),
    ("second_moment_of_tensor", "mean over the tensor", [(_V, '"] + (1 - beta2) * (g * g).mean()')]),
    ("multiplied_by_root", "times the root", [("m_hat / (", "m_hat * (")]),
    (
        "stale_moments",
        "hats before the moments",
        [
            (
                '                state["m"] = beta1',
                '                m, v = state["m"], state["v"]\n                state["m"] = beta1',
            ),
            ('                m, v = state["m"], state["v"]\n                m_hat', "                m_hat"),
            (_M_HAT, "m_hat = m"),
            (_V_HAT, "v_hat = v"),
        ],
    ),
    ("root_forgotten", "no root", [("v_hat.sqrt()", "v_hat")]),
    ("gradient_instead_of_moment", "g on top", [(_M_HAT, "m_hat = g / (1 - beta1**t)")]),
    (
        "corrected_moment_stored",
        "hats written back",
        [("m_hat = m", 'state["m"] = m_hat = m'), ("v_hat = v", 'state["v"] = v_hat = v')],
    ),
    ("corrected_moment_stored", "hat of m by in-place division", [(_M_HAT, "m_hat = m.div_(1 - beta1**t)")]),
    (
        "amsgrad",
        "AMSGrad",
        [
            (
                _V_HAT,
                f'{_V_HAT}\n                v_hat = state["max"] = torch.maximum(state.get("max", v_hat), v_hat)',
            )
        ],
    ),
    ("moments_start_wrong", "moments start at g", [(_ZEROS, "g.clone(), g * g")]),
    (
        "epsilon_inside_root+no_bias_correction",
        "no hats and eps inside",
        [(_M_HAT, "m_hat = m"), (_V_HAT, "v_hat = v"), (_DENOMINATOR, "(v_hat + eps).sqrt()")],
    ),
    (
        "betas_swapped+epsilon_forgotten",
        "two small slips",
        [("(beta1, beta2), eps", "(beta2, beta1), eps"), (_DENOMINATOR, "v_hat.sqrt()")],
    ),
    (
        "crashes_on_none_gradient+no_bias_correction",
        "no hats, no test for None",
        [
            (_M_HAT, "m_hat = m"),
            (_V_HAT, "v_hat = v"),
            ("                if g is None:\n                    continue\n", ""),
        ],
    ),
    ("mutates_gradient", "squares g in place", [(_V, '"] + (1 - beta2) * g.pow_(2)')]),
    ("mutates_gradient", "scales g in place for m", [(_M, '"] + g.mul_(1 - beta1)\n')]),
    (
        "ignores_groups",
        "betas and eps of the constructor",
        [
            ("        super()", "        self.betas, self.eps = betas, eps\n        super()"),
            (
                '(beta1, beta2), eps = group["lr"], group["betas"], group["eps"]',
                '(beta1, beta2), eps = group["lr"], self.betas, self.eps',
            ),
        ],
    ),
    (
        "ignores_groups",
        "options of the constructor",
        [
            ("        super()", "        self.lr, self.betas, self.eps = lr, betas, eps\n        super()"),
            ('= group["lr"], group["betas"], group["eps"]', "= self.lr, self.betas, self.eps"),
        ],
    ),
]

UNLISTED = [
    ("a typo", [('state["t"] += 1', 'stat["t"] += 1')], "error"),
    ("always a RuntimeError", [("g = p.grad", "g = p.grad.view(-1, 7)")], "error"),
    ("an exponent of 0.4", [("v_hat.sqrt()", "v_hat**0.4")]),
    ("90 % of the update", [("p -= lr * m_hat", "p -= 0.9 * lr * m_hat")]),
    ("m forgets twice as fast", [('= beta1 * state["m"]', '= beta1**2 * state["m"]')]),
    ("sign of m", [("lr * m_hat /", "lr * m_hat.sign() /")]),
    ("noise", [("p -= lr", "p += 0.01 * torch.randn_like(p)\n                p -= lr")]),
    (
        "halves the lr after 3 steps",
        [("p -= lr", "lr = group['lr'] * (0.5 if t > 3 else 1.0)\n                p -= lr")],
    ),
]

ANSWERS = answers("optimizers.adam", SOURCE, WRONG, UNLISTED)
