"""What travels beside a model's text: how to read a row for it, and how it must answer.

Free of polars and pandera, because the gateway reads it too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Task(StrEnum):
    """What is predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model."""

    name: str
    levels: tuple[str, ...] | None = None
    """Known categories in code order (code = position); None for a numeric feature."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A sample row with the trainer's own answer: the gateway must give the same bits."""

    row: dict[str, float | str | None]
    expected: tuple[float, ...]
    """One number for binary and regression, one a class for multiclass."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything needed to serve a model's text, beside the text itself."""

    model: str
    """Registered name, the project's name."""
    digest: str
    """SHA-256 of the model text, in hexadecimal; also its file's name in the model store."""
    task: Task
    features: tuple[Feature, ...]
    """In the order of the model's columns."""
    event_time: str
    entity: str | None
    classes: tuple[str, ...] = ()
    """Multiclass labels in the order of the model's outputs."""
    probes: tuple[Probe, ...] = ()


class RowError(ValueError):
    """A row that the model cannot read; the message names the column and what is wrong."""


def level_key(value: object) -> str | None:
    """Write a category the same way wherever it comes from; None for a missing one.

    >>> level_key(3), level_key(3.0), level_key("north"), level_key(None)
    ('3', '3', 'north', None)
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def encode_rows(card: ModelCard, rows: Sequence[Mapping[str, object]]) -> np.ndarray:
    """Turn records into the model's matrix, float64 of shape (rows, features).

    Missing values and categories that training never saw become NaN. A column that is absent
    altogether or holds the wrong type raises `RowError`.
    """
    matrix = np.empty((len(rows), len(card.features)), dtype=np.float64)
    codes: dict[str, dict[str | None, int]] = {
        f.name: {k: i for i, k in enumerate(f.levels)} for f in card.features if f.levels
    }
    for i, row in enumerate(rows):
        for j, feature in enumerate(card.features):
            try:
                value = row[feature.name]
            except KeyError:
                raise RowError(f"row {i} lacks the column {feature.name!r}") from None
            matrix[i, j] = (
                _numeric(value, feature.name, i)
                if feature.levels is None
                else codes.get(feature.name, {}).get(level_key(value), math.nan)
            )
    return matrix


def _numeric(value: object, name: str, i: int) -> float:
    if value is None:
        return math.nan
    if isinstance(value, (int, float)):
        return float(value)
    raise RowError(f"row {i}, column {name!r}: {value!r:.40} is not a number")
