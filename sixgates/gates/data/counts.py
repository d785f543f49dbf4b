"""What gate 1 counts of rows, each accepted or refused: it adds up over parts of the rows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
import polars.selectors as cs

from sixgates.gates.card import Task
from sixgates.gates.data.rows import RowSplit, count_rules, rule_column
from sixgates.gates.encoding import category_levels
from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured, naive_utc


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Counts of some rows."""

    accepted: int
    known: int
    """Accepted rows with a known label."""
    classes: frozenset[str]
    """Classes among these, as text; none of numbers."""
    nulls: dict[str, int]
    """Accepted rows in which a feature is null or NaN, by feature."""
    newest: datetime | None
    """Newest event time of an accepted row, naive UTC; None where there is none."""
    by_rule: dict[str, int]
    """Refused rows of each rule, most first."""

    @property
    def refused(self) -> int:
        """Refused rows."""
        return sum(self.by_rule.values())

    @property
    def rows(self) -> int:
        """All rows."""
        return self.accepted + self.refused

    def __add__(self, other: "RowCounts") -> "RowCounts":
        """Return the counts of both."""
        moments = [at for at in (self.newest, other.newest) if at is not None]
        return RowCounts(
            self.accepted + other.accepted,
            self.known + other.known,
            self.classes | other.classes,
            {name: nulls + other.nulls[name] for name, nulls in self.nulls.items()},
            max(moments, default=None),
            most_first(Counter(self.by_rule) + Counter(other.by_rule)),
        )


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """Counts of the rows that gate 1 looks at."""

    problems: tuple[str, ...]
    """What is wrong with the table as a whole: every row is refused then."""
    whole: RowCounts
    new: RowCounts | None = None
    """Of those that the champion has not seen, and those without an event time; None without a
    champion."""

    def __add__(self, other: "SplitCounts") -> "SplitCounts":
        """Return the counts of both; what is wrong with either is wrong with the table."""
        new = None if self.new is None or other.new is None else self.new + other.new
        problems = tuple(dict.fromkeys((*self.problems, *other.problems)))
        return SplitCounts(problems, self.whole + other.whole, new)


def most_first(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts by name in their order, the largest first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def count_split(
    split: RowSplit,
    project: Project,
    now: datetime,
    new_after: datetime | None = None,
    age: timedelta | None = None,
) -> SplitCounts:
    """Count rows for `judge_counts`.

    Args:
        split: Rows, accepted or quarantined.
        project: Names the roles.
        now: The present, naive UTC.
        new_after: Newest event time that the champion learned from.
        age: From which on a label counts as known; that of the accepted rows where not given.
    """
    if split.problems:
        whole = RowCounts(split.accepted.height, 0, frozenset(), {}, None, split.by_rule)
        return SplitCounts(split.problems, whole)
    known = is_matured(split.accepted, project, now, age)
    whole = _counts(split.accepted, known, split.by_rule, project)
    if new_after is None:
        return SplitCounts((), whole)
    accepted, refused = (
        _newer(part, project, new_after) for part in (split.accepted, split.quarantined)
    )
    rules = split.quarantined[rule_column(split.quarantined)]
    by_rule = count_rules(rules.filter(refused))
    new = _counts(split.accepted.filter(accepted), known.filter(accepted), by_rule, project)
    return SplitCounts((), whole, new)


def _newer(part: pl.DataFrame, project: Project, after: datetime) -> pl.Series:
    """Say which rows come after a moment; rows without an event time may be new, so they are."""
    return (naive_utc(part, project.roles.event_time) > after).fill_null(value=True)


def _counts(
    accepted: pl.DataFrame, known: pl.Series, by_rule: dict[str, int], project: Project
) -> RowCounts:
    features = accepted.select(project.roles.features)
    nans = features.select(cs.float().is_nan().sum()).to_dict(as_series=False)
    newest = naive_utc(accepted, project.roles.event_time).max()
    return RowCounts(
        accepted=accepted.height,
        known=int(known.sum()),
        classes=_classes(accepted[project.roles.label].filter(known), project),
        nulls={f: features[f].null_count() + nans.get(f, [0])[0] for f in features.columns},
        newest=newest if isinstance(newest, datetime) else None,
        by_rule=by_rule,
    )


def _classes(known: pl.Series, project: Project) -> frozenset[str]:
    if project.task is Task.REGRESSION:
        return frozenset()
    label = known.cast(pl.Int8) if known.dtype == pl.Boolean else known
    return frozenset(category_levels(label.to_frame(), [label.name])[label.name])
