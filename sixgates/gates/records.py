"""What the gateway logs and the pipeline reads back: one JSON line a record, in segments.

`predictions-*.jsonl` holds `Prediction` and `Batch` lines, `labels-*.jsonl` holds `Label` lines,
under one folder a model. A line without its newline was torn by a kill before it was acknowledged.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec


class Arm(StrEnum):
    """In which part a model answered."""

    CHAMPION = "champion"
    CANARY = "canary"
    HOLDBACK = "holdback"
    """The previous champion, for the units held back after a promotion."""
    SHADOW = "shadow"
    """Scored on a request that another model answered; never seen by a client."""

    __hash__ = str.__hash__  # an enumeration's own runs in Python, and every request asks for it


class Prediction(msgspec.Struct, frozen=True, gc=False):
    """One model's answer to one row."""

    request: str
    row: int
    """Position within the request, from 0."""
    entity: str
    """The unit that was split: the entity's value, or `request/row` where there is none."""
    at: float
    """Event time, seconds since 1970 UTC."""
    epoch: int
    """Epoch of the route that decided the arm; 0 where the request itself chose it, for a test: no
    evidence."""
    arm: Arm
    version: str
    values: tuple[float, ...]
    """Answer; empty where this model failed (and the champion answered in its place)."""
    error: str
    """Why it failed, empty where it did not."""
    micros: float
    """Scoring time of the model for the row's share of the request, in microseconds."""
    received: float
    """Wall clock, seconds since 1970 UTC."""
    share: float | None = None
    """Share of units that the model beside the champion answered at that moment: 0 where it ought
    to have answered some and was held back. None, in older records, means as its epoch says."""
    trace: str = ""
    """Trace that the request belongs to (W3C, 32 hexadecimal digits), empty where none was sent."""


class Batch(msgspec.Struct, frozen=True, gc=False):
    """One model's answers to several rows of a request: one line, where each row had its own.

    What is said of a `Prediction` holds for each; lists have an entry a row.
    """

    request: str
    rows: list[int]
    entities: list[str]
    ats: list[float]
    epoch: int
    arm: Arm
    version: str
    answers: list[tuple[float, ...]]
    errors: list[str]
    """Empty where no row failed."""
    micros: float
    """Of each row."""
    received: float
    share: float
    trace: str = ""

    def predictions(self) -> Iterator[Prediction]:
        """Yield the record of each row."""
        errors = self.errors or [""] * len(self.rows)
        for row, entity, at, values, error in zip(
            self.rows, self.entities, self.ats, self.answers, errors, strict=True
        ):
            yield Prediction(
                self.request, row, entity, at, self.epoch, self.arm, self.version, values, error,
                self.micros, self.received, self.share, self.trace,
            )  # fmt: skip


def rows_in(lines: bytes) -> int:
    """Count the rows that lines of predictions tell of.

    >>> rows_in(b'{"row":0}') + rows_in(b'{"rows":[0,1,2]}')
    4
    """
    return sum(len(_batch_rows.decode(line).rows or [0]) for line in lines.splitlines())


class Label(msgspec.Struct, frozen=True):
    """The outcome of one row, known later."""

    request: str
    row: int
    label: str
    """As text: a number, or the class."""
    at: float
    """When the label became known, event time, seconds since 1970 UTC."""
    received: float


class _BatchRows(msgspec.Struct):
    rows: list[int] | None = None


_batch_rows = msgspec.json.Decoder(_BatchRows)
