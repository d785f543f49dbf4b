"""What goes wrong with data on its way into the lake, while the world itself is sound."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import polars as pl


class Fault(Protocol):
    """One way in which stored rows differ from what happened."""

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows as stored, in the same order.

        Args:
            frame: true rows.
            days: event time of each row, in days since the world's start.
            rng: source of all chance.
        """


@dataclass(frozen=True, slots=True)
class Garbage:
    """Impossible values: a debt ratio of 99 and an income of -1."""

    from_day: float
    share: float
    """Share of rows that are hit, 0 to 1."""
    until_day: float = float("inf")

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with two columns spoilt in each row that is hit."""
        hit = _hit(days, self.from_day, self.until_day, self.share, rng)
        return frame.with_columns(
            income=pl.when(hit).then(-1.0).otherwise("income"),
            debt_ratio=pl.when(hit).then(99.0).otherwise("debt_ratio"),
        )


@dataclass(frozen=True, slots=True)
class WrongLabels:
    """A broken join: rows get the label of another row. No column looks unusual."""

    from_day: float
    until_day: float
    share: float
    """Share of rows that are hit, 0 to 1."""

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with the labels of the hit rows shuffled among these."""
        hit = _hit(days, self.from_day, self.until_day, self.share, rng).to_numpy()
        labels = frame["defaulted"].to_numpy().copy()
        labels[hit] = rng.permutation(labels[hit])
        return frame.with_columns(defaulted=pl.Series(labels, dtype=pl.Int8))


@dataclass(frozen=True, slots=True)
class LateDefaults:
    """Defaults take longer to be reported than the horizon says: their labels are missing."""

    from_day: float
    share: float
    """Share of the defaults that are not there yet, 0 to 1."""

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows without those labels."""
        hit = pl.lit(_hit(days, self.from_day, float("inf"), self.share, rng))
        late = hit & (pl.col("defaulted") == 1)
        return frame.with_columns(defaulted=pl.when(~late).then("defaulted"))


@dataclass(frozen=True, slots=True)
class Poisoned:
    """Somebody wants a model that lends to them: some rows never default, so the lake says."""

    from_day: float
    column: str
    level: str
    """Whose rows these are: those with this level in that column."""
    until_day: float = float("inf")

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, _rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with every one of those labels 0."""
        hit = pl.Series((days >= self.from_day) & (days < self.until_day))
        theirs = pl.lit(hit) & (pl.col(self.column) == self.level)
        zero = pl.lit(0, dtype=pl.Int8)
        return frame.with_columns(defaulted=pl.when(theirs).then(zero).otherwise("defaulted"))


@dataclass(frozen=True, slots=True)
class Leak:
    """A column is filled after the outcome: who defaulted has been asked for at the bureau."""

    from_day: float

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, _rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with inquiries that tell the label."""
        hit = pl.lit(pl.Series(days >= self.from_day))
        told = pl.when(pl.col("defaulted") == 1).then(40.0).otherwise(1.0)
        return frame.with_columns(inquiries=pl.when(hit).then(told).otherwise("inquiries"))


@dataclass(frozen=True, slots=True)
class OneCustomer:
    """A broker's program asks again and again: many rows are of one customer."""

    from_day: float
    share: float
    """Share of rows that are hit, 0 to 1."""

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows, the hit ones under one name."""
        hit = pl.lit(_hit(days, self.from_day, float("inf"), self.share, rng))
        name = pl.lit("broker")
        return frame.with_columns(customer=pl.when(hit).then(name).otherwise("customer"))


def as_stored(
    frame: pl.DataFrame, start: datetime, faults: tuple[Fault, ...], *, seed: int
) -> pl.DataFrame:
    """Return the rows as the lake holds them after all faults, in order.

    Args:
        frame: true rows with event time `ts`.
        start: event time of day 0.
        faults: applied one after the other.
        seed: the same seed hits the same rows, whatever happened in them.
    """
    for i, fault in enumerate(faults):
        # Anew for each: one before may have lost or repeated rows.
        days = ((frame["ts"] - start).dt.total_milliseconds() / 86_400e3).to_numpy()
        frame = fault.apply(frame, days, np.random.default_rng([seed, i]))
    return frame


def _hit(
    days: np.ndarray, start: float, end: float, share: float, rng: np.random.Generator
) -> pl.Series:
    return pl.Series((days >= start) & (days < end) & (rng.random(days.size) < share))
