"""Which rows may be used? Every row is accepted, or quarantined under the rule that refused it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import polars.selectors as cs

from sixgates.gates.data.contract import Repeated, RuleError, row_rules, table_problems
from sixgates.gates.project import Project
from sixgates.gates.timesplit import label_present, naive_utc

RULE = "rule"
"""Last column of the quarantined rows: the first rule that refused each. Its name gets a `_` more
where the source has a column of that name."""
BROKEN_FEED = "broken_feed"
"""Rule that refuses what came while the feed was broken: its owner knows of it already."""
_STRETCHES = 1_000
"""Refused rows from which on the accepted ones are copied."""

Stretch = tuple[datetime, datetime]
"""Event times after which it begins, and at which it ends; naive UTC."""


@dataclass(frozen=True, slots=True)
class RowSplit:
    """The input in two parts: accepted and quarantined rows together are all of it, unchanged."""

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    """The source's columns and that of the rules, see `rule_column`."""
    problems: tuple[str, ...]
    """What is wrong with the table as a whole; any of them quarantines every row."""
    by_rule: dict[str, int]
    """Quarantined rows of each rule, most first."""

    @property
    def rows(self) -> int:
        """Rows of the input."""
        return self.accepted.height + self.quarantined.height


def split_rows(
    rows: pl.DataFrame | pl.LazyFrame,
    project: Project,
    now: datetime,
    broken: Sequence[Stretch] = (),
    *,
    repeated: Repeated | None = None,
    problems: Sequence[str] = (),
) -> RowSplit:
    """Hold every row against the contract and the roles, as known at `now` (naive UTC).

    Besides the contract's rules: `event_time` is missing or after now, `broken_feed`, `label_early`
    (known before the row's event), `label_missing` though it should be known by now, `not_finite`
    numbers. NaN counts as null, and a label that cannot be known yet may be null whatever the
    contract says.

    Args:
        rows: Every row. A LazyFrame is collected, once: no fault passes because it is lazy.
        project: Names contract and roles.
        now: The present, naive UTC.
        broken: Stretches of time in which the watch found the feed broken.
        repeated: Where these rows are a part of all, see `row_rules`.
        problems: What is known to be wrong with the table as a whole, by another part of it.
    """
    df = rows.lazy().collect()
    problems = [*problems] or table_problems(df, project)
    refusals: list[tuple[str, pl.Series]] = []
    if not problems:
        try:
            refusals = list(_refusals(df, project, now, broken, repeated))
        except RuleError as exc:
            problems = [str(exc)]
    if problems:
        refusals = [("schema", pl.repeat(value=True, n=df.height, eager=True))]
    first = np.full(df.height, -1, dtype=np.int32)
    for position, (_, refused) in reversed(list(enumerate(refusals))):
        first[refused.arg_true().to_numpy()] = position
    bad = first >= 0
    name = RULE
    while name in df.columns:
        name += "_"
    rules = pl.Series(name, [refusals[i][0] for i in first[bad]], dtype=pl.String)
    return RowSplit(
        accepted=_without(df, bad),
        quarantined=df.filter(bad).with_columns(rules),
        problems=tuple(problems),
        by_rule=count_rules(rules),
    )


def _without(df: pl.DataFrame, bad: np.ndarray) -> pl.DataFrame:
    """Return the other rows; between a few bad ones nothing needs to be copied."""
    places = np.flatnonzero(bad)
    if len(places) > _STRETCHES:
        return df.filter(~bad)
    starts, ends = [0, *(places + 1)], [*places, df.height]
    stretches = [df.slice(a, b - a) for a, b in zip(starts, ends, strict=True) if b > a]
    return pl.concat(stretches, rechunk=False) if stretches else df.clear()


def rule_column(refused: pl.DataFrame) -> str:
    """Return the name of the column of quarantined rows that says which rule refused each."""
    return refused.columns[-1]


def count_rules(rules: pl.Series) -> dict[str, int]:
    """Return how many rows each rule refused, most first."""
    counts = rules.value_counts().sort("count", rules.name, descending=[True, False])
    return dict(counts.iter_rows())


def within_stretches(at: pl.Series, stretches: Sequence[Stretch]) -> pl.Series:
    """Say for each moment whether it lies in one of some stretches; a missing one does not."""
    found = pl.repeat(value=False, n=len(at), eager=True)
    for start, end in stretches:
        found |= at.is_between(start, end, closed="right").fill_null(value=False)
    return found


def _refusals(
    df: pl.DataFrame,
    project: Project,
    now: datetime,
    broken: Sequence[Stretch],
    repeated: Repeated | None,
) -> Iterator[tuple[str, pl.Series]]:
    roles = project.roles
    at = naive_utc(df, roles.event_time)
    yield "event_time", (at.is_null() | (at > now).fill_null(value=True))
    if broken:
        yield BROKEN_FEED, within_stretches(at, broken)
    known = naive_utc(df, roles.label_time) if roles.label_time else at
    if roles.label_time:
        yield "label_early", (known < at).fill_null(value=False)
    known += roles.label_horizon or timedelta(0)
    due = (known <= now).fill_null(value=False)
    yield "label_missing", due & ~label_present(df, project)
    sums = df.select(cs.float().sum())  # finite only where every value is, and quick to tell
    odd = [name for name in sums.columns if not math.isfinite(sums[name].item())]
    numbers = [name for name in odd if name in {*roles.numeric, roles.label}]
    if numbers:
        infinite = df.select(pl.any_horizontal(pl.col(numbers).is_infinite())).to_series()
        yield "not_finite", infinite.fill_null(value=False)
    yield from row_rules(df.with_columns(pl.col(odd).fill_nan(None)), project, repeated)
