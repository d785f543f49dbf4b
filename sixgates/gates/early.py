"""What can be known of answers before their labels are due: where they lie, and early errors.

Both are held against the control's own record from before the split, which is fixed by then.
Frames are those of `split.py`.
"""

import polars as pl

from sixgates.gates.split import Counted, count
from sixgates.gates.statistics.counts import ArmCounts

_TAIL = 0.01
FEWEST_ANSWERS = 50
"""Of so many answers one lies outside their middle 98 %; fewer fix no range."""
_LARGE = 0.9
"""Quantile of the control's losses above which a loss is an error."""


def count_unusual(answered: pl.DataFrame) -> Counted | None:
    """Count the answers outside the middle 98 % of the control's own from before the split.

    An answer is its value, its probability, or of several classes the highest one. What is not a
    number is outside; a failure is no answer.

    Returns:
        None where fewer than 50 answers were recorded before the split.
    """
    answers = answered.filter(pl.col("values").list.len() > 0).with_columns(
        answer=pl.col("values").list.max()
    )
    record = answers.filter(~pl.col("split"), pl.col("answer").is_finite())["answer"]
    if record.len() < FEWEST_ANSWERS:
        return None
    inside = pl.col("answer").is_between(record.quantile(_TAIL), record.quantile(1 - _TAIL))
    (unusual,) = count(answers.with_columns(unusual=~inside), "unusual")
    return unusual


def count_early_errors(known: pl.DataFrame, answered: pl.DataFrame) -> tuple[ArmCounts, ...] | None:
    """Count the units with a large loss among all labels that are known, however young.

    Large is above the 90 % quantile of the control's losses on the rows that had matured when the
    split began. Each unit counts once, in the epoch and period of the first such row that became
    known; the other count is that of all units seen then, with or without a label.

    Returns:
        None while there is no split, or where nothing had matured when it began.
    """
    split = answered.filter("split")
    if split.is_empty():
        return None
    begun = split["at"].min()
    record = known.filter(
        ~pl.col("split"), pl.col("matures") <= begun, pl.col("labelled") <= begun,
        pl.col("loss").is_finite(),
    )["loss"]  # fmt: skip
    if record.is_empty():
        return None
    large = pl.col("loss").is_finite() & (pl.col("loss") > record.quantile(_LARGE))
    errors = (
        known.filter("split", large)
        .sort("labelled", "period", "epoch", "on_trial")
        .unique("entity", keep="first", maintain_order=True)
    )
    on = pl.col("on_trial")
    cohort = ["epoch", "period"]
    found = errors.group_by(cohort).agg(a=on.sum(), c=(~on).sum())
    units = split.group_by(cohort).agg(
        b=pl.col("entity").filter(on).n_unique(), d=pl.col("entity").filter(~on).n_unique()
    )
    both = units.join(found, on=cohort, how="left").fill_null(0).sort(cohort)
    return tuple(ArmCounts(*row) for row in both.select("a", "b", "c", "d").iter_rows())
