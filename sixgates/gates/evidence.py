"""From logged predictions and labels to the evidence that gates 5 and 6 judge.

Both gates compare the model on trial with the one that is known: in gate 5 the canary with the
champion, in gate 6 the new champion with the one before it. Here the first is the *trial*, the
second the *control*, whatever arm they answer in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import NamedTuple

import numpy as np
import polars as pl

from sixgates.gates.cohorts import Answers, Bools, Floats, Places, answers_of
from sixgates.gates.early import Known, count_early_errors, count_unusual
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
    label_age: float = 0.0
    """The larger of their cards, in seconds."""
    begun: datetime | None = None
    """When the split began, by the routes: event times come from clients, and may be old."""
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
    rows = _rows(trial, predictions)
    logged = _logged(project, trial, rows)
    answers, own = logged.answers, logged.own
    labelled = known_losses(
        project,
        trial.classes,
        rows.with_row_index("place"),
        labels,
        now,
        label_age=trial.label_age,
    )
    place = labelled["place"].to_numpy()
    known = Known(
        answers.only(place),
        *(labelled[name].to_numpy() for name in ("loss", "labelled", "matures")),
    )
    matured = known.matures <= seconds(now)
    told = labelled["told"].to_numpy()[matured]
    pair_means, pairs = _pairs(known.only(matured), told, labels.height)
    theirs = known.only(matured & own[place])
    units = mean_by_unit(theirs.answers, theirs.loss)
    answered, said = answers.only(own), own & logged.said
    slow = rows["micros"].to_numpy() > slow_ms * 1000
    errors, late = count(answered, logged.bad[own], slow[own])
    return Evidence(
        pair_means=pair_means,
        pairs=pairs,
        split_means=period_differences(units),
        losses=loss_batches(units, project.loss_clip),
        errors=errors,
        slow=late,
        predictions=count_unusual(answers.only(said), logged.highest[said]),
        early=None
        if trial.begun is None
        else count_early_errors(known.only(own[place]), answered, seconds(trial.begun)),
        shadow_errors=_shadow_errors(answers, logged.bad),
        shares=unit_shares(answered),
        stage_requests=_on_trial_in(answered, trial.epoch),
        requests_per_period=_per_period(answers.only(~logged.shadow)),
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
    label_age: float = 0.0,
) -> pl.DataFrame:
    """Return the matured mean loss of one version per period, whatever arm it answered in.

    Returns:
        Columns `period` (count of periods since 1970), `loss` (units of the loss), `n` (rows) and
        `matures` (when all of its labels were due, in seconds since 1970).
    """
    rows = _first_answers(predictions, [version])
    known = known_losses(project, {version: classes}, rows, labels, now, label_age=label_age)
    return mean_by_period(known.with_columns(period=period_of(project)), now)


def mean_by_period(known: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return what `loss_by_period` does, of losses that are known already.

    Args:
        known: One row an answer, with `period`, `loss` and `matures`.
        now: Event time; only periods whose labels have matured by then count.
    """
    matured = known.filter(pl.col("matures") <= seconds(now))
    of_period = matured.group_by("period")
    return of_period.agg(pl.col("loss").mean(), pl.col("matures").max(), n=pl.len()).sort("period")


class _Logged(NamedTuple):
    """What is asked of each row; arrays of shape (n,)."""

    answers: Answers
    own: Bools
    """Whether a model answered in its own place."""
    shadow: Bools
    bad: Bools
    """Whether it failed."""
    said: Bools
    """Whether there is an answer."""
    highest: Floats
    """The largest number of the answer; NaN where there is none."""


def _rows(trial: Trial, predictions: pl.DataFrame) -> pl.DataFrame:
    """Return the first answers of either version in the epochs that count."""
    rows = _first_answers(predictions, [trial.trial, trial.control])
    epoch = rows["epoch"].to_numpy()
    others = (rows["version"] == trial.trial) | (rows["arm"] == str(Arm.SHADOW))
    earlier = np.isin(epoch, trial.before) & ~others.to_numpy()
    return rows.filter(pl.Series(earlier | np.isin(epoch, list(trial.trial_shares))))


