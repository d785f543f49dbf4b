"""The newest weeks, period by period: what volume, repeats and the label rate are judged by.

A period that has just begun, or whose rows are still coming in, says nothing about itself: the
newest row's own period is left out, and how old it may be is a matter of freshness.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from sixgates.gates.card import Task, level_key
from sixgates.gates.data.rows import Stretch, within_stretches
from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured, naive_utc
from sixgates.gates.verdict import Check, Outcome, number

RECENT = 7
"""Newest whole periods that are judged, each by those before them. So a fault that is over, like a
holiday, holds up nothing for longer."""
FEWEST = 14
"""Periods before them below which nothing is usual yet."""
_HISTORY = timedelta(weeks=8)
_AT_LEAST, _AT_MOST = 28, 2_000
"""Periods of history where 8 weeks hold fewer, or more: the record keeps them all."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC throughout
_CLASSES = 50
"""Classes of a label that are counted, the most frequent ones."""
_FEW = 0.25
"""Share of the weeks before that may themselves lie as far beyond: a fault may last a while."""
_LOOKED_AT = 1_000
"""Rows that tell which feature has most values."""
_PERIOD, _KNOWN = "__period", "__known"


@dataclass(frozen=True, slots=True)
class Periods:
    """One figure a period, oldest first, without a gap: a period without rows has zeros."""

    first: int
    """Which period the first is, counted since 1970."""
    new_from: int
    """First whole period that the champion learned nothing from, counted so too."""
    broken: tuple[int, ...]
    """Places, from 0, of periods in which the watch knew the feed to be broken: their rows count
    nowhere, so nothing is judged by them."""
    rows: tuple[int, ...]
    """All that came, whatever gate 1 thinks of them."""
    repeated: tuple[int, ...]
    """Rows whose features an earlier row of these periods had already."""
    same_key: tuple[int, ...]
    """Rows that share entity and event time with another one; the event time alone where the
    project names no entity."""
    known: tuple[int, ...]
    """Rows whose label is known."""
    classes: tuple[str, ...]
    """What is counted in `labels`. Of numbers: those below and above most weeks before, and those
    equal to the commonest of the newest ones."""
    labels: tuple[tuple[int, ...], ...]
    """Of each period, the rows with a known label of each class."""

    def start(self, place: int, length: timedelta) -> datetime:
        """Return when a period begins.

        Args:
            place: of the period among these, from 0.
            length: of a period.
        """
        return _EPOCH + (self.first + place) * length

    @property
    def recent(self) -> list[int]:
        """Places of the periods that are judged: whole, new, and the newest."""
        return [i for i in range(self._border, len(self.rows)) if i not in self.broken]

    @property
    def before(self) -> list[int]:
        """Places of the periods by which these are judged."""
        return [i for i in range(self._border) if i not in self.broken]

    @property
    def _border(self) -> int:
        n = len(self.rows)
        return min(max(n - RECENT, self.new_from - self.first), n)


def span_of_periods(project: Project) -> timedelta:
    """Return how far back rows are wanted: what is judged, what it is judged by, and a rest."""
    return (_history(project) + RECENT + 2) * project.period


def needed_columns(project: Project) -> list[str]:
    """Return the columns that are counted."""
    roles = project.roles
    others = (roles.event_time, roles.entity, roles.label, roles.label_time)
    return list(dict.fromkeys([*(name for name in others if name), *roles.features]))


