"""Rows as comma-separated values, as MLflow's scoring server reads them; the card has the types."""

import csv
import io
import math
from collections.abc import Callable
from itertools import islice

from sixgates.gates.card import Feature, ModelCard, level_key
from sixgates.gateway.protocols.protocol import MAX_ROWS, Question, Refusal, question_of

_Value = float | str | None
_Reader = Callable[[str], _Value]

_TRUTH = {"true": 1.0, "false": 0.0}


def read_csv(body: bytes, card: ModelCard, request: str, received: float) -> Question:
    """Understand a header line with the columns' names, and a line a row.

    An empty field is a missing value; an empty line is none at all.

    Raises:
        Refusal: 400 where the body is not such a table, 413 where it has too many rows.
    """
    try:
        # Excel and pandas may mark the text as UTF-8.
        text = body.decode("utf-8-sig")
        lines = (line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line)
        names = next(lines, [])
        table = list(islice(lines, MAX_ROWS + 1))
    except (UnicodeDecodeError, csv.Error) as exc:
        raise Refusal(400, f"the body is not CSV in UTF-8: {exc}") from exc
    readers = _readers(names, card)
    for i, line in enumerate(table):
        if len(line) != len(names):
            raise Refusal(400, f"row {i} has {len(line)} values for {len(names)} columns")
    rows = [{name: read(line[j]) for j, name, read in readers} for line in table]
    return question_of(rows, None, card, request, received)


def _readers(names: list[str], card: ModelCard) -> list[tuple[int, str, _Reader]]:
    """Return position, name and reader of each column that means something to the model."""
    if len(set(names)) < len(names):
        raise Refusal(400, "the header line names a column twice")
    known: dict[str, _Reader] = {card.event_time: _number_or_text}
    if card.entity is not None:
        known[card.entity] = lambda text: text or None
    known |= {f.name: _number if f.levels is None else _category(f) for f in card.features}
    return [(j, name, known[name]) for j, name in enumerate(names) if name in known]


def _number(text: str) -> _Value:
    return _TRUTH.get(text.lower(), _number_or_text(text))


def _number_or_text(text: str) -> _Value:
    """Leave what is no finite number as it is, so that whoever asks for one refuses it by name."""
    if not text:
        return None
    value = _parsed(text)
    return text if value is None or math.isinf(value) else value


def _category(feature: Feature) -> _Reader:
    """Find the level that a field names: as it stands, else as a number (3.0 is the level 3)."""
    levels = set(feature.levels or ())

    def read(text: str) -> _Value:
        if text in levels:
            return text
        value = _parsed(text)
        return text or None if value is None else level_key(value)

    return read


def _parsed(text: str) -> float | None:
    try:
        # Python alone would take 1_000 for a number.
        return None if "_" in text else float(text)
    except ValueError:
        return None
