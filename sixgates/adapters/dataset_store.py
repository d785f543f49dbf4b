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
    path, quarantine = stored_rows(runs, run)
    replace_atomically(quarantine, quarantined.write_parquet)
    replace_atomically(path, accepted.write_parquet)
    return DatasetRef(
        path=str(path),
        digest=file_digest(path),
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
    return read_rows(Path(ref.path), ref.digest)


def first_rows(ref: DatasetRef, rows: int) -> pl.DataFrame:
    """Return the oldest of the accepted rows of a run; no others are read.

    Raises:
        ContractError: the file is gone, or is not the one that was stored.
    """
    return pl.read_parquet(require_dataset(ref), n_rows=rows)


def require_dataset(ref: DatasetRef) -> Path:
    """Return the file of the accepted rows of a run, proved but not read.

    Raises:
        ContractError: the file is gone, or is not the one that was stored.
    """
    path = Path(ref.path)
    _require(path, ref.digest)
    return path


def stored_rows(runs: Path, run: str) -> tuple[Path, Path]:
    """Return where the accepted and the quarantined rows of a run lie."""
    return runs / run / "accepted.parquet", runs / run / "quarantine.parquet"


def read_rows(path: Path, digest: str) -> pl.DataFrame:
    """Return the rows of a stored file.

    Raises:
        ContractError: the file is gone, or its digest is another.
    """
    _require(path, digest)
    return pl.read_parquet(path)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require(path: Path, digest: str) -> None:
    if not path.is_file():
        raise ContractError(f"the dataset {path} is gone: run gate 1 again to store it anew")
    if file_digest(path) != digest:
        raise ContractError(f"the dataset {path} was changed since it was stored: run gate 1 again")
