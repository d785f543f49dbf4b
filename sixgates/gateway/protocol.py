"""What a request says: rows, units, event times and labels, or one sentence on what is wrong."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from sixgates.gates.card import ModelCard, level_key
from sixgates.gates.records import Label
from sixgates.gateway.decoding import decode

MAX_ROWS = 10_000
"""Rows or labels one request may carry."""
MAX_REQUEST_ID = 200

_YEAR_1, _YEAR_9999 = -62_135_596_800.0, 253_402_300_799.0


class Refusal(Exception):  # noqa: N818 - an answer to the client, not a fault of the gateway
    """An HTTP status with one sentence for the client."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Question:
    """One request for predictions, understood."""

    request: str
    rows: list[dict[str, Any]]
    units: list[str]
    """Who each row is about: what is split, and clustered in the evidence."""
    ats: list[float]
    """Event times, seconds since 1970 UTC."""
    received: float
    """Wall clock, seconds since 1970 UTC."""


class _Split(msgspec.Struct):
    columns: list[str]
    data: list[list[Any]]


class _Invocation(msgspec.Struct):
    dataframe_split: _Split | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    inputs: list[dict[str, Any]] | None = None
    instances: list[dict[str, Any]] | None = None


class _SentLabel(msgspec.Struct):
    request: str
    row: int
    label: bool | int | float | str
    at: float | str | None = None


_invocations = msgspec.json.Decoder(_Invocation)
_labels = msgspec.json.Decoder(list[_SentLabel])


def request_id(given: bytes | None) -> str:
    """Take the client's identifier, or make one.

    >>> request_id(b"order-7")
    'order-7'
    """
    if not given:
        return secrets.token_hex(16)
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
        rows = _rows(decode(_invocations, body))
    except msgspec.DecodeError as exc:
        raise Refusal(400, f"the body is not a scoring request: {exc}") from exc
    return question_of(rows, card, request, received)


def question_of(
    rows: list[dict[str, Any]], card: ModelCard, request: str, received: float
) -> Question:
    """Find out whom each row is about, and when it happened.

    Raises:
        Refusal: 400 where there is no row or one does not say, 413 where there are too many.
    """
    refuse_above_limit(len(rows), "rows")
    if not rows:
        raise Refusal(400, "the request holds no rows")
    return Question(
        request=request,
        rows=rows,
        units=[_unit(row, card.entity, request, i) for i, row in enumerate(rows)],
        ats=[
            _seconds(row.get(card.event_time), received, f"row {i}, column {card.event_time!r}")
            for i, row in enumerate(rows)
        ],
        received=received,
    )


def read_labels(body: bytes, received: float) -> list[Label]:
    """Understand a list of labels.

    Raises:
        Refusal: 400 where the body is not such a list, 413 where it is too long.
    """
    try:
        sent = decode(_labels, body)
    except msgspec.DecodeError as exc:
        raise Refusal(400, f"the body is not a list of labels: {exc}") from exc
    refuse_above_limit(len(sent), "labels")
    return [_label(one, i, received) for i, one in enumerate(sent)]


def _rows(invocation: _Invocation) -> list[dict[str, Any]]:
    given = [
        rows
        for rows in (invocation.dataframe_records, invocation.inputs, invocation.instances)
        if rows is not None
    ]
    if invocation.dataframe_split is not None:
        given.append(_records(invocation.dataframe_split))
    if len(given) != 1:
        raise Refusal(
            400, "give exactly one of dataframe_split, dataframe_records, inputs, instances"
        )
    return given[0]


def _records(split: _Split) -> list[dict[str, Any]]:
    columns = split.columns
    if len(set(columns)) < len(columns):
        raise Refusal(400, "dataframe_split names a column twice")
    for i, row in enumerate(split.data):
        if len(row) != len(columns):
            raise Refusal(400, f"row {i} has {len(row)} values for {len(columns)} columns")
    return [dict(zip(columns, row, strict=True)) for row in split.data]


def _unit(row: dict[str, Any], entity: str | None, request: str, i: int) -> str:
    value = None if entity is None else row.get(entity)
    if isinstance(value, (list, dict)):
        raise Refusal(400, f"row {i}, column {entity!r}: an entity is text or a number")
    return level_key(value) or f"{request}/{i}"


def _label(sent: _SentLabel, i: int, received: float) -> Label:
    if sent.row < 0:
        raise Refusal(400, f"label {i}: row {sent.row} is below 0")
    text = level_key(int(sent.label) if isinstance(sent.label, bool) else sent.label)
    if not text or (isinstance(sent.label, int) and abs(sent.label) >= 2**63):
        raise Refusal(400, f"label {i} is empty or no usable number")
    return Label(
        request=sent.request,
        row=sent.row,
        label=text,
        at=_seconds(sent.at, received, f"label {i}, 'at'"),
        received=received,
    )


def _seconds(value: object, default: float, where: str) -> float:
    """Read ISO 8601 text (UTC where it has no zone) or seconds since 1970."""
    if value is None:
        return default
    seconds = math.nan
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            seconds = zoned.timestamp()
        except (ValueError, OverflowError):
            pass
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = value
    if not _YEAR_1 <= seconds <= _YEAR_9999:
        raise Refusal(
            400, f"{where}: {value!r:.40} is neither ISO 8601 nor seconds since 1970 (UTC)"
        )
    return float(seconds)


def refuse_above_limit(n: int, what: str) -> None:
    """Refuse more rows or labels than one request may carry."""
    if n > MAX_ROWS:
        raise Refusal(413, f"{n:,} {what} in one request; send at most {MAX_ROWS:,}")


def encode_lines(records: Sequence[object]) -> bytes:
    """Write records as JSON, one a line, each with its newline."""
    return _encoder.encode_lines(records)


_encoder = msgspec.json.Encoder()
