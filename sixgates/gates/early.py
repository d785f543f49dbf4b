"""What can be known of answers before their labels are due: where they lie, and early errors.

Both are held against the control's own record from before the split, which is fixed by then.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from sixgates.gates.cohorts import Answers, Bools, Floats
from sixgates.gates.split import Counted, count
from sixgates.gates.statistics.counts import ArmCounts

_TAIL = 0.01
FEWEST_ANSWERS = 50
"""Of so many answers one lies outside their middle 98 %; fewer fix no range."""
_LARGE = 0.9
"""Quantile of the control's losses above which a loss is an error."""


@dataclass(frozen=True, slots=True)
class Known:
    """Answers whose label is known, and their losses; arrays of shape (n,)."""

    answers: Answers
    loss: Floats
    """In units of the loss."""
    labelled: Floats
    """When the label became known, seconds since 1970."""
    matures: Floats
    """When all labels of the period are due, seconds since 1970."""

    def only(self, chosen: Bools) -> "Known":
        """Return some of them."""
        arrays = self.loss, self.labelled, self.matures
        return Known(self.answers.only(chosen), *(array[chosen] for array in arrays))


def count_unusual(answered: Answers, values: Floats) -> Counted | None:
    """Count the answers outside the middle 98 % of the control's own from before the split.

    What is not a number is outside.

    Args:
        answered: Without failures, which are no answers.
        values: Of each its value, its probability, or of several classes the highest one.

    Returns:
        None where fewer than 50 answers were recorded before the split.
    """
    record = values[~answered.split & np.isfinite(values)]
    if len(record) < FEWEST_ANSWERS:
        return None
    low, high = (_quantile(record, q) for q in (_TAIL, 1 - _TAIL))
    (unusual,) = count(answered, ~((values >= low) & (values <= high)))
    return unusual


def count_early_errors(
    known: Known, answered: Answers, begun: float
) -> tuple[ArmCounts, ...] | None:
    """Count the units with a large loss among all labels that are known, however young.

    Large is above the 90 % quantile of the control's losses on the rows that had matured when the
    split began. Each unit counts once, in the epoch and period of the first such row that became
    known; the other count is that of all units seen then, with or without a label.

    Args:
        known: Those of the answers whose label is known.
        answered: All of them, of the same cohorts.
        begun: When the split began, seconds since 1970.

    Returns:
        None while nothing was answered in a split, or where nothing had matured when it began.
    """
    if not answered.split.any():
        return None
    finite, split = np.isfinite(known.loss), known.answers.split
    earlier = ~split & (known.matures <= begun) & (known.labelled <= begun)
    record = known.loss[earlier & finite]
    if not len(record):
        return None
    errors = known.only(split & finite & (known.loss > _quantile(record, _LARGE)))
    return _by_cohort(_first_errors(errors), answered.only(answered.split))


def _quantile(values: Floats, q: float) -> float:
    """Return the value nearest to a quantile."""
    found = pl.Series(values).quantile(q)
    return math.nan if found is None else found


def _first_errors(errors: Known) -> Answers:
    """Keep of each unit the error that became known first."""
    rows = errors.answers
    in_order = rows.only(np.lexsort((rows.on_trial, rows.cohort, errors.labelled)))
    return in_order.only(np.unique(in_order.entity, return_index=True)[1])


def _by_cohort(errors: Answers, split: Answers) -> tuple[ArmCounts, ...]:
    """Count the errors, a unit each, and the units of the split by epoch, period and arm."""
    cohorts, entities = split.cohorts, int(split.entity.max()) + 1
    arm = 2 * split.cohort + split.on_trial
    seen = np.unique(arm * entities + split.entity) // entities
    size = 2 * len(cohorts.epoch)
    bad = np.bincount(2 * errors.cohort + errors.on_trial, minlength=size)
    n = np.bincount(seen, minlength=size)
    table = np.stack([bad[1::2], n[1::2], bad[::2], n[::2]], axis=1)[cohorts.by_epoch]
    return tuple(ArmCounts(*row) for row in table[table[:, 1] + table[:, 3] > 0].tolist())
