"""The rows of a run as files, so that every model can name exactly what it was made from.

One process writes one file; workers write a folder of files of the same name, in whose order the
rows go on. Both are read the same way.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from sixgates.adapters.atomic_files import replace_atomically, sync
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
    for place, rows in ((quarantine, quarantined), (path, accepted)):
        _clear(place)
        replace_atomically(place, rows.write_parquet)
    return DatasetRef(
        path=str(path),
        digest=rows_digest(path),
        source=source,
        as_of=as_of,
        rows=accepted.height,
        matured=matured,
        quarantine=str(quarantine),
        quarantined=quarantined.height,
    )


def put_folder(written: Path, place: Path) -> None:
    """Put a folder of rows in its place; it is written whole."""
    _clear(place)
    place.unlink(missing_ok=True)
    written.rename(place)
    sync(place.parent)


def files_of(place: Path) -> list[Path]:
    """Return the files of stored rows, in their order.

    A worker that was killed may have left half of one beside them, under another name.
    """
    return sorted(place.glob("*.parquet")) if place.is_dir() else [place]


def _clear(place: Path) -> None:
    """Remove a folder that is there, and what processes of this run left that were killed."""
    if place.is_dir():
        shutil.rmtree(place)
    for half in place.parent.glob(f".{place.name}.*"):
        half.unlink()


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
    return pl.read_parquet(files_of(require_dataset(ref)), n_rows=rows, glob=False)


def require_dataset(ref: DatasetRef) -> Path:
    """Return the file or folder of the accepted rows of a run, proved but not read.

    Raises:
        ContractError: the file is gone, or is not the one that was stored.
    """
    path = Path(ref.path)
    require_rows(path, ref.digest)
    return path


def stored_rows(runs: Path, run: str) -> tuple[Path, Path]:
    """Return where the accepted and the quarantined rows of a run lie."""
    return runs / run / "accepted.parquet", runs / run / "quarantine.parquet"


def read_rows(path: Path, digest: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Return stored rows, or some columns of them.

    Raises:
        ContractError: they are gone, or their digest is another.
    """
    require_rows(path, digest)
    wanted = None if columns is None else list(columns)
    return pl.read_parquet(files_of(path), columns=wanted, glob=False)


def rows_digest(path: Path) -> str:
    """Return the SHA-256 of stored rows: of their file; of a folder that of names and digests."""
    if not path.is_dir():
        return file_digest(path)
    return folder_digest({file.name: file_digest(file) for file in files_of(path)})


def folder_digest(digests: Mapping[str, str]) -> str:
    """Return the digest of a folder, by the names of its files."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_rows(path: Path, digest: str) -> None:
    """Prove stored rows.

    Raises:
        ContractError: they are gone, or their digest is another.
    """
    if not path.exists():
        raise ContractError(f"the dataset {path} is gone: run gate 1 again to store it anew")
    if rows_digest(path) != digest:
        raise ContractError(f"the dataset {path} was changed since it was stored: run gate 1 again")
