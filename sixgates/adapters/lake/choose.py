"""Which kind of source an address means."""

from pathlib import Path

from sixgates.adapters.lake.callable_source import CallableSource
from sixgates.adapters.lake.delta_source import LOG, DeltaSource
from sixgates.adapters.lake.parquet_source import ParquetSource
from sixgates.adapters.lake.source import Source
from sixgates.adapters.lake.sql_source import SqlRows
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project
from sixgates.gates.source import SqlSource


def source_of(project: Project, data: str | Path | None) -> Source:
    """Return where a project's rows come from; nothing is read yet.

    Args:
        project: Its own `source` counts where no other is given.
        data: What a person gave by `--data`.

    Raises:
        ConfigurationError: no source is named, or it is none that can be used.
    """
    given = data if data is not None else project.source
    if given is None:
        raise ConfigurationError(
            f"project {project.name} has no source: give --data or set `source`"
        )
    if isinstance(given, str):
        given = SqlSource.parse(given) or given
    if isinstance(given, SqlSource):
        return SqlRows(given, project, by_command=data is not None)
    if not isinstance(given, str | Path):
        return CallableSource(given, project.name)
    return _on_disk(str(given), project)


def absolute(data: str) -> str:
    """Return an address by which another process finds the same: a path is made absolute."""
    return data if SqlSource.parse(data) else str(Path(data).expanduser().absolute())


def _on_disk(address: str, project: Project) -> Source:
    scheme, separator, _ = address.partition("://")
    if separator or address.startswith("${"):
        # It is not quoted: a URL may hold a password.
        what = f"the address {scheme}://…" if separator else "the address"
        raise ConfigurationError(
            f"{what} has no query: append # and a SELECT; what is no database, read by a callable"
        )
    folder = Path(address).expanduser()
    try:
        if (folder / LOG).is_dir():
            return DeltaSource(folder)
    except PermissionError as exc:
        raise ConfigurationError(
            f"{exc.filename} may not be read: give this user the right to"
        ) from exc
    return ParquetSource(address, project)
