"""One pass over the data: batches come, their counts are added, nothing is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.gates.card import level_key
from sixgates.gates.errors import ContractError
from sixgates.gates.profile.counts import FeatureProfile, Profile
from sixgates.gates.profile.grid import Grid, grid_of
from sixgates.gates.profile.sample import Sample

BATCH = 65_536
"""Rows at a time: what is computed of one column then stays near the processor."""

_SAMPLE = 100_000
"""Rows from which the grids are chosen, spread evenly over all."""
_LEVELS = 100
"""Most frequent levels that are counted apart; the others count as unseen."""


def profile_frame(
    data: pl.DataFrame | pl.LazyFrame,
    numeric: Sequence[str],
    categorical: Sequence[str],
    *,
    like: Profile | None = None,
    sample: Sample | None = None,
) -> Profile:
    """Count the features of some data, on a new grid or on the grid of `like`.

    A lazy frame is read in batches: memory does not grow with its rows. For a new grid it is read
    twice, once for some of its rows.

    Args:
        data: The rows.
        numeric: Names of features.
        categorical: Names of features.
        like: A profile of the same features, to compare with.
        sample: Takes some of the rows, with these features, as they pass by.

    Raises:
        ContractError: A feature is absent, a numeric one holds no numbers, or `like` has others.

    >>> training = pl.DataFrame({"x": [1.0, 2.0, None], "c": ["a", "b", "a"]})
    >>> reference = profile_frame(training, ["x"], ["c"])
    >>> later = profile_frame(pl.DataFrame({"x": [9.0], "c": ["z"]}), ["x"], ["c"], like=reference)
    >>> [f.counts for f in later.features]
    [(0, 0, 0, 1), (0, 0, 1)]
    """
    counters, rows = counters_of(data.lazy(), numeric, categorical, like), 0
    for batch in _batches(data, [c.name for c in counters], in_order=sample is not None):
        rows += batch.height
        if sample is not None:
            sample.keep(batch[sample.due(batch.height)])
        for counter in counters:
            counter.add(batch[counter.name])
    return Profile(rows, tuple(counter.profile() for counter in counters))


class Numbers:
    """Counts a numeric feature."""

    def __init__(self, name: str, grid: Grid) -> None:
        """Begin with no rows."""
        self.name = name
        self._grid = grid
        self._counts = np.zeros(grid.cells + 2, dtype=np.int64)
        self._nulls = self._nans = 0

    def add(self, column: pl.Series) -> None:
        """Count some rows."""
        nulls = column.null_count()
        if column.dtype not in (pl.Float64, pl.Float32):
            column = column.cast(pl.Float64)
        self.add_values((column.drop_nulls() if nulls else column).to_numpy())
        self._nulls += nulls

    def add_values(
        self, values: NDArray[np.floating], present: NDArray[np.bool_] | None = None
    ) -> None:
        """Count some rows.

        Args:
            values: A number a row.
            present: False where the row is null, whatever its number; None where none is.
        """
        places, nulls = self._grid.places(values), 0
        if present is not None:
            nulls = present.size - int(np.count_nonzero(present))
            places *= present  # to place 0, from which they are taken out
        found = np.bincount(places, minlength=self._counts.size)
        found[0] -= nulls
        if found[0]:  # There are NaN, too.
            unclear = np.isnan(values)
            nans = int(np.count_nonzero(unclear if present is None else unclear & present))
            found[0] -= nans
            self._nans += nans
        self._counts += found
        self._nulls += nulls

    def profile(self) -> FeatureProfile:
        """Return what was counted."""
        counts = tuple(self._counts.tolist())
        return FeatureProfile(self.name, self._grid, None, counts, self._nulls, self._nans)


class Levels:
    """Counts a categorical feature, whose levels may be known."""

    def __init__(self, name: str, known: Sequence[str] | None = None) -> None:
        """Begin with no rows."""
        self.name = name
        self._known = None if known is None else tuple(known)
        self._tally: dict[str, int] = dict.fromkeys(self._known or (), 0)
        self._nulls = self._unseen = 0

    def add(self, column: pl.Series) -> None:
        """Count some rows."""
        self.add_counted(column.value_counts().iter_rows())

    def add_counted(self, counted: Iterable[tuple[object, int]]) -> None:
        """Add how many rows there are of some values, each in any of its forms."""
        for value, count in counted:
            key = value if isinstance(value, str) else level_key(value)
            if key is None:
                self._nulls += count
            elif self._known is None or key in self._tally:
                self._tally[key] = self._tally.get(key, 0) + count
            else:
                self._unseen += count

    def profile(self) -> FeatureProfile:
        """Return what was counted."""
        levels, unseen = self._known, self._unseen
        if levels is None:
            by_count = sorted(self._tally, key=lambda key: (-self._tally[key], key))
            levels = tuple(by_count[:_LEVELS])
            unseen = sum(self._tally[key] for key in by_count[_LEVELS:])
        counts = (*(self._tally[level] for level in levels), unseen)
        return FeatureProfile(self.name, None, levels, counts, self._nulls, 0)


def counters_of(
    data: pl.LazyFrame, numeric: Sequence[str], categorical: Sequence[str], like: Profile | None
) -> list[Numbers | Levels]:
    """Return a counter for each feature, on a new grid or on the grid of `like`.

    Raises:
        ContractError: as `profile_frame`.
    """
    if like is not None and (like.numeric, like.categorical) != ([*numeric], [*categorical]):
        raise ContractError(
            f"the stored profile knows the numeric features {like.numeric} and the categorical ones"
            f" {like.categorical}, not {[*numeric]} and {[*categorical]}: retrain the model with"
            " these features"
        )
    require_columns(data.collect_schema(), numeric, categorical)
    if like is None:
        grids = _grids(data.select(numeric))
        return [*(Numbers(n, grids[n]) for n in numeric), *(Levels(n) for n in categorical)]
    return [
        Levels(f.name, f.levels) if f.grid is None else Numbers(f.name, f.grid)
        for f in like.features
    ]


def require_columns(schema: pl.Schema, numeric: Sequence[str], categorical: Sequence[str]) -> None:
    """Refuse data that lack a feature, or whose numeric one holds no numbers.

    Raises:
        ContractError: as `profile_frame`.
    """
    if absent := [name for name in (*numeric, *categorical) if name not in schema]:
        raise ContractError(f"features {absent} are absent from the data: restore the columns")
    for name in numeric:
        if not (schema[name].is_numeric() or schema[name] in (pl.Boolean, pl.Null)):
            raise ContractError(f"feature {name} holds {schema[name]}, not numbers: cast it")


def _grids(data: pl.LazyFrame) -> dict[str, Grid]:
    """Choose a grid for each column, from rows all over the data: files may be sorted."""
    rows = data.select(pl.len()).collect(engine="streaming").item()
    sample = data.gather_every(step_of_sample(rows)).collect(engine="streaming")
    return grids_of_sample(sample)


def step_of_sample(rows: int) -> int:
    """Return of how many rows one is taken to choose grids from."""
    return max(1, -(-rows // _SAMPLE))


def grids_of_sample(sample: pl.DataFrame) -> dict[str, Grid]:
    """Choose a grid for each column from some rows, see `step_of_sample`."""
    return {column.name: grid_of(_floats(column)) for column in sample}


def new_grid(column: pl.Series, rows: int) -> Grid:
    """Choose the grid of a column of so many rows as `profile_frame` does."""
    return grid_of(_floats(column[:: step_of_sample(rows)]))


def blank_profile(grids: Mapping[str, Grid], levels: Mapping[str, Sequence[str]]) -> Profile:
    """Return a profile of no rows, on whose grids and levels any rows can be counted."""
    counters: list[Numbers | Levels] = [
        *(Numbers(name, grid) for name, grid in grids.items()),
        *(Levels(name, known) for name, known in levels.items()),
    ]
    return Profile(0, tuple(counter.profile() for counter in counters))


def levels_of(counted: Mapping[str, int]) -> tuple[str, ...]:
    """Return the levels that are counted apart, from how many rows each has."""
    counter = Levels("")
    counter.add_counted(counted.items())
    return counter.profile().levels or ()


def _floats(column: pl.Series) -> NDArray[np.float64]:
    return column.drop_nulls().cast(pl.Float64).to_numpy()


def _batches(
    data: pl.DataFrame | pl.LazyFrame, names: Sequence[str], *, in_order: bool
) -> Iterator[pl.DataFrame]:
    if isinstance(data, pl.DataFrame):
        yield from data.select(names).iter_slices(BATCH)
    else:
        yield from data.select(names).collect_batches(chunk_size=BATCH, maintain_order=in_order)
