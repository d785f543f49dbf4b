"""Is a part of a column in another unit, as when one of several producers changes it?

The window is then a mixture: some values are as in training, the others as they were there, in the
other unit. The share of either is fitted by least squares between cumulated shares, for each unit.
A world may move in part too, one segment and not the others: a unit is only named where no such
mixture with a growth by less than five times, or with a shift, comes nearly as close.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.drift.units import LEAST_FACTOR, NAMED_FACTORS, OTHER_CONVERSIONS, factor_name
from sixgates.gates.profile.counts import FeatureProfile
from sixgates.gates.profile.grid import Grid

_LEAST_SHARE = 0.1
"""Of the values that are in the other unit."""
_FEWEST = 5
"""Different values below which they would fit too much."""
_POINTS = 200
"""Values of the window at which cumulated shares are compared."""
_STEP, _LARGEST = 1.05, 1e5
"""From one factor that is tried to the next, and the last one."""
_SHIFTS = np.linspace(-3.0, 3.0, 61)
"""By which a segment may move, in standard deviations of the training."""
_CLOSER = 0.5
"""Part of the distance of a moved world that a unit may be away."""

Floats = NDArray[np.float64]


class _Changed(NamedTuple):
    """Ways in which values may change: new = old * factors + offsets."""

    factors: Floats
    offsets: Floats


class _Fit(NamedTuple):
    """The way that comes closest."""

    place: int
    share: float
    """Of the values that changed so."""
    distance: float
    """Largest difference of cumulated shares."""


class _Training(NamedTuple):
    """A feature as training knew it."""

    grid: Grid
    counts: Floats

    def not_above(self, at: Floats) -> Floats:
        """Return the share of the values in the cells up to that of each number."""
        shares = np.cumsum(self.counts) / self.counts.sum()
        found: Floats = shares[self.grid.places(at.ravel())].reshape(at.shape)
        return found

    def deviation(self) -> float:
        """Return the standard deviation of the values, from the middles of their cells."""
        edges = self.grid.edges()
        middles = np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2, edges[-1:]])
        mean = np.average(middles, weights=self.counts)
        return float(np.sqrt(np.average((middles - mean) ** 2, weights=self.counts)))


class _Window(NamedTuple):
    """The values of a window, and what share of them, and of the training's, is not above some."""

    at: Floats
    """Some of the values, in order."""
    now: Floats
    usual: Floats


def unit_of_some(values: Floats, known: FeatureProfile, near: float) -> str | None:
    """Name the unit that a part of the values is in; None where none explains them.

    Args:
        values: Of the window.
        known: The feature in training.
        near: Distance of cumulated shares within which two distributions are taken for one.
    """
    if known.grid is None or not len(values) or not known.known.any():
        return None
    different, rows = np.unique(values, return_counts=True)
    if len(different) < _FEWEST:
        return None
    training = _Training(known.grid, known.known)
    # Another unit makes no two values alike that were not; what stands for a missing one does.
    if rows.max() / len(values) > known.known.max() / known.known.sum() + near:
        return None
    window, moved = _window_of(values, training), math.nan
    for names, units in (_named(), _unnamed()):
        unit = _closest(window, training, units)
        if unit.share < _LEAST_SHARE or unit.distance >= near:
            continue
        if math.isnan(moved):
            moved = _closest(window, training, _moves(training)).distance
        if unit.distance < _CLOSER * moved:
            return names[unit.place]
    return None


@cache
def _named() -> tuple[list[str], _Changed]:
    factors = np.array([*NAMED_FACTORS, *(1 / factor for factor in NAMED_FACTORS)])
    others = np.array(list(OTHER_CONVERSIONS.values()))
    names = [*OTHER_CONVERSIONS, *map(factor_name, factors.tolist())]
    offsets = np.concatenate([others[:, 1], np.zeros(len(factors))])
    return names, _Changed(np.concatenate([others[:, 0], factors]), offsets)


@cache
def _unnamed() -> tuple[list[str], _Changed]:
    large = np.geomspace(LEAST_FACTOR, _LARGEST, _steps(_LARGEST / LEAST_FACTOR))
    factors = np.concatenate([large, 1 / large])
    names = [factor_name(factor) for factor in factors.tolist()]
    return names, _Changed(factors, np.zeros(len(factors)))


def _moves(training: _Training) -> _Changed:
    growth = np.geomspace(1 / LEAST_FACTOR, LEAST_FACTOR, _steps(LEAST_FACTOR**2))[1:-1]
    shifts = _SHIFTS * training.deviation()
    factors = np.concatenate([growth, np.ones(len(shifts))])
    return _Changed(factors, np.concatenate([np.zeros(len(growth)), shifts]))


def _steps(ratio: float) -> int:
    return round(math.log(ratio, _STEP)) + 1


def _window_of(values: Floats, training: _Training) -> _Window:
    at = np.unique(np.quantile(values, np.linspace(0, 1, _POINTS), method="inverted_cdf"))
    now = np.searchsorted(np.sort(values), at, side="right") / len(values)
    return _Window(at, now, training.not_above(at))


def _closest(window: _Window, training: _Training, changed: _Changed) -> _Fit:
    """Fit the share of changed values for each way, and return the way that comes closest."""
    at, now, usual = window
    factors, offsets = changed.factors[:, None], changed.offsets[:, None]
    other = training.not_above((at - offsets) / factors)
    other = np.where(factors > 0, other, 1 - other) - usual
    length = np.maximum((other**2).sum(axis=1), np.finfo(float).tiny)
    share = np.clip(other @ (now - usual) / length, 0.0, 1.0)
    distance = np.abs(now - usual - share[:, None] * other).max(axis=1)
    place = int(np.argmin(distance))
    return _Fit(place, float(share[place]), float(distance[place]))
