"""What travels beside a model's text: how to read a row for it, and how it must answer.

Free of numpy, polars and pandera, because the gateway reads it too.
"""

import math
from dataclasses import dataclass
from enum import StrEnum


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
    label_age: float = 0.0
    """Seconds after which nearly all labels of its rows were known, see `timesplit.label_age`."""


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
