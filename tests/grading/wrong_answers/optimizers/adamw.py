"""AdamW as learners write it, right and wrong."""

from tests.grading.wrong_answers.learner import edited
from tests.grading.wrong_answers.optimizers import adam
from tests.grading.wrong_answers.optimizers.common import answers

_MOVE = "                p -= lr * m_hat"

SOURCE = edited(
    adam.SOURCE,
    ("lr, betas, eps):", "lr, betas, eps, weight_decay):"),
    ("betas=betas, eps=eps)", "betas=betas, eps=eps, weight_decay=weight_decay)"),
    (
        'eps = group["lr"], group["betas"], group["eps"]\n',
        'eps = group["lr"], group["betas"], group["eps"]\n            decay = group["weight_decay"]\n',
    ),
    (_MOVE, f"                p *= 1 - lr * decay\n{_MOVE}"),
)

_DECAY = "                p *= 1 - lr * decay\n"
_COUNT = '                state["t"] += 1\n'
_LAST = "/ (v_hat.sqrt() + eps)\n"

WRONG = [
    ("l2_instead_of_decoupled", "L2", [(_DECAY, ""), (_COUNT, f"                g = g + decay * p\n{_COUNT}")]),
    (
        "l2_instead_of_decoupled+mutates_gradient",
        "L2 into .grad",
        [(_DECAY, ""), (_COUNT, f"                g.add_(p, alpha=decay)\n{_COUNT}")],
    ),
    ("l2_and_decoupled", "L2 left in", [(_COUNT, f"                g = g + decay * p\n{_COUNT}")]),
    (
        "decay_skips_vectors",
        "decay of matrices alone",
        [("p *= 1 - lr * decay", "p *= 1 - (lr * decay if p.dim() > 1 else 0.0)")],
    ),
    ("decay_after_update", "decay last", [(_DECAY, ""), (_LAST, _LAST + _DECAY)]),
    ("decay_in_numerator", "decay beside m_hat", [(_DECAY, ""), ("lr * m_hat", "lr * (m_hat + decay * p)")]),
    ("decay_not_scaled_by_lr", "decay without lr", [("1 - lr * decay", "1 - decay")]),
    ("decay_forgotten", "no decay", [(_DECAY, "")]),
    ("decay_sign_flipped", "grows", [("1 - lr * decay", "1 + lr * decay")]),
    ("decay_twice", "decay twice", [(_DECAY, _DECAY + _DECAY.replace("1 - lr", "1 - 1 * lr"))]),
    ("decay_twice", "lr squared in the decay", [("1 - lr * decay", "1 - lr * lr * decay")]),
    (
        "decays_without_gradient",
        "decay before the test for None",
        [
            (_DECAY, ""),
            ("                g = p.grad\n", "                p *= 1 - lr * decay\n                g = p.grad\n"),
        ],
    ),
    (
        "update_lost",
        "overwrites the update",
        [
            (_DECAY, "                old = p.clone()\n"),
            (_LAST, _LAST + "                p.copy_(old * (1 - lr * decay))\n"),
        ],
    ),
    (
        "decay_not_scaled_by_lr+epsilon_inside_root",
        "two mistakes",
        [("1 - lr * decay", "1 - decay"), ("(v_hat.sqrt() + eps)", "(v_hat + eps).sqrt()")],
    ),
    (
        "l2_instead_of_decoupled+no_bias_correction",
        "two mistakes of the formula",
        [
            (_DECAY, ""),
            (_COUNT, f"                g = g + decay * p\n{_COUNT}"),
            ("m / (1 - beta1**t)", "m"),
            ("v / (1 - beta2**t)", "v"),
        ],
    ),
    *(
        row
        for row in adam.WRONG
        if not (row[0] or "").startswith(("ignores", "epsilon_forgotten+")) and "+" not in (row[0] or "")
    ),
]

UNLISTED = [
    ("decay of the sign", [("p *= 1 - lr * decay", "p -= lr * decay * p.sign()")]),
    ("half of the decay, as of a penalty", [("1 - lr * decay", "1 - 0.5 * lr * decay")]),
    ("a decay of 0.01", [("1 - lr * decay", "1 - lr * 0.01")]),
    ("cosine", [(_MOVE, "                lr = lr * (1 + torch.cos(torch.tensor(t / 5.0))) / 2\n" + _MOVE)]),
]

ANSWERS = answers("optimizers.adamw", SOURCE, WRONG, UNLISTED)
