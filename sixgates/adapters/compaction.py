"""Compaction: sealed segments become rows of the tables, once each, and are deleted after that.

One committer at a time, by a lease in the ledger. Should two be at it after all, neither loses nor
doubles a row: each segment is locked, and is one transaction of which Delta lets one through. A
process may die anywhere: what it had committed is seen by the next one, which only deletes it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import polars as pl

from sixgates.adapters.delta_log import DeltaLog
from sixgates.adapters.delta_packing import Packed, pack
from sixgates.adapters.delta_table import ModelTable
from sixgates.adapters.label_counts import LabelCounts, count_labels
from sixgates.adapters.log_records import Before, Stream, parse
from sixgates.adapters.quarantine import quarantine_of
from sixgates.adapters.sealed_segments import Sealed, batches
from sixgates.adapters.wiring import World
from sixgates.gates.errors import ContractError, TransientError
from sixgates.gates.project import Project
from sixgates.ledger.holder import in_this_process, leave, take_or_see

LEASE_SECONDS = 300.0
"""Wall time after which a committer that hangs keeps the next one out no longer; renewed with each
batch."""


@dataclass(slots=True)
class Moved:
    """What became of the sealed segments of one stream."""

    segments: int = 0
    """Deleted: their rows are in the table."""
    rows: int = 0
    """Committed now."""
    found: int = 0
    """Segments that were in the table already: who committed them died before it deleted them."""
    torn: int = 0
    """Last lines that a kill cut off before they were acknowledged: left out."""
    files: Packed = field(default_factory=Packed)


@dataclass(slots=True)
class Compacted:
    """What one compaction of a model did."""

    model: str
    busy: str = ""
    """Why nothing was done: another one is at it. Empty where this one was."""
    predictions: Moved = field(default_factory=Moved)
    labels: Moved = field(default_factory=Moved)
    quarantine: Packed = field(default_factory=Packed)
    """What was done to the files of the table of refused rows."""
    counts: LabelCounts = field(default_factory=LabelCounts)
    """What the labels brought that were committed now."""
    unreadable: list[str] = field(default_factory=list)
    """Why a segment was left as it is, each with what to do."""

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        if self.busy:
            return self.busy
        torn = self.predictions.torn + self.labels.torn
        segments = self.predictions.segments + self.labels.segments
        tables = (self.predictions.files, self.labels.files, self.quarantine)
        packed = sum(files.packed for files in tables)
        return (
            f"segments that went into the tables: {segments:,} (rows of predictions:"
            f" {self.predictions.rows:,}, of labels: {self.labels.rows:,})"
            + (f"; torn lines left out: {torn:,}" if torn else "")
            + (f"; files packed: {packed:,}" if packed else "")
        )


def compact(world: World, project: Project) -> Compacted:
    """Bring every sealed segment of a project's model into its tables, unless another is at it.

    Raises:
        TransientError: another took over or was faster, or the disk is full; run it again.
        ContractError: a table is not whole.
    """
    ledger, model, settings = world.ledger, project.name, world.settings
    name, owner = f"compact:{model}", in_this_process(f"compaction {uuid4().hex[:8]}")
    held = take_or_see(ledger, name, owner, LEASE_SECONDS)
    if held is not None:
        return Compacted(
            model,
            busy=f"another compaction of {model} is at work: {held.owner}; it has until"
            f" {held.until:%H:%M:%S} UTC to show that it lives",
        )

    def go_on() -> None:
        if not ledger.renew(name, owner, LEASE_SECONDS):
            raise TransientError(
                f"another compaction of {model} took over from this one, which took too long:"
                " nothing was lost or doubled; see what that one says"
            )

    try:
        log = DeltaLog(settings.log, settings.tables)
        return compact_log(log, model, project.roles.label_horizon, go_on)
    finally:
        leave(ledger, name, owner)


def compact_log(
    log: DeltaLog, model: str, horizon: timedelta | None, go_on: Callable[[], None]
) -> Compacted:
    """Bring every sealed segment into the tables, then pack these.

    Args:
        log: Where segments and tables lie.
        model: Whose.
        horizon: Age at which every label ought to be known, where the project says so.
        go_on: Called before each commit; raises where somebody else has taken over.
    """
    done = Compacted(model, counts=LabelCounts.none(horizon))

    def count(labels: pl.DataFrame) -> None:
        done.counts += _counted(log, model, labels, horizon, whole=not done.unreadable)

    # Predictions first: a label is unknown where the log has no prediction for it.
    for stream, moved, look in (
        (Stream.PREDICTIONS, done.predictions, lambda _: None),
        (Stream.LABELS, done.labels, count),
    ):
        table = log.table(model, stream)
        for batch in batches(log.folder / model, stream):
            go_on()
            _move(table, _read(batch, stream, moved, done.unreadable), moved, look)
        if table.exists:
            go_on()
            moved.files = pack(table)
    refused = quarantine_of(log.tables, model)
    if refused.exists:
        go_on()
        done.quarantine = pack(refused)
    return done


def _read(
    batch: list[Sealed], stream: Stream, moved: Moved, unreadable: list[str]
) -> dict[Path, pl.DataFrame]:
    """Return the rows of each segment that can be read."""
    found = {}
    for segment in batch:
        whole, torn = segment.lines()
        try:
            rows = parse(segment.path, whole, Before(), stream)
        except ContractError as exc:
            unreadable.append(str(exc))
            continue
        moved.torn += bool(torn)
        found[segment.path] = rows
    return found


def _move(
    table: ModelTable,
    segments: dict[Path, pl.DataFrame],
    moved: Moved,
    look: Callable[[pl.DataFrame], None],
) -> None:
    """Commit what the table does not hold yet, and delete the segments once that is on disk."""
    table.create()
    now = table.open()
    held = table.holding(now, [path.name for path in segments])
    fresh = [rows for path, rows in segments.items() if path.name not in held and rows.height]
    if fresh:
        rows = pl.concat(fresh)
        look(rows)
        table.append(now, rows)
        moved.rows += rows.height
    for path in segments:
        path.unlink(missing_ok=True)
    moved.segments += len(segments)
    moved.found += len(held)


def _counted(
    log: DeltaLog, model: str, labels: pl.DataFrame, horizon: timedelta | None, *, whole: bool
) -> LabelCounts:
    """Say what labels bring beside those of the table, by the predictions that can be read."""
    with log.reading(model):
        stored = log.table(model, Stream.PREDICTIONS).scan()
        predicted = log.lazy(model, Stream.PREDICTIONS) if whole else stored
        earlier = log.table(model, Stream.LABELS).scan()
        return count_labels(labels, earlier, predicted, horizon)
