"""How far, and how unusually far, each feature of a window is from the training windows.

How far is the stability index, in its own units. How unusual is another question: each feature's
index is put in units of its own wobble over all windows, and the largest stands for its window.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from sixgates.gates.profile.distance import stability

_FEWEST = 3
"""Windows below which there is no wobble to speak of."""
_TO_SIGMA = 1.4826
"""From the median absolute deviation to the standard deviation, where deviations are normal."""
_LEAST_WOBBLE = 1e-4
"""Of a stability index: below it, a feature that never moves would speak at its first change."""
_APART = 1.0
"""Stability index of two windows that have little in common."""
_FALSE_NAMES = 0.05
"""Share of the named features that may be named wrongly, on average."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Indices:
    """Stability index of every window and feature against the training windows."""

    values: Floats
    """Of shape (windows, features); below 0 where less than chance moved, NaN without rows."""

    def ranked(self, earlier: Sequence[int], newest: int) -> tuple[float, list[float]]:
        """Return the largest score of a window over its features, and those of earlier ones."""
        if not self.values.shape[1]:
            return math.nan, []
        largest = np.nanmax(_scores(self.values[[*earlier, newest]]), axis=1, initial=-math.inf)
        found = np.where(np.isinf(largest), math.nan, largest).tolist()
        return found[-1], found[:-1]

    def moved(self, earlier: Sequence[int], newest: int, floor: float) -> list[int]:
        """Return the features that moved, furthest first.

        Their index reaches the floor, and the Benjamini-Hochberg rule at 5 % names them by the
        chance of their scores under a normal wobble. It only names; it never alerts.
        """
        now = self.values[newest]
        scores = _scores(self.values[[*earlier, newest]])[-1]
        chances = np.nan_to_num(ndtr(-scores), nan=1.0)
        order = np.argsort(chances)
        bounds = _FALSE_NAMES * np.arange(1, len(order) + 1) / max(1, len(order))
        within = np.flatnonzero(chances[order] <= bounds)
        named = order[: within[-1] + 1] if within.size else order[:0]
        return sorted((int(i) for i in named if now[i] >= floor), key=lambda i: -now[i])


def indices(counts: Sequence[Sequence[Sequence[int]]], past: int, places: Sequence[int]) -> Indices:
    """Compare every window with the training windows, a training window with the others.

    Args:
        counts: By window, feature and group; the training windows first, oldest first.
        past: How many of them are training windows.
        places: Place of each window in its season; each is compared with the training windows at
            the same place.
    """
    stacked, at = _stacked(counts), np.asarray(places)
    found = np.full(stacked.shape[:2], math.nan)
    for place in set(places):
        here = np.flatnonzero(at == place)
        trained = here < past
        reference = stacked[here[trained]].sum(axis=0)
        # Against data with itself among it a window would look too quiet.
        others = reference - stacked[here] * trained[:, None, None]
        found[here] = stability(others, stacked[here])
    return Indices(found)


def marks_time(counts: Sequence[Sequence[Sequence[int]]]) -> list[int]:
    """Return the features by which the training windows hardly overlap: months, growing counters.

    Their newest values are always beyond all before. They say when a row came, and no more.

    Args:
        counts: By training window, feature and group.
    """
    if len(counts) < _FEWEST:
        return []
    found = indices(counts, len(counts), [0] * len(counts)).values
    return [int(i) for i in np.flatnonzero(np.median(found, axis=0) >= _APART)]


def _stacked(counts: Sequence[Sequence[Sequence[int]]]) -> Floats:
    """Return the counts in one array of (windows, features, groups), padded with zeros."""
    groups = max((len(of_one) for window in counts for of_one in window), default=0)
    features = max((len(window) for window in counts), default=0)
    stacked = np.zeros((len(counts), features, groups))
    for j in range(features):
        width = len(counts[0][j])
        stacked[:, j, :width] = [window[j] for window in counts]
    return stacked


def _scores(values: Floats) -> Floats:
    """Return the indices in units of each feature's wobble over all these windows.

    All of them, the newest too: every window is then treated alike, which the ranks rely on.
    """
    if len(values) < _FEWEST:
        return np.full(values.shape, math.nan)
    centre = _medians(values)
    wobble = _TO_SIGMA * _medians(np.abs(values - centre))
    scores: Floats = (values - centre) / np.maximum(wobble, _LEAST_WOBBLE)
    return scores


def _medians(values: Floats) -> Floats:
    """Return the median of each column without its NaN, many times faster than `np.nanmedian`."""
    ordered = np.sort(values, axis=0)  # NaN last
    if not np.isnan(ordered[-1:]).any():
        rows = len(values)
        return np.asarray((ordered[(rows - 1) // 2] + ordered[rows // 2]) / 2)
    known = np.count_nonzero(~np.isnan(values), axis=0)
    middle = np.stack([np.maximum(known - 1, 0) // 2, known // 2])
    low, high = np.take_along_axis(ordered, middle, axis=0)
    found: Floats = (low + high) / 2
    return found
