"""Is the log well: how fresh it is, what waits for compaction, and what was lost."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from sixgates.adapters.delta_log import DeltaLog
from sixgates.adapters.delta_table import ModelTable
from sixgates.adapters.label_counts import LabelCounts, count_labels
from sixgates.adapters.log_records import LABEL_SCHEMA, Stream
from sixgates.adapters.sealed_segments import is_sealed
from sixgates.adapters.wiring import World
from sixgates.gates.errors import PipelineError
from sixgates.gates.notices import Uncompacted, late_compaction
from sixgates.gates.ports import Serving
from sixgates.gates.project import Project


@dataclass(frozen=True, slots=True)
class Waiting:
    """Segments of one stream that are not in its table yet, of one state."""

    segments: int = 0
    rows: int = 0
    bytes: int = 0
    oldest: float | None = None
    """Receipt of the oldest record in them, seconds since 1970; None where there is none."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a table holds."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    newest: float | None = None
    """Receipt of its newest record, seconds since 1970; None where there is none."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """Where the rows of one stream lie."""

    written: Waiting
    """In segments that a gateway is writing."""
    sealed: Waiting
    """In segments that wait for compaction."""
    table: Stored
    newest: float | None
    """Receipt of the newest record anywhere, seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a gateway logs, and what it left out since it started."""

    share: float
    """Of requests."""
    answers: int
    labels: int


@dataclass(slots=True)
class LogState:
    """The log of one model, as it is now."""

    model: str
    now: float
    """Wall clock, seconds since 1970."""
    predictions: StreamState
    labels: StreamState
    counts: LabelCounts
    """All labels; `new` is the number of rows that have one."""
    unlogged: dict[str, int] = field(default_factory=dict)
    """For each live gateway, the answers it gave without logging them, since it started."""
    samples: dict[str, Sample] = field(default_factory=dict)
    """Each live gateway that logs a share of the requests only, and what it left out."""
    problems: list[str] = field(default_factory=list)


def look_at(world: World, project: Project) -> LogState:
    """Return how the log of a project's model is.

    Raises:
        ContractError: a segment or a table cannot be read; the sentence says which.
    """
    log, model = DeltaLog(world.settings.log, world.settings.tables), project.name
    predictions, labels = (_state(log, model, stream) for stream in Stream)
    counts = _counted(log, model, project.roles.label_horizon)
    state = LogState(model, time.time(), predictions, labels, counts)
    try:
        serving = world.traffic.serving(model)
    except PipelineError as exc:
        state.problems.append(str(exc))
    else:
        state.unlogged = {gateway.url: gateway.unlogged for gateway in serving}
        state.samples = {
            g.url: Sample(g.log_share, g.left_out, g.left_out_labels)
            for g in serving
            if g.log_share < 1
        }
        state.problems += _otherwise(serving, world.settings.log_share)
    state.problems += _lost(state) + _late(state)
    return state


def _state(log: DeltaLog, model: str, stream: Stream) -> StreamState:
    local = log.segments.read(model, stream)
    table = _stored(log.table(model, stream))
    sealed = {name for name in local if is_sealed(log.folder / model / name)}
    parts = {name: _waiting(log.folder / model / name, rows) for name, rows in local.items()}
    received = [rows.select(pl.col("received").max()).item() for rows in local.values()]
    return StreamState(
        written=_together([part for name, part in parts.items() if name not in sealed]),
        sealed=_together([part for name, part in parts.items() if name in sealed]),
        table=table,
        newest=max((n for n in (*received, table.newest) if n is not None), default=None),
    )


def _waiting(path: Path, rows: pl.DataFrame) -> Waiting:
    try:
        size = path.stat().st_size
    except FileNotFoundError:  # It went into the table just now.
        return Waiting()
    return Waiting(1, rows.height, size, rows.select(pl.col("received").min()).item())


def _together(parts: list[Waiting]) -> Waiting:
    return Waiting(
        sum(part.segments for part in parts),
        sum(part.rows for part in parts),
        sum(part.bytes for part in parts),
        min((part.oldest for part in parts if part.oldest is not None), default=None),
    )


def _stored(table: ModelTable) -> Stored:
    files = table.files(table.open()) if table.exists else pl.DataFrame()
    if files.is_empty():
        return Stored()
    total = files.select(pl.col("num_records", "size_bytes").sum(), pl.col("max.received").max())
    rows, size, newest = total.row(0)
    return Stored(rows, files.height, size, newest)


def _counted(log: DeltaLog, model: str, horizon: timedelta | None) -> LabelCounts:
    none = LABEL_SCHEMA.to_frame().lazy()
    with log.reading(model):
        labels = log.lazy(model, Stream.LABELS).select(*LABEL_SCHEMA).collect()
        return count_labels(labels, none, log.lazy(model, Stream.PREDICTIONS), horizon)


def _lost(state: LogState) -> list[str]:
    return [
        f"{url} gave {count:,} answers that it could not log: see its /healthz for why, and make"
        " room or repair the disk"
        for url, count in state.unlogged.items()
        if count
    ]


def _otherwise(serving: Sequence[Serving], share: float) -> list[str]:
    """Say which gateways log another share of the requests than is set here."""
    return [
        f"{gateway.url} logs {gateway.log_share:.4g} of the requests, and here SIXGATES_LOG_SHARE"
        f" is {share:.4g}: set both alike, for labels from a file go by the one here"
        for gateway in serving
        if gateway.log_share != share
    ]


def uncompacted(world: World, model: str) -> Iterator[Uncompacted]:
    """Yield what waits for compaction in each stream of a model's log.

    Raises:
        ContractError: a segment cannot be read; the sentence says which.
    """
    log = DeltaLog(world.settings.log, world.settings.tables)
    for stream in Stream:
        yield _waits(model, stream, _state(log, model, stream))


def _late(state: LogState) -> list[str]:
    """Say which stream waits for a compaction that does not come."""
    now = _wall(state.now)
    streams = ((Stream.PREDICTIONS, state.predictions), (Stream.LABELS, state.labels))
    waiting = (_waits(state.model, stream, its) for stream, its in streams)
    return [notice.reason for what in waiting for notice in late_compaction(what, now)]


def _waits(model: str, stream: Stream, its: StreamState) -> Uncompacted:
    since = None if its.sealed.oldest is None else _wall(its.sealed.oldest)
    return Uncompacted(model, stream, its.sealed.rows, since)


def _wall(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
