"""One pass over the data: batches come, their counts are added, nothing is kept."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.gates.card import level_key
from sixgates.gates.errors import ContractError
from sixgates.gates.profile.counts import FeatureProfile, Profile
from sixgates.gates.profile.grid import Grid, grid_of

_SAMPLE = 100_000
"""Rows from which the grids are chosen, spread evenly over all."""
_LEVELS = 100
"""Most frequent levels that are counted apart; the others count as unseen."""
_BATCH = 65_536
"""Rows at a time: what is computed of one column then stays near the processor."""


def profile_frame(
    data: pl.DataFrame | pl.LazyFrame,
    numeric: Sequence[str],
    categorical: Sequence[str],
    *,
    like: Profile | None = None,
) -> Profile:
    """Count the features of some data, on a new grid or on the grid of `like`.

    A lazy frame is read in batches: memory does not grow with its rows. For a new grid it is read
    twice, once for some of its rows.

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
    _require_columns(data.lazy().collect_schema(), numeric, categorical)
    chosen = data.lazy().select(names)
    known = dict.fromkeys(names) if like is None else {f.name: f for f in like.features}
    grids = _grids(chosen.select(numeric)) if like is None else {}
    counters: list[_Numbers | _Levels] = [
        *(_Numbers(n, grids.get(n) or _grid(known[n])) for n in numeric),
        *(_Levels(n, known[n]) for n in categorical),
    ]
    rows = 0
    for batch in _batches(data if isinstance(data, pl.DataFrame) else chosen):
        rows += batch.height
        for counter in counters:
            counter.add(batch[counter.name])
    return Profile(rows, tuple(counter.profile() for counter in counters))


class _Numbers:
    """Counts a numeric feature."""

    def __init__(self, name: str, grid: Grid) -> None:
        self.name = name
        self._grid = grid
        self._counts = np.zeros(grid.cells + 2, dtype=np.int64)
        self._nulls = self._nans = 0

    def add(self, column: pl.Series) -> None:
        nulls = column.null_count()
        if column.dtype not in (pl.Float64, pl.Float32):
            column = column.cast(pl.Float64)
        values = (column.drop_nulls() if nulls else column).to_numpy()
        found = np.bincount(self._grid.places(values), minlength=self._counts.size)
        if found[0]:  # There are NaN, too.
            nans = int(np.isnan(values).sum())
            found[0] -= nans
            self._nans += nans
        self._counts += found
        self._nulls += nulls

    def profile(self) -> FeatureProfile:
        counts = tuple(self._counts.tolist())
        return FeatureProfile(self.name, self._grid, None, counts, self._nulls, self._nans)


class _Levels:
    """Counts a categorical feature."""

    def __init__(self, name: str, known: FeatureProfile | None) -> None:
        self.name = name
        self._known = None if known is None else known.levels
        self._tally: dict[str, int] = dict.fromkeys(self._known or (), 0)
        self._nulls = self._unseen = 0

    def add(self, column: pl.Series) -> None:
        for value, count in column.value_counts().iter_rows():
            key = level_key(value)
            if key is None:
                self._nulls += count
            elif self._known is None or key in self._tally:
                self._tally[key] = self._tally.get(key, 0) + count
            else:
                self._unseen += count

    def profile(self) -> FeatureProfile:
        levels = self._known
        if levels is None:
            by_count = sorted(self._tally, key=lambda key: (-self._tally[key], key))
            levels = tuple(by_count[:_LEVELS])
            self._unseen = sum(self._tally[key] for key in by_count[_LEVELS:])
        counts = (*(self._tally[level] for level in levels), self._unseen)
        return FeatureProfile(self.name, None, levels, counts, self._nulls, 0)


def _require_columns(schema: pl.Schema, numeric: Sequence[str], categorical: Sequence[str]) -> None:
    if absent := [name for name in (*numeric, *categorical) if name not in schema]:
        raise ContractError(f"features {absent} are absent from the data: restore the columns")
    for name in numeric:
        if not (schema[name].is_numeric() or schema[name] in (pl.Boolean, pl.Null)):
            raise ContractError(f"feature {name} holds {schema[name]}, not numbers: cast it")


def _grids(data: pl.LazyFrame) -> dict[str, Grid]:
    """Choose a grid for each column, from rows all over the data: files may be sorted."""
    rows = data.select(pl.len()).collect(engine="streaming").item()
    step = max(1, -(-rows // _SAMPLE))
    sample = data.gather_every(step).collect(engine="streaming")
    return {column.name: grid_of(_floats(column)) for column in sample}


def _floats(column: pl.Series) -> NDArray[np.float64]:
    return column.drop_nulls().cast(pl.Float64).to_numpy()


def _grid(known: FeatureProfile | None) -> Grid:
    if known is None or known.grid is None:
        raise ContractError("a feature that was categorical is numeric now: retrain the model")
    return known.grid


def _batches(data: pl.DataFrame | pl.LazyFrame) -> Iterator[pl.DataFrame]:
    if isinstance(data, pl.DataFrame):
        yield from data.iter_slices(_BATCH)
    else:
        yield from data.collect_batches(chunk_size=_BATCH, maintain_order=False)
