"""What gate 1 tells of the rows that it refused: it adds up over parts of the rows."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl
import polars.selectors as cs

from sixgates.gates.data.far_times import near_times, values_or_counts
from sixgates.gates.data.rows import RowSplit, rule_column
from sixgates.gates.project import Project
from sixgates.gates.timesplit import naive_utc

_VALUES = 1_000
"""Values of a column that are counted in one part of the rows, the commonest ones."""
_PERIOD = "__period"


@dataclass(frozen=True, slots=True)
class OfRule:
    """The rows that one rule refused."""

    rows: int
    first: datetime | None
    """Oldest event time among them, naive UTC, of any year that Python knows; None where none has
    one."""
    last: datetime | None
    values: Counter[str]
    """Their commonest values, written out, where the rule is about a column."""

    def __add__(self, other: "OfRule") -> "OfRule":
        """Return what both refused."""
        first = [at for at in (self.first, other.first) if at is not None]
        last = [at for at in (self.last, other.last) if at is not None]
        return OfRule(
            self.rows + other.rows,
            min(first, default=None),
            max(last, default=None),
            self.values + other.values,
        )


@dataclass(frozen=True, slots=True)
class Refusals:
    """The refused rows among some."""

    rows: int
    """All of them, accepted or refused."""
    by_rule: dict[str, OfRule] = field(default_factory=dict)
    """Most rows first."""
    accepted: Counter[int] = field(default_factory=Counter)
    """By period, counted since 1970."""
    refused: Counter[int] = field(default_factory=Counter)
    """By period, those that have an event time of any year that Python knows."""

    def __add__(self, other: "Refusals") -> "Refusals":
        """Return the refusals among the rows of both."""
        rules = dict(self.by_rule)
        for rule, found in other.by_rule.items():
            rules[rule] = rules[rule] + found if rule in rules else found
        return Refusals(
            self.rows + other.rows,
            dict(sorted(rules.items(), key=lambda item: (-item[1].rows, item[0]))),
            self.accepted + other.accepted,
            self.refused + other.refused,
        )


def refusals_of(split: RowSplit, project: Project) -> Refusals:
    """Count what was refused, for its owner and for the record.

    Args:
        split: Every row, accepted or quarantined.
        project: Says which column is the event time.
    """
    parts = split.quarantined.partition_by(rule_column(split.quarantined), as_dict=True)
    return Refusals(
        rows=split.rows,
        by_rule={rule: _of_rule(parts[rule,], rule, project) for rule in split.by_rule},
        accepted=_by_period(split.accepted, project),
        refused=_by_period(split.quarantined, project),
    )


def _of_rule(rows: pl.DataFrame, rule: str, project: Project) -> OfRule:
    first, last = None, None
    if _is_time(rows, project.roles.event_time):
        times = near_times(naive_utc(rows, project.roles.event_time))
        first, last = times.min(), times.max()
    return OfRule(
        rows.height,
        first if isinstance(first, datetime) else None,
        last if isinstance(last, datetime) else None,
        _values(rows, rule, project),
    )


def _by_period(rows: pl.DataFrame, project: Project) -> Counter[int]:
    event_time = project.roles.event_time
    if not _is_time(rows, event_time):
        return Counter()
    length = project.period // timedelta(microseconds=1)
    period = (near_times(naive_utc(rows, event_time)).dt.epoch("us") // length).drop_nulls()
    return Counter(dict(period.alias(_PERIOD).value_counts().iter_rows()))


def _values(rows: pl.DataFrame, rule: str, project: Project) -> Counter[str]:
    """Count the commonest values of the column that a rule is about."""
    found: Counter[str] = Counter()
    if (column := _column_of(rows, rule, project)) is not None:
        values, counts = rows[column].value_counts(sort=True).head(_VALUES).get_columns()
        for value, count in zip(values_or_counts(values), counts, strict=True):
            found[repr(value) if isinstance(value, str) else str(value)] += count
    return found


def _column_of(rows: pl.DataFrame, rule: str, project: Project) -> str | None:
    roles = project.roles
    own = {"event_time": roles.event_time, "label_early": roles.label_time}
    if rule == "not_finite":
        numbers = rows.select(*dict.fromkeys((*roles.numeric, roles.label))).select(cs.float())
        infinite = numbers.select(pl.all().is_infinite().any())
        return next((name for name in infinite.columns if infinite[name].item()), None)
    column = own.get(rule, rule.split(": ", 1)[0])
    return column if column in rows.columns else None


def _is_time(rows: pl.DataFrame, event_time: str) -> bool:
    return isinstance(rows.schema.get(event_time), pl.Datetime)
