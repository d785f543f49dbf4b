"""Rows that agree in some columns, wherever they lie: dealt out by the hash of what they hold.

A hash has 64 bits: among 20 million rows two that differ meet once in 92,000 tries.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import getitem
from typing import TYPE_CHECKING, Any

import polars as pl
import polars.selectors as cs

from sixgates.adapters.engine.cluster import Cluster
from sixgates.adapters.engine.source_rows import SourceRows
from sixgates.gates.data.period_counts import REPEATED
from sixgates.gates.data.period_labels import PERIOD
from sixgates.gates.project import Project

if TYPE_CHECKING:
    from distributed import Future

_HASH, _PIECE, _PLACE = "__hash", "__piece", "__place"
_HANDS = 2
"""Tables of hashes for each worker."""


def found_twice(rows: SourceRows, names: Sequence[str]) -> "list[Future]":
    """Find all rows that agree with another in some columns; a null agrees with a null, as NaN.

    Returns:
        Tables on workers, for `marked_twice`.
    """
    hands = _HANDS * len(rows.cluster.workers())
    dealt = rows.on_pieces(_dealt, list(names), hands, beside=range(len(rows.pieces)))
    return _each_hand(rows.cluster, _twice, dealt, hands)


def marked_twice(tables: Sequence[pl.DataFrame], piece: int, rows: int) -> pl.Series:
    """Return which rows of a piece were found, by its place among the pieces."""
    own = pl.concat([table.filter(pl.col(_PIECE) == piece)[_PLACE] for table in tables])
    marks = pl.repeat(value=False, n=rows, eager=True)
    return marks.scatter(own.sort(), True)  # noqa: FBT003


def come_again(cluster: Cluster, dealt: "Sequence[Future]", hands: int) -> pl.DataFrame:
    """Count the rows of each period of which an earlier one is the same.

    Args:
        cluster: Where the hashes are.
        dealt: As `dealt_by_hash` returns them, in the order of time, one at least.
        hands: As many as these were dealt out to.
    """
    found: list[pl.DataFrame] = cluster.gather(_each_hand(cluster, _again, dealt, hands))
    return pl.concat(found)


def dealt_by_hash(chosen: pl.DataFrame, names: Sequence[str], hands: int) -> list[pl.DataFrame]:
    """Return the hash of each row, with its period, for each of some hands."""
    hashes = chosen.select(names).hash_rows()
    found = chosen.select(PERIOD).with_columns(hashes.alias(_HASH))
    return [found.filter(hashes % hands == hand) for hand in range(hands)]


def _each_hand(
    cluster: Cluster, function: Callable[..., Any], dealt: "Sequence[Future]", hands: int
) -> "list[Future]":
    own = [cluster.each(getitem, dealt, hand) for hand in range(hands)]
    return cluster.each(function, own)


def _dealt(
    rows: pl.DataFrame, _project: Project, _now: datetime, piece: int, names: list[str], hands: int
) -> list[pl.DataFrame]:
    hashes = rows.select(names).with_columns(cs.float().fill_nan(None)).hash_rows()
    found = pl.DataFrame({_PIECE: pl.repeat(piece, len(hashes), eager=True), _HASH: hashes})
    found = found.with_row_index(_PLACE)
    return [found.filter(hashes % hands == hand) for hand in range(hands)]


def _twice(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    every = pl.concat(parts)
    return every.filter(every[_HASH].is_duplicated()).select(_PIECE, _PLACE)


def _again(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    every = pl.concat(parts)
    again = every.filter(~every[_HASH].is_first_distinct())
    return again.group_by(PERIOD).agg(pl.len().alias(REPEATED))