def measure_periods(
    rows: pl.DataFrame,
    project: Project,
    now: datetime,
    new_after: datetime | None = None,
    broken: Sequence[Stretch] = (),
) -> Periods | None:
    """Count the newest weeks of the rows, or return None where no period is whole.

    Args:
        rows: rows that are known at `now`, whatever gate 1 thinks of them; see `span_of_periods`.
        project: says what a period, an entity, a feature and a label is.
        now: the present, naive UTC.
        new_after: newest event time that the champion learned from; None where there is none.
        broken: stretches of time in which the watch found the feed broken.
    """
    length = project.period // timedelta(microseconds=1)
    period = naive_utc(rows, project.roles.event_time).dt.epoch("us") // length
    past = period.filter(period <= (now - _EPOCH) // project.period)
    newest, oldest = past.max(), past.min()
    if not isinstance(newest, int) or not isinstance(oldest, int):
        return None
    first = max(newest - _history(project) - RECENT, oldest + 1)
    if first >= newest:
        return None
    dated = rows.select(*needed_columns(project), period.alias(_PERIOD))
    chosen = _between(dated, first, newest)
    if broken:
        at = naive_utc(chosen, project.roles.event_time)
        chosen = chosen.filter(~within_stretches(at, broken))
    if not chosen[_PERIOD].is_sorted():
        chosen = chosen.sort(_PERIOD)
    every = pl.int_range(first, newest, eager=True).alias(_PERIOD).to_frame()

    def of_each(counts: pl.DataFrame) -> pl.DataFrame:
        return every.join(counts, on=_PERIOD, how="left", maintain_order="left").fill_null(0)

    counts = of_each(_counts(chosen, project))
    labels = of_each(_labels(chosen, project, now))
    return Periods(
        first=first,
        new_from=first if new_after is None else (new_after - _EPOCH) // project.period + 1,
        broken=tuple(i for i in range(newest - first) if _touched(first + i, project, broken)),
        rows=tuple(counts["rows"]),
        repeated=tuple(counts["repeated"]),
        same_key=tuple(counts["same_key"]),
        known=tuple(labels[_KNOWN]),
        classes=tuple(labels.columns[2:]),
        labels=tuple(labels.drop(_PERIOD, _KNOWN).iter_rows()),
    )


def not_judged(name: str, why: str, n: int) -> Check:
    """Return a check that says why there is nothing to say; it decides nothing."""
    sentence = f"{name} not judged: {why} (n = {n:,})"
    return Check(name, Outcome.INCONCLUSIVE, None, None, n, sentence, muted=True)


def _between(dated: pl.DataFrame, first: int, end: int) -> pl.DataFrame:
    """Return the rows of some periods; a copy only where they do not lie together."""
    within = dated[_PERIOD].is_between(first, end, closed="left").fill_null(value=False)
    places = within.arg_true()
    begin = int(places[0]) if len(places) else 0
    if len(places) and int(places[-1]) - begin + 1 == len(places):
        return dated.slice(begin, len(places))
    return dated.filter(within)


def _history(project: Project) -> int:
    return min(max(_HISTORY // project.period, _AT_LEAST), _AT_MOST)


def _touched(period: int, project: Project, broken: Sequence[Stretch]) -> bool:
    begin = _EPOCH + period * project.period
    return any(start < begin + project.period and end > begin for start, end in broken)


def _counts(df: pl.DataFrame, project: Project) -> pl.DataFrame:
    """Count the rows of each period, and those that come again, on rows in event-time order."""
    roles = project.roles
    key = [roles.event_time, *([roles.entity] if roles.entity else [])]
    again = _come_again(df.select(roles.features))
    same = df.select(key).hash_rows().is_duplicated()
    marked = df.select(_PERIOD).with_columns(repeated=again, same_key=same)
    return marked.group_by(_PERIOD).agg(
        pl.len().alias("rows"), pl.col("repeated", "same_key").sum()
    )


def _come_again(df: pl.DataFrame) -> pl.Series:
    """Say of each row whether an earlier one is the same.

    Rows that are alike are so in every column, so only those that are in the most telling one are
    compared whole: of numbers measured finely that is hardly any.
    """
    some = df.head(_LOOKED_AT).select(pl.all().n_unique()).row(0)
    like = df.to_series(int(np.argmax(some))).is_duplicated()
    # Hashes of 64 bits: among a million rows two that differ meet once in 37 million tries.
    repeats = ~df.filter(like).hash_rows().is_first_distinct()
    places = like.arg_true().filter(repeats)
    return pl.repeat(value=False, n=df.height, eager=True).scatter(places, True)  # noqa: FBT003


def _labels(df: pl.DataFrame, project: Project, now: datetime) -> pl.DataFrame:
    """Count the known labels of each period: all of them, then a column a class."""
    known = df.filter(is_matured(df, project, now)).select(_PERIOD, label=project.roles.label)
    if known.is_empty():
        return known.select(_PERIOD, pl.lit(0).alias(_KNOWN))
    marks = _of_numbers(known) if project.task is Task.REGRESSION else _of_classes(known["label"])
    counted = known.select(_PERIOD, pl.lit(1).alias(_KNOWN)).with_columns(**marks)
    return counted.group_by(_PERIOD).agg(pl.all().sum())


def _of_classes(label: pl.Series) -> dict[str, pl.Series]:
    """Mark the labels of each of the commonest classes."""
    label = label.cast(pl.Int8) if label.dtype == pl.Boolean else label
    common = label.value_counts(sort=True)[label.name].head(_CLASSES)
    return {str(level_key(value)): label == value for value in common.sort()}


def _of_numbers(known: pl.DataFrame) -> dict[str, pl.Series]:
    """Mark the labels that lie beyond most blocks of periods before, or equal one another."""
    label = known["label"].cast(pl.Float64)
    # Counted back from the newest labelled period; block 0 is what is judged.
    block = (known[_PERIOD].rank("dense", descending=True) - 1) // RECENT
    before = pl.DataFrame({"block": block, "label": label}).filter(pl.col("block") > 0)
    if before.is_empty():
        return {}
    ends = before.group_by("block").agg(low=pl.col("label").min(), high=pl.col("label").max())
    beyond = int(_FEW * (ends.height - 1))
    low, high = sorted(ends["low"])[beyond], sorted(ends["high"], reverse=True)[beyond]
    same = label.filter(block == 0).mode().sort()[0]
    return {
        f"below {number(low)}": label < low,
        f"above {number(high)}": label > high,
        f"equal to {number(same)}": label == same,
    }
