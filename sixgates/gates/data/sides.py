"""Which rows of a long history are looked at: of a rare class as many as may be."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.gates.card import Task

_ROWS = 10_000
"""Rows that are looked at: enough, and as quick for any history."""

Pair = tuple[int, int]
"""One number for the other classes, and one for the commonest."""


@dataclass(frozen=True, slots=True)
class Sides:
    """The rows with a known label: those of the commonest class, and all others."""

    commonest: object
    """Its label; None where labels are numbers, which are all others."""
    rows: Pair
    """How many there are."""
    steps: Pair
    """Of how many of a side one is looked at."""


def count_classes(labels: pl.Series, task: Task) -> Counter[object]:
    """Count the rows of each class; numbers are of none."""
    if task is Task.REGRESSION:
        return Counter({None: len(labels)})
    return Counter(dict(labels.value_counts().iter_rows()))


def sides_of(classes: Counter[object]) -> Sides:
    """Return the sides of rows with so many of each class.

    Half of the rows that are looked at are of one side; what it does not need is the other's.
    """
    named = (label for label in classes if label is not None)
    commonest = max(named, key=lambda label: (classes[label], str(label)), default=None)
    rows = rows_of_sides(classes, commonest)
    most = max(_ROWS // 2, _ROWS - min(rows))
    others, common = (max(1, -(-n // most)) for n in rows)
    return Sides(commonest, rows, (others, common))


def rows_of_sides(classes: Counter[object], commonest: object) -> Pair:
    """Return the rows of other classes, and of the commonest."""
    common = 0 if commonest is None else classes[commonest]
    return classes.total() - common, common


def is_other(labels: pl.Series, sides: Sides) -> pl.Series:
    """Say which rows are not of the commonest class."""
    return labels.ne_missing(pl.Series([sides.commonest], dtype=labels.dtype))


def places_of(labels: pl.Series, sides: Sides, before: Pair = (0, 0)) -> pl.Series:
    """Return the places of the rows that are looked at, spread evenly over those of each side.

    Args:
        labels: In the order of the rows.
        sides: Of all rows.
        before: How many rows of each side come before these.
    """
    other = is_other(labels, sides)
    some = (
        side.arg_true().slice(-first % step).gather_every(step)
        for side, first, step in zip((other, ~other), before, sides.steps, strict=True)
    )
    return pl.concat(some).sort()


def weights_of(labels: pl.Series, sides: Sides) -> NDArray[np.float64]:
    """Return of how many rows each of those that are looked at speaks."""
    other = is_other(labels, sides).to_numpy()
    taken = int(other.sum()), int((~other).sum())
    others, common = (n / max(1, some) for n, some in zip(sides.rows, taken, strict=True))
    return np.where(other, others, common)
