"""SGD with momentum and Nesterov's momentum: where learners go wrong."""

import torch

from optcourse.grading.checks.optimizers import shared
from optcourse.grading.checks.optimizers.behaviours import BEHAVIOURS
from optcourse.grading.checks.optimizers.clamps import clamps
from optcourse.grading.checks.optimizers.facts import facts
from optcourse.grading.checks.optimizers.problems import Options, drive, ladder, untouched
from optcourse.grading.checks.optimizers.rules import momentum, nesterov, train
from optcourse.grading.definitions import CONVENTION, Check, Variant

BUFFER_ADVICE = "Write out two steps by hand: the buffer holds g1 after the first, and mu g1 + g2 after the second."
NESTEROV_ADVICE = "Write out step 1 by hand: the buffer is g, and theta moves by lr (1 + mu) g."

_BUFFER = (
    Variant(
        "lr_in_buffer",
        {"rate": "in buffer"},
        "Right in the form of Polyak (1964) and Sutskever et al. (2013): lr enters the buffer with g, so old "
        "gradients keep the lr of their time. Here it is asked for outside, as in torch: m = mu m + g, and lr "
        "multiplies what is taken from theta. The two are equal while lr does not change.",
        "Take lr out of the buffer; multiply by it where theta moves.",
        kind=CONVENTION,
    ),
    Variant(
        "dampening",
        {"buffer": "average"},
        "Right in the form of an average: m = mu m + (1-mu) g, which torch calls dampening = mu. Here it is asked for "
        "without: m = mu m + g. The two are equal when lr of the average form is larger by the factor 1/(1-mu).",
        BUFFER_ADVICE,
        kind=CONVENTION,
    ),
    Variant(
        "dampening",
        {"buffer": "average after first"},
        "Right for torch's option dampening = mu: the first gradient enters the buffer whole, later ones damped. "
        "Here it is asked for without: m = mu m + g. The two are equal in the first step alone.",
        BUFFER_ADVICE,
        kind=CONVENTION,
    ),
    Variant(
        "bias_correction_added",
        {"buffer": "corrected average"},
        "The buffer is an average with Adam's bias correction; momentum is a plain sum.",
        BUFFER_ADVICE,
    ),
    Variant(
        "state_reset",
        {"state": "reset"},
        "The buffer holds the newest gradient alone: it is made anew in every step, or the old one is never added.",
        "Make the buffer of a parameter once, on its first step, and keep it in `self.state[p]`.",
    ),
    Variant("momentum_undamped", {"buffer": "undamped"}, "The old buffer is not multiplied by mu.", BUFFER_ADVICE),
    Variant("momentum_on_gradient", {"buffer": "outside"}, "mu multiplies the new gradient as well.", BUFFER_ADVICE),
    Variant("momentum_swapped", {"buffer": "swapped"}, "mu and 1-mu are exchanged in an average.", BUFFER_ADVICE),
    Variant("momentum_swapped", {"buffer": "complement"}, "The old buffer is multiplied by 1-mu.", BUFFER_ADVICE),
    Variant(
        "momentum_sign_flipped", {"buffer": "subtracted"}, "The old buffer is subtracted, not added.", BUFFER_ADVICE
    ),
    Variant(
        "buffer_starts_at_gradient",
        {"buffer": "starts at gradient"},
        "The first gradient is counted twice: the buffer starts at it and then adds it.",
        BUFFER_ADVICE,
    ),
    Variant(
        "first_step_skipped", {"start": "skipped"}, "The first step makes the buffer but moves nothing.", BUFFER_ADVICE
    ),
    Variant("lr_twice", {"rate": "squared"}, "The update is multiplied by lr twice.", "Multiply by lr once."),
    Variant("lr_twice", {"rate": "both"}, "lr enters the buffer and multiplies it again.", "Multiply by lr once."),
    Variant("lr_forgotten", {"rate": "none"}, "The update is not multiplied by lr.", "Multiply the update by lr."),
)

_MOMENTUM_STEP = (
    Variant(
        "stale_buffer", {"step": "stale"}, "theta moves by the buffer of the step before.", "Update the buffer first."
    ),
    Variant("nesterov_instead", {"step": "nesterov"}, "This is Nesterov's momentum: it looks ahead.", BUFFER_ADVICE),
)

_NESTEROV_STEP = (
    Variant(
        "plain_momentum",
        {"step": "buffer"},
        "This is plain momentum: theta moves by the buffer alone. (Looking ahead with the buffer before its update "
        "gives the same number: g + mu m_old is m.)",
        NESTEROV_ADVICE,
    ),
    Variant(
        "gradient_counted_twice", {"step": "gradient twice"}, "mu is missing: theta moves by g + m.", NESTEROV_ADVICE
    ),
    Variant("gradient_left_out", {"step": "gradient left out"}, "theta moves by mu m; g is missing.", NESTEROV_ADVICE),
    Variant("lookahead_twice", {"step": "look ahead twice"}, "The look ahead is done twice.", NESTEROV_ADVICE),
    Variant("lookahead_averaged", {"step": "averaged"}, "theta moves by (1-mu) g + mu m, an average.", NESTEROV_ADVICE),
    Variant(
        "momentum_on_gradient",
        {"step": "momentum on gradient"},
        "mu multiplies g, and the buffer stands there bare: theta moves by mu g + m.",
        NESTEROV_ADVICE,
    ),
    Variant(
        "lr_on_gradient_alone",
        {"step": "lr on gradient alone"},
        "lr multiplies g alone, as in `lr * g + mu * m`; it belongs to both: parentheses are missing.",
        NESTEROV_ADVICE,
    ),
    Variant(
        "lookahead_stored",
        {"stored": "direction"},
        "What theta moves by, g + mu m, is kept as the buffer. The buffer of the next step starts from m.",
        "Keep m in the state, and give the direction a name of its own.",
    ),
    Variant("lookahead_backwards", {"step": "look back"}, "mu m is subtracted: theta looks back.", NESTEROV_ADVICE),
    Variant("stale_buffer", {"step": "stale"}, "theta moves by the buffer of the step before.", NESTEROV_ADVICE),
)


def _draw(generator: torch.Generator) -> Options:
    lr, mu = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
    return {"lr": round(0.1 + 0.2 * lr, 3), "momentum": round(0.65 + 0.2 * mu, 3)}


_PROBE = {"lr": 100.0, "momentum": 0.7}

MOMENTUM = Check(
    "optimizers.momentum",
    cases=lambda seed: ladder("optimizers.momentum", _draw, seed),
    drive=drive,
    model=train(momentum),
    expected=untouched,
    variants=(*_BUFFER, *_MOMENTUM_STEP, *shared.LOOP_VARIANTS, *clamps(momentum, _PROBE)),
    behaviours=BEHAVIOURS,
    facts=facts(momentum),
    accepts=shared.accepts,
    look_next=BUFFER_ADVICE,
    praise="Right: the buffer and the steps are those of the formula, in every case.",
)

NESTEROV = Check(
    "optimizers.nesterov",
    cases=lambda seed: ladder("optimizers.nesterov", _draw, seed),
    drive=drive,
    model=train(nesterov),
    expected=untouched,
    variants=(*_BUFFER, *_NESTEROV_STEP, *shared.LOOP_VARIANTS, *clamps(nesterov, _PROBE)),
    behaviours=BEHAVIOURS,
    facts=facts(nesterov),
    accepts=shared.accepts,
    look_next=NESTEROV_ADVICE,
    praise="Right: your step looks ahead as Nesterov's does, in every case.",
)
