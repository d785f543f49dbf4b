"""How a feed breaks on its way into the lake: one small description for each way.

Each is a `Fault`: true rows go in, rows as stored come out. Unlike the faults of `faults.py` these
know no column of the loans world by name, and some of them lose or repeat rows.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import numpy as np
import polars as pl


@dataclass(frozen=True, slots=True)
class NullBurst:
    """A join that finds nothing: some columns are null in the same rows."""

    columns: tuple[str, ...]
    from_day: float
    share: float = 1.0
    """Share of rows that are hit, 0 to 1."""
    until_day: float = float("inf")

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with holes in them."""
        hit = _hit(days, self.from_day, self.until_day) & (rng.random(days.size) < self.share)
        hole = pl.when(pl.lit(pl.Series(hit))).then(None)
        return frame.with_columns(hole.otherwise(pl.col(c)).alias(c) for c in self.columns)


@dataclass(frozen=True, slots=True)
class UnitChange:
    """A column in another unit: new = old * factor + offset."""

    column: str
    from_day: float
    factor: float
    offset: float = 0.0
    share: float = 1.0
    """Share of rows that are hit, 0 to 1: those of one producer among several."""
    until_day: float = float("inf")

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with one column in the other unit."""
        hit = _hit(days, self.from_day, self.until_day) & (rng.random(days.size) < self.share)
        other = pl.col(self.column) * self.factor + self.offset
        changed = pl.when(pl.lit(pl.Series(hit))).then(other).otherwise(pl.col(self.column))
        return frame.with_columns(changed.alias(self.column))


@dataclass(frozen=True, slots=True)
class ColumnSwap:
    """Two columns in each other's place."""

    first: str
    second: str
    from_day: float
    until_day: float = float("inf")

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, _rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with the two exchanged."""
        hit = pl.lit(pl.Series(_hit(days, self.from_day, self.until_day)))
        pairs = (self.first, self.second), (self.second, self.first)
        return frame.with_columns(
            pl.when(hit).then(pl.col(b)).otherwise(pl.col(a)).alias(a) for a, b in pairs
        )


@dataclass(frozen=True, slots=True)
class DuplicateBatch:
    """A delivery that was loaded more than once: rows stand there again, to the last column."""

    from_day: float
    share: float = 1.0
    """Share of rows that come again."""
    times: int = 1
    """How many times more."""
    until_day: float = float("inf")

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows, some of them several times."""
        hit = _hit(days, self.from_day, self.until_day) & (rng.random(days.size) < self.share)
        return frame[np.repeat(np.arange(days.size), np.where(hit, 1 + self.times, 1))]


@dataclass(frozen=True, slots=True)
class StaleBatch:
    """The day before the fault comes again and again, under new dates."""

    event_time: str
    from_day: float

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, _rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows until the fault, then copies of their last day."""
        old = frame.filter(pl.Series(days < self.from_day))
        last = frame.filter(pl.Series((days < self.from_day) & (days >= self.from_day - 1)))
        again = int(np.ceil(days.max() - self.from_day))
        later = (
            last.with_columns(pl.col(self.event_time) + timedelta(days=k + 1)) for k in range(again)
        )
        return pl.concat([old, *later])


@dataclass(frozen=True, slots=True)
class StuckColumn:
    """A sensor or a lookup that repeats its last value."""

    column: str
    from_day: float

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, _rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with one column at the last value before the fault."""
        before = frame.filter(pl.Series(days < self.from_day))[self.column].drop_nulls()
        hit = pl.lit(pl.Series(days >= self.from_day))
        stuck = pl.lit(before[-1], dtype=frame[self.column].dtype)
        return frame.with_columns(
            pl.when(hit).then(stuck).otherwise(pl.col(self.column)).alias(self.column)
        )


class Broken(StrEnum):
    """How a schema breaks."""

    DROPPED = "dropped"
    RENAMED = "renamed"
    TEXT = "text"
    """Numbers as text, with a decimal comma."""


@dataclass(frozen=True, slots=True)
class SchemaBreak:
    """Columns that are gone, have another name, or hold text. It hits every row of the frame."""

    columns: tuple[str, ...]
    how: Broken

    def apply(
        self, frame: pl.DataFrame, _days: np.ndarray, _rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows in the other schema."""
        match self.how:
            case Broken.DROPPED:
                return frame.drop(self.columns)
            case Broken.RENAMED:
                return frame.rename({name: f"{name}_v2" for name in self.columns})
            case Broken.TEXT:
                text = pl.col(self.columns).cast(pl.String).str.replace(".", ",", literal=True)
                return frame.with_columns(text)


class Recoding(StrEnum):
    """How levels turn into others."""

    IDS = "ids"
    """A number of its own behind each: free text, session numbers."""
    CASE = "case"
    """Upper case, or lower case where it was upper."""
    PADDED = "padded"
    """A space behind each."""
    CODES = "codes"
    """A code in place of each: the key of another table."""


@dataclass(frozen=True, slots=True)
class CategoryExplosion:
    """Levels that nobody has seen before, many at once."""

    column: str
    from_day: float
    how: Recoding
    share: float = 1.0
    """Share of rows that are hit, 0 to 1."""
    until_day: float = float("inf")

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with other levels in one column."""
        hit = _hit(days, self.from_day, self.until_day) & (rng.random(days.size) < self.share)
        old = pl.col(self.column)
        match self.how:
            case Recoding.IDS:
                new = pl.concat_str(old, pl.lit("-"), pl.Series(rng.integers(10**9, size=hit.size)))
            case Recoding.CASE:
                upper = old.str.to_uppercase()
                new = pl.when(old == upper).then(old.str.to_lowercase()).otherwise(upper)
            case Recoding.PADDED:
                new = old + " "
            case Recoding.CODES:
                new = pl.lit("k") + (old.hash(seed=7) % 10**6).cast(pl.String)
        changed = pl.when(pl.lit(pl.Series(hit))).then(new).otherwise(old)
        return frame.with_columns(changed.alias(self.column))


@dataclass(frozen=True, slots=True)
class VolumeCollapse:
    """Most deliveries do not arrive."""

    from_day: float
    share: float
    """Share of rows that still arrive, 0 to 1."""
    until_day: float = float("inf")

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows that arrive."""
        hit = _hit(days, self.from_day, self.until_day)
        return frame.filter(pl.Series(~hit | (rng.random(days.size) < self.share)))


def _hit(days: np.ndarray, start: float, end: float) -> np.ndarray:
    return np.asarray((days >= start) & (days < end))