def _logged(project: Project, trial: Trial, rows: pl.DataFrame) -> _Logged:
    found = rows.select(
        period=period_of(project),
        on_trial=pl.col("version") == trial.trial,
        shadow=pl.col("arm") == Arm.SHADOW,
        bad=pl.col("error") != "",
        # A number keeps the order of names, and is compared more quickly.
        unit=pl.col("entity").rank("dense"),
        said=pl.col("values").list.len() > 0,
        highest=pl.col("values").list.max(),
    )
    period, on_trial, shadow, bad, unit, said, highest = (column.to_numpy() for column in found)
    epoch, (epochs, shares) = rows["epoch"].to_numpy(), _shares(trial)
    share = shares[np.searchsorted(epochs, epoch)]
    # While a gateway held the canary back, nobody was split: such rows are shadow pairs. And they
    # are no record of the control: bets must not learn from what came after the split began.
    held_back = (share > 0) & (rows["share"].to_numpy() == 0)
    answers = answers_of(
        epoch, period, share, entity=unit.astype(np.int64) - 1, on_trial=on_trial,
        split=(share > 0) & ~held_back,
    )  # fmt: skip
    return _Logged(answers, ~shadow & ~held_back, shadow, bad, said, highest)


def _shares(trial: Trial) -> tuple[Places, Floats]:
    """Return all epochs in order, and the share of units that the trial answers in each."""
    shares = {**dict.fromkeys(trial.before, 0.0), **trial.trial_shares}
    epochs = np.array(sorted(shares), dtype=np.int64)
    return epochs, np.array([shares[epoch] for epoch in epochs.tolist()])


def _first_answers(predictions: pl.DataFrame, versions: Sequence[str]) -> pl.DataFrame:
    """Count a request that a client repeated once for each model; one that chose its arm, never."""
    theirs = reduce(or_, (predictions["version"] == version for version in versions))
    routed = predictions.filter((predictions["epoch"] > 0) & theirs)
    return routed.unique([*_KEY, "version"], keep="first", maintain_order=True)


def _on_trial_in(answered: Answers, epoch: int) -> int:
    return int((answered.cohorts.epoch[answered.cohort[answered.on_trial]] == epoch).sum())


def _per_period(answers: Answers) -> float:
    periods = np.unique(answers.cohorts.period[answers.cohort])
    return len(answers.cohort) / max(1, len(periods))


def _pairs(known: Known, told: Places, labels: int) -> tuple[Floats, int]:
    """Return the mean of trial less control of each period, and how many rows both answered.

    Args:
        known: Matured answers.
        told: Place of the label of each, by which the answers to one row are known.
        labels: How many labels there are.
    """
    on, cohorts = known.answers.on_trial, known.answers.cohorts
    control = np.full(labels, -1)
    control[told[~on]] = np.flatnonzero(~on)
    other = control[told[on]]
    paired = other >= 0
    difference = known.loss[on][paired] - known.loss[other[paired]]
    period = cohorts.period[known.answers.cohort[on][paired]]
    _, place, n = np.unique(period, return_inverse=True, return_counts=True)
    return np.bincount(place, difference, len(n)) / n, len(difference)


def _shadow_errors(answers: Answers, bad: Bools) -> tuple[ArmCounts, ...]:
    rows, bad = answers.only(~answers.split), bad[~answers.split]
    _, place = np.unique(rows.cohorts.period[rows.cohort], return_inverse=True)
    arm = 2 * place + rows.on_trial
    size = 2 * (int(place.max(initial=-1)) + 1)
    n, of_those = (np.bincount(x, minlength=size) for x in (arm, arm[bad]))
    table = np.stack([of_those[1::2], n[1::2], of_those[::2], n[::2]], axis=1)
    return tuple(ArmCounts(*row) for row in table.tolist())
