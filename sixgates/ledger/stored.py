"""What a value reads back as: the same from SQLite and PostgreSQL, so that its hash is the same."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sixgates.gates.errors import ContractError


def as_stored(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as both databases will give it back.

    Characters that no database keeps become question marks: a strange file name in a reason must
    not cost the record.

    Raises:
        ContractError: a time with a zone, a figure that is not finite, a body that is not JSON.
    """
    return {name: _as_stored(name, value) for name, value in row.items()}


def _as_stored(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a column takes
    match value:
        case str():
            return value.replace("\0", "?").encode(errors="replace").decode()
        case float() if not math.isfinite(value):
            raise ContractError(f"{name} {value} cannot be recorded: give a finite figure")
        case float():
            return value + 0.0  # SQLite keeps no negative zero
        case datetime() if value.tzinfo is not None:
            raise ContractError(f"{name} {value} has a time zone: event time is naive UTC")
        case dict():
            return _json(name, value)
        case _:
            return value


def _json(name: str, document: dict[str, Any]) -> str:
    try:
        return json.dumps(document)
    except (TypeError, ValueError) as exc:
        raise ContractError(
            f"{name} cannot be recorded as JSON ({exc}): pass plain values"
        ) from exc
