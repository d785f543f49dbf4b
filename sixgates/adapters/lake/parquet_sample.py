"""Some rows of a parquet file, spread over all of it, in bounded memory."""

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sixgates.adapters.lake.parquet_source import FAULTS, unreadable
from sixgates.gates.draft.table import Table
from sixgates.gates.errors import ConfigurationError

_ROWS, _CELLS = 50_000, 5_000_000
"""So many rows are looked at, and fewer of a wide table."""
_GROUPS = 20
"""Row groups that are read at most."""
_COLUMNS = 1_000
_BYTES = 2 * 1024**3
"""Uncompressed size of a row group that is read."""
_STATISTICS = 200_000
"""Column chunks whose statistics are read; of more, the rows looked at must do."""


def sample_parquet(file: Path) -> Table:
    """Return up to 50,000 rows of a file, evenly from up to 20 row groups, the last row among them.

    Nulls and ranges of the columns are those of all rows, where the file's own statistics say them.

    Raises:
        ConfigurationError: there is no such file, it is no whole parquet file, has no rows, or is
            beyond what can be looked at (1,000 columns, 2 GiB in one row group).
    """
    if not file.is_file():
        what = "is no file" if file.exists() else "is not there"
        raise ConfigurationError(f"{file} {what}: give one parquet file with --data")
    try:
        if file.stat().st_size == 0:
            raise ConfigurationError(f"{file} is an empty file: write its parquet data again")
        about = pq.read_metadata(file)
        _require_bounded(file, about)
        rows = pl.concat(
            pl.scan_parquet(file, glob=False, hive_partitioning=False)
            .slice(begin, length)
            .select(pl.all().reverse().gather_every(step).reverse())
            .collect()
            for begin, length, step in _stretches(about)
        )
        nulls, ends = _statistics(about, rows.schema)
    except (*FAULTS, pa.ArrowException) as exc:
        raise unreadable(str(file), exc) from exc
    return Table(rows, about.num_rows, nulls, ends)


def _require_bounded(file: Path, about: Any) -> None:  # noqa: ANN401 - pyarrow has no types
    if about.num_rows == 0:
        raise ConfigurationError(f"{file} holds no rows: give a file with data")
    if about.num_columns > _COLUMNS:
        raise ConfigurationError(
            f"{file} has {about.num_columns:,} columns, more than {_COLUMNS:,}: choose those that a"
            " model may need"
        )
    groups = [about.row_group(g) for g in _chosen(about.num_row_groups)]
    if max(group.total_byte_size for group in groups) > _BYTES:
        raise ConfigurationError(
            f"{file} has a row group of more than 2 GiB: write it with smaller ones"
        )


def _chosen(groups: int) -> list[int]:
    """Return which row groups are read: evenly spread, the first and the last among them."""
    if groups <= _GROUPS:
        return list(range(groups))
    return [round(k * (groups - 1) / (_GROUPS - 1)) for k in range(_GROUPS)]


def _stretches(about: Any) -> list[tuple[int, int, int]]:  # noqa: ANN401 - pyarrow has no types
    """Return begin and length of each group that is read, and of how many rows one is taken."""
    sizes = [about.row_group(g).num_rows for g in range(about.num_row_groups)]
    chosen = _chosen(len(sizes))
    wanted = min(_ROWS, max(1, _CELLS // about.num_columns))
    step = max(1, -(-sum(sizes[g] for g in chosen) // wanted))
    return [(sum(sizes[:g]), sizes[g], step) for g in chosen if sizes[g]]


def _statistics(
    about: Any,  # noqa: ANN401 - pyarrow has no types
    schema: pl.Schema,
) -> tuple[dict[str, int], dict[str, tuple[float, float]]]:
    """Return nulls and ends of the columns for which every row group says them."""
    nulls: dict[str, int] = {}
    ends: dict[str, tuple[float, float]] = {}
    if about.num_columns * about.num_row_groups > _STATISTICS:
        return nulls, ends
    places = {about.schema.column(j).path: j for j in range(about.num_columns)}
    for name in schema:
        if name not in places:
            continue  # nested
        chunks = [
            about.row_group(g).column(places[name]).statistics for g in range(about.num_row_groups)
        ]
        if all(chunk is not None and chunk.has_null_count for chunk in chunks):
            nulls[name] = sum(chunk.null_count for chunk in chunks)
        if schema[name].is_numeric() and all(c is not None and c.has_min_max for c in chunks):
            low, high = min(c.min for c in chunks), max(c.max for c in chunks)
            if isinstance(low, int | float) and isinstance(high, int | float):
                ends[name] = float(low), float(high)
    return nulls, ends
