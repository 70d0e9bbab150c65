"""Answers to the exercise on PPO's clipped loss."""

from tests.grading.wrong_answers.from_text import answers

SOURCE = """
def clipped_loss(log_prob, old_log_prob, advantage, *, clip):
    advantage = advantage.detach()
    ratio = (log_prob - old_log_prob.detach()).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantage, clipped * advantage).mean()
"""

_VALID = [
    (
        "the bound by the sign of the advantage",
        """
def clipped_loss(log_prob, old_log_prob, advantage, *, clip):
    with torch.no_grad():
        bound = torch.where(advantage > 0, (1 + clip) * advantage, (1 - clip) * advantage)
        old, worth = old_log_prob.clone(), advantage.clone()
    ratio = torch.exp(log_prob - old)
    return -torch.min(ratio * worth, bound).mean()
""",
    ),
    (
        "the larger of two losses",
        """
def clipped_loss(log_prob, old_log_prob, advantage, clip):
    old, worth = old_log_prob.data, advantage.data
    ratio = log_prob.exp() / old.exp()
    first = -worth * ratio
    second = -worth * torch.clamp(ratio, 1 - clip, 1 + clip)
    return torch.max(first, second).mean()
""",
    ),
    (
        "row by row",
        """
def clipped_loss(log_prob, old_log_prob, advantage, *, clip):
    total = 0
    for new, old, worth in zip(log_prob, old_log_prob.tolist(), advantage.tolist()):
        ratio = (new - old).exp()
        inside = min(max(ratio, 1 - clip), 1 + clip)
        total = total - min(ratio * worth, inside * worth)
    return total / len(log_prob)
""",
    ),
    (
        "stacked",
        """
def clipped_loss(log_prob, old_log_prob, advantage, *, clip):
    old, worth = old_log_prob.detach(), advantage.detach()
    ratio = torch.exp(log_prob - old)
    both = torch.stack([ratio, torch.clip(ratio, 1 - clip, 1 + clip)]) * worth
    return both.amin(dim=0).neg().sum() / worth.numel()
""",
    ),
]

_RATIO = "(log_prob - old_log_prob.detach()).exp()"
_CLAMP = "ratio.clamp(1 - clip, 1 + clip)"
_SECOND = "clipped * advantage"
_MINIMUM = "torch.minimum(ratio * advantage, clipped * advantage)"
_RETURN = f"return -{_MINIMUM}.mean()"
_WORTH = "advantage = advantage.detach()"
_ALL = ((_WORTH, "pass"), ("old_log_prob.detach()", "old_log_prob"))

