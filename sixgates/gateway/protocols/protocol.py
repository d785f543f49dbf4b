"""What a request says: rows, units, event times and labels, or one sentence on what is wrong."""

import math
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import Annotated, Any

import msgspec

from sixgates.gates.card import ModelCard, RowError, Task, level_key
from sixgates.gates.outcome import OutcomeError, outcome
from sixgates.gates.records import Label
from sixgates.gates.row_reader import Columns, Rows, Table
from sixgates.gateway.protocols.decoding import decode

MAX_ROWS = 10_000
"""Rows or labels one request may carry."""
MAX_REQUEST_ID = 200

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of times without a zone, which are UTC
_YEAR_1, _YEAR_9999 = -62_135_596_800.0, 253_402_300_799.0


class Refusal(Exception):  # noqa: N818 - an answer to the client, not a fault of the gateway
    """An HTTP status with one sentence for the client."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Question(msgspec.Struct, frozen=True):
    """One request for predictions, understood."""

    request: str
    rows: Rows
    columns: Columns | None
    """Names of the rows' values; None where the rows are records or a table."""
    units: list[str]
    """Who each row is about: what is split, and clustered in the evidence."""
    ats: list[float]
    """Event times, seconds since 1970 UTC."""
    received: float
    """Wall clock, seconds since 1970 UTC."""


class _Split(msgspec.Struct):
    columns: msgspec.Raw
    data: list[list[Any]]


class _Invocation(msgspec.Struct):
    dataframe_split: _Split | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    inputs: list[dict[str, Any]] | None = None
    instances: list[dict[str, Any]] | None = None


class _SentLabel(msgspec.Struct):
    request: str
    row: Annotated[int, msgspec.Meta(ge=0, lt=MAX_ROWS)]
    label: bool | Annotated[int, msgspec.Meta(gt=-(2**63), le=2**63 - 1)] | float | str
    at: float | str | None = None


_invocations = msgspec.json.Decoder(_Invocation)
_names = msgspec.json.Decoder(list[str])
_labels = msgspec.json.Decoder(list[_SentLabel])

_MAX_NAMES = 16 * 1024
"""Bytes of column names up to which a list of them is remembered."""

_process: str
_numbers: "count[int]"


def _draw() -> None:
    """Draw what identifiers made here begin with, and from where they are counted."""
    global _process, _numbers
    _process, _numbers = secrets.token_hex(10), count(secrets.randbits(40))


_draw()
# Workers are forked from one process, and would all go on from what that one drew.
os.register_at_fork(after_in_child=_draw)


def request_id(given: bytes | None) -> str:
    """Take the client's identifier, or make one.

    >>> request_id(b"order-7")
    'order-7'
    """
    if not given:
        # Drawn once a process, then counted: as unique, and a tenth of the price.
        return f"{_process}{next(_numbers):012x}"
    return checked_id(given.decode("latin-1"), "x-request-id")


def checked_id(text: str, name: str) -> str:
    """Return a request's identifier that can be logged, given under that name."""
    if len(text) > MAX_REQUEST_ID or not (text.isascii() and text.isprintable()):
        raise Refusal(400, f"{name} must be printable ASCII, at most {MAX_REQUEST_ID} long")
    return text


def read_question(body: bytes, card: ModelCard, request: str, received: float) -> Question:
    """Understand a scoring request in MLflow's protocol.

    Raises:
        Refusal: 400 where the body is not such a request, 413 where it has too many rows.
    """
    try:
        asked = decode(_invocations, body)
    except msgspec.DecodeError as exc:
        raise _no_request(exc) from exc
    forms = (
        asked.dataframe_split, asked.dataframe_records, asked.inputs, asked.instances,
    )  # fmt: skip
    if forms.count(None) != len(forms) - 1:
        raise Refusal(
            400, "give exactly one of dataframe_split, dataframe_records, inputs, instances"
        )
    split, *records = forms
    if split is not None:
        return _of_split(split, card, request, received)
    rows = next(rows for rows in records if rows is not None)
    return question_of(rows, None, card, request, received)


def question_of(
    rows: Rows, columns: Columns | None, card: ModelCard, request: str, received: float
) -> Question:
    """Find out whom each row is about, and when it happened.

    Args:
        rows: Records; or values in the order of the columns, each row with as many; or a table.
        columns: The names of the values, None for records and tables.
        card: Of the champion.
        request: The request's identifier.
        received: Wall clock, seconds since 1970 UTC.

    Raises:
        Refusal: 400 where there is no row or one does not say, 413 where there are too many.
    """
    if len(rows) == 1 and not isinstance(rows, Table):
        unit = _unit(_value(rows[0], columns, card.entity), card.entity, request, 0)
        at = _event_time(_value(rows[0], columns, card.event_time), received, card.event_time, 0)
        return Question(request, rows, columns, [unit], [at], received)
    refuse_above_limit(len(rows), "rows")
    if not rows:
        raise Refusal(400, "the request holds no rows")
    entities = _column(rows, columns, card.entity)
    times = _column(rows, columns, card.event_time)
    return Question(
        request,
        rows,
        columns,
        [
            unit if type(unit) is str and unit else _unit(unit, card.entity, request, i)
            for i, unit in enumerate(entities)
        ],
        [
            at
            if type(at) is float and _YEAR_1 <= at <= _YEAR_9999
            else _event_time(at, received, card.event_time, i)
            for i, at in enumerate(_quickly_read(times))
        ],
        received,
    )


