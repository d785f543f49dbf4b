"""Rows of a source's parquet files as stretches of time that workers read, as known at a moment."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandera.polars as pa
import polars as pl

from sixgates.adapters.dataset_store import file_digest
from sixgates.adapters.engine.check import Asked
from sixgates.adapters.engine.cluster import Cluster
from sixgates.adapters.engine.stored_rows import (
    ROWS,
    Part,
    parts_of,
    require_shared,
    without_contract,
)
from sixgates.adapters.lake.as_known import FIRST, cut_by_time, hide_labels, in_order
from sixgates.adapters.lake.parquet_source import FAULTS, unreadable
from sixgates.adapters.lake.source import Cut
from sixgates.adapters.project_files import load_project, project_file
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project

if TYPE_CHECKING:
    from distributed import Future

_STEP = 64
"""Of so many event times one says where a source in no order is cut."""
_NO_TIME = Cut(None, datetime(1970, 1, 1))  # noqa: DTZ001 - naive UTC
"""Rows without an event time come with any stretch of time."""


class Files(NamedTuple):
    """Parquet files with the same columns."""

    paths: Sequence[Path]
    schema: pl.Schema


class UsersFile(NamedTuple):
    """The project's file, from which a worker takes the contract: rules may be its functions."""

    path: str
    digest: str
    """SHA-256, so that no worker judges by another text."""


class PartTimes(NamedTuple):
    """What one part of the files holds of a stretch of time."""

    low: datetime | None
    """Oldest event time, naive UTC, but none before `FIRST`; None where there is none."""
    high: datetime | None
    missing: int
    """Rows without an event time."""
    some: list[datetime]
    """Every 64th event time, as it lies."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows of a stretch of time, wherever in the files they lie."""

    parts: tuple[Part, ...]
    """Those that hold any."""
    cut: Cut | None
    """Which; None for those without an event time."""

    def read(
        self, project: Project, schema: pl.Schema, now: datetime, columns: Sequence[str] | None
    ) -> pl.DataFrame:
        """Return the rows as they were known at a moment, in event-time order.

        Args:
            project: Names the roles.
            schema: Of the files.
            now: The moment, naive UTC.
            columns: The event time and others; all where not given.

        Raises:
            ConfigurationError: a file cannot be read.
        """
        when = pl.col(project.roles.event_time)
        cut = self.cut or _NO_TIME
        names, frames = schema.names(), []
        lying = [
            pl.scan_parquet(part.file, glob=False).slice(part.begin, part.rows).select(names)
            for part in self.parts
        ]
        for lazy in lying or [schema.to_frame().lazy()]:
            rows = cut_by_time(lazy, schema, project, cut)
            rows = rows.filter(when.is_null() if self.cut is None else when.is_not_null())
            rows = hide_labels(rows, schema, project, now)
            frames.append(rows if columns is None else rows.select(*columns))
        try:
            read = pl.collect_all(frames)
        except FAULTS as exc:
            raise unreadable(self._culprit(), exc) from exc
        return in_order(pl.concat(read), project)

    def _culprit(self) -> str:
        """Find the file that cannot be read: only on the way to an error, so slow is fine."""
        for part in self.parts:
            try:
                part.read()
            except FAULTS:
                return part.file
        return self.parts[0].file


@dataclass(frozen=True, slots=True)
class SourceRows:
    """Rows of a stretch of time, for workers; this process never holds them."""

    cluster: Cluster
    project: Project
    """Without contract and source, for workers."""
    contract: UsersFile
    schema: pl.Schema
    """Of the files."""
    now: datetime
    pieces: tuple[Piece, ...]
    """In the order of time, rows without one first; one at least."""
    ends: tuple[datetime, datetime] | None
    """Oldest and newest event time; None without rows that have one."""

    def columns(self, project: Project) -> pl.DataFrame:
        """Return no row, in the columns that pieces have."""
        none = self.schema.to_frame().lazy()
        none = cut_by_time(none, self.schema, project, _NO_TIME)
        return hide_labels(none, self.schema, project, self.now).collect()

    def on_pieces(
        self,
        function: Callable[..., Any],
        *common: object,
        pieces: Sequence[Piece] | None = None,
        beside: Iterable[object] | None = None,
        columns: Sequence[str] | None = None,
    ) -> "list[Future]":
        """Start one task a piece, given its rows, project, now, and the common arguments.

        Args:
            function: What is to be done.
            common: Behind what belongs to the piece.
            pieces: Some of them; all where not given.
            beside: For each piece what belongs to it, which goes before the common arguments.
            columns: The event time and others that are needed; all where not given.
        """
        what = _What(function, self.project, self.contract, self.schema, self.now, columns, common)
        shared = self.cluster.held(what)
        chosen = self.pieces if pieces is None else pieces
        if beside is None:
            return self.cluster.each(_on_piece, chosen, None, shared)
        return [
            self.cluster.submit(_on_piece, piece, own, shared)
            for piece, own in zip(chosen, beside, strict=True)
        ]


