"""What lesson reinforcement measures, and its claims."""

from optcourse.experiments.reinforcement import (
    advantage,
    cartpole,
    choices,
    divergence,
    methods,
    parts,
    policy,
    tabular,
)
from optcourse.experiments.reinforcement.advantage import lambda_runs
from optcourse.experiments.reinforcement.cartpole import (
    CONFIG,
    SCREENED,
    SOLVED,
    Snapshot,
    as_run,
    done,
    fresh_return,
    trained,
    until_past,
    with_snapshots,
)
from optcourse.experiments.reinforcement.checkpoints import Policy, policies
from optcourse.experiments.reinforcement.choices import choice_run
from optcourse.experiments.reinforcement.divergence import published, settings
from optcourse.experiments.reinforcement.parts import PARTS
from optcourse.experiments.reinforcement.policy import PERFECT, PPO
from optcourse.experiments.reinforcement.tables import carried, part_records, parts_table
from optcourse.experiments.reinforcement.tabular import GAMMA, LENGTH, learned, table_run
from optcourse.experiments.reinforcement.watching import Episode, watch

CLAIMS = (*tabular.CLAIMS, *cartpole.CLAIMS, *choices.CLAIMS, *advantage.CLAIMS, *policy.CLAIMS)

CURVES = {**parts.CURVES, **divergence.CURVES, **methods.CURVES}

__all__ = [
    "CLAIMS",
    "CONFIG",
    "CURVES",
    "GAMMA",
    "LENGTH",
    "PARTS",
    "PERFECT",
    "PPO",
    "SCREENED",
    "SOLVED",
    "Episode",
    "Policy",
    "Snapshot",
    "as_run",
    "carried",
    "choice_run",
    "done",
    "fresh_return",
    "lambda_runs",
    "learned",
    "part_records",
    "parts_table",
    "policies",
    "published",
    "settings",
    "table_run",
    "trained",
    "until_past",
    "watch",
    "with_snapshots",
]
