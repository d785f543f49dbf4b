"""By how much two models differ on the same rows, over all and by segment: to be shown.

Gate 4 decides by the first of them and by a test over all segments together, see `compare.py`.
"""

import math
from dataclasses import dataclass

from sixgates.gates.compare import MIN_SEGMENT_ROWS, Paired
from sixgates.gates.policy import ComparisonPolicy
from sixgates.gates.statistics.clusters import ClusterBound

ALL = "all rows"


@dataclass(frozen=True, slots=True)
class Difference:
    """Challenger's loss less the champion's on some rows, in units of the loss."""

    rows: str
    """`ALL`, or a segment as `column=value`."""
    mean: float
    low: float | None
    """Below the difference at level 1 - alpha; None where one cluster shows no spread."""
    high: float | None
    """Above it at level 1 - alpha: over all rows what gate 4 holds against its margin."""
    n: int
    """Rows."""
    clusters: int


def differences(evidence: Paired, policy: ComparisonPolicy) -> tuple[Difference, ...]:
    """Return the difference over all rows, and of each segment that is large enough to be named.

    Empty where there are no rows, or a loss is not a number.

    >>> import numpy as np
    >>> from sixgates.gates.compare import PairedEvidence
    >>> found = differences(
    ...     PairedEvidence(np.array([0.0, 0.0, 0.1, 0.1]), np.array([1, 1, 2, 2]), 0.2, 0.25),
    ...     ComparisonPolicy(margin=0.02),
    ... )
    >>> [(d.rows, d.mean, d.clusters) for d in found]
    [('all rows', 0.05, 2)]
    """
    if not evidence.n or evidence.broken:
        return ()
    large = {
        name: rows
        for name, rows in sorted(evidence.segment_rows.items())
        if rows >= MIN_SEGMENT_ROWS
    }
    return (
        _difference(ALL, evidence.bound(policy.alpha), evidence.n),
        *(_difference(name, evidence.bound(policy.alpha, name), n) for name, n in large.items()),
    )


def _difference(name: str, bound: ClusterBound, rows: int) -> Difference:
    known = math.isfinite(bound.upper)
    return Difference(
        name, bound.mean, 2 * bound.mean - bound.upper if known else None,
        bound.upper if known else None, rows, bound.clusters,
    )  # fmt: skip
