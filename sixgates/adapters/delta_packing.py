"""Small files of a table become larger ones, and what nobody reads any more is deleted.

deltalake's own `optimize` commits whatever another packed meanwhile, and every row is there twice.
So files are packed here, under a transaction of which Delta lets one through.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deltalake.transaction import RemoveAction

from sixgates.adapters.delta_table import KEPT_HOURS, ModelTable, milliseconds
from sixgates.adapters.table_place import PATIENCE

MANY = 16
"""So many small files in a row are let be; one more, and they are packed."""
FULL_BYTES = 64 * 2**20
"""A file of this size is not packed again, and no larger one is made."""

_PACKING = "packing"


@dataclass(frozen=True, slots=True)
class Packed:
    """What was done to the files of a table."""

    packed: int = 0
    """Files that became one."""
    deleted: int = 0
    """Files that nobody reads any more."""


def newest_to_pack(sizes: Sequence[int]) -> int:
    """Return how many of the newest files to make one of, 0 where there are few.

    An older file goes with them where it is no larger than they are together: so each row is
    written again a few times only, and not each time.

    Args:
        sizes: Bytes of each file, oldest first.

    >>> newest_to_pack([10] * 16), newest_to_pack([10] * 17)
    (0, 17)
    >>> newest_to_pack([170] + [10] * 17), newest_to_pack([171] + [10] * 17)
    (18, 17)
    """
    count = total = 0
    for size in reversed(sizes):
        if total + size > FULL_BYTES or (count > MANY and size > total):
            break
        count += 1
        total += size
    return count if count > MANY else 0


def pack(table: ModelTable) -> Packed:
    """Pack what is small, and delete what was packed a day ago; nothing where little is small.

    Raises:
        TransientError: another packed meanwhile; nothing was changed.
    """
    now = table.open()
    files, measured = table.files(now), table.layout.measured
    count = newest_to_pack(files["size_bytes"].to_list()) if files.height else 0
    if not count:
        return Packed()
    small, name = files.tail(count), table.new_file()
    with table.writing():
        table.scan_files(small).sink_parquet(
            table.at(name), compression="zstd", maintain_order=True, storage_options=PATIENCE
        )
    low = [small[f"min.{column}"].min() for column in measured]
    high = [small[f"max.{column}"].max() for column in measured]
    added = table.added(name, int(small["num_records"].sum()), low, high, data_change=False)
    then = milliseconds()
    removed = [
        RemoveAction(path, data_change=False, deletion_timestamp=then, size=size)
        for path, size in small.select("path", "size_bytes").iter_rows()
    ]
    table.commit(now, [added, *removed], {_PACKING: now.version()})
    return Packed(count, _vacuum(table))


def _vacuum(table: ModelTable) -> int:
    """Delete files that left the table, or never came into it, long enough ago."""
    with table.writing():
        deleted = table.open().vacuum(retention_hours=KEPT_HOURS, dry_run=False, full=True)
    table.make_durable()
    return len(deleted)
