"""From logged predictions and labels to the evidence that gates 5 and 6 judge.

Both gates compare the model on trial with the one that is known: in gate 5 the canary with the
champion, in gate 6 the new champion with the one before it. Here the first is the *trial*, the
second the *control*, whatever arm they answer in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from sixgates.gates.early import count_early_errors, count_unusual
from sixgates.gates.maturity import known_losses, period_of, seconds
from sixgates.gates.project import Project
from sixgates.gates.records import Arm
from sixgates.gates.split import (
    Counted,
    Losses,
    count,
    loss_batches,
    mean_by_unit,
    new_units_per_period,
    period_differences,
    unit_shares,
)
from sixgates.gates.statistics.counts import ArmCounts

_KEY = ["request", "row"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a trial so far."""

    pair_means: np.ndarray
    """Mean of trial loss minus control loss per matured period, in order; units of the loss."""
    pairs: int
    """Rows behind them."""
    split_means: np.ndarray
    """The same from the random split: mean of the trial's units minus mean of the control's."""
    losses: Losses
    """Matured cohorts of the random split."""
    errors: Counted
    """Server errors by epoch and period, random split only."""
    slow: Counted
    predictions: Counted | None
    """Answers outside the control's usual range; None where no range is known."""
    early: tuple[ArmCounts, ...] | None
    """Units with a large loss among the labels known so far; None where no limit is known."""
    shadow_errors: tuple[ArmCounts, ...]
    """Errors of the trial in shadow, against the control on the same requests."""
    shares: tuple[tuple[int, int, float], ...]
    """Per epoch: units in the trial, units in all, and the share the split should give."""
    stage_requests: int
    """Trial requests in the present epoch."""
    requests_per_period: float
    """Rows of traffic in a period, over the periods seen."""
    units_per_period: float
    """Units not seen before in a period of the present epoch, in both arms."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Which versions are compared, and how the split stood in each epoch."""

    trial: str
    control: str
    trial_shares: dict[int, float]
    """Epoch to the share of units that the trial answers; epochs of this phase only."""
    epoch: int
    """The present epoch."""
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Version to its own classes in the order of its answers; empty unless multiclass."""
    before: tuple[int, ...] = ()
    """Earlier epochs, of which the control's own answers are known and nothing else counts."""


def gather(
    project: Project,
    trial: Trial,
    predictions: pl.DataFrame,
    labels: pl.DataFrame,
    *,
    now: datetime,
    slow_ms: float,
) -> Evidence:
    """Turn log records into evidence.

    Args:
        project: Says loss, period and label horizon.
        trial: The two versions and the split.
        predictions: Log records of the phase.
        labels: First label of each request and row.
        now: Event time; only periods whose labels have matured by then count for losses.
        slow_ms: Scoring time above which an answer is slow.
    """
    rows = _rows(project, trial, predictions, slow_ms)
    own = (pl.col("arm") != Arm.SHADOW) & ~pl.col("held_back")
    answered = rows.filter(own)
    known = known_losses(project, trial.classes, rows, labels, now)
    matured = known.filter(pl.col("matures") <= seconds(now))
    paired = _pair_means(matured)
    units = mean_by_unit(matured.filter(own))
    errors, slow = count(answered, "bad", "slow")
    return Evidence(
        pair_means=paired["mean"].to_numpy(),
        pairs=int(paired["n"].sum()),
        split_means=period_differences(units),
        losses=loss_batches(units, project.loss_clip),
        errors=errors,
        slow=slow,
        predictions=count_unusual(answered),
        early=count_early_errors(known.filter(own), answered),
        shadow_errors=_shadow_errors(rows),
        shares=unit_shares(answered),
        stage_requests=answered.filter("on_trial", pl.col("epoch") == trial.epoch).height,
        requests_per_period=_per_period(rows.filter(pl.col("arm") != Arm.SHADOW)),
        units_per_period=new_units_per_period(answered, trial.epoch),
    )


