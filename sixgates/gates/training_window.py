"""How far back a challenger learns: as far as it does not lose by it on the newest known rows."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.gates.statistics.clusters import ClusterBound, cluster_bound

_ALPHA = 0.05
"""Of a bound that is not used: the error is."""


def newest_parts(train: pl.DataFrame, shares: Sequence[float]) -> Iterator[pl.DataFrame]:
    """Yield the newest share of rows in event-time order, the largest first; at least one row.

    >>> [part["x"].to_list() for part in newest_parts(pl.DataFrame({"x": [1, 2, 3]}), (0.6, 1.0))]
    [[1, 2, 3], [2, 3]]
    """
    for share in sorted(set(shares), reverse=True):
        yield train.tail(max(1, round(share * train.height)))


def largest_as_good(losses: Sequence[NDArray[np.float64]], clusters: NDArray[np.int64]) -> int:
    """Choose among models by what they lose on the same rows: the first as good as the best.

    One that loses more than the best does is taken all the same where the mean of the paired
    differences is at most their cluster-robust standard error: more rows then cost nothing that can
    be seen, and what was learnt from more of them swings less from run to run.

    Args:
        losses: Of each model by row, in units of the loss, the model of the most rows first. One
            with a loss that is not finite is never the best, and never as good.
        clusters: Which rows go together, see `holdout_clusters`.

    Returns:
        The place of the choice; 0 where no model has finite losses, or there are no rows.

    >>> rows, often = np.arange(100), np.tile([0.0, 1.0], 50)
    >>> largest_as_good([often + 0.01 * (rows % 7), often], rows)
    1
    >>> largest_as_good([often, 1 - often], rows)
    0
    """
    usable = [len(loss) > 0 and bool(np.isfinite(loss).all()) for loss in losses]
    means = [
        float(loss.mean()) if ok else math.nan for loss, ok in zip(losses, usable, strict=True)
    ]
    return first_as_good(
        means, lambda one, best: cluster_bound(losses[one] - losses[best], clusters, _ALPHA)
    )


def first_as_good(means: Sequence[float], bound: Callable[[int, int], ClusterBound]) -> int:
    """Choose as `largest_as_good` does, from what was put together of parts of the rows.

    Args:
        means: Loss of each model, NaN where one of its losses is not finite.
        bound: Bounds what one model, by its place, loses more than another one.
    """
    usable = [math.isfinite(mean) for mean in means]
    if not any(usable):
        return 0
    best = int(np.nanargmin(np.where(usable, means, np.inf)))
    for place, ok in enumerate(usable):
        if ok:
            found = bound(place, best)
            if found.mean <= found.se:
                return place
    return best
