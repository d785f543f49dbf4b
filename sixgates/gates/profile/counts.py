"""A profile: counts of every feature over the same rows, which add up."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.errors import ContractError
from sixgates.gates.profile.grid import Grid


@dataclass(frozen=True)  # without slots, where there would be no room for `cells`
class FeatureProfile:
    """Counts of one feature."""

    name: str
    grid: Grid | None
    """How its numbers are divided; None for a categorical feature."""
    levels: tuple[str, ...] | None
    """Known levels, most frequent first; None for a numeric feature."""
    counts: tuple[int, ...]
    """Numeric: below the grid, one a cell, above it. Categorical: one a level, then unseen
    levels."""
    nulls: int
    nans: int
    """Always 0 for a categorical feature, where NaN is a null."""

    @cached_property
    def cells(self) -> NDArray[np.float64]:
        """All counts, nulls and NaN last; not to be written to."""
        every = (*self.counts, self.nulls, self.nans)
        return np.fromiter(every, np.int64, len(every)).astype(np.float64)

    @property
    def known(self) -> NDArray[np.float64]:
        """The counts without nulls and NaN; not to be written to."""
        return self.cells[:-2]


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts of all features over the same rows."""

    rows: int
    features: tuple[FeatureProfile, ...]

    @property
    def numeric(self) -> list[str]:
        """Names of the numeric features."""
        return [f.name for f in self.features if f.levels is None]

    @property
    def categorical(self) -> list[str]:
        """Names of the categorical features."""
        return [f.name for f in self.features if f.levels is not None]


def merge(a: Profile, b: Profile) -> Profile:
    """Add the counts of two profiles on one grid; two grids raise ContractError."""
    return _combine(a, b, 1)


def without(whole: Profile, part: Profile) -> Profile:
    """Take the counts of a part out of the whole; two grids raise ContractError."""
    return _combine(whole, part, -1)


def require_same_grid(a: Profile, b: Profile) -> None:
    """Refuse two profiles whose counts do not mean the same.

    Raises:
        ContractError: their grids or levels differ.
    """
    grids = [[(f.name, f.grid, f.levels) for f in profile.features] for profile in (a, b)]
    if grids[0] != grids[1]:
        raise ContractError("two profiles are on different grids: make one of them like the other")


def _combine(a: Profile, b: Profile, sign: int) -> Profile:
    require_same_grid(a, b)
    features = (
        replace(
            f,
            counts=tuple((np.array(f.counts) + sign * np.array(g.counts)).tolist()),
            nulls=f.nulls + sign * g.nulls,
            nans=f.nans + sign * g.nans,
        )
        for f, g in zip(a.features, b.features, strict=True)
    )
    return Profile(a.rows + sign * b.rows, tuple(features))