def loss_by_period(
    project: Project,
    version: str,
    predictions: pl.DataFrame,
    labels: pl.DataFrame,
    *,
    now: datetime,
    classes: tuple[str, ...] = (),
) -> pl.DataFrame:
    """Return the matured mean loss of one version per period, whatever arm it answered in.

    Returns:
        Columns `period` (count of periods since 1970), `loss` (units of the loss), `n` (rows) and
        `matures` (when all of its labels were due, in seconds since 1970).
    """
    rows = (
        _first_answers(predictions)
        .filter(pl.col("version") == version)
        .with_columns(period=period_of(project))
    )
    return mean_by_period(known_losses(project, {version: classes}, rows, labels, now), now)


def mean_by_period(known: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return what `loss_by_period` does, of losses that are known already.

    Args:
        known: One row an answer, with `period`, `loss` and `matures`.
        now: Event time; only periods whose labels have matured by then count.
    """
    matured = known.filter(pl.col("matures") <= seconds(now))
    of_period = matured.group_by("period")
    return of_period.agg(pl.col("loss").mean(), pl.col("matures").max(), n=pl.len()).sort("period")


def _rows(
    project: Project, trial: Trial, predictions: pl.DataFrame, slow_ms: float
) -> pl.DataFrame:
    """One row an answer of either version, with what `split.py` asks for."""
    shares = {**dict.fromkeys(trial.before, 0.0), **trial.trial_shares}
    epochs = pl.DataFrame(
        {"epoch": list(shares), "share": list(shares.values())},
        schema={"epoch": pl.Int64, "share": pl.Float64},
    )
    on_trial, own = pl.col("version") == trial.trial, pl.col("arm") != Arm.SHADOW
    earlier = pl.col("epoch").is_in(list(trial.before))
    planned = pl.col("share") > 0
    # While a gateway held the canary back, nobody was split: such rows are shadow pairs. And they
    # are no record of the control: bets must not learn from what came after the split began.
    held_back = planned & pl.col("in_force").eq_missing(0.0)
    return (
        _first_answers(predictions)
        .rename({"share": "in_force"})
        .filter(pl.col("version").is_in([trial.trial, trial.control]))
        .filter(~earlier | (own & ~on_trial))
        .join(epochs, on="epoch")
        .with_columns(
            period=period_of(project),
            bad=pl.col("error") != "",
            slow=pl.col("micros") > slow_ms * 1000,
            on_trial=on_trial,
            split=planned & ~held_back,
            held_back=held_back,
            # A number keeps the order of names, and is compared more quickly.
            entity=pl.col("entity").rank("dense"),
        )
    )


def _first_answers(predictions: pl.DataFrame) -> pl.DataFrame:
    """Count a request that a client repeated once for each model; one that chose its arm, never."""
    return predictions.filter(pl.col("epoch") > 0).unique(
        [*_KEY, "version"], keep="first", maintain_order=True
    )


def _per_period(rows: pl.DataFrame) -> float:
    return rows.height / max(1, rows["period"].n_unique())


def _pair_means(losses: pl.DataFrame) -> pl.DataFrame:
    of_trial = losses.filter("on_trial").select(*_KEY, "period", "loss")
    control = losses.filter(~pl.col("on_trial")).select(*_KEY, control="loss")
    return (
        of_trial.join(control, on=_KEY)
        .group_by("period")
        .agg(mean=(pl.col("loss") - pl.col("control")).mean(), n=pl.len())
        .sort("period")
    )


def _shadow_errors(rows: pl.DataFrame) -> tuple[ArmCounts, ...]:
    on = pl.col("on_trial")
    batches = (
        rows.filter(~pl.col("split"))
        .group_by("period")
        .agg(
            a=(on & pl.col("bad")).sum(),
            b=on.sum(),
            c=(~on & pl.col("bad")).sum(),
            d=(~on).sum(),
        )
        .sort("period")
    )
    return tuple(ArmCounts(*row) for row in batches.select("a", "b", "c", "d").iter_rows())
