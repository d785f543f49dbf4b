"""Some rows of many, chosen while they pass by."""

import math
from typing import Self

import polars as pl


class Sample:
    """Every so-manieth row, so that at least `wanted` are kept of as many, and never twice that.

    >>> sample = Sample(2)
    >>> for first in (0, 3):
    ...     rows = pl.DataFrame({"x": range(first, first + 3)})
    ...     sample.keep(rows[sample.due(rows.height)])
    >>> sample.rows()["x"].to_list()
    [0, 2, 4]
    """

    def __init__(self, wanted: int) -> None:
        """Begin with no rows."""
        self._wanted: float = wanted
        self._every = 1
        self._seen = 0
        self._kept: list[pl.DataFrame] = []

    @classmethod
    def of_part(cls, wanted: int, rows: int, before: int) -> Self:
        """Return the part of a sample that falls on a part of the rows, in any process.

        Parts put one behind the other are the sample of all rows.

        Args:
            wanted: Of all rows.
            rows: How many there are in all.
            before: How many come before this part.

        >>> rows = pl.DataFrame({"x": range(6)})
        >>> part = Sample.of_part(2, rows=6, before=3)
        >>> part.keep(rows[3:][part.due(3)])
        >>> part.rows()["x"].to_list()
        [4]
        """
        part = cls(wanted)
        part._wanted, part._seen = math.inf, before
        while -(-rows // part._every) >= 2 * wanted:
            part._every *= 2
        return part

    def due(self, rows: int) -> list[int]:
        """Return the places, among the next rows, of those to keep.

        Of what was kept before, every other row goes where they would be too many together.
        """
        while self._held() + len(places := self._places(rows)) >= 2 * self._wanted:
            self._kept = [pl.concat(self._kept).gather_every(2)] if self._kept else []
            self._every *= 2
        self._seen += rows
        return list(places)

    def keep(self, rows: pl.DataFrame) -> None:
        """Keep the rows that were due."""
        self._kept.append(rows)

    def rows(self) -> pl.DataFrame:
        """Return what was kept, in the order in which it came."""
        return pl.concat(self._kept) if self._kept else pl.DataFrame()

    def _held(self) -> int:
        return sum(part.height for part in self._kept)

    def _places(self, rows: int) -> range:
        return range(-self._seen % self._every, rows, self._every)