_WRONG = [
    ("max_for_min", "maximum", ("torch.minimum", "torch.maximum")),
    (
        "max_for_min",
        "the smaller of two losses",
        (_RETURN, "return torch.minimum(-ratio * advantage, -clipped * advantage).mean()"),
    ),
    ("clamped_term_alone", "no minimum", (_MINIMUM, f"({_SECOND})")),
    ("never_clipped", "ratio times advantage", (_MINIMUM, "(ratio * advantage)")),
    (
        "min_of_the_means",
        "means first",
        (_RETURN, "return -torch.minimum((ratio * advantage).mean(), (clipped * advantage).mean())"),
    ),
    (
        "min_of_the_means",
        "means first, Python's min",
        (_RETURN, "return -min((ratio * advantage).mean(), (clipped * advantage).mean())"),
    ),
    ("min_of_the_ratios", "times the advantage at last", (_MINIMUM, "(torch.minimum(ratio, clipped) * advantage)")),
    ("clamped_around_0", "-clip to clip", (_CLAMP, "ratio.clamp(-clip, clip)")),
    ("lower_bound_forgotten", "from above alone", (_CLAMP, "ratio.clamp(max=1 + clip)")),
    ("lower_bound_forgotten", "0 to 1 + clip", (_CLAMP, "ratio.clamp(0, 1 + clip)")),
    ("upper_bound_forgotten", "from below alone", (_CLAMP, "ratio.clamp(min=1 - clip)")),
    ("quotient_for_lower_bound", "1 / (1 + clip)", (_CLAMP, "ratio.clamp(1 / (1 + clip), 1 + clip)")),
    ("log_ratio_clamped", "clamped before exp", (_CLAMP, "ratio.log().clamp(-clip, clip).exp()")),
    ("product_clamped", "clamped after the product", (_SECOND, "(ratio * advantage).clamp(1 - clip, 1 + clip)")),
    ("advantage_in_one_term_alone", "a bare second term", (_SECOND, "clipped")),
    (
        "bounds_times_advantage",
        "clamped between two products",
        (_SECOND, "torch.clamp(ratio * advantage, (1 - clip) * advantage, (1 + clip) * advantage)"),
    ),
    ("clip_hard_coded", "0.2", (_CLAMP, "ratio.clamp(0.8, 1.2)")),
    ("ratio_inverted", "old - new", (_RATIO, "(old_log_prob.detach() - log_prob).exp()")),
    ("ratio_of_logs", "a quotient of logs", (_RATIO, "log_prob / old_log_prob.detach()")),
    ("exp_forgotten", "no exp", (_RATIO, "log_prob - old_log_prob.detach()")),
    ("old_policy_ignored", "exp of the new", (_RATIO, "log_prob.exp()")),
    ("sign_forgotten", "no minus", ("return -", "return ")),
    ("sum_for_mean", "sum", (".mean()", ".sum()")),
    ("not_averaged", "every row", (".mean()", "")),
    (
        "advantage_normalized",
        "as many programs do",
        (
            _WORTH,
            "advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)\n    advantage = advantage.detach()",
        ),
    ),
    ("gradient_into_old_log_prob", "one detach", ("old_log_prob.detach()", "old_log_prob")),
    ("gradient_into_advantage", "the other detach", (_WORTH, "pass")),
    ("gradient_into_constants", "no detach", *_ALL),
    ("no_gradient", "everything detached", ("(log_prob -", "(log_prob.detach() -")),
    ("no_gradient", "a number", (".mean()", ".mean().item()")),
    ("no_gradient", "no_grad", ("    ratio =", "    torch.set_grad_enabled(False)\n    ratio =")),
    ("builtin_min", "Python's min", ("torch.minimum", "min")),
    (
        "builtin_min",
        "if for where",
        (_RETURN, f"if advantage > 0:\n        return -{_MINIMUM}.mean()\n    return -{_MINIMUM}.mean()"),
    ),
    ("leaves_autograd", "in numpy", (_RATIO, "np.exp(log_prob.numpy() - old_log_prob.numpy())")),
    ("leaves_autograd", "math.exp", (_RATIO, "math.exp((log_prob - old_log_prob).detach())")),
    ("mutates_arguments", "in place", (_RATIO, "log_prob.sub_(old_log_prob.detach()).exp()")),
    ("nothing_returned", "no return", ("return -", "loss = -")),
    ("gradient_into_constants+max_for_min", "two at once", *_ALL, ("torch.minimum", "torch.maximum")),
    ("clamped_around_0+sign_forgotten", "two others", ("return -", "return "), (_CLAMP, "ratio.clamp(-clip, clip)")),
    ("exp_forgotten+sum_for_mean", "two more", (_RATIO, "log_prob - old_log_prob.detach()"), (".mean()", ".sum()")),
]

_UNLISTED = [
    ("failed", "half", (".mean()", ".mean() / 2")),
    ("failed", "REINFORCE", (_RETURN, "return -(log_prob * advantage).mean()")),
    ("failed", "an axis too many", (".mean()", ".mean(dim=0, keepdim=True)")),
    ("failed", "the gradient scaled", ("    ratio =", "    log_prob = log_prob * 2 - log_prob.detach()\n    ratio =")),
    ("error", "misspelled", ("torch.minimum", "torch.minimal")),
    ("error", "another name for clip", ("*, clip)", "*, epsilon)")),
]

ANSWERS = answers("reinforcement.clipped_loss", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED)
