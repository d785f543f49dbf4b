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
from sixgates.gates.encoding import label_array
from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured
from sixgates.gates.verdict import Check, at_most

NAME = "label explained by one feature"
_ROWS = 10_000
"""Rows that are looked at, evenly spread over time: enough, and as quick for any history."""
_BINS = 64
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
    (64 quantiles, or its 64 commonest values; a null is a value), the newer half how good that is:

        share = 1 - sum (label - expected)^2 / sum (label - mean)^2

    over the rows whose value the older half has. Of classes each counts as a label of 0 and 1, of
    numbers the rank does, so that any monotone function of the label explains all of it. Nothing is
    measured where hardly any row of the newer half differs from its commonest class.
    """
    places = is_matured(accepted, project, now).arg_true()
    places = places.gather_every(leak_step(len(places)))
    return leaks_among(accepted.select(*leak_columns(project))[places], project)


def leak_step(known: int) -> int:
    """Return of how many rows with a known label one is looked at."""
    return max(1, -(-known // _ROWS))


def leak_columns(project: Project) -> list[str]:
    """Return the columns that are looked at."""
    roles = project.roles
    return list(dict.fromkeys((roles.event_time, roles.label, *roles.features)))


def leaks_among(rows: pl.DataFrame, project: Project) -> Leaks:
    """Measure as `measure_leaks` does, on rows that were chosen; all their labels are known."""
    rows = rows.sort(project.roles.event_time)
    half = rows.height // 2
    targets = _targets(rows, project)
    strongest: list[Explained] = []
    if half and _varies(targets[half:], project):
        for name, bins in _binned(rows, project, half):
            share = _explained(bins, targets, half)
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


def _explained(codes: np.ndarray, targets: np.ndarray, half: int) -> float | None:
    old, new, bins = codes[:half], codes[half:], int(codes.max()) + 1
    counts = np.bincount(old, minlength=bins)
    seen = counts[new] > 0
    if seen.mean() < 0.5:  # noqa: PLR2004 - names and numbers of things: no row is like another
        return None
    learned, held_out = targets[:half], targets[half:][seen]
    sums = np.stack([np.bincount(old, t, minlength=bins) for t in learned.T], axis=1)
    expected = (sums + learned.mean(axis=0)) / (counts[:, None] + 1)
    total = float(((held_out - held_out.mean(axis=0)) ** 2).sum())
    left = float(((held_out - expected[new[seen]]) ** 2).sum())
    return 1 - left / total if total > 0 else None


def _binned(rows: pl.DataFrame, project: Project, half: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each feature with the bin of each of its values, as the older half has made them."""
    roles = project.roles
    numbers = rows.select(pl.col(roles.numeric).cast(pl.Float64).fill_null(np.nan)).to_numpy()
    for name, values in zip(roles.numeric, numbers.T, strict=True):
        yield name, _quantile_bins(values, half)
    for name in roles.categorical:
        yield name, _commonest(rows[name], half)


def _quantile_bins(values: np.ndarray, half: int) -> np.ndarray:
    missing = np.isnan(values)
    known = np.sort(values[:half][~missing[:half]])
    cuts = np.arange(1, _BINS) * len(known) // _BINS
    edges = np.unique(known[cuts] if len(known) else known)
    return np.where(missing, len(edges) + 1, np.searchsorted(edges, values))


def _commonest(values: pl.Series, half: int) -> np.ndarray:
    names = values.cast(pl.String).fill_null("").rename("name")
    common = names[:half].value_counts(sort=True)["name"].head(_BINS)
    places = pl.int_range(len(common), eager=True)
    others = len(common)
    return names.replace_strict(common, places, default=others, return_dtype=pl.Int64).to_numpy()
