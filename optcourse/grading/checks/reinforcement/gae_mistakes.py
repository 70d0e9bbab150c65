"""Where learners go wrong with generalized advantage estimation: in the error of a step, and in the sum of them."""

from optcourse.grading.checks.reinforcement.shared import ENDS, GAMMAS, REWARD_LOST
from optcourse.grading.definitions import Variant

ERROR_ADVICE = "Two lines for each step: its error delta, then delta plus what is carried over from the step after it."
NEXT_ADVICE = "`next_value` has the same shape as `value`: the value of the state that *this* step led to."
CHAIN_ADVICE = "Another episode begins after either kind of end. What is carried over must be 0 there."
DECAY_ADVICE = "An error i steps later counts (gamma * lam) ** i: each step back multiplies by both."
LOOP_ADVICE = "for t in reversed(range(T)): the last row is the first to be known."

_ERRORS = (
    *ENDS,
    REWARD_LOST,
    *GAMMAS,
    *(
        Variant(
            "first_value_of_the_next_episode",
            {"next": kind},
            f"The value of the next row is taken for that of the next state. After an end the next row is {rest}",
            NEXT_ADVICE,
        )
        for kind, rest in (
            ("below", "the first of another episode: what was cut off there is worth what `next_value` says."),
            ("below, none at the end", "the first of another episode; and below the last row there is none at all."),
            ("below, the first at the end", "the first of another episode; and below the last you take row 0."),
            ("below, the last twice", "the first of another episode; and below the last you take that row again."),
        )
    ),
    Variant(
        "value_of_this_state",
        {"next": "of this state"},
        "The value of this state stands where that of the next one belongs.",
        NEXT_ADVICE,
    ),
    Variant(
        "no_value_where_data_end",
        {"next": "none at the end"},
        "The value of the next state is left out in the last row. The data end there, the task does not.",
        "The last row is bootstrapped from like any other.",
    ),
    Variant(
        "gamma_and_lambda_exchanged",
        {"rate": "lam"},
        "The value of the next state is discounted by lambda. gamma discounts rewards and values; lambda only says how "
        "far errors reach back.",
        "delta holds no lambda.",
    ),
    Variant(
        "value_not_subtracted",
        {"error": "y"},
        "The value of this state is not subtracted: what you sum are targets, not errors.",
        ERROR_ADVICE,
    ),
    Variant(
        "error_turned_round",
        {"error": "v - y"},
        "The error is turned round: what is better than expected counts as worse.",
        "An advantage is positive where more came than V(s) expected.",
    ),
    *(
        Variant(
            "lambda_on_the_error", {"weight": kind}, f"The error of each step is multiplied by {kind}.", DECAY_ADVICE
        )
        for kind in ("lam", "1 - lam")
    ),
    Variant(
        "nan_behind_an_end",
        {"removed": "times 0"},
        "NaN stands behind a terminated step, and 0 times NaN is NaN: it spreads over the whole episode. What lies "
        "behind an end may be anything, so it has to be replaced, not multiplied away.",
        "`torch.where(terminated, 0.0, next_value)`, or `masked_fill`",
    ),
)

_SUMS = (
    *(
        Variant(id, {"chain": kind}, message, CHAIN_ADVICE)
        for id, kind, message in (
            (
                "leaks_over_truncation",
                "not terminated",
                "The sum goes on over a truncated step, into another episode. V(s') stands for what was cut off; the "
                "errors of the next episode have nothing to do with it.",
            ),
            (
                "leaks_over_termination",
                "not truncated",
                "The sum goes on over a terminated step, into another episode.",
            ),
            ("leaks_over_ends", "always", "The sum never stops: errors of one episode flow into the one before it."),
            (
                "leaks_over_ends",
                "not both",
                "The sum stops only where both flags are true. Either of them ends the episode.",
            ),
            (
                "sum_turned_round",
                "ended",
                "The sum goes on over ends, and stops where the episode goes on.",
            ),
        )
    ),
    *(
        Variant(
            "ends_one_row_late",
            switches,
            "The flags of the next row are read, as programs do whose flags say that an episode *begins*. Here row t "
            "says how step t ended.",
            "Both factors of row t come from row t of the flags.",
        )
        for switches in (
            {"flags": "one late"},
            {"flags": "one late, the last its own"},
            {"flags": "one late, the last its own", "ends": "no end", "next": "below"},
        )
    ),
    Variant(
        "sum_cut_one_row_late",
        {"chain": "one late"},
        "The sum is cut on the wrong side of an end: what is carried over is forgotten after the row that ended took "
        "it in. The last step of an episode gets errors of the next one, and the step before it gets none.",
        "Forget it before row t is made, where row t ended.",
    ),
    Variant(
        "cuts_all_environments",
        {"chain": "nowhere ended"},
        "Where one environment's episode ends, the sums of all environments are cut.",
        "Each column has flags of its own: `torch.where(ended[t], 0.0, carried)`.",
    ),
    *(
        Variant(id, {"decay": kind}, message, DECAY_ADVICE)
        for id, kind, message in (
            ("lambda_forgotten", "gamma", "What is carried over is multiplied by gamma alone; lambda is missing."),
            (
                "gamma_forgotten_in_the_sum",
                "lam",
                "What is carried over is multiplied by lambda alone; gamma is missing.",
            ),
            ("sum_not_decayed", "1", "What is carried over is multiplied by neither gamma nor lambda."),
            (
                "errors_not_summed",
                "0",
                "You return the error of each step alone: that is lambda = 0. Nothing of later steps reaches back.",
            ),
        )
    ),
    *(
        Variant(
            "runs_forward",
            {"order": kind},
            "The sum runs from the first row to the last. A step is praised for what came before it, not after it.",
            LOOP_ADVICE,
        )
        for kind in ("forward", "forward, ends of the row before")
    ),
    Variant(
        "runs_over_environments",
        {"order": "along environments"},
        "The sum runs along the environments, which have nothing to do with each other. Time is axis 0.",
        "Row t is `delta[t]`: one number for each environment, all at once.",
    ),
    *(
        Variant(
            "a_row_left_out", {"order": f"without the {which} row"}, f"The {which} row has no advantage: {why}", how
        )
        for which, why, how in (
            ("last", "the loop begins one row too early.", LOOP_ADVICE),
            ("first", "the loop stops before row 0.", "`range(T - 1, -1, -1)` goes down to 0."),
        )
    ),
    *(
        Variant(
            "starts_from_a_value",
            {"start": kind},
            f"The sum starts from the last {kind}. It starts from 0: the value behind the last row is in its delta.",
            "A_T = 0",
        )
        for kind in ("next value", "value")
    ),
    Variant(
        "returns_for_advantages",
        {"returned": "returns"},
        "The values are added again. What you return are the targets of the value function, A + V.",
        "Return A alone.",
    ),
    Variant(
        "transposed",
        {"returned": "transposed"},
        "The result is transposed: one row an environment. Asked for is one row a step.",
        "Stack rows along axis 0.",
    ),
    *(
        Variant(
            "normalized",
            {"returned": kind},
            "The advantages are centered or scaled. Many programs do so, but later, batch by batch; asked for are the "
            "advantages themselves.",
            "Return A as the recursion gives it.",
        )
        for kind in (
            "centered",
            "normalized",
            "normalized, by n",
            "normalized by column",
            "normalized by column, by n",
        )
    ),
)

VARIANTS = (*_ERRORS, *_SUMS)
