"""Where tables lie: in folders of this machine, or under an address of an object store.

What differs between the two is said here. A file system keeps what was forced to disk. An object
store has an object whole or not at all, keeps it once it has said so, and of two who put the same
new object at once lets one through: so a commit is one winner's.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import urlsplit

import polars as pl

from sixgates.adapters.atomic_files import sync, write_atomically

PATIENCE = {"timeout": "60s"}
"""Options of Polars: how long an object store may take to answer. Without, it is waited for as long
as it hangs; files of this machine know no such thing."""


@dataclass(frozen=True, slots=True)
class ObjectFolder:
    """A folder of an S3-compatible object store, by an address without secrets."""

    address: str
    """As `s3://bucket/prefix`, without a slash at its end."""

    def __truediv__(self, name: str) -> Self:
        """Return what lies in it under a name."""
        return type(self)(f"{self.address}/{name}")

    def __str__(self) -> str:
        return self.address

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return urlsplit(self.address).netloc


Folder = Path | ObjectFolder


def folder_of(given: str) -> Folder:
    """Return what a setting means: a path, or an address of an object store.

    Raises:
        ValueError: it is an address, and not one of these.

    >>> str(folder_of("s3://lake/sixgates/"))
    's3://lake/sixgates'
    """
    if "://" not in given:
        return Path(given)
    parts = urlsplit(given)
    if parts.scheme != "s3" or not parts.netloc or {"@", ":"} & set(parts.netloc):
        raise ValueError(
            "an address is s3://bucket/prefix, with credentials and endpoint in AWS_* variables"
        )
    if parts.query or parts.fragment:
        raise ValueError("an address is s3://bucket/prefix, without ? and #")
    return ObjectFolder(given.rstrip("/"))


class Keeping(Protocol):
    """How the table in one folder is kept."""

    def has_commits(self) -> bool:
        """Whether anything was ever committed; what a killed commit left is nothing."""

    def begin(self) -> None:
        """Make room for the first commit."""

    def begun(self) -> None:
        """Make the first commit's own folders durable."""

    def keep(self, name: str) -> int:
        """Make a written data file durable, and return its bytes."""

    def keep_log(self) -> None:
        """Make every commit so far durable: whoever made the last one may have died before."""


def keeping(folder: Folder) -> Keeping:
    """Return how a table is kept where it lies."""
    return OnDisk(folder) if isinstance(folder, Path) else InStore(folder)


class OnDisk:
    """A table of this machine. To be used from one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "_delta_log"
        self._on_disk: set[str] = set()
        """Files of the Delta log that this object has forced to disk; they never change."""

    def has_commits(self) -> bool:
        """Look for a commit or a checkpoint."""
        return any(path.suffix in {".json", ".parquet"} for path in self._log.glob("[0-9]*"))

    def begin(self) -> None:
        """Make the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def begun(self) -> None:
        """Force the names of the folders to disk."""
        for folder in (self._folder, *self._folder.parents[:3]):
            sync(folder)

    def keep(self, name: str) -> int:
        """Force it to disk."""
        path = self._folder / name
        sync(path)
        sync(self._folder)
        return path.stat().st_size

    def keep_log(self) -> None:
        """Force to disk what is new in the Delta log."""
        for path in self._log.iterdir():
            if path.name in self._on_disk or not path.is_file():
                continue
            with suppress(FileNotFoundError):  # Delta cleans its log by itself.
                sync(path)
                self._on_disk.add(path.name)
        self._on_disk.discard("_last_checkpoint")  # The only one that is replaced.
        sync(self._log)


class InStore:
    """A table of an object store: what it has taken is durable."""

    def __init__(self, folder: ObjectFolder) -> None:
        self._folder = folder

    def has_commits(self) -> bool:
        """Ask for a commit or a checkpoint."""
        from deltalake import DeltaTable

        return DeltaTable.is_deltatable(self._folder.address)

    def begin(self) -> None:
        """Do nothing: there are no folders to make."""

    begun = keep_log = begin

    def keep(self, name: str) -> int:
        """Ask for its size."""
        from deltalake.fs import DeltaStorageHandler

        (found,) = DeltaStorageHandler(self._folder.address).get_file_info([name])
        if found.size is None:
            raise FileNotFoundError(f"{self._folder / name} was written and is not there")
        return int(found.size)


def read_document(folder: Folder, name: str) -> bytes:
    """Return what such a document holds.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    if isinstance(folder, Path):
        return (folder / name).read_bytes()
    from deltalake.fs import DeltaStorageHandler

    with DeltaStorageHandler(folder.address).open_input_file(name) as file:
        return bytes(file.read())


def write_document(folder: Folder, name: str, content: bytes) -> None:
    """Write a JSON document so that no reader and no crash ever leaves half of it.

    In an object store it ends with a newline.

    Raises:
        OSError: it cannot be written.
    """
    if isinstance(folder, Path):
        write_atomically(folder / name, content)
        return
    # deltalake's own stream ends a write that failed half-way as if it were whole. Polars does not.
    line = pl.DataFrame({"document": [content.decode()]})
    line.write_csv(
        str(folder / name), include_header=False, quote_style="never", storage_options=PATIENCE
    )
