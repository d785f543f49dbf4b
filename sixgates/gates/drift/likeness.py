"""Does a column look as it did in training, but for its unit or its place?

A change of unit, or two columns that were exchanged, leave distributions that training knows, in
the wrong place. A world that moves may do the like, by a little: what a shift by a few standard
deviations, or a growth by less than five times, explains as well is not held against the feed.
"""

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.gates.card import level_key
from sixgates.gates.drift.look import Fault, Finding
from sixgates.gates.drift.mixture import unit_of_some
from sixgates.gates.drift.units import LEAST_FACTOR, OTHER_CONVERSIONS, factor_name
from sixgates.gates.profile.counts import FeatureProfile, Profile
from sixgates.gates.profile.distance import ks

_FAR = 0.3
"""Kolmogorov-Smirnov distance from which another unit is looked for."""
_ELSEWHERE = 0.1
"""The same, from which another column is, and another unit of a part of the rows."""
_NEAR = 0.08
"""The same, within which two distributions are taken for one."""
_NEARER = 0.5
"""Part of the distance to its own past that a column may be from another's."""
_SHIFT = 3.0
"""Standard deviations that a world may move at once."""
_UNKNOWN = 0.5
"""Share of rows with unseen levels from which another column is looked for."""
_QUANTILES = np.array([0.5, 0.9, 0.1, 0.98])
"""By which a factor is read: the first where the training's is not as good as 0."""
_NOTHING = 0.01
"""Part of the way from the lowest of them to the highest that is as good as 0."""

Floats = NDArray[np.float64]


def swap_signs(now: Profile, reference: Profile, some: pl.DataFrame) -> Iterator[Finding]:
    """Find columns that stand in each other's place.

    Args:
        now: Profile of the window.
        reference: That of the training.
        some: Rows of the window, as many as one likes to look at.
    """
    for a, b in (*_swapped_numbers(now, reference, some), *_swapped_levels(now, reference, some)):
        yield Finding(Fault.SWAP, (a, b), f"{a} looks as {b} did in training, and {b} as {a}")


def unit_signs(now: Profile, reference: Profile, some: pl.DataFrame) -> Iterator[Finding]:
    """Find columns that are in another unit; the arguments are those of `swap_signs`."""
    for name, distance in ks(reference, now).items():
        if not distance >= _ELSEWHERE:  # NaN for a categorical feature
            continue
        known, values = _feature(reference, name), _values(some, name)
        if distance >= _FAR and (unit := _other_unit(values, known)) is not None:
            said = f"{name} looks as in training, but for its unit: {unit}"
            yield Finding(Fault.UNIT, (name,), said)
        elif (unit := unit_of_some(values, known, _near(len(values)))) is not None:
            said = f"some of {name} looks as in training, but for its unit: {unit}"
            yield Finding(Fault.UNIT, (name,), said)


def _other_unit(values: Floats, known: FeatureProfile) -> str | None:
    """Name the unit that brings the values back to what training knew; None where none does."""
    if known.grid is None or not len(values):
        return None
    near = _near(len(values))
    factor = _factor(values, known)
    large = max(factor, 1 / factor) >= LEAST_FACTOR if factor > 0 else False
    if large and _distance(values / factor, known) <= near:
        return factor_name(factor)
    if _is_shift(values, known):
        return None
    fits = {
        unit: _distance((values - offset) / by, known)
        for unit, (by, offset) in OTHER_CONVERSIONS.items()
        # Without its offset the unit must come nowhere near: that is growth.
        if by < 0 or by == 1 or _distance(values / by, known) > 2 * near
    }
    unit = min(fits, key=lambda u: fits[u], default="")
    return unit if unit and fits[unit] <= near else None


def _is_shift(values: Floats, known: FeatureProfile) -> bool:
    """Say whether a move by a few standard deviations explains the values."""
    low, middle, high = _quantiles(known, np.array([0.16, 0.5, 0.84]))
    by = float(np.median(values)) - middle
    if abs(by) > _SHIFT * (high - low) / 2:
        return False
    return _distance(values - by, known) <= _near(len(values))


def _factor(values: Floats, known: FeatureProfile) -> float:
    """Return how many times as large as in training the values are; NaN where it is not known."""
    then, now = _quantiles(known, _QUANTILES), np.quantile(values, _QUANTILES)
    usable = np.flatnonzero(np.abs(then) > _NOTHING * np.ptp(then))
    return float(now[usable[0]] / then[usable[0]]) if usable.size else math.nan


def _quantiles(known: FeatureProfile, at: Floats) -> Floats:
    """Return quantiles of a feature of the training; what is beyond the grid is at its ends."""
    if known.grid is None:
        return np.full(at.shape, math.nan)
    edges = known.grid.edges()
    middles = np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2, edges[-1:]])
    cumulated = np.cumsum(known.known)
    places = np.searchsorted(cumulated, at * cumulated[-1])
    found: Floats = middles[np.minimum(places, len(middles) - 1)]
    return found


def _swapped_numbers(now: Profile, reference: Profile, some: pl.DataFrame) -> list[tuple[str, str]]:
    own = {name: far for name, far in ks(reference, now).items() if far >= _ELSEWHERE}
    values = {name: _values(some, name) for name in own}

    def looks_as(name: str, other: str) -> bool:
        distance = _distance(values[name], _feature(reference, other))
        return distance <= min(_near(some.height), _NEARER * own[name])

    return [(a, b) for a, b in combinations(own, 2) if looks_as(a, b) and looks_as(b, a)]


def _swapped_levels(now: Profile, reference: Profile, some: pl.DataFrame) -> list[tuple[str, str]]:
    unknown = [
        f.name for f in now.features
        if f.levels is not None and f.counts[-1] >= _UNKNOWN * max(1, now.rows)
    ]  # fmt: skip
    levels = {name: set(_feature(reference, name).levels or ()) for name in unknown}
    return [
        (a, b)
        for a, b in combinations(unknown, 2)
        if _keys(some[a]) <= levels[b] and _keys(some[b]) <= levels[a]
    ]


def _keys(column: pl.Series) -> set[str]:
    return {key for value in column.unique() if (key := level_key(value)) is not None}


def _feature(profile: Profile, name: str) -> FeatureProfile:
    return next(f for f in profile.features if f.name == name)


def _values(some: pl.DataFrame, name: str) -> Floats:
    found: Floats = some[name].cast(pl.Float64).to_numpy()  # in which nulls are NaN, too
    return found[~np.isnan(found)]


def _distance(values: Floats, known: FeatureProfile) -> float:
    """Return the Kolmogorov-Smirnov distance of values from a feature of the training."""
    if known.grid is None or not len(values):
        return 1.0
    counts = np.bincount(known.grid.places(values), minlength=len(known.known))
    usual = np.cumsum(known.known) / max(1.0, known.known.sum())
    return float(np.abs(np.cumsum(counts) / len(values) - usual).max())


def _near(rows: int) -> float:
    # 1.63 / sqrt(n) is exceeded by one sample of a hundred from the same distribution.
    return max(_NEAR, 1.63 / math.sqrt(max(1, rows)))
