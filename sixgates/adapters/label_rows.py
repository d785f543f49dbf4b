"""What a file of labels says: parquet, CSV or JSON lines, checked row by row."""

import csv
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from polars.exceptions import PanicException, PolarsError

from sixgates.gates.card import Task
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.outcome import OutcomeError, outcome
from sixgates.gates.records import Label

_NEEDED = ("request", "row", "label")
_NEXT = "correct it, for nothing was written"
_YEAR_1, _YEAR_9999 = -62_135_596_800.0, 253_402_300_799.0

_Row = tuple[str, Mapping[str, Any]]
"""Where a row stands in its file, for errors, and what it says."""


def read_labels(path: Path, task: Task, received: float) -> Iterator[Label]:
    """Yield the labels of a file, in its order.

    Columns or keys are `request`, `row`, `label`, and `at` where it is known; others are ignored.
    CSV has text alone: of a task with numbers it is read as one, of a multiclass task it is the
    class as it stands.

    Args:
        path: Ends in `.parquet`, `.csv`, `.jsonl` or `.ndjson`.
        task: What a label may be.
        received: Now, seconds since 1970; also when a label became known that does not say.

    Raises:
        ConfigurationError: the file, or the row that it names, cannot be used.
    """
    readers = {".parquet": _parquet, ".csv": _csv, ".jsonl": _json, ".ndjson": _json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigurationError(
            f"{path} is no file of labels by its name: end it in .parquet, .csv, .jsonl or .ndjson"
        )
    try:
        path.open("rb").close()
        for where, row in reader(path):
            yield _label(f"{path}, {where}", row, task, received)
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be read ({exc.strerror}): correct it") from exc
    except UnicodeDecodeError as exc:
        raise ConfigurationError(f"{path} is not UTF-8 ({exc.reason}): save it as that") from exc


def _parquet(path: Path) -> Iterator[_Row]:
    try:
        frame = pl.read_parquet(path, glob=False)
    except (PolarsError, PanicException) as exc:
        said = str(exc).partition("\n")[0]
        raise ConfigurationError(f"{path} is not parquet ({said}): write it anew") from exc
    _require(path, frame.columns)
    wanted = [name for name in (*_NEEDED, "at") if name in frame.columns]
    for number, row in enumerate(frame.select(wanted).iter_rows(named=True), start=1):
        yield f"row {number}", row


def _csv(path: Path) -> Iterator[_Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file, strict=True)
        try:
            _require(path, lines.fieldnames or ())
            for row in lines:
                where = f"line {lines.line_num}"
                if None in row or None in row.values():
                    raise ConfigurationError(
                        f"{path}, {where} has not as many fields as the first line: correct it"
                    )
                yield where, row
        except csv.Error as exc:
            raise ConfigurationError(
                f"{path}, line {lines.line_num} is not CSV ({exc}): correct it"
            ) from exc


def _json(path: Path) -> Iterator[_Row]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield f"line {number}", decoder.decode(line)
            except msgspec.DecodeError as exc:
                raise ConfigurationError(
                    f"{path}, line {number} is no JSON object ({exc}): correct it"
                ) from exc


def _require(path: Path, columns: Any) -> None:  # noqa: ANN401 - any sequence of names
    if missing := [name for name in _NEEDED if name not in columns]:
        raise ConfigurationError(f"{path} lacks {missing}: a label has request, row and label")


def _label(where: str, row: Mapping[str, Any], task: Task, received: float) -> Label:
    """Check one row."""
    request, position = row.get("request"), row.get("row")
    if not isinstance(request, str) or not request:
        raise _refused(where, "request", request, "the text that the prediction was asked with")
    if isinstance(position, str) and position.isdecimal():
        position = int(position)
    if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position < 2**63:
        raise _refused(where, "row", position, "a position in the request, from 0")
    try:
        text = outcome(row.get("label"), task)
    except OutcomeError as exc:
        raise ConfigurationError(f"{where}: label {exc}; {_NEXT}") from exc
    return Label(
        request=request,
        row=position,
        label=text,
        at=_seconds(where, row.get("at"), received),
        received=received,
    )


def _seconds(where: str, value: object, default: float) -> float:
    """Read a datetime, ISO 8601 text (UTC where it has no zone) or seconds since 1970."""
    if value is None or value == "":
        return default
    seconds = math.nan
    if isinstance(value, str):
        try:
            seconds = float(value)
        except ValueError:
            value = _moment(value)
    if isinstance(value, datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
        seconds = zoned.timestamp()
    elif isinstance(value, date):
        seconds = datetime.combine(value, time(), UTC).timestamp()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    if not _YEAR_1 <= seconds <= _YEAR_9999:
        raise _refused(where, "at", value, "ISO 8601 or seconds since 1970 (UTC)")
    return seconds


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _refused(where: str, name: str, value: object, needed: str) -> ConfigurationError:
    return ConfigurationError(f"{where}: {name} is {value!r:.40} and not {needed}; {_NEXT}")
