"""Adam and AdamW: where learners go wrong."""

import torch

from optcourse.grading.checks.optimizers import shared
from optcourse.grading.checks.optimizers.behaviours import BEHAVIOURS
from optcourse.grading.checks.optimizers.clamps import clamps
from optcourse.grading.checks.optimizers.facts import facts
from optcourse.grading.checks.optimizers.problems import Options, drive, ladder, untouched
from optcourse.grading.checks.optimizers.rules import adam, train
from optcourse.grading.definitions import CONVENTION, Check, Variant

BIAS_ADVICE = "Write out step 1 by hand: m_hat must equal g, whatever beta1 is, and v_hat must equal g²."
EPS_ADVICE = "Compare `sqrt(v_hat) + eps` with your denominator for a gradient as small as eps."
COUNT_ADVICE = "Each parameter counts its own updates: t is 1 in its first one, and does not grow without a gradient."
MOMENT_ADVICE = "Compare your lines for m and v with the formulas, factor by factor."
DECAY_ADVICE = (
    "Compare with `theta - lr * weight_decay * theta`: taken from the theta before the step, beside the update."
)

_BIAS = (
    ("none", "no_bias_correction", "The moments are used without bias correction: early steps have the wrong size."),
    ("first", "second_moment_uncorrected", "m is corrected for its bias, v is not."),
    ("second", "first_moment_uncorrected", "v is corrected for its bias, m is not."),
    (
        "constant",
        "bias_correction_without_power",
        "The moments are divided by 1-beta in every step: the power of t is missing, or t never grows.",
    ),
    ("exchanged", "bias_corrections_exchanged", "m is corrected with beta2 and v with beta1."),
    ("same first", "bias_corrections_exchanged", "Both moments are corrected with beta1."),
    ("same second", "bias_corrections_exchanged", "Both moments are corrected with beta2."),
    ("product", "bias_correction_without_power", "The correction uses beta times t instead of beta to the power of t."),
    ("times", "bias_correction_multiplied", "The moments are multiplied by 1-beta^t instead of divided by it."),
    ("beyond root", "bias_correction_after_root", "sqrt(v) is divided by 1-beta2^t instead of by its root."),
    ("plus", "bias_correction_sign", "The moments are divided by 1+beta^t instead of 1-beta^t."),
    ("power", "bias_correction_sign", "The moments are divided by beta^t instead of 1-beta^t."),
)

