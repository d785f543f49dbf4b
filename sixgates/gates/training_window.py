"""How far back a challenger learns: as far as it does not lose by it on the newest known rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.gates.project import Project
from sixgates.gates.retrain import SinceDrift
from sixgates.gates.statistics.clusters import cluster_bound
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
    policies = project.policies
    if since is None or not policies.training.since_drift:
        return None
    rows = int((naive_utc(train, project.roles.event_time) >= since).sum())
    left_out, needed = "", policies.validation.min_rows
    if not rows:
        left_out = "all rows since then are set aside, for validation and for the holdout"
    elif rows < needed:
        left_out = f"they are too few, {needed:,} are needed (`validation.min_rows`)"
    elif rows in share_sizes(train.height, policies.training.newest_shares):
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
    taken, other = not drift.left_out and chosen == drift.rows, chosen
    if taken:
        others = {rows: loss for rows, loss in losses.items() if rows != drift.rows}
        other = choose_window(others, clusters)
    return SinceDrift(
        since=drift.since.isoformat(sep=" "),
        rows=drift.rows,
        loss=None if drift.left_out else _mean(losses[drift.rows]),
        other_rows=other,
        other_loss=_mean(losses[other]),
        taken=taken,
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
    usable = [len(loss) > 0 and bool(np.isfinite(loss).all()) for loss in losses]
    if not any(usable):
        return 0
    means = [loss.mean() if ok else np.inf for loss, ok in zip(losses, usable, strict=True)]
    best = int(np.argmin(means))
    for place, (loss, ok) in enumerate(zip(losses, usable, strict=True)):
        if ok:
            bound = cluster_bound(loss - losses[best], clusters, _ALPHA)
            if bound.mean <= bound.se:
                return place
    return best
