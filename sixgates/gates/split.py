"""What the random split shows: every unit once, and beside that every row.

Users are sticky: a unit that returns brings the same habits to the same arm, so its arm is no
longer random given what was seen of it. What decides therefore holds each unit once, in the first
period in which it is seen while there is a split. All rows, which are many more and find a fault
that only returning users meet, may only show harm that is far beyond what habits explain.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sixgates.gates.cohorts import Answers, Bools, Cohorts, Floats, Places
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.statistics.units import LossBatch


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


class UnitLosses(NamedTuple):
    """Each unit in each epoch and period, the control's record first, then by period."""

    units: Answers
    loss: Floats
    """Mean over the rows of the unit there, in units of the loss."""

    def once(self) -> "UnitLosses":
        """Keep the first period of each unit, before the split and in it."""
        first = self.units.units().rows
        return UnitLosses(self.units.only(first), self.loss[first])


def count(answered: Answers, *columns: Bools) -> list[Counted]:
    """Count where each of some columns is true, by units and by rows."""
    units = answered.units()
    known = np.flatnonzero(units.first >= 0)
    in_split, first, found = known % 2 == 1, units.rows, []
    for column in columns:
        bad = np.zeros(len(units.first), dtype=bool)
        bad[units.unit[first & column]] = True
        once = _batches(answered.cohorts, in_split, units.first[known], bad[known])
        every = _batches(answered.cohorts, answered.split, units.place, column)
        found.append(Counted(once, every))
    return found


def mean_by_unit(answered: Answers, losses: Floats) -> UnitLosses:
    """Return the mean loss of each unit in each epoch and period.

    Args:
        answered: Those whose labels are known.
        losses: What each lost, of shape (n,), in units of the loss.
    """
    cohorts, entities = len(answered.cohorts.epoch), int(answered.entity.max(initial=-1)) + 1
    place = (answered.split * cohorts + answered.cohort) * entities + answered.entity
    _, one, unit, n = np.unique(
        2 * place + answered.on_trial, return_index=True, return_inverse=True, return_counts=True
    )
    return UnitLosses(answered.only(one), np.bincount(unit, losses, len(n)) / n)


def loss_batches(found: UnitLosses, clip: float) -> Losses:
    """Batch losses by epoch and period; they are scaled by the clip to [0, 1]."""
    return Losses(tuple(_scaled(found.once(), clip)), tuple(_scaled(found, clip)))


def period_differences(found: UnitLosses) -> Floats:
    """Trial minus control per period, each unit once, in units of the loss.

    Epochs of one period are weighted by their harmonic counts: pooling raw means over shares would
    let a drifting base rate look like an effect.
    """
    units, loss = found.once()
    units, loss, cohorts = units.only(units.split), loss[units.split], units.cohorts
    place, size = 2 * units.cohort + units.on_trial, 2 * len(cohorts.epoch)
    n, sums = np.bincount(place, minlength=size), np.bincount(place, loss, size)
    compared = (n[::2] > 0) & (n[1::2] > 0)
    (nc, nt), (control, trial) = (x.reshape(-1, 2)[compared].T for x in (n, sums))
    weight = nt * nc / (nt + nc)
    _, period = np.unique(cohorts.period[compared], return_inverse=True)
    weighted = np.bincount(period, weight * (trial / nt - control / nc))
    return np.asarray(weighted / np.bincount(period, weight))


def unit_shares(answered: Answers) -> tuple[tuple[int, int, float], ...]:
    """Return units in the trial, units in all and the share there should be, of each epoch."""
    answered, cohorts = answered.only(answered.split), answered.cohorts
    found = []
    for epoch in np.unique(cohorts.epoch[answered.cohort]):
        mine = cohorts.epoch[answered.cohort] == epoch
        all_of, on = answered.entity[mine], answered.on_trial[mine]
        share = float(cohorts.share[cohorts.epoch == epoch][0])
        found.append((len(np.unique(all_of[on])), len(np.unique(all_of)), share))
    return tuple(found)


def new_units_per_period(answered: Answers, epoch: int) -> float:
    """Return the units not seen in an earlier split, per period of an epoch; 0 where none is."""
    split, cohorts = answered.only(answered.split), answered.cohorts
    first = split.units().first
    new = int((cohorts.epoch[first[first >= 0] // 2] == epoch).sum())
    seen = np.unique(split.cohort)
    return new / max(1, int((cohorts.epoch[seen] == epoch).sum()))


def _batches(cohorts: Cohorts, in_split: Bools, place: Places, bad: Bools) -> tuple[ArmCounts, ...]:
    """Count either arm, and bad ones in it, by epoch and period of the split.

    The control's record is one batch, the first.

    Args:
        cohorts: Epochs and periods.
        in_split: Of each row or unit.
        place: Twice its cohort, and one more on trial.
        bad: Whether it is.
    """
    batches = 1 + len(cohorts.epoch)
    batch = np.empty(batches - 1, dtype=np.int64)
    batch[cohorts.by_epoch] = np.arange(1, batches)
    arm = 2 * np.where(in_split, batch[place // 2], 0) + place % 2
    n = np.bincount(arm, minlength=2 * batches)
    of_those = np.bincount(arm[bad], minlength=2 * batches)
    table = np.stack([of_those[1::2], n[1::2], of_those[::2], n[::2]], axis=1)
    return tuple(ArmCounts(*row) for row in table[n[::2] + n[1::2] > 0].tolist())


def _scaled(found: UnitLosses, clip: float) -> Iterator[LossBatch]:
    units, loss = found
    batch = np.where(units.split, units.cohort, -1)
    for part in np.split(np.arange(len(batch)), np.flatnonzero(np.diff(batch)) + 1):
        if len(part):
            yield LossBatch(units.on_trial[part], loss[part] / clip)
