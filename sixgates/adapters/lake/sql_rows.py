"""Rows of a database as frames: read in batches, each brought to the types of the contract."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa
from polars.exceptions import PolarsError

from sixgates.adapters.lake.contract_types import from_text
from sixgates.gates.errors import ConfigurationError

BATCH_ROWS = 50_000
"""So many rows are Python objects at a time; all others are columns already."""

_TIME = pl.Datetime("us")


def raw(connection: sa.Connection, statement: sa.Select[Any]) -> Iterator[pl.DataFrame]:
    """Yield the rows of a statement in batches, as the database gives them; none for no rows."""
    streamed = connection.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS)
    return pl.read_database(
        statement, streamed, iter_batches=True, batch_size=BATCH_ROWS, infer_schema_length=None
    )


def typed(
    batch: pl.DataFrame, kinds: Mapping[str, pl.DataType], times: Iterable[str]
) -> pl.DataFrame:
    """Bring a batch to the types of the contract, column by column, where nothing is lost by it.

    Databases have fewer types than Polars: an `Int8` comes as a larger integer, a `Float64` as a
    decimal, on SQLite a truth as a number and a time as text. What cannot be written in the
    contract's type as it is keeps its own, and gate 1 refuses it by name.

    Args:
        batch: Rows as the database gives them.
        kinds: Type of each column for which the contract names one.
        times: Columns with moments: text among them is ISO 8601, UTC where it has no zone.

    Raises:
        ConfigurationError: a text among the times is no time.
    """
    columns = []
    for column in batch:
        plain = _plain(column)
        if column.name in times and plain.dtype == pl.String:
            plain = _moments(plain)
        columns.append(_as_contracted(plain, kinds.get(column.name)))
    return pl.DataFrame(columns)


def together(batches: Iterable[pl.DataFrame], empty: pl.DataFrame, address: str) -> pl.DataFrame:
    """Put batches together.

    Args:
        batches: Rows, typed.
        empty: No rows, typed: what there is where there is no batch.
        address: Where they come from, for sentences.

    Raises:
        ConfigurationError: a column is of one type in some rows and of another in others.
    """
    parts = list(batches)
    for name in empty.columns:
        kinds = {part.schema[name] for part in parts} - {pl.Null()}
        if len(kinds) > 1 and not all(kind.is_numeric() for kind in kinds):
            said = " and ".join(sorted(map(str, kinds)))
            raise ConfigurationError(
                f"column {name!r} of {address} is {said} in different rows: cast it in the query"
            )
    return pl.concat(parts, how="vertical_relaxed") if parts else empty


def _plain(column: pl.Series) -> pl.Series:
    """Write as text what Polars has no column for (an identifier, a document)."""
    if not (column.dtype.is_nested() or column.dtype == pl.Object):
        return column
    return pl.Series(column.name, [_text(value) for value in column.to_list()], dtype=pl.String)


def _text(value: object) -> str | None:
    if value is None:
        return None
    return json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)


def _moments(column: pl.Series) -> pl.Series:
    try:
        moments = [None if text is None else _naive(text) for text in column]
    except ValueError as exc:
        raise ConfigurationError(
            f"column {column.name!r} holds text that is no time ({exc}): write ISO 8601"
        ) from None
    return pl.Series(column.name, moments, dtype=_TIME)


def _naive(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _as_contracted(column: pl.Series, kind: pl.DataType | None) -> pl.Series:
    """Return the column in the contract's type, or as it is where something would be lost."""
    own = column.dtype
    if kind is None or own == kind or not _may_become(own, kind):
        return column
    try:
        if own == pl.String:
            return column.to_frame().select(from_text(pl.col(column.name), kind)).to_series()
        cast = column.cast(kind)
        return cast if cast.cast(own).equals(column, null_equal=True) else column
    except PolarsError:
        return column


def _may_become(own: pl.DataType, kind: pl.DataType) -> bool:
    number = own.is_numeric() or own == pl.Boolean
    if own == pl.String:  # A number that is text is no number: only what databases lack is read.
        return kind.is_temporal() or isinstance(kind, pl.Categorical | pl.Enum)
    return own == pl.Null or (number and (kind.is_numeric() or kind == pl.Boolean))
