"""Does a feature know the answer? One that explains the label all by itself.

A model that learns from such a feature passes every holdout, and fails where the feature is not
there yet: in service.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from sixgates.gates.card import Task
from sixgates.gates.data.periods import not_judged
from sixgates.gates.data.sides import (
    Sides,
    count_classes,
    is_other,
    places_of,
    sides_of,
    weights_of,
)
from sixgates.gates.encoding import label_array
from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured
from sixgates.gates.verdict import Check, at_most

NAME = "label explained by one feature"
_BINS = 64
_A_BIN = 8
"""Rows of one side that a bin must hold, for it has to learn from them."""
_KEPT = 10
"""The strongest features that are kept on record."""
_OTHERS = 30
"""Rows of the newer half that must differ from its commonest class."""


@dataclass(frozen=True, slots=True)
class Explained:
    """How much of the label one feature explains."""

    feature: str
    share: float
    """1 - loss / loss of the best constant, on the newer half, in squared error: at most 1."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """What was found out about single features."""

    strongest: tuple[Explained, ...]
    """Largest share first; empty where nothing could be measured."""
    n: int
    """Rows of the newer half."""


def measure_leaks(accepted: pl.DataFrame, project: Project, now: datetime) -> Leaks:
    """Let each feature predict the label alone.

    The older half of the rows with a known label says what to expect in each bin of the feature
    (64 quantiles, or its 64 commonest values, of the commonest class and of the others; a null is a
    value), the newer half how good that is:

        share = 1 - sum (label - expected)^2 / sum (label - mean)^2

    over the rows whose value the older half has. Of classes each counts as a label of 0 and 1, of
    numbers the rank does, so that any monotone function of the label explains all of it. Of a long
    history some rows are looked at, of a rare class as many as of the commonest, and each speaks
    for as many as were left out. Nothing is measured where hardly any row of the newer half differs
    from its commonest class.
    """
    known = is_matured(accepted, project, now)
    labels = accepted[project.roles.label].filter(known)
    sides = sides_of(count_classes(labels, project.task))
    places = known.arg_true().gather(places_of(labels, sides))
    return leaks_among(_rows_at(places, accepted.select(*leak_columns(project))), project, sides)


def leak_columns(project: Project) -> list[str]:
    """Return the columns that are looked at."""
    roles = project.roles
    return list(dict.fromkeys((roles.event_time, roles.label, *roles.features)))


def leaks_among(rows: pl.DataFrame, project: Project, sides: Sides) -> Leaks:
    """Measure as `measure_leaks` does, on rows that were chosen; all their labels are known."""
    rows = rows.sort(project.roles.event_time)
    half = rows.height // 2
    targets, weights = _targets(rows, project), weights_of(rows[project.roles.label], sides)
    strongest: list[Explained] = []
    if half and _varies(targets[half:], project):
        for name, bins in _binned(rows, project, sides, half):
            share = _explained(bins, targets, weights, half)
            if share is not None:
                strongest.append(Explained(name, share))
    strongest.sort(key=lambda e: -e.share)
    return Leaks(tuple(strongest[:_KEPT]), rows.height - half)


def judge_leaks(leaks: Leaks | None, limit: float | None) -> list[Check]:
    """Refuse features that explain more of the label than `limit`; None asks for nothing."""
    if limit is None:
        return []
    if leaks is None or not leaks.strongest:
        n = leaks.n if leaks else 0
        return [not_judged(NAME, "too few known labels, or nearly all alike", n)]
    named = [e for e in leaks.strongest if e.share > limit] or leaks.strongest[:1]
    return [at_most(f"{NAME}, {e.feature},", e.share, limit, leaks.n) for e in named]


def _rows_at(places: pl.Series, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows at rising places, from each piece of memory by itself: this is quicker."""
    pieces, begin = [rows.clear()], 0
    for piece in rows.to_series().get_chunks():
        end = begin + len(piece)
        here = places.filter(places.is_between(begin, end, closed="left"))
        pieces.append(rows.slice(begin, len(piece))[here - begin])
        begin = end
    return pl.concat(pieces)


def _targets(rows: pl.DataFrame, project: Project) -> np.ndarray:
    """Return what is predicted, float64 of shape (rows, outputs)."""
    if project.task is Task.REGRESSION:
        return rows[project.roles.label].rank().to_numpy()[:, None]
    if project.task is Task.BINARY:
        return rows[project.roles.label].cast(pl.Float64).to_numpy()[:, None]
    labels = label_array(project, rows)
    return np.asarray(labels[:, None] == np.unique(labels)[None, :], dtype=np.float64)