def source_rows_of(
    cluster: Cluster,
    asked: Asked,
    files: Files,
    cut: Cut,
) -> SourceRows:
    """Find out where in some files the rows of a stretch of time lie, and cut it into pieces.

    Files that lie in the order of time are cut where their parts are; others by a sample, and each
    piece then reads all parts that hold any of it. The cuts depend on the rows alone.

    Args:
        cluster: The workers.
        asked: Whose project and present are meant.
        files: Where they lie.
        cut: Which rows; those without an event time come with them.

    Raises:
        ConfigurationError: a worker does not see the files, or one cannot be read.
    """
    paths, schema = files
    own, project = project_file(asked.file).absolute(), without_contract(asked.project)
    require_shared(cluster, paths[0])
    with asked.lake.reading():
        parts = parts_of(paths)
    found: list[PartTimes] = cluster.gather(
        cluster.each(_times, parts, cluster.held((project, schema, cut)))
    )
    timed = [
        _Timed(part, times.low, times.high)
        for part, times in zip(parts, found, strict=True)
        if times.low is not None and times.high is not None
    ]
    by_time = sorted(timed, key=lambda one: (one.low, one.high))
    orderly = all(one.high <= behind.low for one, behind in pairwise(by_time))
    ends = list(dict.fromkeys(one.high for one in by_time)) if orderly else _borders(found)
    pieces = [
        Piece(tuple(one.part for one in timed if one.touches(cut)), cut)
        for cut in map(Cut, [cut.since, *ends[:-1]], ends)
    ]
    missing = tuple(p for p, t in zip(parts, found, strict=True) if t.missing)
    if missing or not pieces:
        pieces.insert(0, Piece(missing or parts[:1], None))
    whole = (min(one.low for one in timed), max(one.high for one in timed)) if timed else None
    contract = UsersFile(str(own), file_digest(own))
    return SourceRows(cluster, project, contract, schema, asked.now, tuple(pieces), whole)


class _Timed(NamedTuple):
    """A part, and its oldest and newest event time."""

    part: Part
    low: datetime
    high: datetime

    def touches(self, cut: Cut) -> bool:
        """Whether it may hold rows of a stretch of time."""
        return self.low <= cut.until and (cut.since is None or self.high > cut.since)


def _borders(found: Iterable[PartTimes]) -> list[datetime]:
    """Return ends of stretches with about as many rows each, the last one that of all."""
    some = sorted(moment for times in found for moment in times.some)
    highest = max(times.high for times in found if times.high is not None)
    return [*dict.fromkeys([*some[ROWS // _STEP :: ROWS // _STEP], highest])]


def _times(part: Part, shared: tuple[Project, pl.Schema, Cut]) -> PartTimes:
    project, schema, cut = shared
    names = [n for n in (project.roles.event_time, project.roles.label_time) if n and n in schema]
    lying = pl.scan_parquet(part.file, glob=False).slice(part.begin, part.rows).select(names)
    own = pl.Schema({name: schema[name] for name in names})
    try:
        times = cut_by_time(lying, own, project, cut).collect()[project.roles.event_time]
    except FAULTS as exc:
        raise unreadable(part.file, exc) from exc
    # Python cannot hold each moment: the oldest ones, whatever their years, go together.
    known = times.drop_nulls().clip(lower_bound=FIRST)
    low, high = known.min(), known.max()
    return PartTimes(
        low if isinstance(low, datetime) else None,
        high if isinstance(high, datetime) else None,
        times.null_count(),
        known.gather_every(_STEP).to_list(),
    )


class _What(NamedTuple):
    """What is to be done on each piece."""

    function: Callable[..., Any]
    project: Project
    contract: UsersFile
    schema: pl.Schema
    now: datetime
    columns: Sequence[str] | None
    common: tuple[object, ...]


def _on_piece(piece: Piece, own: object, what: _What) -> Any:  # noqa: ANN401 - what it returns
    project = what.project.model_copy(update={"contract": _contract(what.contract)})
    rows = piece.read(project, what.schema, what.now, what.columns)
    beside = () if own is None else (own,)
    return what.function(rows, project, what.now, *beside, *what.common)


@lru_cache(maxsize=8)
def _contract(file: UsersFile) -> pa.DataFrameSchema:
    from distributed import get_worker

    path = Path(file.path)
    if not path.is_file() or file_digest(path) != file.digest:
        raise ConfigurationError(
            f"worker {get_worker().address} does not see {path} as this run does: let all workers"
            " have the project's file by the same path, and start the run again"
        )
    return load_project(file.path).contract
