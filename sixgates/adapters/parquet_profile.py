"""Features of parquet files, counted without making frames of them.

Read through Arrow: a string comes as its number in the dictionary that the file holds, so that none
is written out and hashed. One column is read after the other, and counted while what was decoded is
still near the processor, nulls and all. Where there is no grid yet, a column waits in memory until
one is chosen, so that nothing is decoded twice.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sixgates.gates.profile.count import (
    BATCH,
    Levels,
    Numbers,
    counters_of,
    new_grid,
    require_columns,
)
from sixgates.gates.profile.counts import Profile
from sixgates.gates.profile.grid import Grid
from sixgates.gates.profile.sample import Sample
from sixgates.gates.timesplit import as_naive_utc

WAITING = 1 << 23
"""Values that may wait for their grid: 64 MiB. Of more rows a sample is read beforehand."""

_FLOATS = {pa.float32(): "float32", pa.float64(): "float64"}
_STRINGS = (pl.String, pl.Categorical, pl.Enum)


class Span(NamedTuple):
    """Which rows to count: those whose event time is after one moment and not after another."""

    event_time: str
    """Column of the event time."""
    after: datetime
    """Naive UTC, as is the other."""
    until: datetime


class FilePart(NamedTuple):
    """Some row groups of a file, one behind the other."""

    file: Path
    groups: tuple[int, ...]


def file_parts(files: Sequence[Path], rows: int) -> list[FilePart]:
    """Return all row groups of some files, as many to a part as have about so many rows together.

    Raises:
        pyarrow.ArrowException: A file cannot be read.
        OSError: A file cannot be read.
    """
    parts = []
    for file in files:
        about = pq.read_metadata(file)
        groups, held = list[int](), 0
        for group in range(about.num_row_groups):
            size = about.row_group(group).num_rows
            if groups and held + size > rows:
                parts.append(FilePart(file, tuple(groups)))
                groups, held = [], 0
            groups.append(group)
            held += size
        if groups or not about.num_row_groups:  # a file without rows still has columns
            parts.append(FilePart(file, tuple(groups)))
    return parts


def rows_within(part: FilePart, span: Span) -> int:
    """Return how many rows of a part a span holds; only their times are read."""
    return sum(group.rows for group in _parts([part], (), span))


def profile_files(
    files: Sequence[Path],
    numeric: Sequence[str],
    categorical: Sequence[str],
    *,
    like: Profile | None = None,
    span: Span | None = None,
    sample: Sample | None = None,
) -> Profile:
    """Count the features of some files, on a new grid or on the grid of `like`.

    Gives what `profile_frame` gives of the rows, for two thirds of its processor time. A piece of
    one column is in memory at a time, or up to `WAITING` values where there is no grid yet.

    Args:
        files: Parquet files of the same columns, one at least.
        numeric: Names of features.
        categorical: Names of features.
        like: As in `profile_frame`.
        span: Which rows; all where it is None.
        sample: Takes some of the rows, with these features, as they pass by.

    Raises:
        ContractError: As `profile_frame`.
        polars.exceptions.PolarsError: A file cannot be read.
        pyarrow.ArrowException: A file cannot be read.
        OSError: A file cannot be read.
    """
    parts = file_parts(files, sys.maxsize)
    return profile_parts(parts, numeric, categorical, like=like, span=span, sample=sample)


def profile_parts(
    chosen: Sequence[FilePart],
    numeric: Sequence[str],
    categorical: Sequence[str],
    *,
    like: Profile | None = None,
    span: Span | None = None,
    sample: Sample | None = None,
) -> Profile:
    """Count as `profile_files` does, in some parts of the files.

    Without `like` the parts must be all of their files, from which the grid is chosen.
    """
    data = pl.scan_parquet(list(dict.fromkeys(part.file for part in chosen)), glob=False)
    schema = data.collect_schema()
    strings = [name for name in categorical if schema.get(name) in _STRINGS]
    parts = _parts(chosen, strings, span)
    if like is None and sample is None and _height(chosen) <= WAITING:
        require_columns(schema, numeric, categorical)
        return _on_new_grids(list(parts), numeric, categorical)
    if span is not None:
        data = data.filter(_within(span, schema))
    counters, rows = counters_of(data, numeric, categorical, like), 0
    for part, opened in _opened(parts):
        rows += part.rows
        due = [] if sample is None else sample.due(part.rows)
        some: dict[str, list[pl.Series]] = {counter.name: [] for counter in counters}
        for counter in counters:
            pieces = _pieces(part, opened, counter.name)
            for piece in _taken(pieces, due, some[counter.name]) if due else pieces:
                _count(counter, piece)
        if sample is not None and due:
            sample.keep(pl.DataFrame({name: pl.concat(values) for name, values in some.items()}))
    return Profile(rows, tuple(counter.profile() for counter in counters))


class _Part(NamedTuple):
    """A row group with rows to count."""

    file: Path
    about: pq.FileMetaData
    group: int
    strings: Sequence[str]
    """Columns that are read as numbers in a dictionary."""
    rows: int
    inside: NDArray[np.bool_] | None = None
    """Which of its rows the span holds; None where it is all."""


def _height(chosen: Sequence[FilePart]) -> int:
    return sum(
        about.row_group(group).num_rows
        for file, groups in chosen
        for about in [pq.read_metadata(file)]
        for group in groups
    )


def _parts(
    chosen: Sequence[FilePart], strings: Sequence[str], span: Span | None
) -> Iterator[_Part]:
    for file, groups in chosen:
        about = pq.read_metadata(file)
        for group in groups:
            part = _Part(file, about, group, strings, about.row_group(group).num_rows)
            if span is not None:
                inside = _inside(part, span)
                part = part._replace(rows=int(np.count_nonzero(inside)), inside=inside)
            if part.rows:
                yield part


def _opened(parts: Iterable[_Part]) -> Iterator[tuple[_Part, pq.ParquetFile]]:
    """Yield each part with its file, which is opened once for those that follow each other."""
    for file, of_file in groupby(parts, attrgetter("file")):
        first = next(of_file)
        with pq.ParquetFile(
            file, metadata=first.about, read_dictionary=first.strings, pre_buffer=False
        ) as opened:
            for part in chain([first], of_file):
                yield part, opened


def _pieces(part: _Part, opened: pq.ParquetFile, name: str) -> Iterator[pa.Array]:
    """Yield a column of a part, `BATCH` rows at a time."""
    batches = opened.iter_batches(BATCH, [part.group], [name], use_threads=False)
    begin = 0
    for piece in (batch.column(0) for batch in batches):
        end = begin + len(piece)
        chosen = None if part.inside is None else part.inside[begin:end]
        yield piece if chosen is None or chosen.all() else piece.filter(pa.array(chosen))
        begin = end


def _taken(
    pieces: Iterable[pa.Array], due: Sequence[int], found: list[pl.Series]
) -> Iterator[pa.Array]:
    """Hand on the pieces of a column, and add to `found` what it has at some places, in order."""
    begin, places = 0, np.array(due)
    for piece in pieces:
        end = begin + len(piece)
        here = places[slice(*np.searchsorted(places, (begin, end)))] - begin
        values = pl.Series(piece.take(pa.array(here)))
        found.append(values.cast(pl.String) if values.dtype == pl.Categorical else values)
        yield piece
        begin = end


def _on_new_grids(
    parts: Sequence[_Part], numeric: Sequence[str], categorical: Sequence[str]
) -> Profile:
    """Count on new grids: as many columns as may wait are decoded, get their grids, are counted."""
    rows = sum(part.rows for part in parts)
    names, at_once = [*numeric, *categorical], max(1, WAITING // max(1, rows))
    counters: list[Numbers | Levels] = []
    for some in (names[i : i + at_once] for i in range(0, len(names), at_once)):
        waiting: dict[str, list[pa.Array]] = {name: [] for name in some}
        for part, opened in _opened(parts):
            for name, column in waiting.items():
                column.extend(_pieces(part, opened, name))
        for name, column in waiting.items():
            grid = None if name in categorical else _grid(column, rows)
            counter = Levels(name) if grid is None else Numbers(name, grid)
            for piece in column:
                _count(counter, piece)
            counters.append(counter)
    return Profile(rows, tuple(counter.profile() for counter in counters))


def _grid(column: Sequence[pa.Array], rows: int) -> Grid:
    pieces = [pl.Series(piece) for piece in column]
    return new_grid(pl.concat(pieces, rechunk=False) if pieces else pl.Series([]), rows)


def _inside(part: _Part, span: Span) -> NDArray[np.bool_]:
    """Return which rows of a group the span holds."""
    with pq.ParquetFile(part.file, metadata=part.about) as opened:
        table = opened.read_row_group(part.group, [span.event_time], use_threads=False)
    times = pl.DataFrame(table)
    return times.select(_within(span, times.schema).fill_null(value=False)).to_series().to_numpy()


def _within(span: Span, schema: pl.Schema) -> pl.Expr:
    at = as_naive_utc(span.event_time, schema[span.event_time])
    return at.is_between(span.after, span.until, closed="right")


def _count(counter: Numbers | Levels, column: pa.Array) -> None:
    if isinstance(counter, Numbers) and column.type in _FLOATS:
        counter.add_values(_values(column, _FLOATS[column.type]), _present(column))
    elif isinstance(counter, Levels) and isinstance(column, pa.DictionaryArray):
        counter.add_counted(_counted(column))
    else:
        counter.add(pl.Series(column))


def _counted(column: pa.DictionaryArray) -> Iterator[tuple[object, int]]:
    """Return how often each value of a dictionary is there, and how many rows have none."""
    values, codes = column.dictionary.to_pylist(), column.indices
    numbers, present = _values(codes, str(codes.type)), _present(codes)
    if present is not None:
        numbers = numbers * present  # to number 0, from which they are taken out
    counts = np.bincount(numbers, minlength=1).tolist()
    counts[0] -= column.null_count
    # A dictionary may hold values of other rows, and it may be empty.
    found = ((value, count) for value, count in zip(values, counts, strict=False) if count)
    return chain(found, [(None, column.null_count)])


def _values(column: pa.Array, kind: str) -> NDArray[Any]:
    """Return the numbers of a column without a copy; where it is null they mean nothing."""
    numbers = np.frombuffer(column.buffers()[1], kind)
    return numbers[column.offset : column.offset + len(column)]


def _present(column: pa.Array) -> NDArray[np.bool_] | None:
    """Return where a column is not null; None where it nowhere is."""
    if not column.null_count:
        return None
    end = column.offset + len(column)
    bits = np.unpackbits(np.frombuffer(column.buffers()[0], np.uint8), count=end, bitorder="little")
    return bits[column.offset :].view(np.bool_)
