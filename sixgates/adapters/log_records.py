"""Records of the log as frames: their columns, and how lines become rows.

The columns follow from the fields of `sixgates/gates/records.py`. What a field has a default for,
older records lack: there the default stands.
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import polars as pl
from msgspec.structs import fields
from polars.exceptions import PolarsError

from sixgates.gates.errors import ContractError
from sixgates.gates.records import Arm, Label, Prediction


class Stream(StrEnum):
    """What is logged, each in segments and a table of its own."""

    PREDICTIONS = "predictions"
    LABELS = "labels"


_Rows = TypeVar("_Rows", pl.DataFrame, pl.LazyFrame)

_RECORDS: dict[Stream, type[Label | Prediction]] = {
    Stream.PREDICTIONS: Prediction,
    Stream.LABELS: Label,
}

_TYPES: dict[Any, pl.DataType] = {
    str: pl.String(),
    Arm: pl.String(),
    int: pl.Int64(),
    float: pl.Float64(),
    float | None: pl.Float64(),
    tuple[float, ...]: pl.List(pl.Float64()),
}


def _schema(record: type[Label | Prediction]) -> pl.Schema:
    return pl.Schema({f.name: _TYPES[f.type] for f in fields(record)})


SCHEMAS = {stream: _schema(record) for stream, record in _RECORDS.items()}
"""Columns of each stream; times are seconds since 1970 UTC."""

PREDICTION_SCHEMA = SCHEMAS[Stream.PREDICTIONS]
LABEL_SCHEMA = SCHEMAS[Stream.LABELS]

DEFAULTS = {
    stream: {f.name: f.default for f in fields(record) if f.default is not msgspec.NODEFAULT}
    for stream, record in _RECORDS.items()
}
"""What stands where a record has no such field."""

PLACE = {"segment": pl.String(), "line": pl.Int64()}
"""Where a row was logged: the name of its segment, and its place among the records, from 1."""


def located(stream: Stream) -> pl.Schema:
    """Return the columns of a stream's rows with their places."""
    return pl.Schema({**SCHEMAS[stream], **PLACE})


def parse(path: Path, whole: bytes, before: int, stream: Stream) -> pl.DataFrame:
    """Turn whole lines of a segment into rows with their places.

    Args:
        path: The segment, for its name.
        whole: Lines, each with its newline.
        before: Records of the segment that come before them.
        stream: What they hold.

    Raises:
        ContractError: a line is not such a record.
    """
    schema = SCHEMAS[stream]
    try:
        frame = pl.read_ndjson(whole, schema=schema)
    except PolarsError as exc:
        raise _malformed(path, whole, before, stream) from exc
    if any(frame.drop(DEFAULTS[stream], strict=False).null_count().row(0)):
        raise _malformed(path, whole, before, stream)
    if "values" in schema:
        # JSON has no NaN: it is written as null, and must not vanish from a mean.
        frame = frame.with_columns(pl.col("values").list.eval(pl.element().fill_null(float("nan"))))
    return completed(frame, stream).with_columns(
        segment=pl.lit(path.name), line=pl.int_range(before + 1, before + 1 + pl.len())
    )


def completed(frame: _Rows, stream: Stream) -> _Rows:
    """Put defaults where records had no such field."""
    given = {name: value for name, value in DEFAULTS[stream].items() if value is not None}
    return frame.with_columns(pl.col(name).fill_null(value) for name, value in given.items())


def first_labels(rows: pl.DataFrame) -> pl.DataFrame:
    """Return label records in order of receipt, the first one of each request and row.

    Which one is the first must not change once a tick has seen it, or a verdict that is computed
    again would see another label. Of several in one segment it is the one that was written first:
    a segment is one gateway's, and only grows, so nothing that comes later comes before, whatever
    its clock says. Of several segments it is the one whose `received` is the earliest, for nothing
    else tells between two gateways: a label that was sent to both with another value, and that the
    one whose clock is behind got later, can still take the other's place. With the same `received`
    the segment's name decides.

    Args:
        rows: Labels with their places, in the order of these.
    """
    row = ["request", "row"]
    firsts = rows.unique(["segment", *row], keep="first", maintain_order=True)
    in_order = firsts.sort("received", maintain_order=True)
    return in_order.unique(row, keep="first", maintain_order=True).select(*LABEL_SCHEMA)


def _malformed(path: Path, whole: bytes, before: int, stream: Stream) -> ContractError:
    """Find the first line that is not a record: only on the way to an error, so slow is fine."""
    kind = _RECORDS[stream].__name__.lower()
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_as_written(_RECORDS[stream]))
    for number, line in enumerate(whole.splitlines(), start=before + 1):
        if not line.strip():
            continue
        try:
            decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            return ContractError(
                f"{path}:{number} is not a {kind} record ({exc}): set the"
                " segment aside, then find out who wrote it"
            )
    return ContractError(f"{path} holds a line that cannot be read: set the segment aside")


def _as_written(record: type[Label | Prediction]) -> type[Any]:
    """Return a record in which answers may be null: so JSON has those that are no number."""
    answers = tuple[float | None, ...]
    return msgspec.defstruct(
        record.__name__,
        [
            (f.name, answers if f.name == "values" else f.type, f.default)
            if f.default is not msgspec.NODEFAULT
            else (f.name, answers if f.name == "values" else f.type)
            for f in fields(record)
        ],
    )
