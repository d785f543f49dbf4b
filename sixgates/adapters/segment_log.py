"""What the gateways logged, read back from their segments while they go on writing.

Segments only grow, until compaction puts their rows into a table and deletes them. Each is parsed
once: later reads parse what was appended since. A last line without its newline is still being
written, or was torn by a kill before it was acknowledged.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from sixgates.adapters.log_records import (
    LABEL_SCHEMA,
    PREDICTION_SCHEMA,
    Before,
    Stream,
    first_labels,
    located,
    parse,
)
from sixgates.gates.errors import ContractError

__all__ = ["LABEL_SCHEMA", "PREDICTION_SCHEMA", "SegmentLog"]


@dataclass(slots=True)
class _Segment:
    rows: pl.DataFrame
    read: int = 0
    """Bytes already parsed, always up to the end of a line."""
    lines: int = 0
    """Of them."""


class SegmentLog:
    """Predictions and labels under `<folder>/<model>/`. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segments: dict[Path, _Segment] = {}
        self._lock = threading.Lock()

    def predictions(self, model: str, since: datetime) -> pl.DataFrame:
        """Return prediction records whose event time is not before `since` (naive UTC).

        Raises:
            ContractError: a line is not a prediction, or a segment shrank.
        """
        start = since.replace(tzinfo=UTC).timestamp()
        rows = self._rows(model, Stream.PREDICTIONS)
        return rows.filter(pl.col("at") >= start).select(*PREDICTION_SCHEMA)

    def labels(self, model: str, since: datetime | None = None) -> pl.DataFrame:
        """Return label records, the first one of each request and row: see `first_labels`.

        Where `since` is given (naive UTC), only of those that were received from then on.

        Raises:
            ContractError: a line is not a label, or a segment shrank.
        """
        rows = self._rows(model, Stream.LABELS)
        if since is not None:
            rows = rows.filter(pl.col("received") >= since.replace(tzinfo=UTC).timestamp())
        return first_labels(rows)

    def read(self, model: str, stream: Stream) -> dict[str, pl.DataFrame]:
        """Return the rows of each segment that is there, with their places, in order of names.

        A segment that is deleted meanwhile is left out: its rows are in the table by then.

        Raises:
            ContractError: a line is not such a record, or a segment shrank.
        """
        folder, found = self._folder / model, {}
        with self._lock:
            paths = sorted(folder.glob(f"{stream}-*.jsonl"))
            for path in paths:
                segment = self._segments.setdefault(path, _Segment(located(stream).to_frame()))
                try:
                    _read_on(path, segment, stream)
                except FileNotFoundError:
                    continue
                found[path.name] = segment.rows
            self._forget(folder, stream, found)
        return found

    def _rows(self, model: str, stream: Stream) -> pl.DataFrame:
        return pl.concat([located(stream).to_frame(), *self.read(model, stream).values()])

    def _forget(self, folder: Path, stream: Stream, found: dict[str, pl.DataFrame]) -> None:
        """Keep no rows of segments that are gone."""
        for path in list(self._segments):
            mine = path.parent == folder and path.name.startswith(f"{stream}-")
            if mine and path.name not in found:
                del self._segments[path]


def _read_on(path: Path, segment: _Segment, stream: Stream) -> None:
    size = path.stat().st_size
    if size < segment.read:
        raise ContractError(
            f"the log segment {path} shrank from {segment.read} to {size} bytes: restore it, for"
            " decisions rest on what it held"
        )
    if size == segment.read:
        return
    with path.open("rb") as file:
        file.seek(segment.read)
        tail = file.read()
    whole = tail[: tail.rfind(b"\n") + 1]
    rows = parse(path, whole, Before(segment.rows.height, segment.lines), stream)
    segment.rows = pl.concat([segment.rows, rows])
    segment.read += len(whole)
    segment.lines += whole.count(b"\n")
