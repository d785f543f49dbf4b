"""One Delta table of a model: rows that are added unit by unit, once each, and made durable.

Delta forces nothing to disk by itself. Here a data file is durable before a commit names it, and a
commit is durable before `append` returns: then what the rows came from may be deleted.
"""

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import polars as pl
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction
from polars.exceptions import PanicException, PolarsError

from sixgates.adapters.log_records import completed
from sixgates.adapters.object_store_errors import store_error
from sixgates.adapters.table_layout import Layout
from sixgates.adapters.table_place import PATIENCE, Folder, ObjectFolder, keeping
from sixgates.gates.errors import ContractError, TransientError

KEPT_HOURS = 24
"""What is no part of the table any more stays so long, for those who opened it before."""

_CONFIGURATION = {
    "delta.appendOnly": "true",
    "delta.checkpointInterval": "50",
    "delta.deletedFileRetentionDuration": f"interval {KEPT_HOURS} hours",
    "delta.logRetentionDuration": "interval 2 days",
    "delta.setTransactionRetentionDuration": "interval 7 days",
}


class ModelTable:
    """One table of one model. To be used from one thread."""

    def __init__(self, folder: Folder, layout: Layout) -> None:
        self.folder = folder
        self.layout = layout
        self.columns = layout.columns
        self._keeping = keeping(folder)

    @property
    def exists(self) -> bool:
        """Whether anything was ever committed to it; what a killed commit left is nothing."""
        with reading(self.folder):
            return self._keeping.has_commits()

    def scan(self, table: DeltaTable | None = None, having: pl.Expr | None = None) -> pl.LazyFrame:
        """Return all rows, in no order; none where there is no table.

        Collect them within `reading`, which says what goes wrong then.

        Args:
            table: A state of the table; the newest one where absent.
            having: Which files can hold a row that is wanted, by the columns of `files`. Polars
                leaves out none by a range of floats, for one may hold a NaN; no record does.
        """
        if table is None:
            if not self.exists:
                return self.columns.to_frame().lazy()
            table = self.open()
        files = self.files(table)
        if having is not None and files.height:
            files = files.filter(having)
        if files.is_empty():
            return self.columns.to_frame().lazy()
        return self.scan_files(files)

    def scan_files(self, files: pl.DataFrame) -> pl.LazyFrame:
        """Return the rows of some of `files`."""
        paths = [self.at(path) for path in files["path"]]
        rows = pl.scan_parquet(
            paths,
            glob=False,
            schema=self.columns,
            missing_columns="insert",
            storage_options=PATIENCE,
        )
        return completed(rows, self.layout.defaults)

    def at(self, name: str) -> str:
        """Return where a data file lies."""
        return str(self.folder / name)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what keeps it from being written into one sentence.

        Raises:
            TransientError: another was faster, or the disk or the store does not take it.
            ConfigurationError: the object store refuses.
        """
        try:
            yield
        except CommitFailedError as exc:
            raise TransientError(
                f"another committed to {self.folder} meanwhile ({_first_line(exc)}): nothing was"
                " lost or doubled; run it again"
            ) from exc
        except (DeltaError, PolarsError, OSError) as exc:
            _raise_for_store(self.folder, exc)
            raise TransientError(
                f"the table {self.folder} cannot be written ({_first_line(exc)}): make room or"
                " repair the disk, and run it again"
            ) from exc

    def open(self) -> DeltaTable:
        """Return the table as it is now; whoever commits to it says what it was made from.

        Raises:
            ContractError: it is not whole.
        """
        with reading(self.folder):
            return DeltaTable(str(self.folder))

    def create(self) -> None:
        """Make the table where there is none, and give it the columns that records have gained."""
        schema = Schema.from_arrow(self.columns.to_frame().to_arrow().schema)
        if not self.exists:
            with self.writing():
                self._keeping.begin()
                DeltaTable.create(
                    str(self.folder), schema, mode="ignore", configuration=_CONFIGURATION
                )
                self._keeping.begun()
        table = self.open()
        known = {field.name for field in table.schema().fields}
        gained = [field for field in schema.fields if field.name not in known]
        if gained:
            with self.writing():
                table.alter.add_columns(gained)
        self.make_durable()

    def files(self, table: DeltaTable) -> pl.DataFrame:
        """Return the files of a state of the table, those with the oldest units first.

        Columns are those of Delta's add actions: `path`, `size_bytes`, `num_records`, and for each
        that is measured a `min.` and a `max.`; none of the latter where there is no file.
        """
        files = pl.DataFrame(table.get_add_actions(flatten=True))
        return files.sort(f"min.{self.layout.unit}", "path") if files.height else files

    def holding(self, table: DeltaTable, units: Collection[str]) -> set[str]:
        """Return which of these units are in the table already.

        Delta forgets the transaction of a unit in time; the rows themselves are no less sure.
        """
        name = self.layout.unit
        held = {unit for unit in units if table.transaction_version(unit) is not None}
        unsure = sorted(set(units) - held)
        if unsure:
            near = (pl.col(f"max.{name}") >= unsure[0]) & (pl.col(f"min.{name}") <= unsure[-1])
            with reading(self.folder):
                rows = self.scan(table, near).select(name).filter(pl.col(name).is_in(unsure))
                held |= set(rows.collect()[name])
        return held

    def append(self, table: DeltaTable, rows: pl.DataFrame) -> None:
        """Commit rows of units that `holding` did not find in this very state of the table.

        Raises:
            TransientError: another committed one of these units since, or the disk is full.
        """
        measured = rows.select(self.layout.measured)
        ends = measured.select(pl.all().min()).row(0), measured.select(pl.all().max()).row(0)
        name = self.new_file()
        with self.writing():
            rows.write_parquet(self.at(name), compression="zstd", storage_options=PATIENCE)
        self.commit(
            table,
            [self.added(name, rows.height, *ends, data_change=True)],
            dict.fromkeys(rows[self.layout.unit].unique().sort(), 1),
        )

    def new_file(self) -> str:
        """Name a data file."""
        return f"{uuid4().hex}.parquet"

    def added(
        self, name: str, rows: int, low: Sequence[Any], high: Sequence[Any], *, data_change: bool
    ) -> AddAction:
        """Make a written data file durable, and return what a commit says of it."""
        measured = self.layout.measured
        with self.writing():
            size = self._keeping.keep(name)
        ranges = {
            "numRecords": rows,
            "minValues": dict(zip(measured, low, strict=True)),
            "maxValues": dict(zip(measured, high, strict=True)),
            "nullCount": dict.fromkeys(measured, 0),
        }
        return AddAction(name, size, {}, milliseconds(), data_change, json.dumps(ranges))

    def commit(
        self,
        table: DeltaTable,
        actions: Sequence[AddAction | RemoveAction],
        transactions: Mapping[str, int],
    ) -> None:
        """Commit all of it or nothing, and make the commit durable.

        Of two who commit the same transaction to the same state of the table, one gets it.

        Raises:
            TransientError: it was the other one, or the disk is full.
        """
        named = [Transaction(name, n, milliseconds()) for name, n in transactions.items()]
        with self.writing():
            table.create_write_transaction(
                list(actions), "append", table.schema(),
                commit_properties=CommitProperties(app_transactions=named),
            )  # fmt: skip
        self.make_durable()

    def make_durable(self) -> None:
        """Make every commit so far durable: whoever made the last one may have died before."""
        with self.writing():
            self._keeping.keep_log()


@contextmanager
def reading(folder: Folder) -> Iterator[None]:
    """Turn what goes wrong with the files of a table, or of several in a folder, into one sentence.

    Raises:
        ContractError: they are not whole.
        ConfigurationError: the object store that they are in refuses.
        TransientError: it does not answer.
    """
    try:
        yield
    except (DeltaError, PolarsError, PanicException, OSError) as exc:
        _raise_for_store(folder, exc)
        raise ContractError(
            f"{folder} cannot be read as Delta ({_first_line(exc)}): restore it, for decisions rest"
            " on what it holds"
        ) from exc


def milliseconds() -> int:
    """Return the wall clock as Delta writes it."""
    return time.time_ns() // 1_000_000


def _raise_for_store(folder: Folder, exc: BaseException) -> None:
    """Raise what an object store said, where it is that and not the table."""
    if isinstance(folder, ObjectFolder) and (error := store_error(folder, exc)) is not None:
        raise error from exc


def _first_line(exc: BaseException) -> str:
    """Say what went wrong without the stack that Delta adds."""
    return str(exc).partition("\n")[0] or type(exc).__name__
