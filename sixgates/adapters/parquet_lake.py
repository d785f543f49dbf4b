"""The user's data as it was known at a moment, from parquet files or a callable.

Everything is read here, at the edge: nothing that Polars or the user's callable raises later can
reach a gate.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from glob import glob, has_magic
from pathlib import Path
from typing import NamedTuple

import polars as pl
from polars.exceptions import PanicException, PolarsError

from sixgates.gates.errors import ConfigurationError, PipelineError, TransientError
from sixgates.gates.project import Project


class Bounds(NamedTuple):
    """What the whole source spans, whatever the time."""

    first: datetime
    """Oldest event time, naive UTC."""
    last: datetime
    """Newest event time, naive UTC."""
    rows: int


class ParquetLake:
    """One project's rows.

    Args:
        project: Says which columns are event time and label, and when a label is known.
        data: Parquet file, folder or glob that goes before the project's own source.
    """

    def __init__(self, project: Project, data: str | Path | None = None) -> None:
        self._project = project
        self._source = data if data is not None else project.source

    def as_of(self, now: datetime) -> pl.LazyFrame:
        """Return the rows that were there at `now`, by event time, as they were known then.

        Event times are naive UTC in microseconds. A label, and the time it became known, are null
        where that time is after `now` or unknown. Rows without an event time are kept, without
        their label, so that gate 1 can refuse them by name.

        Raises:
            ConfigurationError: the source cannot be read; see `check`.
        """
        roles = self._project.roles
        when = pl.col(roles.event_time)
        frame = self._normalised().filter((when <= now) | when.is_null())
        known = self._known(frame.collect_schema(), now)
        hidden = [roles.label, *([roles.label_time] if roles.label_time else [])]
        present = [name for name in hidden if name in frame.collect_schema()]
        frame = frame.with_columns(pl.when(known).then(pl.col(n)).alias(n) for n in present)
        with self.reading():
            return frame.sort(roles.event_time, maintain_order=True).collect().lazy()

    def between(self, start: datetime, end: datetime) -> pl.LazyFrame:
        """Return the rows after one moment and until another, in any order, unread.

        Raises:
            ConfigurationError: as `check`; reading it must happen within `reading`.
        """
        when = pl.col(self._project.roles.event_time)
        return self._normalised().filter(when.is_between(start, end, closed="right"))

    def check(self) -> None:
        """Refuse a source that cannot be read at all.

        Raises:
            ConfigurationError: no such file, not (or not whole) parquet, no rows, no event time
                or label column, or an event time that is not a datetime.
        """
        self.bounds()

    def bounds(self) -> Bounds:
        """Return the oldest and newest event time, and the number of rows.

        Raises:
            ConfigurationError: as `check`.
        """
        when = pl.col(self._project.roles.event_time)
        with self.reading():
            query = self._normalised().select(
                when.min().alias("a"), when.max().alias("b"), n=pl.len()
            )
            first, last, rows = query.collect().row(0)
        if rows == 0:
            raise ConfigurationError(f"{self.describe()} holds no rows: give a source with data")
        if first is None:
            raise ConfigurationError(
                f"column {self._project.roles.event_time!r} of {self.describe()} is empty: fill it"
                " or name another event_time"
            )
        return Bounds(first, last, rows)

    def describe(self) -> str:
        """Return the source's address for reports and errors."""
        if callable(self._source):
            name = getattr(self._source, "__qualname__", repr(self._source))
            return f"the callable {name} of project {self._project.name}"
        return str(self._source)

    def _known(self, schema: pl.Schema, now: datetime) -> pl.Expr:
        roles = self._project.roles
        if roles.label_horizon is not None:
            return pl.col(roles.event_time) + roles.label_horizon <= now
        if isinstance(schema.get(roles.label_time or ""), pl.Datetime):
            return pl.col(roles.label_time or "") <= now
        return pl.lit(value=False)  # gate 1 names the broken column; until then no label counts

    def _normalised(self) -> pl.LazyFrame:
        """Scan the source, refuse what cannot be cut by time, and bring times to naive UTC."""
        roles = self._project.roles
        with self.reading():
            frame = self._scan()
            schema = frame.collect_schema()
        for role, name in (("event_time", roles.event_time), ("label", roles.label)):
            if name not in schema:
                raise ConfigurationError(
                    f"{self.describe()} has no column {name!r}, the {role} of project"
                    f" {self._project.name}: add it or correct the role"
                )
        if not isinstance(schema[roles.event_time], pl.Datetime):
            raise ConfigurationError(
                f"column {roles.event_time!r} of {self.describe()} is {schema[roles.event_time]}"
                " and not a datetime: cast it in the source"
            )
        times = [n for n in (roles.event_time, roles.label_time) if n]
        return frame.with_columns(_naive(n, schema[n]) for n in times if _is_time(schema.get(n)))

    def _scan(self) -> pl.LazyFrame:
        if self._source is None:
            raise ConfigurationError(
                f"project {self._project.name} has no source: give --data or set `source`"
            )
        if callable(self._source):
            frame = self._source()
            if not isinstance(frame, pl.LazyFrame):
                raise ConfigurationError(
                    f"{self.describe()} returned a {type(frame).__name__}: return a LazyFrame"
                )
            return frame
        files = _files(str(self._source))
        for file in files:
            if file.stat().st_size == 0:
                raise ConfigurationError(f"{file} is an empty file: write its parquet data again")
            with _naming(str(file)):
                pl.read_parquet_schema(file)
        return pl.scan_parquet(files)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what reading may raise into one sentence; a user's callable may raise anything."""
        if not callable(self._source):
            with _naming(self.describe()):
                yield
            return
        try:
            yield
        except PipelineError:
            raise
        except (ConnectionError, TimeoutError) as exc:
            raise TransientError(f"{self.describe()} did not answer: {_line(exc)}") from exc
        except (Exception, PanicException) as exc:
            raise ConfigurationError(
                f"{self.describe()} raised {type(exc).__name__}: {_line(exc)}; mend the callable"
            ) from exc


@contextmanager
def _naming(address: str) -> Iterator[None]:
    try:
        yield
    except (PolarsError, PanicException, OSError) as exc:
        raise ConfigurationError(
            f"{address} cannot be read as parquet ({_line(exc)}): write it again or give another"
            " source"
        ) from exc


def _files(address: str) -> list[Path]:
    path = Path(address).expanduser()
    if path.is_dir():
        found = sorted(path.rglob("*.parquet"))
    elif path.exists() or not has_magic(address):
        found = [path] if path.exists() else []
    else:
        found = sorted(Path(name) for name in glob(str(path), recursive=True))  # noqa: PTH207 - absolute too
    if not found:
        raise ConfigurationError(f"there is no data at {address}: give --data or correct `source`")
    return found


def _is_time(kind: pl.DataType | None) -> bool:
    return isinstance(kind, pl.Datetime)


def _naive(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if getattr(kind, "time_zone", None) is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.dt.cast_time_unit("us")


def _line(exc: BaseException) -> str:
    """The first line of a message: Polars appends its whole query plan."""
    lines = str(exc).strip().splitlines()
    return lines[0] if lines else type(exc).__name__
