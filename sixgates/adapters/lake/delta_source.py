"""Rows of a Delta table, as they were at one version of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import polars as pl
from polars.exceptions import PanicException, PolarsError

from sixgates.adapters.lake.source import Cut, first_line
from sixgates.gates.errors import ConfigurationError

if TYPE_CHECKING:
    from deltalake import DeltaTable

LOG = "_delta_log"
"""The folder by which a Delta table is known."""

_RENAMES = 2
"""Version of the reader that all columns may be named anew for."""
_AS_THEY_ARE = {"timestampNtz"}
"""What a reader may have to know of a table while its files still hold its rows as they are."""


class DeltaSource:
    """The table in a folder, at the version that it has when it is first read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = str(folder)

    def pin(self) -> str:
        """Return the folder and the version that was read."""
        with self.reading():
            return f"{self._folder}, version {self._table.version()}"

    def scan(self, cut: Cut) -> pl.LazyFrame:  # noqa: ARG002 - Polars leaves out files by it
        """Return every row; nothing is read yet."""
        return self.peek()

    def peek(self) -> pl.LazyFrame:
        """Return every row; nothing is read yet.

        Raises:
            ConfigurationError: Polars, which takes the path as a URL writes it, finds no files.
        """
        uris, root = self._table.file_uris(), self._root
        if not uris or (unquote(root) == root and not has_magic(root)):
            return pl.scan_delta(self._table)
        if files := self.files():
            return _scan(*files)
        raise ConfigurationError(
            f"{self.address} is a Delta table with partitions, deletions or changed columns, and"
            " Polars finds no files of one under such a path: move it to a path of letters and"
            " digits"
        )

    def files(self) -> tuple[Path, ...]:
        """Return the files of the version, where they hold its rows as they are.

        That is, none where the log adds columns to them, renames these, or says that rows are
        deleted, or where the files do not have the same columns.
        """
        table = self._table
        asks = table.protocol()
        renamed = asks.min_reader_version == _RENAMES
        if renamed or not {*(asks.reader_features or ())} <= _AS_THEY_ARE:
            return ()
        if table.metadata().partition_columns:
            return ()
        root = self._root
        files = tuple(Path(uri.replace(root, unquote(root), 1)) for uri in table.file_uris())
        schemas = [_scan(file).collect_schema() for file in files]
        return files if all(schema == schemas[0] for schema in schemas) else ()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what goes wrong into one sentence.

        Raises:
            ConfigurationError: it is no Delta table, not a whole one, or may not be read.
        """
        from deltalake.exceptions import DeltaError

        try:
            yield
        except PermissionError as exc:
            raise ConfigurationError(
                f"{self.address} may not be read ({first_line(exc)}): give this user the right to"
            ) from exc
        except (DeltaError, PolarsError, PanicException, OSError) as exc:
            raise ConfigurationError(
                f"{self.address} cannot be read as a Delta table ({first_line(exc)}): restore it"
                " or give another source"
            ) from exc

    @property
    def _root(self) -> str:
        """Return the folder as the addresses of its files begin: a space in it is `%20`."""
        return self._table.table_uri.removeprefix("file://")

    @cached_property
    def _table(self) -> "DeltaTable":
        from deltalake import DeltaTable

        name = str(self._folder.resolve())
        if unquote(name) != name:
            raise ConfigurationError(
                f"{self.address} is taken for {unquote(name)} by readers of Delta tables: rename"
                " the folder"
            )
        return DeltaTable(self._folder)


def _scan(*files: Path) -> pl.LazyFrame:
    return pl.scan_parquet(list(files), glob=False, hive_partitioning=False)
