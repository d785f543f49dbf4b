"""Evidence that the inputs have moved: windows that are unlike all before, one after another.

Each feature's stability index against the training windows is put in units of its own usual
wobble; the largest of them stands for its window. Its place among all windows so far becomes a
stake (`ranks.py`), and stakes of one window after another multiply. How far an index is from the
reference is another question, and is answered in its own units.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.profile.distance import stability
from sixgates.gates.profile.groups import Window
from sixgates.gates.statistics.ranks import e_cusum, rank_evalue

_FEWEST = 3
"""Windows below which there is no wobble to speak of."""
_TO_SIGMA = 1.4826
"""From the median absolute deviation to the standard deviation, where deviations are normal."""
_LEAST_WOBBLE = 1e-4
"""Of a stability index: below it, a feature that never moves would speak at its first change."""


@dataclass(frozen=True, slots=True)
class InputEvidence:
    """What the windows since the training say."""

    log_e: float
    """Logarithm of the evidence after the newest window; 0 before the first."""
    indices: NDArray[np.float64]
    """Stability index of each feature in the newest window, clipped at 0."""
    scores: NDArray[np.float64]
    """The same in units of the feature's wobble; NaN with fewer than three windows."""


def input_evidence(
    past: Sequence[Window], live: Sequence[Window], seasons: int = 1
) -> InputEvidence:
    """Weigh the windows that came after the training against those of the training.

    Args:
        past: Windows of the training data, one behind the other, oldest first.
        live: Those since then, oldest first; at least one.
        seasons: Windows after which a season begins anew: each is compared with the training
            windows at the same place of the season. 1 compares with all of them.
    """
    counts = _stacked([*past, *live])
    indices = _indices(counts, len(past), seasons)
    evalues, scores = [], np.full(indices.shape[1], math.nan)
    for n in range(len(past) + 1, len(counts) + 1):
        scores = _scores(indices[:n])
        largest = [_largest(row) for row in scores]
        evalues.append(rank_evalue(largest[-1], largest[:-1]))
        scores = scores[-1]
    return InputEvidence(e_cusum(evalues), np.maximum(indices[-1], 0.0), scores)


def _stacked(windows: Sequence[Window]) -> NDArray[np.float64]:
    """Return the counts in one array of (windows, features, groups), padded with zeros."""
    groups = max((len(c) for w in windows for c in w.counts), default=0)
    stacked = np.zeros((len(windows), len(windows[0].counts), groups))
    for i, window in enumerate(windows):
        for j, counts in enumerate(window.counts):
            stacked[i, j, : len(counts)] = counts
    return stacked


def _indices(counts: NDArray[np.float64], past: int, seasons: int) -> NDArray[np.float64]:
    """Return the index of each window and feature against the training windows but itself."""
    indices = np.empty(counts.shape[:2])
    for place in range(seasons):
        own = slice(place, past, seasons)
        reference = counts[own].sum(axis=0)
        for i in range(place, len(counts), seasons):
            others = reference - counts[i] if i < past else reference
            indices[i] = stability(others, counts[i])
    return indices


def _scores(indices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the indices in units of each feature's wobble over all these windows.

    All of them, the newest too: every window is then treated alike, which the ranks rely on.
    """
    if len(indices) < _FEWEST:
        return np.full(indices.shape, math.nan)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # a feature of NaN only
        centre = np.nanmedian(indices, axis=0)
        wobble = _TO_SIGMA * np.nanmedian(np.abs(indices - centre), axis=0)
    scores: NDArray[np.float64] = (indices - centre) / np.maximum(wobble, _LEAST_WOBBLE)
    return scores


def _largest(scores: NDArray[np.float64]) -> float:
    numbers = scores[~np.isnan(scores)]
    return float(numbers.max()) if numbers.size else math.nan
