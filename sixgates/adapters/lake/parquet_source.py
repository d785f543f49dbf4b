"""Rows of parquet files: one, a folder of them, in partitions or not, or a glob."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError

from sixgates.adapters.lake.contract_types import contract_types
from sixgates.adapters.lake.parquet_files import Found, find_files, partitions
from sixgates.adapters.lake.source import Cut, first_line
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project

FAULTS = (PolarsError, PanicException, OSError)
_SHOWN = 3
"""How many differences of a file a sentence names."""


class ParquetSource:
    """The files of one address, all with the same columns."""

    def __init__(self, address: str, project: Project) -> None:
        self.address = address
        self._kinds = contract_types(project)
        self._columns = project.contract.columns
        self._files: list[Path] = []
        """Those that were found, to look for the one that cannot be read."""
        self._plain = True

    def pin(self) -> str:
        """Return the address: files have no version."""
        return self.address

    def scan(self, cut: Cut) -> pl.LazyFrame:  # noqa: ARG002 - Polars leaves out groups by it
        """Return every row; of the data, nothing is read yet."""
        return self.peek()

    def peek(self) -> pl.LazyFrame:
        """Return every row; of the data, nothing is read yet."""
        found = find_files(self.address)
        self._files, self._plain = found.files, not found.keys
        _require_alike(found.files)
        if not found.keys:
            return pl.scan_parquet(found.files, glob=False, hive_partitioning=False)
        return self._partitioned(found)

    def files(self) -> tuple[Path, ...]:
        """Return the files, unless partition columns are added to their rows."""
        return tuple(self._files) if self._plain else ()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what goes wrong into one sentence that names the file.

        Raises:
            ConfigurationError: one may not be read, or is not whole.
        """
        try:
            yield
        except FAULTS as exc:
            raise unreadable(self._culprit(), exc) from exc

    def _partitioned(self, found: Found) -> pl.LazyFrame:
        """Add the partition columns that the contract names, in the types that it names."""
        keys = {*found.keys, *found.above}
        wanted = {key for key in found.keys if key in self._columns}
        kinds = {key: self._kinds.get(key, pl.String()) for key in wanted}
        typed = partitions(found, kinds)
        rows = pl.scan_parquet(
            found.files,
            glob=False,
            hive_partitioning=True,
            hive_schema=dict.fromkeys(keys, pl.String),
        )
        named = [column.alias(key) for key, column in typed.items()]
        return rows.with_columns(named).drop(keys - wanted)

    def _culprit(self) -> str:
        """Find the file that cannot be read: only on the way to an error, so slow is fine."""
        for file in self._files:
            try:
                pl.read_parquet(file, glob=False, hive_partitioning=False)
            except FAULTS:
                return str(file)
        return self.address


def _require_alike(files: list[Path]) -> None:
    """Refuse files whose columns are not those of the first one."""
    first = _schema(files[0])
    for file in files[1:]:
        schema = _schema(file)
        if schema != first:
            said = _differences(schema, first)
            rest = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
            raise ConfigurationError(
                f"{file} differs from {files[0]}: {', '.join(said[:_SHOWN])}{rest}; write it again"
                " with the same columns"
            )


def _schema(file: Path) -> dict[str, pl.DataType]:
    """Return the columns of one file; their order does not matter."""
    try:
        if file.stat().st_size == 0:
            raise ConfigurationError(f"{file} is an empty file: write its parquet data again")
        lazy = pl.scan_parquet(file, glob=False, hive_partitioning=False)
        return dict(lazy.collect_schema())
    except FAULTS as exc:
        raise unreadable(str(file), exc) from exc


def _differences(schema: dict[str, pl.DataType], first: dict[str, pl.DataType]) -> list[str]:
    said = [
        f"column {name!r} is {schema[name]} and not {kind}" if name in schema
        else f"column {name!r} is missing"
        for name, kind in first.items()
        if schema.get(name) != kind
    ]  # fmt: skip
    return [*said, *(f"column {name!r} is new" for name in schema if name not in first)]


def unreadable(address: str, exc: BaseException) -> ConfigurationError:
    """Return what to raise for something that reading a parquet file raised."""
    if isinstance(exc, PermissionError):
        return ConfigurationError(
            f"{exc.filename or address} may not be read: give this user the right to"
        )
    return ConfigurationError(
        f"{address} cannot be read as parquet ({first_line(exc)}): write it again or give another"
        " source"
    )
