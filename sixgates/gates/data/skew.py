"""Was the model asked about the rows that it will learn from? Its logged answers tell.

The log keeps what the champion answered, not the features it was sent. But the champion's answer to
a stored row can be computed, bit for bit; where the logged answer to the same unit at the same time
is another one, the gateway was sent something else. A feature that the champion ignores cannot be
told so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from sixgates.gates.data.periods import not_judged
from sixgates.gates.project import Project
from sixgates.gates.timesplit import naive_utc
from sixgates.gates.verdict import Check, Outcome, numbers

Answer = Callable[[pl.DataFrame], np.ndarray]
"""The champion: rows in, float64 of shape (rows, outputs) out."""
NAME = "training/serving skew"
FEWEST = 30
"""Rows with a logged answer below which nothing is judged."""
MOST = 2_000
"""Rows that are compared: the newest."""
_NOTICEABLE = 0.01
"""How far answers must lie apart, as a share of how far the champion's answers usually do."""
_SUSPECTS = 20
"""Differing rows on which features are tried."""
_VALUES = 400
"""Values of a feature that are tried, besides missing, 0 and far beyond every other: about as many
as a model has thresholds."""
_FAR = 1e15
_CLEAR = 0.9
"""Share of the differing rows that one feature must explain to be named."""
_SAID, _KEY, _ROW = "__said", ["__unit", "__ms"], "__row"


@dataclass(frozen=True, slots=True)
class Skew:
    """How the logged answers differ from those on the stored rows."""

    pairs: int
    """Rows that were compared."""
    answers: int
    """Answers of the champion in the log, at the time of these rows."""
    differing: float
    """Share of the pairs that differ noticeably."""
    features: tuple[str, ...]
    """Features of which another value alone explains the logged answers; empty where none does."""


def pair_rows(accepted: pl.DataFrame, predictions: pl.DataFrame, project: Project) -> pl.DataFrame:
    """Return the stored rows that the champion answered, newest last, with its answers.

    A row and an answer belong together when they agree in entity and event time, to a millisecond;
    in the event time alone where the project names no entity. Rows that share both with another
    one are left out, and of several answers the first counts.

    Args:
        accepted: stored rows.
        predictions: log records of the champion's version.
        project: names entity and event time.
    """
    roles = project.roles
    unit = pl.col(roles.entity).cast(pl.String) if roles.entity else pl.lit("")
    ms = (naive_utc(accepted, roles.event_time).dt.epoch("us") / 1_000).round().cast(pl.Int64)
    rows = accepted.with_columns(unit.alias(_KEY[0]), ms.alias(_KEY[1]))
    rows = rows.filter(rows.select(_KEY).is_unique())
    answered = predictions.filter(
        pl.col("epoch") > 0, pl.col("error") == "", pl.col("values").list.len() > 0
    ).select(
        (pl.col("entity") if roles.entity else pl.lit("")).alias(_KEY[0]),
        (pl.col("at") * 1_000).round().cast(pl.Int64).alias(_KEY[1]),
        pl.col("values").alias(_SAID),
    )
    answered = answered.unique(_KEY, keep="first", maintain_order=True)
    paired = rows.join(answered, on=_KEY, how="inner")
    return paired.sort(_KEY[1]).drop(_KEY)


def measure_skew(pairs: pl.DataFrame, answers: int, project: Project, answer: Answer) -> Skew:
    """Compare the champion's logged answers with its answers to the stored rows.

    Answers differ noticeably when they lie further apart than a hundredth of the mean distance of
    the champion's answers from their median, or by any figure that is not rounding where all its
    answers are alike. The features are then tried one by one on some of these rows: one is named
    when in 90 % of them some other value of it gives the logged answer.

    Args:
        pairs: as `pair_rows` returns them.
        answers: log records that were looked at.
        project: names the features.
        answer: the champion.
    """
    pairs = pairs.tail(MOST)
    if pairs.height < FEWEST:
        return Skew(pairs.height, answers, 0.0, ())
    logged = np.array(pairs[_SAID].to_list(), dtype=np.float64)
    stored = answer(pairs)
    usual = np.abs(stored - np.median(stored, axis=0)).mean()
    apart = ~(np.abs(logged - stored).max(axis=1) <= max(_NOTICEABLE * usual, 1e-9))
    suspects = np.flatnonzero(apart)[:_SUSPECTS]
    named = _explaining(pairs, suspects, logged[suspects], project, answer)
    return Skew(pairs.height, answers, float(apart.mean()), named)


def judge_skew(skew: Skew | None, limit: float | None) -> list[Check]:
    """Refuse rows of which more than `limit` were not what the gateway was sent.

    Args:
        skew: what was measured; None while no champion serves.
        limit: largest share of answers that may differ; None asks for nothing.
    """
    if limit is None:
        return []
    if skew is None:
        return [not_judged(NAME, "no champion has answered yet", 0)]
    if skew.pairs < FEWEST:
        why = (
            f"of {skew.answers:,} logged answers {skew.pairs:,} match a stored row and {FEWEST} are"
            " needed: let requests carry entity and event time"
        )
        return [not_judged(NAME, why, skew.pairs)]
    failed = skew.differing > limit
    share, at = numbers(skew.differing, limit)
    sentence = (
        f"{NAME}: the gateway answered a share of {share} of the stored rows otherwise,"
        f" {'>' if failed else '<='} limit {at} (n = {skew.pairs:,})"
    )
    if skew.differing:
        sentence += f": {_suspicion(skew.features)}"
    outcome = Outcome.FAIL if failed else Outcome.PASS
    return [Check(NAME, outcome, skew.differing, limit, skew.pairs, sentence)]


def _suspicion(features: tuple[str, ...]) -> str:
    if not features:
        return "no single feature explains it"
    return f"it was sent another {' or '.join(features)} than is stored"


def _explaining(
    pairs: pl.DataFrame,
    suspects: np.ndarray,
    logged: np.ndarray,
    project: Project,
    answer: Answer,
) -> tuple[str, ...]:
    """Name the features of which one other value, of those that occur, gives the logged answers."""
    if not len(suspects):
        return ()
    found: dict[str, float] = {}
    rows = pairs[suspects]
    numbered = rows.with_row_index(_ROW)
    for name in project.roles.features:
        values = _values(pairs[name], numeric=name in project.roles.numeric)
        tried = numbered.drop(name).join(
            values.to_frame(), how="cross", maintain_order="left_right"
        )
        hit = np.abs(answer(tried) - logged[tried[_ROW]]).max(axis=1) <= 1e-9  # noqa: PLR2004 - rounding
        found[name] = float(np.maximum.reduceat(hit, np.arange(rows.height) * len(values)).mean())
    clearest = max(found.values())
    return tuple(n for n, share in found.items() if share >= max(_CLEAR, clearest))


def _values(column: pl.Series, *, numeric: bool) -> pl.Series:
    """Return values to try in the place of a feature's own."""
    known = column.drop_nulls().unique().sort()
    some: Sequence[object] = known.gather_every(max(1, -(-len(known) // _VALUES))).to_list()
    if not numeric:
        return pl.Series(column.name, [*some, None], dtype=column.dtype)
    return pl.Series(column.name, [*some, None, 0.0, -_FAR, _FAR], dtype=pl.Float64, strict=False)
