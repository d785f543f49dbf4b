"""What labels bring: new ones, the same again, others for a labelled row, and rows never predicted.

All of them are kept: which label of a row counts is decided when they are read, and a prediction
may come to the log after its label.
"""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

_KEY = ["request", "row"]


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Labels by what they bring. The first three add up to all of them."""

    new: int = 0
    """The first label of its row."""
    duplicates: int = 0
    """A label that its row has already."""
    contradictory: int = 0
    """Another label than its row has; the first one counts."""
    unknown: int = 0
    """Of a request or row that no prediction in the log has."""
    late: int | None = None
    """Known later than the label horizon after the event; None where the project states none."""

    @classmethod
    def none(cls, horizon: timedelta | None) -> "LabelCounts":
        """Count no label, under such a horizon."""
        return cls(late=None if horizon is None else 0)

    def __add__(self, other: "LabelCounts") -> "LabelCounts":
        """Add up two parts of the same labels."""
        late = None if self.late is None or other.late is None else self.late + other.late
        return LabelCounts(
            self.new + other.new,
            self.duplicates + other.duplicates,
            self.contradictory + other.contradictory,
            self.unknown + other.unknown,
            late,
        )


def count_labels(
    labels: pl.DataFrame,
    earlier: pl.LazyFrame,
    predicted: pl.LazyFrame,
    horizon: timedelta | None,
) -> LabelCounts:
    """Say what labels bring beside earlier ones.

    Args:
        labels: `request`, `row`, `label` and `at` of those that came.
        earlier: The labels that are there already.
        predicted: `request`, `row` and `at` of all predictions.
        horizon: Age at which every row's label ought to be known, where the project says so.
    """
    of_theirs = labels.lazy().select(_KEY).unique()
    before = _distinct(earlier.join(of_theirs, on=_KEY, how="semi"))
    after = _distinct(pl.concat([before.lazy(), labels.lazy().select(*_KEY, "label")]))
    new = after.n_unique(_KEY) - before.n_unique(_KEY)
    contradictory = after.height - before.height - new
    events = _collected(
        predicted.join(of_theirs, on=_KEY, how="semi").group_by(_KEY).agg(event=pl.col("at").min())
    )
    matched = labels.join(events, on=_KEY)
    late = None
    if horizon is not None:
        late = matched.filter(pl.col("at") > pl.col("event") + horizon.total_seconds()).height
    return LabelCounts(
        new=new,
        duplicates=labels.height - new - contradictory,
        contradictory=contradictory,
        unknown=labels.height - matched.height,
        late=late,
    )


def _distinct(labels: pl.LazyFrame) -> pl.DataFrame:
    return _collected(labels.select(*_KEY, "label").unique())


def _collected(rows: pl.LazyFrame) -> pl.DataFrame:
    """Collect in a stream: a table is larger than what is asked of it."""
    return rows.collect(engine="streaming")
