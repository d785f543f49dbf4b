"""What the gateways logged, read back from their segments while they go on writing.

Segments only grow. Each is parsed once: later reads parse what was appended since. A last line
without its newline is still being written, or was torn by a kill before it was acknowledged.
"""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl
from polars.exceptions import PolarsError

from sixgates.gates.errors import ContractError
from sixgates.gates.records import Label, Prediction

PREDICTION_SCHEMA = pl.Schema(
    {
        "request": pl.String(),
        "row": pl.Int64(),
        "entity": pl.String(),
        "at": pl.Float64(),
        "epoch": pl.Int64(),
        "arm": pl.String(),
        "version": pl.String(),
        "values": pl.List(pl.Float64()),
        "error": pl.String(),
        "micros": pl.Float64(),
        "received": pl.Float64(),
        "share": pl.Float64(),
        "trace": pl.String(),
    }
)
"""Columns of `SegmentLog.predictions`; times are seconds since 1970 UTC."""

_MAY_LACK = frozenset({"share", "trace"})
"""What records did not have from the beginning: null there."""

LABEL_SCHEMA = pl.Schema(
    {
        "request": pl.String(),
        "row": pl.Int64(),
        "label": pl.String(),
        "at": pl.Float64(),
        "received": pl.Float64(),
    }
)
"""Columns of `SegmentLog.labels`."""


@dataclass(slots=True)
class _Segment:
    read: int = 0
    """Bytes already parsed, always up to the end of a line."""
    lines: int = 0
    frames: list[pl.DataFrame] = field(default_factory=list)


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
        frames = self._read(model, "predictions", PREDICTION_SCHEMA)
        return pl.concat(frames).filter(pl.col("at") >= start)

    def labels(self, model: str) -> pl.DataFrame:
        """Return label records in order of receipt, the first one of each request and row.

        Which one is the first must not change once a tick has seen it, or a verdict that is
        computed again would see another label. Of several in one segment it is the one that was
        written first: a segment is one gateway's, and only grows, so nothing that comes later
        comes before, whatever its clock says. Of several segments it is the one whose `received`
        is the earliest, for nothing else tells between two gateways: a label that was sent to both
        with another value, and that the one whose clock is behind got later, can still take the
        other's place. With the same `received` the segment's name decides.

        Raises:
            ContractError: a line is not a label, or a segment shrank.
        """
        row = ["request", "row"]
        frames = self._read(model, "labels", LABEL_SCHEMA)
        firsts = [frame.unique(row, keep="first", maintain_order=True) for frame in frames]
        in_order = pl.concat(firsts).sort("received", maintain_order=True)
        return in_order.unique(row, keep="first", maintain_order=True)

    def _read(self, model: str, kind: str, schema: pl.Schema) -> list[pl.DataFrame]:
        """Return the records of each segment; an empty one first, for a log without any."""
        frames = [schema.to_frame()]
        with self._lock:
            for path in sorted((self._folder / model).glob(f"{kind}-*.jsonl")):
                segment = self._segments.setdefault(path, _Segment())
                _read_on(path, segment, schema)
                frames += segment.frames
        return frames


def _read_on(path: Path, segment: _Segment, schema: pl.Schema) -> None:
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
    if not whole:
        return
    frame = _parse(path, whole, segment.lines, schema)
    segment.frames = [pl.concat([*segment.frames, frame])]
    segment.read += len(whole)
    segment.lines += whole.count(b"\n")


def _parse(path: Path, whole: bytes, lines_before: int, schema: pl.Schema) -> pl.DataFrame:
    try:
        frame = pl.read_ndjson(whole, schema=schema)
    except PolarsError as exc:
        raise _malformed(path, whole, lines_before, schema) from exc
    if any(frame.drop(_MAY_LACK, strict=False).null_count().row(0)):
        raise _malformed(path, whole, lines_before, schema)
    if "values" in schema:
        # JSON has no NaN: it is written as null, and must not vanish from a mean.
        frame = frame.with_columns(pl.col("values").list.eval(pl.element().fill_null(float("nan"))))
    return frame


def _malformed(path: Path, whole: bytes, before: int, schema: pl.Schema) -> ContractError:
    """Find the first line that is not a record: only on the way to an error, so slow is fine."""
    record: type[Label | Prediction] = Prediction if "values" in schema else Label
    decoder = msgspec.json.Decoder(record)
    for number, line in enumerate(whole.splitlines(), start=before + 1):
        if not line.strip():
            continue
        try:
            decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            return ContractError(
                f"{path}:{number} is not a {record.__name__.lower()} record ({exc}): set the"
                " segment aside, then find out who wrote it"
            )
    return ContractError(f"{path} holds a line that cannot be read: set the segment aside")
