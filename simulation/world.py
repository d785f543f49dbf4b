"""A seeded world of loan applications whose laws are known: what drift is rehearsed on."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
import polars as pl

from simulation.applicants import Applications, Streams, applications, as_frame
from simulation.drift import Shift, ShiftKind, total
from sixgates.gates.errors import ConfigurationError

CANDIDATES = 12
"""Applications drawn for each row under a prior shift. The last is taken when none is accepted,
which at a shift of 1 in the log-odds happens to fewer than one row in a thousand."""


@dataclass(frozen=True, slots=True)
class World:
    """A description of a world; `frame` makes its rows. Equal descriptions make equal rows."""

    seed: int
    start: datetime
    """Event time of day 0, naive UTC."""
    days: int
    rows_per_day: int
    shifts: tuple[Shift, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a world without rows."""
        if self.seed < 0 or self.days < 1 or self.rows_per_day < 1:
            raise ConfigurationError(f"{self} needs seed >= 0, days >= 1 and rows_per_day >= 1")

    def frame(self) -> pl.DataFrame:
        """Return all rows in event-time order, every label known."""
        return _frame_of(self)

    def make(self) -> pl.DataFrame:
        """Make the rows of `frame` anew."""
        days = self._moments()
        made, _ = self._made(days)
        micros = np.floor(days * 86_400e3).astype("int64") * 1_000  # whole milliseconds
        event_time = pl.Series("ts", np.datetime64(self.start, "us") + micros)
        return as_frame(made).insert_column(1, event_time)

    def true_probability(self) -> np.ndarray:
        """Return each row's true probability of a default, which no frame holds."""
        return self._made(self._moments())[1]

    def moment(self, day: float) -> datetime:
        """Return the event time of a day, counted from 0 at the start."""
        return self.start + timedelta(days=day)

    def day_of(self, moment: datetime) -> int:
        """Return the day that a moment belongs to."""
        return (moment - self.start) // timedelta(days=1)

    def rows_of(self, frame: pl.DataFrame, day: int) -> pl.DataFrame:
        """Return the rows of one day of a frame of this world, however many came."""
        at = pl.col("ts")
        return frame.filter(at >= self.moment(day), at < self.moment(day + 1))

    def reverted(self, day: float, kind: ShiftKind | None = None) -> "World":
        """Return this world with its shifts ended on a day: the old laws hold again.

        Args:
            day: when, unless a shift ends sooner.
            kind: the kind of shift that ends; None ends all.
        """

        def ended(shift: Shift) -> Shift:
            sooner = shift.until_day is not None and shift.until_day <= day
            stays = sooner or kind not in {None, shift.kind}
            return shift if stays else replace(shift, until_day=day)

        return replace(self, shifts=tuple(map(ended, self.shifts)))

    def spliced(self, other: "World", day: int) -> pl.DataFrame:
        """Return the rows of this world before a day, and those of another from that day on.

        Raises:
            ConfigurationError: the two differ in more than their shifts, so that the seam would
                join rows of different applicants.
        """
        if replace(other, shifts=self.shifts) != self:
            raise ConfigurationError("only worlds that differ in nothing but shifts can be spliced")
        seam = day * self.rows_per_day
        return pl.concat([self.frame().head(seam), other.frame().slice(seam)])

    def _moments(self) -> np.ndarray:
        """Return the time of each row in days: one row in each of a day's equal parts."""
        n = self.days * self.rows_per_day
        within = Streams(self.seed)["moment"].random(n)
        return (np.arange(n) + within) / self.rows_per_day

    def _made(self, days: np.ndarray) -> tuple[Applications, np.ndarray]:
        """Return the applications with their true probabilities, prior shifts included."""
        odds = total(self.shifts, ShiftKind.PRIOR, None, days)
        first = applications(self.seed, 0, days, self.shifts)
        if not np.any(odds):
            return first, first.probability
        chosen = self._resampled(first, days, odds)
        logit = np.log(chosen.probability / (1 - chosen.probability)) + odds
        return chosen, 1 / (1 + np.exp(-logit))

    def _resampled(self, first: Applications, days: np.ndarray, odds: np.ndarray) -> Applications:
        """Accept candidates by their label alone, so that P(features | label) stays."""
        columns = {name: values.copy() for name, values in first.columns.items()}
        probability, label = first.probability.copy(), first.label.copy()
        accept = Streams(self.seed)["accept"].random((days.size, CANDIDATES))
        open_ = np.ones(days.size, dtype=bool)
        for k in range(CANDIDATES):
            candidate = first if k == 0 else applications(self.seed, k, days, self.shifts)
            for name, values in candidate.columns.items():
                columns[name][open_] = values[open_]
            probability[open_] = candidate.probability[open_]
            label[open_] = candidate.label[open_]
            chance = np.exp(np.minimum(0, np.where(candidate.label == 1, odds, -odds)))
            open_ &= accept[:, k] >= chance
        return Applications(columns, probability, label)


@lru_cache(maxsize=4)
def _frame_of(world: World) -> pl.DataFrame:
    """Make the rows of a world once: a rehearsal asks for them again, and a prior shift is dear."""
    return world.make()
