"""Do the stated probabilities come true?

A model can rank rows perfectly and still say 90 % where 60 % happens; whoever acts on the figure is
then wrong each time. Two measures: the difference of the means, and the expected calibration error
over bins of equal mass (Naeini, Cooper and Hauskrecht, AAAI 2015). Both are judged by an upper
bound. The calibration error of a finite sample lies above the true one, so its bound is cautious.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sixgates.gates.card import Task
from sixgates.gates.project import Project
from sixgates.gates.statistics.clusters import ClusterBound, cluster_bound
from sixgates.gates.verdict import Check, Outcome, number, numbers

_ALPHA = 0.05
_Z = 1.645
"""One-sided 95 % point of the normal distribution."""
_BINS = 10
_BIN_ROWS = 100
"""Fewer bins are made where ten would hold fewer rows each: small bins measure their own noise."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probabilities of one outcome and whether it came, row by row."""

    name: str
    """Empty for a binary label, else the class that stands against the rest."""
    predicted: np.ndarray
    happened: np.ndarray
    """0 or 1, float64."""

    @property
    def means(self) -> tuple[float, float]:
        """Mean of what was said, and of what came."""
        return float(self.predicted.mean()), float(self.happened.mean())

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.predicted)

    def gap(self, clusters: np.ndarray | None, alpha: float) -> ClusterBound:
        """Bound the mean of what was said less what came."""
        # Without clusters every row is its own.
        own = np.arange(self.n) if clusters is None else clusters
        return cluster_bound(self.predicted - self.happened, own, alpha)

    def error(self) -> tuple[float, float, int]:
        """See `calibration_error`."""
        return calibration_error(self.predicted, self.happened)


class Calibrated(Protocol):
    """Probabilities of one outcome and whether it came, as far as they are judged."""

    @property
    def name(self) -> str:
        """Empty for a binary label, else the class that stands against the rest."""

    @property
    def means(self) -> tuple[float, float]:
        """Mean of what was said, and of what came."""

    @property
    def n(self) -> int:
        """Rows."""

    def gap(self, clusters: np.ndarray | None, alpha: float) -> ClusterBound:
        """Bound the mean of what was said less what came."""

    def error(self) -> tuple[float, float, int]:
        """See `calibration_error`."""


def calibrations(
    project: Project, labels: np.ndarray, predictions: np.ndarray, classes: tuple[str, ...]
) -> tuple[Calibration, ...]:
    """Return what can be calibrated: one outcome for binary labels, each class for several.

    Regression has no probabilities: nothing.
    """
    if project.task is Task.REGRESSION:
        return ()
    if project.task is Task.BINARY:
        return (Calibration("", predictions.reshape(-1), labels.astype(np.float64)),)
    return tuple(
        Calibration(name, predictions[:, j], (labels == name).astype(np.float64))
        for j, name in enumerate(classes)
    )


def judge_calibration(
    found: Sequence[Calibrated], limit: float, clusters: np.ndarray | None
) -> list[Check]:
    """Hold the difference of the means and the calibration error of each outcome against a limit.

    Of several classes the worst is shown for each measure; all of them must clear the limit.

    Args:
        found: finite probabilities and labels, at least one row.
        limit: largest difference of probability, in (0, 1].
        clusters: codes of rows that go together; None takes rows as independent.
    """
    if not found:
        return []
    in_the_large = [_means(one, limit, clusters) for one in found]
    binned = [_bins(one, limit) for one in found]
    return [_worst(in_the_large), _worst(binned)]


def calibration_error(predicted: np.ndarray, happened: np.ndarray) -> tuple[float, float, int]:
    """Return the expected calibration error, its standard error, and how many bins it has.

    Rows are sorted by their probability and cut into B bins of equal size; with the bins' shares w
    and the differences d of mean probability and frequency,

        error = sum w |d|,   se = sqrt( sum w² var(y - p in the bin) / n of the bin )

    >>> p = np.repeat([0.2, 0.8], 500)
    >>> y = np.tile([1.0, 0, 0, 0, 0], 200)
    >>> error, se, bins = calibration_error(p, y)
    >>> round(error, 3), bins
    (0.3, 10)
    """
    n = len(predicted)
    order = np.argsort(predicted, kind="stable")
    bins = bins_for(n)
    error = variance = 0.0
    for rows in np.array_split(order, bins):
        gaps = happened[rows] - predicted[rows]
        share = len(rows) / n
        error += share * abs(float(gaps.mean()))
        spread = float(gaps.var(ddof=1)) if len(rows) > 1 else np.inf
        variance += share**2 * spread / len(rows)
    return error, float(np.sqrt(variance)), bins


def bins_for(rows: int) -> int:
    """Return into how many bins the rows are cut."""
    return min(_BINS, max(1, rows // _BIN_ROWS))


def _means(one: Calibrated, limit: float, clusters: np.ndarray | None) -> Check:
    bound = one.gap(clusters, _ALPHA)
    upper = abs(bound.mean) + (bound.upper - bound.mean)
    said, came = numbers(*one.means)
    what = f"mean probability{_of(one)} {said} against {came} that came"
    return _check("calibration in the large", what, upper, limit, one.n)


def _bins(one: Calibrated, limit: float) -> Check:
    error, se, bins = one.error()
    what = f"calibration error{_of(one)} {number(error)} over {bins} bins"
    return _check("calibration error", what, error + _Z * se, limit, one.n)


def _of(one: Calibrated) -> str:
    return f" of {one.name}" if one.name else ""


def _check(name: str, what: str, upper: float, limit: float, n: int) -> Check:
    passed = upper <= limit
    said, at = numbers(upper, limit)
    sign = "<=" if passed else ">"
    sentence = f"{what}: upper 95 % bound {said} {sign} limit {at} (n = {n:,})"
    seen = upper if np.isfinite(upper) else None
    return Check(name, Outcome.PASS if passed else Outcome.FAIL, seen, limit, n, sentence)


def _worst(checks: list[Check]) -> Check:
    return max(checks, key=lambda c: np.inf if c.seen is None else c.seen)
