"""Tables of many shapes, and how their rows come, day by day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from simulation.applicants import PRODUCTS, REGIONS, applications, as_frame

START = datetime(2026, 1, 5)  # noqa: DTZ001 - event times are naive UTC
TIME, ENTITY, LABEL = "ts", "who", "bad"
_ENTITIES = 5_000
_UNSTEADY = 0.05
"""Standard deviation of the number of rows of a day, as a share of the usual one."""

Floats = NDArray[np.float64]
Write = Callable[[Floats, np.random.Generator], Floats]
"""Writes standard scores in the units of a column."""


@dataclass(frozen=True, slots=True)
class Column:
    """One feature."""

    name: str
    unit: str = ""
    """What its numbers measure; empty where no unit is, and for a categorical one."""
    write: Write | None = None
    """None for a categorical column."""
    levels: tuple[str, ...] = ()
    """Of a categorical one, the most frequent first."""
    coupling: float = 0.0
    """Correlation with what all columns have in common."""
    twin: bool = False
    """Whether it is nearly the column before it."""


class Rows(Protocol):
    """Where the rows of a table come from."""

    def __call__(self, at: Floats, rng: np.random.Generator) -> pl.DataFrame:
        """Return entity, features and label of a row for each moment, in days since the start."""


@dataclass(frozen=True, slots=True)
class Table:
    """A shape, and how many rows come a day."""

    shape: str
    columns: tuple[Column, ...]
    rows: int
    """A day, about."""
    sunday: float
    """Share of them that comes on a Sunday."""
    made: Rows

    @property
    def numeric(self) -> tuple[Column, ...]:
        """The numeric features."""
        return tuple(c for c in self.columns if c.write is not None)

    @property
    def categorical(self) -> tuple[Column, ...]:
        """The others."""
        return tuple(c for c in self.columns if c.write is None)

    def frame(
        self, first: int, days: int, rng: np.random.Generator, times: float = 1.0
    ) -> pl.DataFrame:
        """Return the rows of some days, in event-time order.

        Args:
            first: The first day, counted from 0 at the start; a Monday.
            days: How many.
            rng: Source of all chance.
            times: How many times the usual number of rows comes.
        """
        day = first + np.arange(days)
        usual = times * self.rows * np.where(day % 7 == 6, self.sunday, 1.0)  # noqa: PLR2004
        counts = rng.poisson(usual * np.exp(_UNSTEADY * rng.standard_normal(days)))
        at = np.sort(np.repeat(day, counts) + rng.random(counts.sum()))
        micros = np.floor(at * 86_400e3).astype("int64") * 1_000  # whole milliseconds
        moments = pl.Series(TIME, np.datetime64(START, "us") + micros)
        return self.made(at, rng).insert_column(0, moments)


LOANS = (
    *(Column(name, unit, lambda scores, _: scores) for name, unit in (
        ("income", "money"), ("debt_ratio", "share"), ("utilisation", "share"), ("age", "years"),
        ("inquiries", ""))),
    Column("region", levels=REGIONS),
    Column("product", levels=PRODUCTS),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loans:
    """The loans world of the rehearsals."""

    seed: int

    def __call__(self, at: Floats, rng: np.random.Generator) -> pl.DataFrame:
        """Return one application for each moment."""
        made = as_frame(applications(self.seed, int(rng.integers(1, 2**31)), at, ()))
        return made.rename({"customer": ENTITY, "defaulted": LABEL})


@dataclass(frozen=True, slots=True)
class Drawn:
    """Columns that have something in common, and a label that hangs on it."""

    columns: tuple[Column, ...]
    wobble: float
    """Standard deviation of a day's own shift of each column, in its standard deviations."""

    def __call__(self, at: Floats, rng: np.random.Generator) -> pl.DataFrame:
        """Return one row for each moment."""
        days, day = np.unique(np.floor(at), return_inverse=True)
        common, scores = rng.standard_normal(at.size), np.zeros(at.size)
        values: dict[str, pl.Series] = {}
        for column in self.columns:
            if column.twin:
                scores = scores + 0.02 * rng.standard_normal(at.size)
            else:
                own = np.sqrt(1 - column.coupling**2) * rng.standard_normal(at.size)
                off = self.wobble * rng.standard_normal(days.size)
                scores = column.coupling * common + own + off[day]
            values[column.name] = _written(column, scores, rng)
        label = rng.random(at.size) < expit(1.5 * common - 1)
        who = rng.integers(_ENTITIES, size=at.size)
        return pl.DataFrame({ENTITY: who, **values, LABEL: label.astype(np.int8)})


def _written(column: Column, scores: Floats, rng: np.random.Generator) -> pl.Series:
    if column.write is not None:
        return pl.Series(column.write(scores, rng))
    shares = 1 / np.arange(1, len(column.levels) + 1)  # Zipf's law
    borders = np.cumsum(shares[:-1]) / shares.sum()
    return pl.Series(np.array(column.levels)[np.searchsorted(borders, ndtr(scores))])
