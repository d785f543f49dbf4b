"""How a model reads rows: as float64 in its own order, packed for LightGBM's C functions.

Training and serving both read through here, so neither can read a value differently. What can be
found out once a model and once a list of columns is; a row then costs a microsecond or two. Free of
numpy, because the gateway reads it too.
"""

import math
import struct
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sixgates.gates.card import ModelCard, RowError, level_key

Row = Sequence[Any] | Mapping[str, Any]

_KNOWN_COLUMNS = 256
"""So many lists of columns are remembered for a model: clients send few, and an attacker many."""


class Columns:
    """The names of a table's columns. Equal only to itself: keep it as long as rows come."""

    __slots__ = ("names", "once", "places")

    def __init__(self, names: Sequence[str], *, once: bool = False) -> None:
        """Name columns in the order of a row's values.

        Args:
            names: One a value.
            once: Whether it is kept for no further rows; then readers do not keep it either.

        Raises:
            RowError: a name comes twice.
        """
        self.names = tuple(names)
        self.once = once
        self.places: dict[str | None, int] = {name: i for i, name in enumerate(self.names)}
        if len(self.places) < len(self.names):
            raise RowError("the columns name one a column twice")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that came as columns."""

    length: int
    columns: Mapping[str, Sequence[Any]]
    """By name, each of that length: lists, or arrays of numbers."""

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self.length


Rows = Sequence[Row] | Table


def chosen(rows: Rows, wanted: Sequence[int]) -> Rows:
    """Return some of the rows, by their places."""
    if isinstance(rows, Table):
        columns = {n: [values[i] for i in wanted] for n, values in rows.columns.items()}
        return Table(len(wanted), columns)
    return [rows[i] for i in wanted]


class RowReader:
    """Reads rows for one model. Safe to share between threads."""

    def __init__(self, card: ModelCard) -> None:
        """Compile the card's features."""
        self._names = tuple(feature.name for feature in card.features)
        self._categories: dict[int, dict[str | None, float]] = {
            j: {level: float(code) for code, level in enumerate(feature.levels)}
            for j, feature in enumerate(card.features)
            if feature.levels is not None
        }
        self._pack = struct.Struct(f"={len(self._names)}d").pack
        self._picks: dict[Columns | None, Callable[[Any], Sequence[Any]]] = {}

    def pack(self, rows: Rows, columns: Columns | None = None) -> bytes:
        """Return the rows one after another, each as the model's float64 in machine order.

        Missing values (null, and NaN) and categories that training never saw become NaN.

        Args:
            rows: Sequences of values in the order of the columns, each as long; or records; or a
                table.
            columns: The names; None where the rows are records or a table.

        Raises:
            RowError: a column is absent or holds something other than numbers where they are due.
            OverflowError: a number is larger than a float64 can be.
        """
        if isinstance(rows, Table):
            return self._pack_table(rows)
        pick = self._picks.get(columns) or self._learn(columns)
        if not self._categories:
            try:
                return b"".join([self._pack(*pick(row)) for row in rows])
            except (KeyError, struct.error):
                pass  # what is missing is found below
        return b"".join([self._pack_row(pick, row, i) for i, row in enumerate(rows)])

    def _pack_table(self, table: Table) -> bytes:
        width = len(self._names)
        packed = array("d", bytes(len(table) * width * 8))
        for j, name in enumerate(self._names):
            if (values := table.columns.get(name)) is None:
                raise RowError(f"row 0 lacks the column {name!r}")
            packed[j::width] = self._floats(j, values)
        return packed.tobytes()

    def _floats(self, j: int, values: Sequence[Any]) -> "array[float]":
        """Return the column of a feature as the model reads it."""
        name = self._names[j]
        if (codes := self._categories.get(j)) is not None:
            keys = [v if type(v) is str else _level(v, name, i) for i, v in enumerate(values)]
            return array("d", [codes.get(key, math.nan) for key in keys])
        if isinstance(values, array) and values.typecode == "d":
            return values
        try:
            return array("d", values)
        except TypeError:
            return array("d", [_number(value, name, i) for i, value in enumerate(values)])

    def _learn(self, columns: Columns | None) -> Callable[[Any], Sequence[Any]]:
        """Find out where the features are among columns, or in records, and remember it."""
        keys: Sequence[Any] = self._names
        if columns is not None:
            absent = next((name for name in self._names if name not in columns.places), None)
            if absent is not None:
                raise RowError(f"row 0 lacks the column {absent!r}")
            keys = [columns.places[name] for name in self._names]
        pick = _picking(keys)
        if columns is None or not columns.once:
            if len(self._picks) >= _KNOWN_COLUMNS:
                self._picks.clear()
            self._picks[columns] = pick
        return pick

    def _pack_row(self, pick: Callable[[Any], Sequence[Any]], row: Row, i: int) -> bytes:
        try:
            values = pick(row)
        except KeyError as exc:
            raise RowError(f"row {i} lacks the column {exc.args[0]!r}") from None
        if self._categories:
            values = list(values)
            for j, codes in self._categories.items():
                value = values[j]
                key = value if type(value) is str else _level(value, self._names[j], i)
                values[j] = codes.get(key, math.nan)
        try:
            return self._pack(*values)
        except struct.error:
            return self._pack(*map(_number, values, self._names, [i] * len(values)))


def _level(value: object, name: str, i: int) -> str | None:
    if isinstance(value, (list, dict)):
        raise RowError(f"row {i}, column {name!r}: {value!r:.40} is no name of a category")
    return level_key(value)


def _number(value: object, name: str, i: int) -> float:
    if value is None:
        return math.nan
    if isinstance(value, (int, float)):
        return float(value)
    raise RowError(f"row {i}, column {name!r}: {value!r:.40} is not a number")


def _picking(keys: Sequence[Any]) -> Callable[[Any], Sequence[Any]]:
    """Return what takes the values of these keys out of a row, always as a sequence."""
    first = keys[0]
    if isinstance(first, int) and list(keys) == list(range(first, first + len(keys))):
        return itemgetter(slice(first, first + len(keys)))
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda row: (row[first],)
