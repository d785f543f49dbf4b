"""Means over the rows of all workers, with the errors that rows which go together leave to them.

Rows of one cluster may lie with any worker. So each part is reduced to sums by cluster, these are
dealt out by the hash of the cluster, and who holds all sums of a cluster reduces them further. Only
rows, clusters, sums and their products come here: as many numbers for any number of rows.
"""

from collections.abc import Mapping, Sequence
from operator import getitem
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from sixgates.adapters.engine.cluster import Cluster
from sixgates.gates.statistics.moments import ClusterMoments, Floats, Sums, gram_of

if TYPE_CHECKING:
    from distributed import Future

CLUSTER = "__cluster"
"""Column of what rows go together by; without it every row is its own cluster."""
_SUBSET, _ROWS = "__subset", "__rows"
_HANDS = 2
"""Tables of clusters for each worker."""
_T = TypeVar("_T")


def moments_on(
    cluster: Cluster,
    frames: "Sequence[Future]",
    figures: Sequence[str],
    subset: str | None = None,
    fewest: int = 1,
) -> dict[str, ClusterMoments]:
    """Return the moments of some columns, over all rows or by the values of a column.

    Args:
        cluster: Where the frames are.
        frames: Rows on workers, one at least.
        figures: Columns of finite numbers.
        subset: Column of text; all rows count under the empty text where it is not given.
        fewest: Rows of a subset below which it is left out.
    """
    tables = _tables(cluster, frames, [*figures], subset)
    sums = cluster.merged(_side_by_side, cluster.each(_sums, tables, [*figures]))
    large = {name: found for name, found in sums.items() if found.n >= fewest}
    if not large:
        return {}
    means = {name: found.means for name, found in large.items()}
    grams = cluster.merged(_side_by_side, cluster.each(_grams, tables, [*figures], means))
    return {
        name: ClusterMoments(found.n, found.clusters, means[name], grams[name])
        for name, found in large.items()
    }


def _tables(
    cluster: Cluster, frames: "Sequence[Future]", figures: list[str], subset: str | None
) -> "list[Future]":
    """Return tables on workers, with a row for each cluster and subset, no cluster in two."""
    hands = _HANDS * len(cluster.workers())
    dealt = cluster.each(_dealt, frames, figures, subset, hands)
    return [
        cluster.submit(_put_together, own, figures)
        for hand in range(hands)
        for own in [cluster.each(getitem, dealt, hand)]
    ]


def _dealt(
    frame: pl.DataFrame, figures: list[str], subset: str | None, hands: int
) -> list[pl.DataFrame]:
    name = pl.lit("") if subset is None else pl.col(subset)
    rows = frame.select(*figures, name.alias(_SUBSET), *([CLUSTER] * (CLUSTER in frame.columns)))
    if CLUSTER not in rows.columns:
        alone = rows.with_columns(pl.lit(1, pl.Int64).alias(_ROWS))
        return [alone, *[alone.clear()] * (hands - 1)]
    by_cluster = _added_up(rows.with_columns(pl.lit(1, pl.Int64).alias(_ROWS)), figures)
    hand = by_cluster[CLUSTER].hash() % hands
    return [by_cluster.filter(hand == own) for own in range(hands)]


def _put_together(parts: Sequence[pl.DataFrame], figures: list[str]) -> pl.DataFrame:
    every = pl.concat(parts)
    return _added_up(every, figures) if CLUSTER in every.columns else every


def _added_up(rows: pl.DataFrame, figures: list[str]) -> pl.DataFrame:
    # In the order of the rows: the same rows then give the same sums, to the last bit.
    grouped = rows.group_by(_SUBSET, CLUSTER, maintain_order=True)
    return grouped.agg(pl.col(_ROWS, *figures).sum())


def _sums(table: pl.DataFrame, figures: list[str]) -> dict[str, Sums]:
    found = table.group_by(_SUBSET, maintain_order=True).agg(
        pl.col(_ROWS).sum(), pl.len().alias("__n"), pl.col(figures).sum()
    )
    return {
        name: Sums(rows, clusters, np.array(totals, dtype=np.float64))
        for name, rows, clusters, *totals in found.iter_rows()
    }


def _grams(
    table: pl.DataFrame, figures: list[str], means: Mapping[str, Floats]
) -> dict[str, Floats]:
    found = {}
    for (name,), own in table.partition_by(_SUBSET, as_dict=True, maintain_order=True).items():
        if name in means:
            rows = own[_ROWS].to_numpy()
            found[str(name)] = gram_of(own.select(figures).to_numpy(), rows, means[str(name)])
    return found


def _side_by_side(a: "dict[str, _T]", b: "dict[str, _T]") -> "dict[str, _T]":
    both = {name: a[name] + b[name] for name in a.keys() & b.keys()}  # type: ignore[operator]
    return {**a, **b, **both}