def _varies(targets: np.ndarray, project: Project) -> bool:
    if project.task is Task.REGRESSION:
        return bool(np.ptp(targets) > 0)
    counts = targets.sum(axis=0)
    if project.task is Task.BINARY:
        counts = np.array([counts[0], len(targets) - counts[0]])
    return bool(len(targets) - counts.max() >= _OTHERS)


def _explained(
    codes: np.ndarray, targets: np.ndarray, weights: np.ndarray, half: int
) -> float | None:
    old, new, bins = codes[:half], codes[half:], int(codes.max()) + 1
    counts = np.bincount(old, weights[:half], minlength=bins)
    seen = counts[new] > 0
    if seen.mean() < 0.5:  # noqa: PLR2004 - names and numbers of things: no row is like another
        return None
    learned = targets[:half] * weights[:half, None]
    sums = np.stack([np.bincount(old, t, minlength=bins) for t in learned.T], axis=1)
    expected = (sums + learned.sum(axis=0) / weights[:half].sum()) / (counts[:, None] + 1)
    held_out, speaks = targets[half:][seen], weights[half:][seen]
    mean = np.average(held_out, axis=0, weights=speaks)
    total = float((speaks @ (held_out - mean) ** 2).sum())
    left = float((speaks @ (held_out - expected[new[seen]]) ** 2).sum())
    return 1 - left / total if total > 0 else None


def _binned(
    rows: pl.DataFrame, project: Project, sides: Sides, half: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each feature with the bin of each of its values, as the older half has made them."""
    roles, labels = project.roles, rows[project.roles.label]
    other, weights = is_other(labels, sides)[:half], weights_of(labels, sides)[:half]
    numbers = rows.select(pl.col(roles.numeric).cast(pl.Float64).fill_null(np.nan)).to_numpy()
    for name, values in zip(roles.numeric, numbers.T, strict=True):
        yield name, _quantile_bins(values, other.to_numpy(), weights)
    for name in roles.categorical:
        yield name, _commonest(rows[name], other)


def _quantile_bins(values: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Cut where a side begins, ends, or has a quantile.

    Between two values the cut is nearer to the one that speaks for fewer rows: of a thinned side
    some lie beyond those that were kept.
    """
    known = np.flatnonzero(~np.isnan(values))
    known = known[np.argsort(values[known])]
    learned = known[known < len(other)]
    old, of_other = values[learned], other[learned]
    first = np.flatnonzero(np.append(True, old[1:] != old[:-1])[: len(old)])
    distinct, speaks = old[first], np.maximum.reduceat(weights[learned], first)
    cuts = [_cuts(distinct, old[side]) for side in (of_other, ~of_other)]
    low = np.unique(np.concatenate(cuts))
    low = low[(low >= 0) & (low < len(distinct) - 1)]
    reach = speaks[low] / (speaks[low] + speaks[low + 1])
    edges = distinct[low] * (1 - reach) + distinct[low + 1] * reach
    bins = np.full(len(values), len(edges) + 1)
    ends = np.searchsorted(values[known], edges, side="right")
    bins[known] = np.repeat(np.arange(len(edges) + 1), np.diff(ends, prepend=0, append=len(known)))
    return bins


def _cuts(distinct: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Return the places of the values behind which to cut."""
    if not len(side):
        return np.empty(0, dtype=np.intp)
    bins = min(_BINS, max(1, len(side) // _A_BIN))
    ends = side[np.arange(1, bins + 1) * len(side) // bins - 1]
    return np.append(np.searchsorted(distinct, ends), np.searchsorted(distinct, side[0]) - 1)


def _commonest(values: pl.Series, other: pl.Series) -> np.ndarray:
    names = values.cast(pl.String).fill_null("").rename("name")
    old = names[: len(other)]
    sides = (old.filter(side).value_counts(sort=True)["name"] for side in (other, ~other))
    common = pl.concat([side.head(_BINS) for side in sides]).unique(maintain_order=True)
    places = pl.int_range(len(common), eager=True)
    others = len(common)
    return names.replace_strict(common, places, default=others, return_dtype=pl.Int64).to_numpy()