VARIANTS = (
    *(Variant(id, {"correction": kind}, message, BIAS_ADVICE) for kind, id, message in _BIAS),
    Variant(
        "epsilon_inside_root",
        {"eps": "inside"},
        "eps is added to v_hat inside the root: there it acts as sqrt(eps), far more than meant.",
        EPS_ADVICE,
    ),
    Variant(
        "epsilon_inside_root",
        {"eps": "inside", "epsilon": "hat inside"},
        "eps is added to v inside the root, before the bias correction.",
        EPS_ADVICE,
    ),
    Variant("epsilon_inside_root", {"eps": "inside squared"}, "eps² is added inside the root.", EPS_ADVICE),
    Variant("epsilon_forgotten", {"eps": "none"}, "eps is missing: where v is 0, the step is 0/0.", EPS_ADVICE),
    Variant(
        "epsilon_fixed",
        {"eps": "fixed"},
        "eps is a small number of your own, such as 1e-8, whatever the group says.",
        '`group["eps"]`',
    ),
    Variant(
        "epsilon_as_floor", {"eps": "floor"}, "eps is a lower bound of the root instead of added to it.", EPS_ADVICE
    ),
    Variant(
        "epsilon_outside_fraction",
        {"eps": "after"},
        "eps is added to the whole fraction instead of its denominator: parentheses are missing.",
        EPS_ADVICE,
    ),
    Variant(
        "epsilon_hat",
        {"epsilon": "hat"},
        "Right in the form at the end of section 2 of Kingma & Ba's paper (epsilon-hat, as TensorFlow has it): eps is "
        "added to sqrt(v) before the bias correction. Here it is asked for after: sqrt(v_hat) + eps. The two are "
        "equal when eps is 0, and nearly so once beta2^t is small.",
        EPS_ADVICE,
        kind=CONVENTION,
    ),
    Variant(
        "step_count_off_by_one",
        {"offset": 1},
        "t is one too large: 2 in the first step. The bias correction is too weak from the start.",
        COUNT_ADVICE,
    ),
    Variant(
        "step_count_off_by_one",
        {"offset": -1},
        "t is one too small: 0 in the first step, where 1-beta^0 is 0 and the step divides by it.",
        COUNT_ADVICE,
    ),
    Variant(
        "step_count_off_by_one",
        {"offset": "late"},
        "t is 1 in the first two steps: it is counted one step late.",
        COUNT_ADVICE,
    ),
    Variant(
        "step_count_off_by_one",
        {"offset": -1, "division": "of numbers"},
        "t is one too small: 0 in the first step, where 1-beta^0 is 0 and the step divides by it.",
        COUNT_ADVICE,
    ),
    Variant(
        "shared_step_count",
        {"count": "per step"},
        "One t counts the calls of step() for all: a parameter that had no gradient before is corrected as if it had.",
        COUNT_ADVICE,
    ),
    Variant(
        "shared_step_count",
        {"count": "per active step"},
        "One t counts the steps for all: a parameter that had no gradient before is corrected as if it had.",
        COUNT_ADVICE,
    ),
    Variant(
        "shared_step_count",
        {"count": "per tensor of group"},
        "One t a group is counted up for every tensor: the second parameter of a group is at t = 2 in the first step.",
        COUNT_ADVICE,
    ),
    Variant(
        "shared_step_count",
        {"count": "per tensor"},
        "One t is counted up for every tensor: the second parameter is at t = 2 in the first step.",
        COUNT_ADVICE,
    ),
    Variant(
        "lr_in_buffer",
        {"rate": "in buffer"},
        "lr is multiplied into m, so old gradients keep the lr of their time. Equal only while lr does not change.",
        "lr belongs to the line that moves the parameter.",
    ),
    *(
        Variant("lr_in_buffer", {"rate": kind}, message, "lr belongs to the line that moves the parameter, once.")
        for kind, message in (
            ("in buffer too", "lr is multiplied into m, and multiplies the update again."),
            ("in gradient", "The gradient is multiplied by lr before the moments: the root divides it out again."),
            ("in gradient too", "The gradient is multiplied by lr before the moments, and the update again."),
        )
    ),
    Variant("lr_forgotten", {"rate": "none"}, "The update is not multiplied by lr.", "Multiply the update by lr."),
    Variant(
        "lr_twice", {"rate": "squared"}, "The update is multiplied by lr twice.", "Multiply the update by lr once."
    ),
    Variant(
        "betas_swapped", {"betas": "swapped"}, "beta1 and beta2 are exchanged.", "betas is (beta1, beta2): m, then v."
    ),
    *(
        Variant("beta1_for_both", switches, message, "betas is (beta1, beta2): m, then v.")
        for switches, message in (
            ({"betas": "first"}, "beta1 is used for both moments; v has beta2."),
            ({"second memory": "beta1"}, "v averages with beta1 (its correction has beta2)."),
        )
    ),
    Variant(
        "moments_share_tensor",
        {"moments": "one tensor"},
        "m and v are one and the same tensor, as `m = v = torch.zeros_like(p)` makes them: what changes one in place "
        "changes the other.",
        "Make zeros twice, once for each.",
    ),
    Variant(
        "dampening",
        {"first weight": "missing"},
        "The gradient enters m without its factor 1-beta1, as in classical momentum: m grows to a sum, not an average.",
        MOMENT_ADVICE,
    ),
    Variant("dampening", {"first weight": "twice"}, "The gradient in m is damped by 1-beta1 twice.", MOMENT_ADVICE),
    Variant(
        "second_moment_undamped",
        {"second weight": "missing"},
        "g² enters v without its factor 1-beta2: v grows to a sum, not an average.",
        MOMENT_ADVICE,
    ),
    Variant(
        "moments_undamped",
        {"first weight": "missing", "second weight": "missing"},
        "The gradient enters m and v without the factors 1-beta1 and 1-beta2.",
        MOMENT_ADVICE,
    ),
    *(
        Variant("gradient_not_squared", {"square": kind}, f"v averages {what} instead of g².", MOMENT_ADVICE)
        for kind, what in (("plain", "g"), ("absolute", "|g|"))
    ),
    Variant("second_moment_of_first", {"square": "of m"}, "v averages m² instead of g².", MOMENT_ADVICE),
    *(
        Variant(
            "second_moment_of_tensor",
            {"square": kind},
            f"v holds one number a tensor ({what} of g²) instead of one a coordinate.",
            "v has the shape of the parameter: square element by element.",
        )
        for kind, what in (("mean", "the mean"), ("norm", "the sum"))
    ),
    Variant("root_forgotten", {"root": "none"}, "The update divides by v_hat instead of its root.", MOMENT_ADVICE),
    Variant(
        "multiplied_by_root",
        {"root": "times"},
        "The update is multiplied by the root instead of divided.",
        MOMENT_ADVICE,
    ),
    Variant("gradient_instead_of_moment", {"top": "gradient"}, "The update uses g where m_hat belongs.", MOMENT_ADVICE),
    *(
        Variant(
            "corrected_moment_stored",
            {"stored": kind},
            f"The bias-corrected {what} written back into the state, and corrected again in the next step.",
            "Keep m and v in the state as they are; m_hat and v_hat live for one step.",
        )
        for kind, what in (("corrected", "moments are"), ("first corrected", "m is"), ("second corrected", "v is"))
    ),
    Variant(
        "amsgrad",
        {"maximum": "of v_hat"},
        "The largest v_hat so far is used: that is AMSGrad (Reddi et al. 2018).",
        "Use the v_hat of this step.",
    ),
    Variant(
        "amsgrad",
        {"maximum": "of v"},
        "The largest v so far is used: that is AMSGrad (Reddi et al. 2018).",
        "Use the v of this step.",
    ),
    Variant("stale_moments", {"moments": "stale"}, "The update uses the moments of the step before.", MOMENT_ADVICE),
    *(
        Variant("moments_start_wrong", {"start": kind}, f"{what}; both moments start at 0.", BIAS_ADVICE)
        for kind, what in (
            ("gradient", "m and v start at the first gradient and its square"),
            ("first gradient", "m starts at the first gradient"),
            ("one", "v starts at 1"),
        )
    ),
)

