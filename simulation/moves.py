"""How a world of any table moves: rows as they would have been go in, rows as they are come out.

The loans world moves by its own laws (`drift.py`); these are for tables without laws that are
known. Each is told by value: what the rows show, not what makes them so.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl


@dataclass(frozen=True, slots=True)
class Shifted:
    """Columns that move by so many standard deviations."""

    columns: tuple[str, ...]
    from_day: float
    size: float
    ramp_days: float = 0.0
    """Days to full strength; 0 is sudden."""
    segment: tuple[str, str] | None = None
    """Column and level of the only rows that move."""

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, _rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows after the shift."""
        strength = _risen(days, self.from_day, self.ramp_days)
        if self.segment is not None:
            column, level = self.segment
            strength = strength * (frame[column] == level).fill_null(value=False).to_numpy()
        by = pl.Series(self.size * strength)
        return frame.with_columns(pl.col(c) + by * pl.col(c).std() for c in self.columns)


@dataclass(frozen=True, slots=True)
class Spread:
    """Columns whose values lie further from their median, or closer to it, by a factor."""

    columns: tuple[str, ...]
    from_day: float
    factor: float

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, _rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows after it."""
        by = pl.Series(np.where(days >= self.from_day, self.factor, 1.0))
        return frame.with_columns(
            pl.col(c).median() + (pl.col(c) - pl.col(c).median()) * by for c in self.columns
        )


@dataclass(frozen=True, slots=True)
class Grown:
    """Columns that grow by a factor: prices, traffic, consumption."""

    columns: tuple[str, ...]
    from_day: float
    factor: float
    ramp_days: float = 0.0

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, _rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows after it."""
        by = pl.Series(self.factor ** _risen(days, self.from_day, self.ramp_days))
        return frame.with_columns(pl.col(c) * by for c in self.columns)


@dataclass(frozen=True, slots=True)
class Seasonal:
    """Columns that swing with a season which training did not see."""

    columns: tuple[str, ...]
    from_day: float
    size: float
    """Largest swing, in standard deviations."""
    period: float
    """Days from one peak to the next."""

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, _rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows in their season."""
        since = np.maximum(days - self.from_day, 0.0)
        by = pl.Series(self.size * np.sin(2 * np.pi * since / self.period))
        return frame.with_columns(pl.col(c) + by * pl.col(c).std() for c in self.columns)


@dataclass(frozen=True, slots=True)
class Thinned:
    """Some labels or levels become rarer: their rows are thinned, all else about them stays."""

    column: str
    values: tuple[int | str, ...]
    from_day: float
    share: float
    """Share of their rows that stay, 0 to 1."""

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return fewer rows."""
        thinned = frame[self.column].is_in(self.values).fill_null(value=False).to_numpy()
        lost = thinned & (days >= self.from_day) & (rng.random(days.size) >= self.share)
        return frame.filter(pl.Series(~lost))


@dataclass(frozen=True, slots=True)
class NewLevel:
    """A new product, region or partner takes a share of the rows."""

    column: str
    from_day: float
    level: str
    share: float

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows, some of them with the new level."""
        hit = pl.lit(pl.Series((days >= self.from_day) & (rng.random(days.size) < self.share)))
        new = pl.lit(self.level)
        return frame.with_columns(pl.when(hit).then(new).otherwise(self.column).alias(self.column))


@dataclass(frozen=True, slots=True)
class Missing:
    """More and more people leave a field empty."""

    columns: tuple[str, ...]
    from_day: float
    share: float
    """Share of rows that are empty in the end."""
    ramp_days: float

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with the fields empty, each for itself."""
        risen = self.share * _risen(days, self.from_day, self.ramp_days)
        holes = (
            pl.when(pl.lit(pl.Series(rng.random(days.size) < risen)))
            .then(None)
            .otherwise(pl.col(c))
            for c in self.columns
        )
        return frame.with_columns(h.alias(c) for h, c in zip(holes, self.columns, strict=True))


@dataclass(frozen=True, slots=True)
class Coupled:
    """Two columns go together that did not: each keeps its own distribution."""

    first: str
    second: str
    from_day: float
    share: float
    """Share of the rows among which the second is put in the order of the first."""

    def apply(
        self, frame: pl.DataFrame, days: np.ndarray, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Return the rows with the second column in another order, day by day."""
        values = frame[self.second].to_numpy().copy()
        first = frame[self.first].to_numpy()
        chosen = rng.random(days.size) < self.share
        for day in np.unique(np.floor(days[days >= self.from_day])):
            rows = np.flatnonzero((np.floor(days) == day) & (days >= self.from_day) & chosen)
            order = np.argsort(first[rows], kind="stable")
            values[rows[order]] = np.sort(values[rows])
        return frame.with_columns(pl.Series(self.second, values))


def _risen(days: np.ndarray, start: float, ramp: float) -> np.ndarray:
    """Return 0 before the start, and 1 when all of it is felt."""
    since = days - start
    return np.clip(since / ramp, 0.0, 1.0) if ramp else (since >= 0).astype(np.float64)
