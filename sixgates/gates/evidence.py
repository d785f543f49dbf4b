"""From logged predictions and labels to the evidence that gates 5 and 6 judge.

Both gates compare the model on trial with the one that is known: in gate 5 the canary with the
champion, in gate 6 the new champion with the one before it. Here the first is the *trial*, the
second the *control*, whatever arm they answer in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from sixgates.gates.card import Task
from sixgates.gates.losses import row_losses
from sixgates.gates.project import Project
from sixgates.gates.records import Arm
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.statistics.units import LossBatch

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
    losses: tuple[LossBatch, ...]
    """Matured cohorts of the random split."""
    errors: tuple[ArmCounts, ...]
    """Server errors by epoch and period, random split only."""
    slow: tuple[ArmCounts, ...]
    shadow_errors: tuple[ArmCounts, ...]
    """Errors of the trial in shadow, against the control on the same requests."""
    shares: tuple[tuple[int, int, float], ...]
    """Per epoch: units in the trial, units in all, and the share the split should give."""
    stage_requests: int
    """Trial requests in the present epoch."""
    requests_per_period: float
    """Rows of traffic in a period, over the periods seen."""


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
    epochs = pl.DataFrame(
        {"epoch": list(trial.trial_shares), "share": list(trial.trial_shares.values())},
        schema={"epoch": pl.Int64, "share": pl.Float64},
    )
    rows = (
        _first_answers(predictions)
        .with_columns(
            period=_period(project),
            bad=pl.col("error") != "",
            slow=pl.col("micros") > slow_ms * 1000,
        )
        .filter(pl.col("version").is_in([trial.trial, trial.control]))
        .join(epochs, on="epoch")
    )
    answered = rows.filter(pl.col("arm") != Arm.SHADOW)
    losses = _matured_losses(project, trial.classes, rows, labels, now)
    paired = _pair_means(losses, trial)
    cohorts = _cohorts(losses.filter(pl.col("arm") != Arm.SHADOW), trial)
    return Evidence(
        pair_means=paired["mean"].to_numpy(),
        pairs=int(paired["n"].sum()),
        split_means=_split_means(cohorts),
        losses=_loss_batches(cohorts, project.loss_clip),
        errors=_counts(answered, trial, "bad"),
        slow=_counts(answered, trial, "slow"),
        shadow_errors=_shadow_errors(rows, trial),
        shares=_shares(answered, trial),
        stage_requests=answered.filter(
            pl.col("epoch") == trial.epoch, pl.col("version") == trial.trial
        ).height,
        requests_per_period=answered.height / max(1, answered["period"].n_unique()),
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
        Columns `period` (count of periods since 1970), `loss` (units of the loss) and `n` (rows).
    """
    rows = (
        _first_answers(predictions)
        .filter(pl.col("version") == version)
        .with_columns(period=_period(project))
    )
    losses = _matured_losses(project, {version: classes}, rows, labels, now)
    return losses.group_by("period").agg(pl.col("loss").mean(), n=pl.len()).sort("period")


def _first_answers(predictions: pl.DataFrame) -> pl.DataFrame:
    """Count a request that a client repeated once for each model."""
    return predictions.unique([*_KEY, "version"], keep="first", maintain_order=True)


def _period(project: Project) -> pl.Expr:
    return (pl.col("at") / project.period.total_seconds()).floor().cast(pl.Int64)


def _matured_losses(
    project: Project,
    classes: Mapping[str, tuple[str, ...]],
    rows: pl.DataFrame,
    labels: pl.DataFrame,
    now: datetime,
) -> pl.DataFrame:
    """One row a model and request whose period has matured, with its loss.

    Maturity goes by the age of the period, for every row alike: taking labels as they come would
    compare young rows of one class with old rows of another.
    """
    joined = rows.join(labels.select(*_KEY, "label", labelled="at"), on=_KEY)
    known = joined.filter(pl.col("labelled") <= _seconds(now))
    if known.is_empty():
        return known.with_columns(loss=pl.lit(0.0))
    horizon = _horizon(project, known)
    ends = (pl.col("period") + 1) * project.period.total_seconds()
    matured = known.filter(ends + horizon.total_seconds() <= _seconds(now))
    return matured.with_columns(
        loss=pl.Series(_losses(project, classes, matured), dtype=pl.Float64)
    )


def _losses(
    project: Project, classes: Mapping[str, tuple[str, ...]], rows: pl.DataFrame
) -> np.ndarray:
    """Loss of each record; a model that failed to answer loses the clip."""
    losses = np.full(rows.height, project.loss_clip)
    labels = _label_values(project, rows["label"])
    for version in rows["version"].unique():
        mine = (rows["version"] == version) & (rows["values"].list.len() > 0)
        if mine.any():
            answers = np.array(rows["values"].filter(mine).to_list(), dtype=np.float64)
            own = mine.to_numpy()
            losses[own] = row_losses(project, labels[own], answers, classes.get(version, ()))
    return losses