def read_labels(body: bytes, task: Task, received: float) -> list[Label]:
    """Understand a list of labels.

    Args:
        body: The list, in JSON.
        task: What a label may be.
        received: Wall clock, seconds since 1970 UTC.

    Raises:
        Refusal: 400 where the body is not such a list, 413 where it is too long.
    """
    _refuse_many_labels(body)
    try:
        sent = decode(_labels, body)
    except msgspec.DecodeError as exc:
        raise Refusal(400, f"the body is not a list of labels: {exc}") from exc
    refuse_above_limit(len(sent), "labels")
    return [_label(one, i, task, received) for i, one in enumerate(sent)]


def _refuse_many_labels(body: bytes) -> None:
    """Refuse a list that goes on after as many labels as may come, and look no further.

    A decoder reads all before it counts. What is no list of labels, or has braces in its text, is
    left to it.
    """
    pieces = body.split(b"{", MAX_ROWS + 1)
    if len(pieces) <= MAX_ROWS + 1:
        return
    first = body[: len(body) - len(pieces[-1]) - 1].rstrip(b" \t\r\n,") + b"]"
    with suppress(msgspec.DecodeError):
        if len(decode(_labels, first)) == MAX_ROWS:
            raise Refusal(413, f"more than {MAX_ROWS:,} labels in one request; send fewer at once")


def _of_split(split: _Split, card: ModelCard, request: str, received: float) -> Question:
    columns = _columns(bytes(split.columns))
    rows, width = split.data, len(columns.names)
    refuse_above_limit(len(rows), "rows")
    for i, row in enumerate(rows):
        if len(row) != width:
            raise Refusal(400, f"row {i} has {len(row)} values for {width} columns")
    return question_of(rows, columns, card, request, received)


def _columns(written: bytes) -> Columns:
    """Return columns for the JSON that names them: the same for the same, so that readers know."""
    if len(written) <= _MAX_NAMES:
        return _known_columns(written)
    return _read_columns(written, once=True)


def _read_columns(written: bytes, *, once: bool = False) -> Columns:
    try:
        names: list[str] = decode(_names, written)
        return Columns(names, once=once)
    except msgspec.DecodeError as exc:
        raise _no_request(f"{exc} - of `$.dataframe_split.columns`") from exc
    except RowError as exc:
        raise Refusal(400, f"dataframe_split: {exc}") from exc


_known_columns = lru_cache(maxsize=256)(_read_columns)


def _no_request(why: object) -> Refusal:
    return Refusal(400, f"the body is not a scoring request: {why}")


def _value(row: Any, columns: Columns | None, name: str | None) -> object:  # noqa: ANN401 - a row
    """Return a row's value in a column, None where it has no such column."""
    if columns is None:
        return None if name is None else row.get(name)
    place = columns.places.get(name)
    return None if place is None else row[place]


def _column(
    rows: Sequence[Any] | Table, columns: Columns | None, name: str | None
) -> Sequence[Any]:
    """Return one value a row, None where the rows have no such column."""
    if name is None:
        return [None] * len(rows)
    if isinstance(rows, Table):
        return rows.columns.get(name) or [None] * len(rows)
    if columns is None:
        return [row.get(name) for row in rows]
    place = columns.places.get(name)
    return [None] * len(rows) if place is None else [row[place] for row in rows]


def _unit(value: object, entity: str | None, request: str, i: int) -> str:
    if type(value) is str and value:
        return value
    if isinstance(value, (list, dict)):
        raise Refusal(400, f"row {i}, column {entity!r}: an entity is text or a number")
    return level_key(value) or f"{request}/{i}"


def _label(sent: _SentLabel, i: int, task: Task, received: float) -> Label:
    try:
        text = outcome(sent.label, task)
    except OutcomeError as exc:
        raise Refusal(400, f"label {i} {exc}") from exc
    return Label(
        request=sent.request,
        row=sent.row,
        label=text,
        at=received if sent.at is None else _seconds(sent.at, "label {}, 'at'", i),
        received=received,
    )


def _event_time(value: object, received: float, name: str, i: int) -> float:
    if value is None:
        return received
    if type(value) is float and _YEAR_1 <= value <= _YEAR_9999:
        return value
    return _seconds(value, "row {}, column {!r}", i, name)


def _quickly_read(times: Sequence[Any]) -> Sequence[Any]:
    """Return texts without a zone, as most times are, as seconds; all as it came where one is not.

    Each by itself, as the others are read, takes three times as long.
    """
    try:
        return [(moment - _EPOCH).total_seconds() for moment in map(datetime.fromisoformat, times)]
    except (TypeError, ValueError):
        return times


def _seconds(value: object, where: str, *what: object) -> float:
    """Read ISO 8601 text (UTC where it has no zone) or seconds since 1970.

    Each row may have one, so what names its place is put together only for a refusal.
    """
    seconds = math.nan
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            seconds = moment.timestamp() if moment.tzinfo else (moment - _EPOCH).total_seconds()
        except (ValueError, OverflowError):
            pass
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = value
    if not _YEAR_1 <= seconds <= _YEAR_9999:
        raise Refusal(
            400,
            f"{where.format(*what)}: {value!r:.40} is neither ISO 8601 nor seconds since 1970"
            " (UTC)",
        )
    return float(seconds)


def refuse_above_limit(n: int, what: str) -> None:
    """Refuse more rows or labels than one request may carry."""
    if n > MAX_ROWS:
        raise Refusal(413, f"{n:,} {what} in one request; send at most {MAX_ROWS:,}")


def encode_lines(records: Sequence[object]) -> bytes:
    """Write records as JSON, one a line, each with its newline."""
    if len(records) == 1:
        return _encoder.encode(records[0]) + b"\n"
    return _encoder.encode_lines(records)


_encoder = msgspec.json.Encoder()
