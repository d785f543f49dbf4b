"""The rows of a run as files, so that every model can name exactly what it was made from."""

import hashlib
from datetime import datetime
from pathlib import Path

import polars as pl

from sixgates.adapters.atomic_files import replace_atomically
from sixgates.gates.errors import ContractError
from sixgates.gates.ports import DatasetRef


def write_dataset(
    runs: Path,
    run: str,
    *,
    accepted: pl.DataFrame,
    quarantined: pl.DataFrame,
    source: str,
    as_of: datetime,
    matured: int,
) -> DatasetRef:
    """Store accepted and refused rows under `<runs>/<run>/` and return their reference.

    Writing the same rows for the same run again changes nothing and returns an equal reference.

    Args:
        runs: Folder of all runs.
        run: Identifier of the run; also the folder's name.
        accepted: Rows that passed every rule, in event-time order.
        quarantined: Refused rows, with the rule that refused each.
        source: Where the rows came from.
        as_of: Event time at which they were read.
        matured: How many accepted rows have a known label.
    """
    path, quarantine = (runs / run / f"{name}.parquet" for name in ("accepted", "quarantine"))
    replace_atomically(quarantine, quarantined.write_parquet)
    replace_atomically(path, accepted.write_parquet)
    return DatasetRef(
        path=str(path),
        digest=_digest(path),
        source=source,
        as_of=as_of,
        rows=accepted.height,
        matured=matured,
        quarantine=str(quarantine),
        quarantined=quarantined.height,
    )


def read_dataset(ref: DatasetRef) -> pl.DataFrame:
    """Return the accepted rows of a run.

    Raises:
        ContractError: the file is gone, or is not the one that was stored.
    """
    path = Path(ref.path)
    if not path.is_file():
        raise ContractError(f"the dataset {path} is gone: run gate 1 again to store it anew")
    if _digest(path) != ref.digest:
        raise ContractError(f"the dataset {path} was changed since it was stored: run gate 1 again")
    return pl.read_parquet(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
