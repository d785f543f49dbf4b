"""What each logged answer lost, and when its label has to be counted.

Maturity goes by the age of the period, for every row alike: taking labels as they come would
compare young rows of one class with old rows of another.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from sixgates.gates.card import Task
from sixgates.gates.losses import row_losses
from sixgates.gates.project import Project
from sixgates.gates.timesplit import DELAY_QUANTILE

CLOCK_SLACK = timedelta(days=1)
"""So far apart the clocks of two machines may be, and no label is missed for it."""

_KEY = ["request", "row"]


def labels_since(predictions: pl.DataFrame) -> datetime:
    """Return since when labels of predictions can have been received: wall clock, naive UTC.

    What came of a request is not known before it happened. Its record says when that was, and when
    it was received; the earlier of both counts. An event time may be a simulated one, ahead of the
    wall clock, and a record may come to the log after its label: then it was received late.

    Args:
        predictions: With `at` and `received`.
    """
    if predictions.is_empty():
        return datetime.max  # noqa: DTZ901 - naive UTC throughout: there is nothing to label
    earliest = predictions.select(pl.min_horizontal(pl.col("at", "received").min())).item()
    return datetime(1970, 1, 1) + timedelta(seconds=earliest) - CLOCK_SLACK  # noqa: DTZ001 - as above


def known_losses(
    project: Project,
    classes: Mapping[str, tuple[str, ...]],
    rows: pl.DataFrame,
    labels: pl.DataFrame,
    now: datetime,
    *,
    label_age: float = 0.0,
) -> pl.DataFrame:
    """Return the records whose label is known, in their order.

    Args:
        project: Says loss, period and label horizon.
        classes: Of each version that answered; none unless multiclass.
        rows: Log records.
        labels: First label of each request and row.
        now: Event time; labels of later are not known.
        label_age: As in `matures_of`.

    Returns:
        The columns of `rows`, and `loss` (its units), `labelled` and `matures`: when the label
        became known and when the whole period has, in seconds since 1970. Records of one request
        and row have one number in `told`.
    """
    told = labels.filter(labels["at"] <= seconds(now)).with_row_index("told")
    told = pl.DataFrame(
        [told["request"], told["row"], told["label"], told["told"], told["at"].alias("labelled")]
    )
    known = rows.join(told, on=_KEY, maintain_order="left")
    if known.is_empty():
        return known.with_columns(loss=pl.lit(0.0), matures=pl.lit(0.0))
    losses = pl.Series("loss", _losses(project, classes, known), dtype=pl.Float64)
    return known.hstack([losses, matures_of(project, known, label_age)])


def matures_of(project: Project, known: pl.DataFrame, label_age: float = 0.0) -> pl.Series:
    """Return `matures`: when all labels of a record's period are due, in seconds since 1970.

    Args:
        project: Says period and label horizon.
        known: Records whose label is known, with `at` and `labelled`.
        label_age: Seconds after which labels were known when the models were trained, see
            `ModelCard`; asked where the project states no horizon.
    """
    period = project.period.total_seconds()
    ends = (np.floor(known["at"].to_numpy() / period) + 1) * period
    return pl.Series("matures", ends + _horizon(project, known, label_age))


def period_of(project: Project) -> pl.Expr:
    """Count of periods since 1970 in which a record happened."""
    return (pl.col("at") / project.period.total_seconds()).floor().cast(pl.Int64)


def begin_of(project: Project) -> pl.Expr:
    """When a period began, naive UTC; what `period_of` counts, read back."""
    length = project.period // timedelta(microseconds=1)
    return (pl.col("period") * length).cast(pl.Datetime("us"))


def seconds(moment: datetime) -> float:
    """Seconds since 1970."""
    return (moment - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - naive UTC throughout


def _losses(
    project: Project, classes: Mapping[str, tuple[str, ...]], rows: pl.DataFrame
) -> np.ndarray:
    """Loss of each record; a model that failed to answer loses the clip."""
    losses = np.full(rows.height, project.loss_clip)
    labels, values = _label_values(project, rows["label"]), rows["values"]
    sizes = values.list.len().to_numpy().astype(np.int64)
    ends, flat = np.cumsum(sizes), values.explode(empty_as_null=False).to_numpy()
    for version in rows["version"].unique():
        own = (rows["version"] == version).to_numpy() & (sizes > 0)
        if own.any():
            # Each answer of one model has as many numbers.
            outputs = int(sizes[own][0])
            answers = flat[ends[own][:, None] + np.arange(-outputs, 0)]
            losses[own] = row_losses(project, labels[own], answers, classes.get(version, ()))
    return losses


def _label_values(project: Project, labels: pl.Series) -> np.ndarray:
    """Read labels as losses need them; a text that is no label of this task becomes NaN."""
    if project.task is Task.MULTICLASS:
        return labels.to_numpy()
    values = labels.cast(pl.Float64, strict=False).to_numpy()
    if project.task is Task.BINARY:
        values = np.where(np.isin(values, (0.0, 1.0)), values, np.nan)
    return np.asarray(values)


def _horizon(project: Project, known: pl.DataFrame, label_age: float) -> float:
    """Return the age in seconds at which nearly all labels are known.

    Labels tell their own time, but records of a few days show only those that came soon: of one
    class, maybe. So it is never less than what the training data said.
    """
    if project.roles.label_horizon is not None:
        return project.roles.label_horizon.total_seconds()
    delay = (known["labelled"] - known["at"]).quantile(DELAY_QUANTILE, "higher")
    return max(label_age, float(delay or 0.0))
