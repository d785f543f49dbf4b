"""What guesses are made from: some rows of a table, and what is known of all of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite

import polars as pl
import polars.selectors as cs


@dataclass(frozen=True, slots=True)
class Table:
    """Rows spread over a table."""

    rows: pl.DataFrame
    """Some of them, at least one; the newest among them."""
    total: int
    """How many there are in all."""
    nulls: Mapping[str, int] = field(default_factory=dict)
    """Nulls of a column in all rows, where that is known."""
    ends: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Least and largest value of a numeric column in all rows, where that is known."""

    def null_share(self, name: str) -> float:
        """Return the share of nulls in a column, of all rows where that is known; NaN is one."""
        values = self.rows[name]
        nans = int(values.is_nan().sum()) if values.dtype.is_float() else 0
        nulls, n = self.nulls.get(name), self.rows.height
        return nans / n + (values.null_count() / n if nulls is None else nulls / self.total)

    def range_of(self, name: str) -> tuple[float, float] | None:
        """Return least and largest finite value of a numeric column; None where it has none."""
        values = self.rows[name].drop_nulls()
        if values.dtype.is_float():
            values = values.filter(values.is_finite())
        low, high = values.min(), values.max()
        if not isinstance(low, int | float) or not isinstance(high, int | float):
            return None
        known = [end for end in self.ends.get(name, ()) if isfinite(end)]
        return min([low, *known]), max([high, *known])

    def with_rows(self, rows: pl.DataFrame) -> "Table":
        """Return the same table with its rows in another order, or some columns of other types."""
        changed = {c for c in rows.columns if rows.schema[c] != self.rows.schema[c]}
        ends = {name: ends for name, ends in self.ends.items() if name not in changed}
        nulls = {name: count for name, count in self.nulls.items() if name not in changed}
        return replace(self, rows=rows, ends=ends, nulls=nulls)


def words(name: str) -> tuple[str, ...]:
    """Return the words of a column's name in lower case.

    >>> words("customerID"), words("is_fraud"), words("Day of week")
    (('customer', 'id'), ('is', 'fraud'), ('day', 'of', 'week'))
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return tuple(word.lower() for word in re.findall(r"[^\W_]+", apart))


def times(rows: pl.DataFrame) -> list[str]:
    """Return the columns that are datetimes and hold any."""
    return [c for c in rows.select(cs.datetime()).columns if rows[c].null_count() < rows.height]


def is_text(dtype: pl.DataType) -> bool:
    """Whether a column holds names of things."""
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)


def is_number(dtype: pl.DataType) -> bool:
    """Whether a column can be a numeric feature."""
    return dtype.is_float() or dtype.is_integer() or dtype == pl.Boolean
