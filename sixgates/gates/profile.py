"""What did the inputs look like, in counts small enough to keep with the model?

A profile counts each feature on a grid that is fixed once, from the training data: numeric features
between their own quantiles, categories by level. Nulls, NaN, values beyond either end and levels
that training never saw have cells of their own. Counts on one grid add up, so windows merge.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.gates.card import level_key
from sixgates.gates.errors import ContractError

_BINS = 20
_SAMPLE = 100_000
"""Values that the quantiles are taken from, spread evenly over the rows."""
_LEVELS = 100
"""Most frequent levels that are counted apart; the others count as unseen."""


@dataclass(frozen=True, slots=True)
class FeatureProfile:
    """Counts of one feature."""

    name: str
    edges: tuple[float, ...] | None
    """Numeric grid, ascending; None for a categorical feature."""
    levels: tuple[str, ...] | None
    """Known levels, most frequent first; None for a numeric feature."""
    counts: tuple[int, ...]
    """Numeric: underflow, between neighbouring edges (the lower one included), overflow.
    Categorical: one a level, then unseen levels."""
    nulls: int
    nans: int
    """Always 0 for a categorical feature, where NaN is a null."""

    @property
    def cells(self) -> NDArray[np.float64]:
        """All counts, nulls and NaN last."""
        return np.array([*self.counts, self.nulls, self.nans], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts of all features over the same rows."""

    rows: int
    features: tuple[FeatureProfile, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "rows": self.rows,
            "features": [
                {
                    "name": f.name,
                    "edges": f.edges,
                    "levels": f.levels,
                    "counts": f.counts,
                    "nulls": f.nulls,
                    "nans": f.nans,
                }
                for f in self.features
            ],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Rebuild a stored profile; a missing key raises KeyError."""
        return cls(
            stored["rows"],
            tuple(
                FeatureProfile(
                    f["name"],
                    None if f["edges"] is None else tuple(f["edges"]),
                    None if f["levels"] is None else tuple(f["levels"]),
                    tuple(f["counts"]),
                    f["nulls"],
                    f["nans"],
                )
                for f in stored["features"]
            ),
        )


def profile_frame(
    df: pl.DataFrame | pl.LazyFrame,
    numeric: Sequence[str],
    categorical: Sequence[str],
    *,
    like: Profile | None = None,
) -> Profile:
    """Count the features of a frame, on a new grid or on the grid of `like`.

    Raises:
        ContractError: A feature is absent, a numeric one holds no numbers, or `like` has others.

    >>> training = pl.DataFrame({"x": [1.0, 2.0, None], "c": ["a", "b", "a"]})
    >>> reference = profile_frame(training, ["x"], ["c"])
    >>> later = profile_frame(pl.DataFrame({"x": [9.0], "c": ["z"]}), ["x"], ["c"], like=reference)
    >>> [f.counts for f in later.features]
    [(0, 0, 0, 1), (0, 0, 1)]
    """
    names = (*numeric, *categorical)
    if like is not None and tuple(f.name for f in like.features) != names:
        raise ContractError(
            f"the stored profile knows {[f.name for f in like.features]}, not {list(names)}: "
            "retrain the model with these features"
        )
    columns = df.lazy().collect_schema()
    if absent := [name for name in names if name not in columns]:
        raise ContractError(f"features {absent} are absent from the data: restore the columns")
    for name in numeric:
        if not (columns[name].is_numeric() or columns[name] in (pl.Boolean, pl.Null)):
            raise ContractError(f"feature {name} holds {columns[name]}, not numbers: cast it")
    rows = df.lazy().select(names).collect()
    grids = [None] * len(names) if like is None else like.features
    return Profile(
        rows.height,
        tuple(
            _numeric(rows[name], grid) if name in numeric else _categorical(rows[name], grid)
            for name, grid in zip(names, grids, strict=True)
        ),
    )


def merge(a: Profile, b: Profile) -> Profile:
    """Add the counts of two profiles on one grid; two grids raise ContractError."""
    return _combine(a, b, 1)


def without(whole: Profile, part: Profile) -> Profile:
    """Take the counts of a part out of the whole; two grids raise ContractError."""
    return _combine(whole, part, -1)


def psi(reference: Profile, current: Profile) -> dict[str, float]:
    """Bias-corrected population stability index of each feature.

    `sum (p - q) log(p / q) - (k - 1) (1/n + 1/m)`, at least 0, over the `k` cells that either side
    has seen, null, NaN, unseen and overflow among them. Half a row is added to each such cell, so
    that an empty one stays finite. Without the correction a window of 200 rows on 20 cells shows
    about 0.1 though nothing moved. NaN where either side has no rows.

    Raises:
        ContractError: The profiles are on two grids.

    >>> year = profile_frame(pl.DataFrame({"x": range(1000)}), ["x"], [])
    >>> psi(year, year)
    {'x': 0.0}
    """
    _same_grid(reference, current)
    return {
        a.name: _index(a.cells, b.cells)
        for a, b in zip(reference.features, current.features, strict=True)
    }


def _index(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    n, m = a.sum(), b.sum()
    if not n or not m:
        return float("nan")
    seen = (a + b) > 0
    k = int(seen.sum())
    p, q = (a[seen] + 0.5) / (n + k / 2), (b[seen] + 0.5) / (m + k / 2)
    raw = float(((p - q) * np.log(p / q)).sum())
    return max(0.0, raw - (k - 1) * float(1 / n + 1 / m))


def _numeric(column: pl.Series, grid: FeatureProfile | None) -> FeatureProfile:
    values = column.drop_nulls().cast(pl.Float64).to_numpy()
    nan = np.isnan(values)
    numbers = values[~nan]
    edges = _edges(numbers) if grid is None else np.array(grid.edges, dtype=np.float64)
    counts = np.bincount(np.searchsorted(edges, numbers, side="right"), minlength=edges.size + 1)
    return FeatureProfile(
        column.name,
        tuple(edges.tolist()),
        None,
        tuple(counts.tolist()),
        column.null_count(),
        int(nan.sum()),
    )


def _edges(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return np.empty(0)
    sample = finite[:: -(-finite.size // _SAMPLE)]
    # Quantiles that are values themselves give a feature with few values one cell each.
    inner = np.quantile(sample, np.linspace(0, 1, _BINS + 1), method="inverted_cdf")
    # Just above the largest value of training, which is no overflow; finite, for JSON.
    end = min(math.nextafter(float(finite.max()), math.inf), sys.float_info.max)
    return np.unique(np.array([finite.min(), *inner, end]))


def _categorical(column: pl.Series, grid: FeatureProfile | None) -> FeatureProfile:
    tally: dict[str, int] = {}
    nulls = 0
    for value, count in column.value_counts().iter_rows():
        key = level_key(value)
        if key is None:
            nulls += count
        else:
            tally[key] = tally.get(key, 0) + count
    if grid is None or grid.levels is None:
        levels = tuple(sorted(tally, key=lambda key: (-tally[key], key))[:_LEVELS])
    else:
        levels = grid.levels
    known = [tally.pop(level, 0) for level in levels]
    return FeatureProfile(column.name, None, levels, (*known, sum(tally.values())), nulls, 0)


def _combine(a: Profile, b: Profile, sign: int) -> Profile:
    _same_grid(a, b)
    features = (
        replace(
            f,
            counts=tuple(x + sign * y for x, y in zip(f.counts, g.counts, strict=True)),
            nulls=f.nulls + sign * g.nulls,
            nans=f.nans + sign * g.nans,
        )
        for f, g in zip(a.features, b.features, strict=True)
    )
    return Profile(a.rows + sign * b.rows, tuple(features))


def _same_grid(a: Profile, b: Profile) -> None:
    grids = [[(f.name, f.edges, f.levels) for f in profile.features] for profile in (a, b)]
    if grids[0] != grids[1]:
        raise ContractError("two profiles are on different grids: make one of them like the other")
