"""Refused rows as the quarantine keeps them: the number of all, and a bounded choice of them."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import polars as pl
import polars.selectors as cs

from sixgates.gates.data.far_times import has_far_times, values_or_counts
from sixgates.gates.data.refusals import Refusals
from sixgates.gates.data.rows import rule_column

ROWS_OF_A_RUN = 100_000
"""So many refused rows of a run are kept, in equal shares for each rule that refused any."""
BYTES_OF_A_RUN = 64 * 2**20
"""Their text is no longer than this together, in the same shares."""

_TIME = pl.Datetime("us", "UTC")
COLUMNS = pl.Schema(
    {
        "run": pl.String(),
        "rule": pl.String(),
        "event_time": _TIME,
        "as_of": _TIME,
        "digest": pl.String(),
        "row": pl.String(),
    }
)
"""Columns of the table; `digest` is the SHA-256 of `row`, which is the row as a JSON object."""


class Refusal(NamedTuple):
    """What one rule refused in a run."""

    rule: str
    rows: int
    """All of them, kept or not."""
    first: str | None
    """Oldest event time, ISO 8601, naive UTC; None where no row has one."""
    last: str | None
    """Newest event time."""


def count_refusals(refusals: Refusals) -> list[Refusal]:
    """Return what each rule refused, most first."""
    return [
        Refusal(rule, found.rows, _iso(found.first), _iso(found.last))
        for rule, found in refusals.by_rule.items()
    ]


def kept_rows(refused: pl.DataFrame, event_time: str, run: str, as_of: datetime) -> pl.DataFrame:
    """Return what the table keeps of a run: of each rule the newest rows, as many as there is room.

    The same rows give the same result.

    Args:
        refused: Rows with the rule that refused each, in event-time order.
        event_time: Their column of event times, naive UTC.
        run: Identifier of the run.
        as_of: Event time at which they were read, naive UTC.
    """
    name = rule_column(refused)
    rule_of_each, told = refused[name], refused.drop(name)
    rules = rule_of_each.unique().sort()
    rows = ROWS_OF_A_RUN // max(1, len(rules))
    room = BYTES_OF_A_RUN // max(1, len(rules))
    odd = [column.name for column in told.select(cs.float()) if not column.is_finite().all()]
    far = [column.name for column in told if has_far_times(column)]
    parts = [COLUMNS.to_frame().select("rule", "event_time", "digest", "row")]
    for rule in rules:
        # By their places: of ten million rows no second copy is made.
        places = (rule_of_each == rule).arg_true().tail(rows)
        texts = _fitting(_texts(told[places.reverse()], odd, far), room)
        times = refused[event_time][places.tail(len(texts))]
        part = {
            "rule": [rule] * len(texts),
            "event_time": times.dt.replace_time_zone("UTC").cast(_TIME),
            "digest": [hashlib.sha256(text).hexdigest() for text in texts],
            "row": [text.decode() for text in texts],
        }
        parts.append(pl.DataFrame(part, schema=parts[0].schema))
    moment = pl.lit(as_of).dt.replace_time_zone("UTC").cast(_TIME)
    return pl.concat(parts).with_columns(run=pl.lit(run), as_of=moment).select(*COLUMNS)


def _fitting(newest_first: Iterator[bytes], room: int) -> list[bytes]:
    """Return the newest texts that have room together, oldest first."""
    texts = []
    for text in newest_first:
        room -= len(text)
        if room < 0:
            break
        texts.append(text)
    return texts[::-1]


def _texts(rows: pl.DataFrame, odd: Sequence[str], far: Sequence[str]) -> Iterator[bytes]:
    """Write rows as JSON objects, in the order of their columns.

    Some columns hold numbers that JSON does not know, or times that Python does not; these become
    text, for they are what a rule refuses.
    """
    written = {name: values_or_counts(rows[name]) for name in far}
    near = rows.with_columns(pl.lit(None).alias(name) for name in far)
    encoder = msgspec.json.Encoder(enc_hook=str)
    for place, row in enumerate(near.iter_rows(named=True)):
        row.update((name, values[place]) for name, values in written.items())
        for name in odd:
            value = row[name]
            row[name] = value if value is None or math.isfinite(value) else str(value)
        yield encoder.encode(row)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
