"""What gates 3 and 4 judge of rows that are in no one place: put together of their parts.

Each stands for what one process has as arrays, and answers the same questions.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.calibration import bins_for, judge_calibration
from sixgates.gates.errors import ContractError
from sixgates.gates.evaluate import ALPHA, Excess, Limit, Z
from sixgates.gates.footprint import Footprint
from sixgates.gates.statistics.clusters import ClusterBound
from sixgates.gates.statistics.moments import ClusterMoments
from sixgates.gates.verdict import Check

CELLS = 4_096
"""Cells of probability in which rows are put together, all of one width."""


@dataclass(frozen=True, slots=True)
class PairedMoments:
    """What `PairedEvidence` holds."""

    n: int
    broken: int
    champion_loss: float
    challenger_loss: float
    whole: ClusterMoments | None
    """Of the differences, the first of its figures; None without rows, or where any is broken."""
    segments: dict[str, ClusterMoments] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()

    @property
    def segment_rows(self) -> dict[str, int]:
        """Rows of each segment."""
        return {name: moments.n for name, moments in self.segments.items()}

    def bound(self, alpha: float, segment: str | None = None) -> ClusterBound:
        """Bound the mean difference, over all rows or those of a segment."""
        moments = self.whole if segment is None else self.segments[segment]
        if moments is None:
            raise ContractError("there is no difference to bound: ask for `n` and `broken` first")
        return moments.bound([1.0, *[0.0] * (len(moments.means) - 1)], alpha)


@dataclass(frozen=True, slots=True)
class CalibrationMoments:
    """What `Calibration` holds."""

    name: str
    moments: ClusterMoments
    """Of what was said and what came."""
    cells: NDArray[np.float64]
    """As `calibration_cells` counts them, of shape (3, CELLS)."""

    @property
    def means(self) -> tuple[float, float]:
        """Mean of what was said, and of what came."""
        return float(self.moments.means[0]), float(self.moments.means[1])

    @property
    def n(self) -> int:
        """Rows."""
        return self.moments.n

    def gap(self, clusters: np.ndarray | None, alpha: float) -> ClusterBound:  # noqa: ARG002 - in it
        """Bound the mean of what was said less what came; the clusters are in the moments."""
        return self.moments.bound([1.0, -1.0], alpha)

    def error(self) -> tuple[float, float, int]:
        """See `calibration_error`: the bins are put together from whole cells and shares of them.

        >>> from sixgates.gates.statistics.moments import moments_of_rows
        >>> p = np.repeat([0.2, 0.8], 500)
        >>> y = np.tile([1.0, 0, 0, 0, 0], 200)
        >>> moments = moments_of_rows(np.column_stack([p, y]), np.arange(1_000))
        >>> error, _, bins = CalibrationMoments("", moments, calibration_cells(p, y)).error()
        >>> round(error, 3), bins
        (0.3, 10)
        """
        rows, gaps, squares = self.cells
        n = float(rows.sum())
        bins = bins_for(int(n))
        # How much of each cell falls into each bin: bins are stretches of the sorted rows.
        ends = np.cumsum(rows)
        edges = np.linspace(0, n, bins + 1)
        upper = np.minimum(ends[None, :], edges[1:, None])
        lower = np.maximum((ends - rows)[None, :], edges[:-1, None])
        shares = np.maximum(upper - lower, 0) / np.maximum(rows, 1)[None, :]
        size = shares @ rows
        mean = (shares @ gaps) / size
        spread = (shares @ squares - size * mean**2) / np.maximum(size - 1, 1)
        weight = size / n
        variance = np.where(size > 1, weight**2 * np.maximum(spread, 0) / size, np.inf)
        return float((weight * np.abs(mean)).sum()), float(np.sqrt(variance.sum())), bins


@dataclass(frozen=True, slots=True)
class HoldoutMoments:
    """What `HoldoutEvidence` holds."""

    n: int
    broken: tuple[int, int]
    by_entity: bool
    whole: ClusterMoments | None
    """Of the loss and that of the base rate; None without rows, or where any is broken."""
    segments: dict[str, ClusterMoments] = field(default_factory=dict)
    calibration: tuple[CalibrationMoments, ...] = ()
    footprint: Footprint | None = None

    @property
    def means(self) -> tuple[float, float, float | None]:
        """Mean loss and that of the base rate; the last known label is not put together."""
        if self.whole is None:
            return math.nan, math.nan, None
        return float(self.whole.means[0]), float(self.whole.means[1]), None

    @property
    def segment_rows(self) -> dict[str, int]:
        """Rows of each segment."""
        return {name: moments.n for name, moments in self.segments.items()}

    def excess(self, limit: Limit, segment: str | None = None) -> Excess:
        """Compare the mean loss with a limit, over all rows or those of a segment."""
        moments = self.whole if segment is None else self.segments[segment]
        if moments is None:
            raise ContractError("there is no loss to compare: ask for `n` and `broken` first")
        loss, base = map(float, moments.means)
        weights = [1.0, 0.0] if limit.times is None else [1.0, -limit.times]
        bound = moments.bound(weights, ALPHA)
        upper = loss + (bound.upper - bound.mean if self.by_entity else Z * bound.se)
        stated = limit.value if limit.times is None else base * limit.times
        return Excess(loss, upper, stated, moments.n, bound.clusters if self.by_entity else None)

    def judge_calibration(self, limit: float) -> list[Check]:
        """Hold the stated probabilities against a limit."""
        return judge_calibration(self.calibration, limit, None)


def calibration_cells(predicted: np.ndarray, happened: np.ndarray) -> NDArray[np.float64]:
    """Count rows by cells of probability, which add up over parts of the rows.

    Args:
        predicted: In [0, 1].
        happened: 0 or 1.

    Returns:
        For each cell its rows, the sum of happened less predicted, and the sum of its squares.
    """
    places = np.clip((predicted * CELLS).astype(np.int64), 0, CELLS - 1)
    gaps = happened - predicted
    return np.stack([
        np.bincount(places, minlength=CELLS).astype(np.float64),
        np.bincount(places, weights=gaps, minlength=CELLS),
        np.bincount(places, weights=gaps**2, minlength=CELLS),
    ])  # fmt: skip
