"""Records of the log as frames: their columns, and how lines become rows.

The columns follow from the fields of `sixgates/gates/records.py`. What a field has a default for,
older records lack: there the default stands.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
import polars as pl
from msgspec.structs import fields
from polars.exceptions import PolarsError

from sixgates.adapters.table_layout import Layout
from sixgates.gates.errors import ContractError
from sixgates.gates.records import Arm, Batch, Label, Prediction


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
    list[int]: pl.List(pl.Int64()),
    list[str]: pl.List(pl.String()),
    list[float]: pl.List(pl.Float64()),
    list[tuple[float, ...]]: pl.List(pl.List(pl.Float64())),
}


def _schema(record: type[Label | Prediction | Batch]) -> pl.Schema:
    return pl.Schema({f.name: _TYPES[f.type] for f in fields(record)})


SCHEMAS = {stream: _schema(record) for stream, record in _RECORDS.items()}
"""Columns of each stream; times are seconds since 1970 UTC."""

_WRITTEN = {
    Stream.PREDICTIONS: pl.Schema({**SCHEMAS[Stream.PREDICTIONS], **_schema(Batch)}),
    Stream.LABELS: SCHEMAS[Stream.LABELS],
}
"""What a line of each stream may hold."""

_ROW_BY_ROW = {
    "rows": "row", "entities": "entity", "ats": "at", "answers": "values", "errors": "error",
}  # fmt: skip
"""Lists of a batch, and what an entry of each is."""

_Answer = tuple[float | None, ...]
_Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_WRITTEN_AS: dict[Any, Any] = {
    tuple[float, ...]: _Answer,
    list[tuple[float, ...]]: list[_Answer],
    int: _Whole,
    list[int]: list[_Whole],
}
"""What may stand in a line, where that is not what the field of its record says."""

PREDICTION_SCHEMA = SCHEMAS[Stream.PREDICTIONS]
LABEL_SCHEMA = SCHEMAS[Stream.LABELS]

DEFAULTS = {
    stream: {f.name: f.default for f in fields(record) if f.default is not msgspec.NODEFAULT}
    for stream, record in _RECORDS.items()
}
"""What stands where a record has no such field."""

PLACE = {"segment": pl.String(), "line": pl.Int64()}
"""Where a row was logged: the name of its segment, and its place among the rows there, from 1."""


class Before(NamedTuple):
    """What of a segment was read already."""

    rows: int = 0
    lines: int = 0
    """Fewer, where there are batches."""


def located(stream: Stream) -> pl.Schema:
    """Return the columns of a stream's rows with their places."""
    return pl.Schema({**SCHEMAS[stream], **PLACE})


def layout_of(stream: Stream) -> Layout:
    """Return what the table of a stream holds."""
    measured = ("at", "received", "segment")
    return Layout(located(stream), "segment", measured, DEFAULTS[stream])


def parse(path: Path, whole: bytes, before: Before, stream: Stream) -> pl.DataFrame:
    """Turn whole lines of a segment into rows with their places.

    Args:
        path: The segment, for its name.
        whole: Lines, each with its newline.
        before: What of the segment comes before them.
        stream: What they hold.

    Raises:
        ContractError: a line is not such a record.
    """
    schema = SCHEMAS[stream]
    if not whole:
        return located(stream).to_frame()
    try:
        frame = pl.read_ndjson(whole, schema=_WRITTEN[stream])
        if stream is Stream.PREDICTIONS:
            frame = _row_by_row(frame)
    except PolarsError as exc:
        raise _malformed(path, whole, before.lines, stream) from exc
    if any(frame.drop(DEFAULTS[stream], strict=False).null_count().row(0)):
        raise _malformed(path, whole, before.lines, stream)
    if "values" in schema:
        # JSON has no NaN: it is written as null, and must not vanish from a mean.
        frame = frame.with_columns(pl.col("values").list.eval(pl.element().fill_null(float("nan"))))
    return completed(frame, DEFAULTS[stream]).with_columns(
        segment=pl.lit(path.name), line=pl.int_range(before.rows + 1, before.rows + 1 + pl.len())
    )


def _row_by_row(frame: pl.DataFrame) -> pl.DataFrame:
    """Give each row of a batch a row, in the place of the batch."""
    if frame["rows"].null_count() == frame.height:
        return frame.select(*PREDICTION_SCHEMA)
    in_batch, columns = pl.col("rows").is_not_null(), [*PREDICTION_SCHEMA, "line"]
    frame = frame.with_columns(line=pl.int_range(pl.len()))
    errors, none = pl.col("errors"), pl.lit("").repeat_by(pl.col("rows").list.len())
    batches = (
        frame.filter(in_batch)
        .drop(_ROW_BY_ROW.values())
        .with_columns(pl.when(errors.list.len() == 0).then(none).otherwise(errors).alias("errors"))
        .explode(*_ROW_BY_ROW)
        .rename(_ROW_BY_ROW)
    )
    both = [part.select(columns) for part in (frame.filter(~in_batch), batches)]
    return pl.concat(both).sort("line", maintain_order=True).drop("line")


def completed(frame: _Rows, defaults: Mapping[str, Any]) -> _Rows:
    """Put defaults where records had no such field."""
    given = {name: value for name, value in defaults.items() if value is not None}
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
    one: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_as_written(_RECORDS[stream]))
    batch: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_as_written(Batch))
    for number, line in enumerate(whole.splitlines(), start=before + 1):
        if not line.strip():
            continue
        try:
            if b'"rows":' in line:
                _require_even(batch.decode(line))
            else:
                one.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            return ContractError(
                f"{path}:{number} is not a {kind} record ({exc}): set the"
                " segment aside, then find out who wrote it"
            )
    return ContractError(f"{path} holds a line that cannot be read: set the segment aside")


def _require_even(batch: Any) -> None:  # noqa: ANN401 - see `_as_written`
    lists = [getattr(batch, name) for name in _ROW_BY_ROW if name != "errors" or batch.errors]
    if len(set(map(len, lists))) > 1:
        raise msgspec.ValidationError("its lists have no entry for each row")


def _as_written(record: type[Label | Prediction | Batch]) -> type[Any]:
    """Return a record as a line may have it: null for no number, no integer over 64 bits."""
    return msgspec.defstruct(
        record.__name__,
        [
            (f.name, _WRITTEN_AS.get(f.type, f.type))
            if f.default is msgspec.NODEFAULT
            else (f.name, _WRITTEN_AS.get(f.type, f.type), f.default)
            for f in fields(record)
        ],
    )
