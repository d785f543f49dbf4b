"""Is a feature filled in only when the label comes? Then no request ever carries it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from sixgates.gates.data.far_times import near_times
from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured, label_present
from sixgates.gates.verdict import Check, at_most, number

NAME = "nulls until the label is known"
MAX_JUMP = 0.5
"""How much of a feature may be filled in when the label comes."""
_ROWS, FEWEST = 20_000, 50
"""Most and fewest rows on each side."""


@dataclass(frozen=True, slots=True)
class NullJump:
    """How a feature's nulls change at the age at which the label is known."""

    feature: str
    young: float
    """Share of nulls among rows whose label is not known yet."""
    known: float
    """The same among as many of the newest rows whose label is."""
    n: int
    """Rows on the smaller side."""


class Nulls(NamedTuple):
    """Nulls, NaN among them, of some rows."""

    rows: int
    by_feature: tuple[int, ...]


def nulls_of_both(a: Nulls, b: Nulls) -> Nulls:
    """Return the nulls of the rows of both."""
    pairs = zip(a.by_feature, b.by_feature, strict=True)
    return Nulls(a.rows + b.rows, tuple(one + other for one, other in pairs))


def measure_null_jump(accepted: pl.DataFrame, project: Project, now: datetime) -> NullJump | None:
    """Return the feature whose nulls fall most when the label comes, None with too few rows."""
    times = accepted[project.roles.event_time]
    known = is_matured(accepted, project, now)
    places = is_young(accepted, project, known).arg_true()
    young = accepted[places.gather_every(null_step(len(places)))]
    oldest = near_times(young[project.roles.event_time]).min()
    if young.height < FEWEST or oldest is None:
        return None
    older = (known & (times < oldest)).fill_null(value=False)
    if older.sum() < FEWEST:
        return None
    newest = times.filter(older).top_k(young.height).min()
    places = (older & (times >= newest)).fill_null(value=False).arg_true()
    before = accepted[places.gather_every(null_step(len(places)))]
    return null_jump_of(nulls_of(young, project), nulls_of(before, project), project)


def is_young(accepted: pl.DataFrame, project: Project, known: pl.Series) -> pl.Series:
    """Say of which rows the label is neither there nor known."""
    return ~known & ~label_present(accepted, project)


def null_step(rows: int) -> int:
    """Return of how many rows of one side one is looked at."""
    return max(1, -(-rows // _ROWS))


def nulls_of(rows: pl.DataFrame, project: Project) -> Nulls:
    """Count the nulls of the features."""
    features = rows.select(list(project.roles.features))
    counts = features.with_columns(cs.float().fill_nan(None)).null_count().row(0)
    return Nulls(rows.height, counts)


def null_jump_of(young: Nulls, before: Nulls, project: Project) -> NullJump:
    """Return the largest jump from rows whose label is known to those whose is not.

    Args:
        young: Of rows without a label yet, one at least.
        before: Of as many that are just older, one at least.
        project: Names the features.
    """
    n = min(young.rows, before.rows)
    jumps = [
        NullJump(name, a / young.rows, b / before.rows, n)
        for name, a, b in zip(
            project.roles.features, young.by_feature, before.by_feature, strict=True
        )
    ]
    return max(jumps, key=lambda jump: jump.young - jump.known)


def judge_null_jump(jump: NullJump | None) -> list[Check]:
    """Refuse a feature of which more than half is filled in when the label comes."""
    if jump is None:
        return []
    check = at_most(f"{NAME}, {jump.feature},", jump.young - jump.known, MAX_JUMP, jump.n)
    sentence = (
        f"{check.sentence}: null in {number(jump.young)} of the rows without a label yet, in"
        f" {number(jump.known)} of those just older"
    )
    return [Check(check.name, check.outcome, check.seen, check.required, check.n, sentence)]