def _label_values(project: Project, labels: pl.Series) -> np.ndarray:
    """Read labels as losses need them; a text that is no label of this task becomes NaN."""
    if project.task is Task.MULTICLASS:
        return labels.to_numpy()
    values = labels.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    if project.task is Task.BINARY:
        values = np.where(np.isin(values, (0.0, 1.0)), values, np.nan)
    return np.asarray(values)


def _pair_means(losses: pl.DataFrame, trial: Trial) -> pl.DataFrame:
    of_trial = losses.filter(pl.col("version") == trial.trial).select(*_KEY, "period", "loss")
    control = losses.filter(pl.col("version") == trial.control).select(*_KEY, control="loss")
    return (
        of_trial.join(control, on=_KEY)
        .group_by("period")
        .agg(mean=(pl.col("loss") - pl.col("control")).mean(), n=pl.len())
        .sort("period")
    )


def _cohorts(losses: pl.DataFrame, trial: Trial) -> pl.DataFrame:
    """One row a unit, epoch and period of the random split."""
    return (
        losses.with_columns(on_trial=pl.col("version") == trial.trial)
        .filter(pl.col("share") > 0)
        .group_by("epoch", "period", "entity", "on_trial", "share")
        .agg(pl.col("loss").mean())
        .sort("period", "epoch", "entity", "on_trial")
    )


def _loss_batches(cohorts: pl.DataFrame, clip: float) -> tuple[LossBatch, ...]:
    """Count each unit once, in its first matured period.

    A sticky unit that returns brings the same loss habits to the same arm: its arm is no longer
    random given what was seen, and counting it again would promote and roll back far too often.
    """
    once = cohorts.unique("entity", keep="first", maintain_order=True)
    return tuple(
        LossBatch(
            part["on_trial"].to_numpy(), part["loss"].to_numpy() / clip, float(part["share"][0])
        )
        for part in once.partition_by("epoch", "period", maintain_order=True)
    )


def _split_means(cohorts: pl.DataFrame) -> np.ndarray:
    """Trial minus control per period, within each epoch, weighted by the harmonic count.

    Pooling raw means over shares would let a drifting base rate look like an effect.
    """
    on = pl.col("on_trial")
    strata = cohorts.group_by("period", "epoch").agg(
        d=pl.col("loss").filter(on).mean() - pl.col("loss").filter(~on).mean(),
        nt=on.sum(),
        nc=(~on).sum(),
    )
    weighted = strata.filter(pl.col("nt") > 0, pl.col("nc") > 0).with_columns(
        w=pl.col("nt") * pl.col("nc") / (pl.col("nt") + pl.col("nc"))
    )
    by_period = weighted.group_by("period").agg(
        x=(pl.col("d") * pl.col("w")).sum() / pl.col("w").sum()
    )
    return by_period.sort("period")["x"].to_numpy()


def _counts(answered: pl.DataFrame, trial: Trial, column: str) -> tuple[ArmCounts, ...]:
    on = pl.col("version") == trial.trial
    batches = (
        answered.filter(pl.col("share") > 0)
        .group_by("epoch", "period")
        .agg(
            a=(on & pl.col(column)).sum(),
            b=on.sum(),
            c=(~on & pl.col(column)).sum(),
            d=(~on).sum(),
        )
        .sort("epoch", "period")
    )
    return tuple(ArmCounts(*row) for row in batches.select("a", "b", "c", "d").iter_rows())


def _shadow_errors(rows: pl.DataFrame, trial: Trial) -> tuple[ArmCounts, ...]:
    on = pl.col("version") == trial.trial
    requests = rows.filter(pl.col("share") == 0)
    batches = (
        requests.group_by("period")
        .agg(
            a=(on & pl.col("bad")).sum(),
            b=on.sum(),
            c=(~on & pl.col("bad")).sum(),
            d=(~on).sum(),
        )
        .sort("period")
    )
    return tuple(ArmCounts(*row) for row in batches.select("a", "b", "c", "d").iter_rows())


def _shares(answered: pl.DataFrame, trial: Trial) -> tuple[tuple[int, int, float], ...]:
    on = pl.col("version") == trial.trial
    units = (
        answered.filter(pl.col("share") > 0)
        .group_by("epoch", "share")
        .agg(
            a=pl.col("entity").filter(on).n_unique(),
            b=pl.col("entity").n_unique(),
        )
        .sort("epoch")
    )
    return tuple(units.select("a", "b", "share").iter_rows())


def _horizon(project: Project, known: pl.DataFrame) -> timedelta:
    if project.roles.label_horizon is not None:
        return project.roles.label_horizon
    # Labels tell their own time: nearly all of them have arrived after this delay.
    delay = (known["labelled"] - known["at"]).quantile(0.99, "higher")
    return timedelta(seconds=float(delay or 0.0))


def _seconds(moment: datetime) -> float:
    return (moment - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - naive UTC throughout
