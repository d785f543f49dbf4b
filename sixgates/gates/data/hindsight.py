"""Is a feature filled in only when the label comes? Then no request ever carries it."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl
import polars.selectors as cs

from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured, label_present
from sixgates.gates.verdict import Check, at_most, number

NAME = "nulls until the label is known"
MAX_JUMP = 0.5
"""How much of a feature may be filled in when the label comes."""
_ROWS, _FEWEST = 20_000, 50
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


def measure_null_jump(accepted: pl.DataFrame, project: Project, now: datetime) -> NullJump | None:
    """Return the feature whose nulls fall most when the label comes, None with too few rows."""
    features, times = list(project.roles.features), accepted[project.roles.event_time]
    known = is_matured(accepted, project, now)
    young = _at(accepted, ~known & ~label_present(accepted, project))
    oldest = young[project.roles.event_time].min()
    if young.height < _FEWEST or oldest is None:
        return None
    older = (known & (times < oldest)).fill_null(value=False)
    if older.sum() < _FEWEST:
        return None
    newest = times.filter(older).top_k(young.height).min()
    before = _at(accepted, older & (times >= newest))
    shares = [
        part.select(features).with_columns(cs.float().fill_nan(None)).null_count().row(0)
        for part in (young, before)
    ]
    n = min(young.height, before.height)
    jumps = [
        NullJump(name, a / young.height, b / before.height, n)
        for name, a, b in zip(features, *shares, strict=True)
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


def _at(df: pl.DataFrame, chosen: pl.Series) -> pl.DataFrame:
    """Return the chosen rows, evenly thinned where they are very many."""
    places = chosen.fill_null(value=False).arg_true()
    return df[places.gather_every(max(1, -(-len(places) // _ROWS)))]
