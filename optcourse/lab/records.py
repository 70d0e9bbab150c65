"""What training leaves behind: plain records that plots draw and claims measure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Record:
    """One look at a training run.

    Attributes:
        step: optimizer updates done when this was taken; 0 is before the first.
        epoch: passes over the training set done (fractional).
        loss: loss of the mini-batch of the update just done, before that update; at step 0 of the first batch.
        lr: learning rate of the update just done.
        test_loss, test_accuracy: over the whole test set after the update, accuracy in [0, 1]; None when not evaluated.
        values: what probes measured, by name.
    """

    step: int
    epoch: float
    loss: float
    lr: float
    test_loss: float | None = None
    test_accuracy: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A whole training: its settings, its records in order of step, and the data it used.

    Attributes:
        config: optimizer, lr, seed and every other setting that tells this run from its neighbours.
        records: in order of step.
        data: one line that says which data were used (`Data.description`).
        diverged: True when the loss left the finite numbers; the records up to there are kept.
    """

    config: Mapping[str, Any]
    records: tuple[Record, ...]
    data: str
    diverged: bool = False

    def final(self, name: str = "test_accuracy") -> float:
        """The last recorded value of a field or probe; NaN when there is none or the run diverged (a loss: inf)."""
        if self.diverged:
            return math.inf if name.endswith("loss") else math.nan
        for record in reversed(self.records):
            value = getattr(record, name, None) if hasattr(record, name) else record.values.get(name)
            if value is not None:
                return float(value)
        return math.nan


def series(values: Iterable[float], name: str, *, data: str = "a made-up problem", **config: Any) -> Run:
    """A run of one number a step, for experiments that are no training of a net.

    Args:
        values: the number before the first step, after it, and so on.
        name: what the number is; the probe's name in each record.
        data: which data were used.
        config: the settings, as in `Run.config`.

    Example:
        >>> run = series([1.0, 0.5], "distance", optimizer="sgd", seed=0)
        >>> run.final("distance"), run.records[-1].step
        (0.5, 1)
    """
    lr = float(config.get("lr", math.nan))
    records = tuple(Record(t, float(t), math.nan, lr, values={name: float(value)}) for t, value in enumerate(values))
    return Run(config, records, data)
