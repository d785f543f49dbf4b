"""Which parquet files an address means, and what the names of their folders say of them."""

import os
from collections.abc import Iterator
from glob import glob, has_magic
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import polars as pl
from polars.exceptions import PolarsError

from sixgates.adapters.lake.contract_types import from_text
from sixgates.adapters.lake.delta_source import LOG
from sixgates.adapters.lake.source import first_line
from sixgates.gates.errors import ConfigurationError

_NOTHING = "__HIVE_DEFAULT_PARTITION__"
"""What Hive calls a folder whose rows have no value."""


class Found(NamedTuple):
    """The files of one address."""

    files: list[Path]
    """In the order of their names."""
    keys: tuple[str, ...]
    """Columns that folders `<key>=<value>` below the address stand for."""
    above: tuple[str, ...]
    """Keys of such folders that are part of the address itself: not its columns."""


def find_files(address: str) -> Found:
    """Return the files that a path, a folder or a glob means.

    Below a folder, what begins with `.` or `_` is left out, as Hive and Spark do: it is half
    written, or no data. So is what a glob stands for, unless it begins a name so itself.

    Raises:
        ConfigurationError: there is none, one is part of a Delta table, or they do not lie in
            folders of the same keys.
        OSError: a folder may not be read.
    """
    path = Path(address).expanduser()
    if path.exists() or not has_magic(address):
        root, named = path, [path] if path.exists() else []
    else:
        root = _before_magic(path)
        own = _beginnings(path, root)
        found = [Path(name) for name in glob(str(path), recursive=True)]  # noqa: PTH207 - absolute too
        named = [name for name in found if not _beginnings(name, root) & {*"._"} - own]
    files = sorted({file for name in named for file in _below(name)})
    if not files:
        raise ConfigurationError(
            f"there is no data at {address}: give a parquet file, a folder or a glob of them, a"
            " Delta table or a query with --data, or correct `source`"
        )
    _refuse_delta(files)
    return Found(files, _keys(files, root), tuple(key for key, _ in _pairs(root)))


def partitions(found: Found, kinds: dict[str, pl.DataType]) -> dict[str, pl.Expr]:
    """Return each partition column that is wanted, read from the text of its folders.

    Raises:
        ConfigurationError: a folder's value is not of its type.
    """
    columns = {}
    for key, kind in kinds.items():
        columns[key] = from_text(pl.col(key), kind)
        for value, file in _values(found.files, key).items():
            try:
                pl.DataFrame({key: [value]}, schema={key: pl.String}).select(columns[key])
            except PolarsError as exc:
                raise ConfigurationError(
                    f"{file} lies in {key}={value}, and {value!r} is no {kind}, which the contract"
                    f" wants of {key!r} ({first_line(exc)}): correct the folder or the contract"
                ) from exc
    return columns


def _before_magic(path: Path) -> Path:
    fixed = Path(path.anchor)
    for part in path.parts[len(fixed.parts) :]:
        if has_magic(part):
            break
        fixed /= part
    return fixed


def _beginnings(path: Path, root: Path) -> set[str]:
    """Return the first letters of the names below `root`."""
    return {part[0] for part in path.relative_to(root).parts}


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return

    def refuse(exc: OSError) -> None:
        raise exc

    seen: set[str] = set()
    for folder, folders, names in os.walk(path, onerror=refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # A link leads back here.
            folders.clear()
            continue
        seen.add(real)
        if LOG in folders:
            raise _part_of_delta(Path(folder))
        folders[:] = [name for name in folders if name[0] not in "._"]
        yield from (
            Path(folder) / name
            for name in names
            if name.endswith(".parquet") and name[0] not in "._"
        )


def _refuse_delta(files: list[Path]) -> None:
    """A table's folder also holds rows that were deleted from it, so its files are not its rows."""
    for folder in {above for file in files for above in file.absolute().parents}:
        if (folder / LOG).is_dir():
            raise _part_of_delta(folder)


def _part_of_delta(folder: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{folder} is a Delta table, and its files are not its rows: give the folder itself"
    )


def _keys(files: list[Path], root: Path) -> tuple[str, ...]:
    """Return the keys of the folders below `root`, which must be the same for each file."""
    outside = len(_pairs(root))
    keys = [tuple(key for key, _ in _pairs(file.parent)[outside:]) for file in files]
    for file, its in zip(files, keys, strict=True):
        if its != keys[0]:
            raise ConfigurationError(
                f"{file} lies in {_folders(its)} and {files[0]} in {_folders(keys[0])}: give every"
                " file the same"
            )
    return keys[0]


def _folders(keys: tuple[str, ...]) -> str:
    return "folders " + "/".join(f"{key}=…" for key in keys) if keys else "no <key>=<value> folder"


def _values(files: list[Path], key: str) -> dict[str | None, Path]:
    """Return each value of a key, and a file that has it."""
    found: dict[str | None, Path] = {}
    for file in files:
        text = unquote(dict(_pairs(file.parent))[key])
        found.setdefault(None if text == _NOTHING else text, file)
    return found


def _pairs(folder: Path) -> list[tuple[str, str]]:
    parts = (part.split("=") for part in folder.parts)
    return [(part[0], part[1]) for part in parts if len(part) == 2 and part[0]]  # noqa: PLR2004
