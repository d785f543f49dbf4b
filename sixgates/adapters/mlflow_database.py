"""A new SQLite database of MLflow's: whole, or not there.

MLflow makes its tables in some seventy transactions. Whoever dies amid them leaves a database that
no MLflow opens again, and two who begin at once get in each other's way.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa


def make_whole(uri: str) -> None:
    """Make the file of an address with all its tables, unless it is there; the first one wins.

    Args:
        uri: Of the registry. Anything but a file of SQLite's is left alone.
    """
    path = _file_of(uri)
    if path is None or path.exists():
        return
    from mlflow import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        made = Path(folder) / path.name
        address = sa.URL.create("sqlite", database=str(made)).render_as_string()
        MlflowClient(address, address).search_experiments(max_results=1)
        with suppress(FileExistsError):
            os.link(made, path)


def _file_of(uri: str) -> Path | None:
    if not uri.startswith("sqlite:"):
        return None
    name = sa.make_url(uri).database
    return Path(name) if name and name != ":memory:" else None
