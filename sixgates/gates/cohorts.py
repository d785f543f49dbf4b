"""Answers as arrays, by the cohort in which each was given: its epoch and its period.

Evidence is counted anew at every tick. Of few rows a frame takes longer for each step than for all
of the rows; arrays do not, and of many rows they are as quick.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]


class Cohorts(NamedTuple):
    """Epochs and periods in which something was answered, by period and then by epoch."""

    epoch: Places
    period: Places
    """Count of periods since 1970."""
    share: Floats
    """Of the units that the trial ought to answer."""

    @property
    def by_epoch(self) -> Places:
        """Places of the cohorts in the order of their epochs, those of one by their periods."""
        return np.lexsort((self.period, self.epoch))


class Units(NamedTuple):
    """Where units were seen first; those before the split and those in it are told apart."""

    unit: Places
    """Of each row."""
    place: Places
    """Of each row, and of each unit in `first`: twice the cohort, and one more on trial."""
    first: Places
    """Of each unit; -1 where none has its number."""

    @property
    def rows(self) -> Bools:
        """Whether a row lies where its unit was seen first."""
        return np.asarray(self.place == self.first[self.unit])


@dataclass(frozen=True, slots=True)
class Answers:
    """Answered requests and rows, or means over those of a unit; arrays of shape (n,)."""

    cohorts: Cohorts
    cohort: Places
    """Place among the cohorts."""
    entity: Places
    """A number from 0 on for each unit."""
    on_trial: Bools
    split: Bools
    """False for the control's own record from before the split, which is no evidence but teaches
    the bets what the control is like."""

    def only(self, chosen: Bools | Places) -> "Answers":
        """Return some of them."""
        return Answers(
            self.cohorts, self.cohort[chosen], self.entity[chosen], self.on_trial[chosen],
            self.split[chosen],
        )  # fmt: skip

    def units(self) -> Units:
        """Find the first cohort of each unit, and there the control before the trial."""
        unit, place = 2 * self.entity + self.split, 2 * self.cohort + self.on_trial
        never = 2 * len(self.cohorts.epoch)
        first = np.full(int(unit.max(initial=-1)) + 1, never)
        np.minimum.at(first, unit, place)
        first[first == never] = -1
        return Units(unit, place, first)


def answers_of(
    epoch: Places,
    period: Places,
    share: Floats,
    *,
    entity: Places,
    on_trial: Bools,
    split: Bools,
) -> Answers:
    """Put answers into their cohorts; arrays of shape (n,), all answers of an epoch of one share.

    >>> one = np.array([1, 1, 2]), np.array([7, 8, 7]), np.array([0.0, 0.0, 0.5])
    >>> units = {"entity": np.array([0, 1, 0]), "on_trial": np.array([False, False, True])}
    >>> found = answers_of(*one, **units, split=np.array([False, False, True]))
    >>> found.cohort.tolist(), found.cohorts.epoch.tolist()
    ([0, 2, 1], [1, 2, 1])
    """
    least, most = int(epoch.min(initial=0)), int(epoch.max(initial=0))
    key = period * (most - least + 1) + (epoch - least)
    _, place, cohort = np.unique(key, return_index=True, return_inverse=True)
    cohorts = Cohorts(epoch[place], period[place], share[place])
    return Answers(cohorts, cohort, entity, on_trial, split)
