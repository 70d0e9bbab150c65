"""RMSprop: where learners go wrong."""

import torch

from optcourse.grading.checks.optimizers import shared
from optcourse.grading.checks.optimizers.behaviours import BEHAVIOURS
from optcourse.grading.checks.optimizers.clamps import clamps
from optcourse.grading.checks.optimizers.facts import facts
from optcourse.grading.checks.optimizers.problems import Options, drive, ladder, untouched
from optcourse.grading.checks.optimizers.rules import rmsprop, train
from optcourse.grading.definitions import CONVENTION, Check, Variant

AVERAGE_ADVICE = "Write out step 1 by hand: v is (1-alpha) g², so theta moves by nearly lr / sqrt(1-alpha)."
EPS_ADVICE = "Compare `sqrt(v) + eps` with your denominator for a gradient as small as eps."

VARIANTS = (
    Variant(
        "epsilon_inside_root",
        {"eps": "inside"},
        "Right in TensorFlow's form, with eps inside the root: sqrt(v + eps). Here it is asked for outside: "
        "sqrt(v) + eps. The two are equal when eps is 0, and nearly so where v is much larger than eps.",
        EPS_ADVICE,
        kind=CONVENTION,
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
        "bias_correction_added",
        {"correction": "added"},
        "v is corrected for its bias as in Adam; RMSprop uses it as it is.",
        AVERAGE_ADVICE,
    ),
    Variant("alpha_swapped", {"alpha": "swapped"}, "alpha and 1-alpha are exchanged.", AVERAGE_ADVICE),
    Variant("square_undamped", {"second weight": "missing"}, "g² enters v without its factor 1-alpha.", AVERAGE_ADVICE),
    Variant("adagrad", {"memory": "sum"}, "v is the sum of all g²: that is Adagrad.", AVERAGE_ADVICE),
    Variant("memory_forgotten", {"memory": "none"}, "v is the newest g² alone.", AVERAGE_ADVICE),
    *(
        Variant("gradient_not_squared", {"square": kind}, f"v averages {what} instead of g².", AVERAGE_ADVICE)
        for kind, what in (("plain", "g"), ("absolute", "|g|"))
    ),
    *(
        Variant(
            "second_moment_of_tensor",
            {"square": kind},
            f"v holds one number a tensor ({what} of g²) instead of one a coordinate.",
            "v has the shape of the parameter: square element by element.",
        )
        for kind, what in (("mean", "the mean"), ("norm", "the sum"))
    ),
    Variant("root_forgotten", {"root": "none"}, "The update divides by v instead of its root.", AVERAGE_ADVICE),
    Variant("multiplied_by_root", {"root": "times"}, "The update is multiplied by the root.", AVERAGE_ADVICE),
    Variant("stale_average", {"second": "stale"}, "The update uses v of the step before.", AVERAGE_ADVICE),
    Variant("starts_at_one", {"start": "one"}, "v starts at 1 instead of 0.", AVERAGE_ADVICE),
    Variant("starts_at_gradient", {"start": "gradient"}, "v starts at the first g² instead of 0.", AVERAGE_ADVICE),
    Variant(
        "centered",
        {"centered": True},
        "The squared mean of g is taken from v: that is centered RMSprop.",
        AVERAGE_ADVICE,
    ),
    Variant("momentum_added", {"top": "momentum"}, "The update uses an average of g instead of g.", AVERAGE_ADVICE),
    Variant("lr_forgotten", {"rate": "none"}, "The update is not multiplied by lr.", "Multiply the update by lr."),
    Variant("lr_twice", {"rate": "squared"}, "The update is multiplied by lr twice.", "Multiply by lr once."),
    Variant(
        "lr_in_buffer", {"rate": "in buffer"}, "lr is multiplied into the gradient before it enters v.", AVERAGE_ADVICE
    ),
)


def _draw(generator: torch.Generator) -> Options:
    lr, alpha, eps = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    return {
        "lr": round(0.1 + 0.2 * lr, 3),
        "alpha": round(0.65 + 0.2 * alpha, 3),
        "eps": round(0.01 + 0.03 * eps, 4),
    }


RMSPROP = Check(
    "optimizers.rmsprop",
    cases=lambda seed: ladder("optimizers.rmsprop", _draw, seed),
    drive=drive,
    model=train(rmsprop),
    expected=untouched,
    variants=(*VARIANTS, *shared.VARIANTS, *clamps(rmsprop, {"lr": 100.0, "alpha": 0.7, "eps": 10.0})),
    behaviours=BEHAVIOURS,
    facts=facts(rmsprop),
    accepts=shared.accepts,
    look_next=AVERAGE_ADVICE,
    praise="Right: your RMSprop goes where the formulas go, in every case.",
)
