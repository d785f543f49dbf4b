"""The known labels of each period, as tables that add up over parts of the rows."""

from typing import NamedTuple

import polars as pl

from sixgates.gates.card import level_key
from sixgates.gates.data.periods import RECENT
from sixgates.gates.verdict import number

PERIOD, KNOWN, LABEL, ROWS = "__period", "__known", "label", "n"
CLASS = "class "
"""What the columns of classes begin with: whatever a class is called, it is no other column."""
_CLASSES = 50
"""Classes of a label that are counted, the most frequent ones."""
_FEW = 0.25
"""Share of the weeks before that may themselves lie as far beyond: a fault may last a while."""


class Limits(NamedTuple):
    """What labels that are numbers are held against."""

    low: float
    high: float
    newest: tuple[int, ...]
    """The labelled periods that are judged."""


def by_class(known: pl.DataFrame) -> pl.DataFrame:
    """Count labels by period and class; `class_table` takes several such tables together."""
    return known.group_by(PERIOD, LABEL).agg(pl.len().alias(ROWS))


def class_table(counts: pl.DataFrame) -> pl.DataFrame:
    """Return a row a period: its known labels, and a column for each of the commonest classes."""
    by_label = counts.group_by(LABEL).agg(pl.col(ROWS).sum())
    by_label = by_label.sort(ROWS, LABEL, descending=[True, False]).head(_CLASSES)
    common = {str(level_key(value)): value for value in by_label[LABEL].sort()}
    of_class = [
        pl.col(ROWS).filter(pl.col(LABEL) == value).sum().alias(CLASS + name)
        for name, value in common.items()
    ]
    return counts.group_by(PERIOD).agg(pl.col(ROWS).sum().alias(KNOWN), *of_class)


def ends_by_period(known: pl.DataFrame) -> pl.DataFrame:
    """Return rows, least and largest label of each period, for `limits_of`."""
    label = pl.col(LABEL)
    return known.group_by(PERIOD).agg(
        pl.len().alias(KNOWN), label.min().alias("low"), label.max().alias("high")
    )


def limits_of(ends: pl.DataFrame) -> Limits | None:
    """Find between what most blocks of periods before lie; None where there are none before.

    Args:
        ends: Tables of `ends_by_period`, one below the other.
    """
    # Counted back from the newest labelled period; block 0 is what is judged.
    block = (ends[PERIOD].rank("dense", descending=True) - 1) // RECENT
    before = ends.with_columns(block=block).filter(pl.col("block") > 0)
    if before.is_empty():
        return None
    blocks = before.group_by("block").agg(pl.col("low").min(), pl.col("high").max())
    beyond = int(_FEW * (blocks.height - 1))
    newest = ends[PERIOD].filter(block == 0).unique().sort()
    return Limits(
        sorted(blocks["low"])[beyond], sorted(blocks["high"], reverse=True)[beyond], tuple(newest)
    )


def by_value(known: pl.DataFrame, newest: tuple[int, ...]) -> pl.DataFrame:
    """Count each number among the labels of some periods, for `commonest`."""
    rows = known.filter(pl.col(PERIOD).is_in(newest))
    return rows.group_by(LABEL).agg(pl.len().alias(ROWS))


def commonest(counts: pl.DataFrame) -> pl.DataFrame:
    """Return the commonest number with its rows, the least of several; counts of one add up."""
    each = counts.group_by(LABEL).agg(pl.col(ROWS).sum())
    return each.sort(ROWS, LABEL, descending=[True, False]).head(1)


def number_table(known: pl.DataFrame, limits: Limits, same: float) -> pl.DataFrame:
    """Return a row a period: its known labels, and how many lie beyond the limits, or are one."""
    label = pl.col(LABEL)
    return known.group_by(PERIOD).agg(
        pl.len().alias(KNOWN),
        (label < limits.low).sum().alias(f"below {number(limits.low)}"),
        (label > limits.high).sum().alias(f"above {number(limits.high)}"),
        (label == same).sum().alias(f"equal to {number(same)}"),
    )
