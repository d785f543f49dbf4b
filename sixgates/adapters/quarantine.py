"""The rows that gate 1 refused, of every run of a model in one Delta table.

Whole they lie beside the accepted rows of their run, by which a verdict can be computed again. The
table is for whoever looks for the fault: it has a bounded choice of each run, the same columns
whatever the user's table looks like, and no row of a run twice.
"""

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from sixgates.adapters.quarantine_rows import COLUMNS, kept_rows
from sixgates.adapters.table_layout import Layout
from sixgates.adapters.table_place import Folder

if TYPE_CHECKING:
    from sixgates.adapters.delta_table import ModelTable

LAYOUT = Layout(COLUMNS, unit="run", measured=("run",))
_NAME = "quarantine"


def quarantine_of(tables: Folder, model: str) -> "ModelTable":
    """Return the table of a model, whether it is there yet or not."""
    from sixgates.adapters.delta_table import ModelTable

    return ModelTable(tables / model / _NAME, LAYOUT)


def is_kept(table: "ModelTable", run: str) -> bool:
    """Whether the table has the refused rows of a run."""
    return table.exists and bool(table.holding(table.open(), [run]))


def keep_refused(
    table: "ModelTable", refused: pl.DataFrame, *, event_time: str, run: str, as_of: datetime
) -> None:
    """Add the refused rows of a run, unless they are there.

    Args:
        table: Where to.
        refused: Rows with the rule that refused each, in event-time order.
        event_time: Their column of event times, naive UTC.
        run: Identifier of the run.
        as_of: Event time at which they were read, naive UTC.

    Raises:
        TransientError: another added them meanwhile, or the disk does not take them.
        ContractError: the table is not whole.
    """
    rows = kept_rows(refused, event_time, run, as_of)
    if rows.is_empty():
        return
    table.create()
    now = table.open()
    if not table.holding(now, [run]):
        table.append(now, rows)


def rows_of_run(table: "ModelTable", run: str) -> pl.DataFrame:
    """Return what the table has of a run: by rule, oldest first.

    Raises:
        ContractError: the table is not whole.
    """
    from sixgates.adapters.delta_table import reading

    near = (pl.col("max.run") >= run) & (pl.col("min.run") <= run)
    with reading(table.folder):
        rows = table.scan(having=near).filter(pl.col("run") == run)
        return rows.sort("rule", "event_time", "digest").collect()
