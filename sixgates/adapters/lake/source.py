"""What every kind of source does for the lake that stands in front of it."""

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl


class Cut(NamedTuple):
    """Which rows are wanted by event time (naive UTC); those without one always are."""

    since: datetime | None
    """None older than this, and none of this very moment; None: however old."""
    until: datetime
    """None younger than this."""


class WindowRows(NamedTuple):
    """Rows of a stretch of time, unread and in any order."""

    frame: pl.LazyFrame
    files: tuple[Path, ...] = ()
    """Parquet files that hold them among others, with the same columns; none where the rows come
    from elsewhere, or not as they lie there."""


class Source(Protocol):
    """Rows somewhere outside. One object is for one look: what it reads does not change."""

    @property
    def address(self) -> str:
        """Where the rows are, for sentences; never with a secret in it."""

    def pin(self) -> str:
        """Return from what exactly the rows were read, for the record; never with a secret."""

    def scan(self, cut: Cut) -> pl.LazyFrame:
        """Return the rows; some that are not wanted may be left out. To be called in `reading`."""

    def peek(self) -> pl.LazyFrame:
        """Return rows that tell whether there are any, and any with an event time.

        To be called in `reading`.
        """

    def files(self) -> tuple[Path, ...]:
        """Return the parquet files that hold all rows as they are, after `scan`; else none."""

    def reading(self) -> AbstractContextManager[None]:
        """Turn what goes wrong while rows are read into one sentence."""


def first_line(exc: BaseException) -> str:
    """Return the first line of a message: Polars appends its whole query plan."""
    lines = str(exc).strip().splitlines()
    return lines[0] if lines else type(exc).__name__
