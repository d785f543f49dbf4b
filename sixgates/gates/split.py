"""What the random split shows: every unit once, and beside that every row.

Users are sticky: a unit that returns brings the same habits to the same arm, so its arm is no
longer random given what was seen of it. What decides therefore holds each unit once, in the first
period in which it is seen while there is a split. All rows, which are many more and find a fault
that only returning users meet, may only show harm that is far beyond what habits explain.

Frames hold one row an answered request and row, with `epoch`, `period`, `entity`, `share` (of the
trial), `on_trial`, and `split`: False for the control's own record from before the split, which is
no evidence but teaches the bets what the control is like.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl

from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.statistics.units import LossBatch

_STRATUM = ["epoch", "period"]
_Rows = TypeVar("_Rows", pl.DataFrame, pl.LazyFrame)


class Counted(NamedTuple):
    """Bad and all of one quantity by epoch and period; the control's record comes first."""

    once: tuple[ArmCounts, ...]
    """Each unit once; bad if any of its rows in its first period is. An unfinished period counts as
    it stands."""
    every: tuple[ArmCounts, ...]
    """All rows."""


class Losses(NamedTuple):
    """Mean losses of units by epoch and period; the control's record comes first."""

    once: tuple[LossBatch, ...]
    """Each unit once, in its first matured period."""
    every: tuple[LossBatch, ...]
    """Each unit in each of its matured periods."""


def count(answered: pl.DataFrame, *columns: str) -> list[Counted]:
    """Count where each of some columns is true, by units and by rows."""
    keys = ["split", *_STRATUM, "entity", "on_trial"]
    every = answered.lazy().select(*keys, *columns)
    once = _first_of_each(every.group_by(keys).agg(pl.col(columns).any()))
    found = pl.collect_all([_batches(once, columns), _batches(every, columns)])
    return [Counted(*(_arms(batches, column) for batches in found)) for column in columns]


def mean_by_unit(losses: pl.DataFrame) -> pl.DataFrame:
    """Return one row a unit, epoch and period, with its mean `loss`."""
    keys = ["split", *_STRATUM, "entity", "on_trial", "share"]
    return losses.group_by(keys).agg(pl.col("loss").mean()).sort("split", *keys[1:5])


def loss_batches(units: pl.DataFrame, clip: float) -> Losses:
    """Batch what `mean_by_unit` returns; losses are scaled by the clip to [0, 1]."""
    return Losses(_scaled(_first_of_each(units), clip), _scaled(units, clip))


def period_differences(units: pl.DataFrame) -> np.ndarray:
    """Trial minus control per period, each unit once, in units of the loss.

    Epochs of one period are weighted by their harmonic counts: pooling raw means over shares would
    let a drifting base rate look like an effect.
    """
    on = pl.col("on_trial")
    strata = (
        _first_of_each(units)
        .filter("split")
        .group_by(_STRATUM)
        .agg(
            d=pl.col("loss").filter(on).mean() - pl.col("loss").filter(~on).mean(),
            nt=on.sum(),
            nc=(~on).sum(),
        )
    )
    weighted = strata.filter(pl.col("nt") > 0, pl.col("nc") > 0).with_columns(
        w=pl.col("nt") * pl.col("nc") / (pl.col("nt") + pl.col("nc"))
    )
    by_period = weighted.group_by("period").agg(
        x=(pl.col("d") * pl.col("w")).sum() / pl.col("w").sum()
    )
    return by_period.sort("period")["x"].to_numpy()


def unit_shares(answered: pl.DataFrame) -> tuple[tuple[int, int, float], ...]:
    """Return units in the trial, units in all and the share there should be, of each epoch."""
    units = (
        answered.filter("split")
        .group_by("epoch", "share")
        .agg(
            a=pl.col("entity").filter("on_trial").n_unique(),
            b=pl.col("entity").n_unique(),
        )
        .sort("epoch")
    )
    return tuple(units.select("a", "b", "share").iter_rows())


def new_units_per_period(answered: pl.DataFrame, epoch: int) -> float:
    """Return the units not seen in an earlier split, per period of an epoch; 0 where none is."""
    firsts = _first_of_each(answered).filter("split", pl.col("epoch") == epoch)
    periods = answered.filter("split", pl.col("epoch") == epoch)["period"].n_unique()
    return firsts.height / max(1, periods)


def _first_of_each(units: _Rows) -> _Rows:
    """Keep the first period of each unit, before the split and in it."""
    in_order = units.sort("split", "period", "epoch", "entity", "on_trial")
    return in_order.unique(["split", "entity"], keep="first", maintain_order=True)


def _batches(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """Count rows of either arm, and bad ones among them, by epoch and period of the split.

    The control's record is one batch, the first, without an epoch.
    """
    on = pl.col("on_trial")
    arms = {"on": on, "off": ~on}
    bad = [(arm & pl.col(c)).sum().alias(f"{c} {a}") for c in columns for a, arm in arms.items()]
    all_of = [arm.sum().alias(a) for a, arm in arms.items()]
    strata = [pl.when("split").then(key).alias(key) for key in _STRATUM]
    return rows.group_by("split", *strata).agg(*all_of, *bad).sort("split", *_STRATUM)


def _arms(batches: pl.DataFrame, column: str) -> tuple[ArmCounts, ...]:
    counted = batches.select(f"{column} on", "on", f"{column} off", "off")
    return tuple(ArmCounts(*row) for row in counted.iter_rows())


def _scaled(units: pl.DataFrame, clip: float) -> tuple[LossBatch, ...]:
    record, split = units.filter(~pl.col("split")), units.filter("split")
    parts = split.sort("period", "epoch").partition_by(_STRATUM, maintain_order=True)
    return tuple(
        LossBatch(
            part["on_trial"].to_numpy(), part["loss"].to_numpy() / clip, float(part["share"][0])
        )
        for part in ([record] if record.height else []) + parts
    )
