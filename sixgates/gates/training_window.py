"""How far back a challenger learns: as far as it does not lose by it on the newest known rows."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.gates.project import Project
from sixgates.gates.retrain import SinceDrift
from sixgates.gates.statistics.clusters import ClusterBound, cluster_bound
from sixgates.gates.timesplit import naive_utc

_ALPHA = 0.05
"""Of a bound that is not used: the error is."""


@dataclass(frozen=True, slots=True)
class DriftWindow:
    """The training rows since a drift began, as a window of their own."""

    since: datetime
    """Event time, naive UTC."""
    rows: int
    """The newest so many training rows have come since then."""
    left_out: str = ""
    """Why it is not tried; empty where it is."""


def drift_window(
    project: Project, train: pl.DataFrame, since: datetime | None
) -> DriftWindow | None:
    """Return the window that a drift opens in the training rows.

    Args:
        project: Its policies say whether it is tried, and how many rows it must have.
        train: Training rows in event-time order.
        since: When the drift began, naive UTC, as the alert says that asked for the run.

    Returns:
        None where the policy does not ask for it, or no alert says when a drift began.
    """
    if since is None or not project.policies.training.since_drift:
        return None
    rows = int((naive_utc(train, project.roles.event_time) >= since).sum())
    sizes = share_sizes(train.height, project.policies.training.newest_shares)
    return drift_window_of(project, rows, sizes, since)


def drift_window_of(
    project: Project, rows: int, sizes: Sequence[int], since: datetime
) -> DriftWindow:
    """Return the window of so many training rows since a drift, and whether it is tried.

    Args:
        project: Its policies say how many rows it must have.
        rows: Training rows that have come since then.
        sizes: Of how many newest rows the windows are that are tried anyway.
        since: When the drift began, naive UTC.
    """
    left_out, needed = "", project.policies.validation.min_rows
    if not rows:
        left_out = "all rows since then are set aside, for validation and for the holdout"
    elif rows < needed:
        left_out = f"they are too few, {needed:,} are needed (`validation.min_rows`)"
    elif rows in sizes:
        left_out = "a window of as many rows is tried anyway"
    return DriftWindow(since, rows, left_out)


def share_sizes(rows: int, shares: Sequence[float]) -> list[int]:
    """Return of how many rows each newest share is, the largest first; at least one row.

    >>> share_sizes(3, (0.6, 1.0))
    [3, 2]
    """
    return sorted({max(1, round(share * rows)) for share in shares}, reverse=True)


def choose_window(losses: Mapping[int, NDArray[np.float64]], clusters: NDArray[np.int64]) -> int:
    """Return of how many rows the window is that is taken, see `largest_as_good`.

    Args:
        losses: By the number of training rows, the largest first: what was learnt from the newest
            so many loses on the validation rows.
        clusters: Which validation rows go together.
    """
    sizes = list(losses)
    if len(sizes) == 1:  # nothing to choose
        return sizes[0]
    return sizes[largest_as_good(list(losses.values()), clusters)]


def worth_of(
    drift: DriftWindow,
    losses: Mapping[int, NDArray[np.float64]],
    clusters: NDArray[np.int64],
    chosen: int,
) -> SinceDrift:
    """Hold the rows since a drift against the window that is taken, or would be without them.

    Args:
        drift: They; tried among `losses` unless it says why not.
        losses: See `choose_window`.
        clusters: The same.
        chosen: Rows of the window that is taken.
    """
    other = chosen
    if not drift.left_out and chosen == drift.rows:
        other = choose_window(
            {rows: loss for rows, loss in losses.items() if rows != drift.rows}, clusters
        )
    return worth_by_means(
        drift, {rows: _mean(loss) for rows, loss in losses.items()}, chosen, other
    )


def worth_by_means(
    drift: DriftWindow, means: Mapping[int, float | None], chosen: int, other: int
) -> SinceDrift:
    """Hold the rows since a drift against another window, as `worth_of` does.

    Args:
        drift: They.
        means: By the number of training rows: mean loss on the validation rows, None where there is
            none, or one is not finite.
        chosen: Rows of the window that is taken.
        other: Rows of the window that is taken, or would be without those since the drift.
    """
    return SinceDrift(
        since=drift.since.isoformat(sep=" "),
        rows=drift.rows,
        loss=None if drift.left_out else means[drift.rows],
        other_rows=other,
        other_loss=means[other],
        taken=not drift.left_out and chosen == drift.rows,
        left_out=drift.left_out,
    )


def _mean(losses: NDArray[np.float64]) -> float | None:
    return float(losses.mean()) if len(losses) and np.isfinite(losses).all() else None


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
    means = [_mean(loss) for loss in losses]
    return first_as_good(
        [math.nan if mean is None else mean for mean in means],
        lambda one, best: cluster_bound(losses[one] - losses[best], clusters, _ALPHA),
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