DECAY_VARIANTS = (
    Variant(
        "l2_instead_of_decoupled",
        {"decay": "gradient"},
        "weight_decay * theta is added to the gradient: that is Adam with L2, where the decay passes through the "
        "moments and is divided by the root. AdamW takes it from theta directly.",
        DECAY_ADVICE,
    ),
    Variant(
        "decay_after_update",
        {"decay": "after"},
        "The decay is taken from theta after the update; it belongs to the theta before it.",
        DECAY_ADVICE,
    ),
    Variant(
        "decay_in_numerator",
        {"decay": "numerator"},
        "The decay is added to m_hat and divided by the root.",
        DECAY_ADVICE,
    ),
    Variant(
        "l2_and_decoupled",
        {"decay": "gradient too"},
        "The decay is taken from theta, and added to the gradient as well: L2 and decoupled decay at once.",
        DECAY_ADVICE,
    ),
    Variant(
        "decay_skips_vectors",
        {"decay": "of matrices"},
        "Parameters of one axis or none are not decayed. To spare biases is common, but that is decided by the groups "
        "(a group with weight_decay 0), not by step().",
        DECAY_ADVICE,
    ),
    Variant("decay_not_scaled_by_lr", {"decay": "unscaled"}, "The decay is not multiplied by lr.", DECAY_ADVICE),
    Variant("decay_forgotten", {"decay": "none"}, "weight_decay has no effect.", DECAY_ADVICE),
    Variant("decay_sign_flipped", {"decay": "grows"}, "The decay makes the parameters grow.", DECAY_ADVICE),
    Variant("decay_twice", {"decay": "twice"}, "The decay is applied twice.", DECAY_ADVICE),
    Variant("decay_twice", {"decay": "squared rate"}, "The decay is multiplied by lr twice.", DECAY_ADVICE),
    Variant("update_lost", {"decay": "alone"}, "The decay overwrites the update.", DECAY_ADVICE),
    Variant(
        "decays_without_gradient",
        {"missing": "decay"},
        "A parameter without gradient is decayed all the same.",
        shared.NONE_ADVICE,
    ),
)


def _draw(generator: torch.Generator) -> Options:
    lr, beta1, beta2, eps = torch.rand(4, generator=generator, dtype=torch.float64).tolist()
    return {
        "lr": round(0.1 + 0.2 * lr, 3),
        "betas": (round(0.55 + 0.2 * beta1, 3), round(0.85 + 0.1 * beta2, 3)),
        "eps": round(0.01 + 0.03 * eps, 4),
    }


def _draw_decay(generator: torch.Generator) -> Options:
    options = _draw(generator)
    decay = torch.rand((), generator=generator, dtype=torch.float64).item()
    return {**options, "weight_decay": round(0.3 + 0.4 * decay, 3)}


_PROBE = {"lr": 100.0, "betas": (0.6, 0.9), "eps": 10.0}

ADAM = Check(
    "optimizers.adam",
    cases=lambda seed: ladder("optimizers.adam", _draw, seed),
    drive=drive,
    model=train(adam),
    expected=untouched,
    variants=(*VARIANTS, *shared.VARIANTS, *clamps(adam, _PROBE)),
    behaviours=BEHAVIOURS,
    facts=facts(adam),
    accepts=shared.accepts,
    look_next=MOMENT_ADVICE,
    praise="Right: your Adam goes where the formulas go, in every case.",
)

ADAMW = Check(
    "optimizers.adamw",
    cases=lambda seed: ladder("optimizers.adamw", _draw_decay, seed),
    drive=drive,
    model=train(adam),
    expected=untouched,
    variants=(*DECAY_VARIANTS, *VARIANTS, *shared.VARIANTS, *clamps(adam, {**_PROBE, "weight_decay": 1e-3})),
    behaviours=BEHAVIOURS,
    facts=facts(adam),
    accepts=shared.accepts,
    look_next=DECAY_ADVICE,
    praise="Right: your AdamW goes where the formulas go, and its decay is decoupled.",
)
