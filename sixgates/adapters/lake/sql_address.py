"""Where a database is: variables are filled in, and no secret of it gets into a sentence."""

import os
import re
from typing import NamedTuple

import sqlalchemy as sa

from sixgates.gates.errors import ConfigurationError

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_HARMLESS = frozenset({"host", "port", "sslmode", "connect_timeout", "timeout", "mode", "uri"})
"""Parameters of a URL that hold no secret."""
_CONNECT_SECONDS = "10"
"""How long to wait for a PostgreSQL server, where the URL does not say."""


class Address(NamedTuple):
    """A database that can be connected to."""

    url: sa.URL
    """With everything filled in: never to be shown."""
    shown: str
    """The same for people: without the password, and with harmless parameters alone."""
    secrets: tuple[str, ...]
    """What must be in no sentence."""


def resolve(connection: str, *, by_command: bool) -> Address:
    """Fill in the environment variables of a connection.

    Each part of the URL is filled in by itself, so that a password may hold any character.

    Args:
        connection: SQLAlchemy URL with `${NAME}` where a variable stands.
        by_command: Whether it came by `--data`. What does is on record as it was written, in
            Prefect, in the ledger and in the shell's history, so a secret may stand there only by
            the name of its variable.

    Raises:
        ConfigurationError: a variable is not set, it is no URL, or a secret stands in it.
    """
    if _VARIABLE.fullmatch(connection):
        url = _parsed(_filled(connection))
    else:
        url = _parsed(connection)
        if by_command:
            _require_variables(url)
        url = url.set(
            username=url.username and _filled(url.username),
            password=url.password and _filled(url.password),
            host=url.host and _filled(url.host),
            database=url.database and _filled(url.database),
            query={name: _filled(_one(value)) for name, value in url.query.items()},
        )
    if url.get_backend_name() == "postgresql":
        driver = "postgresql+psycopg" if url.drivername == "postgresql" else url.drivername
        url = url.set(drivername=driver, query={"connect_timeout": _CONNECT_SECONDS, **url.query})
    harmless = {name: value for name, value in url.query.items() if name in _HARMLESS}
    secrets = {url.password or "", *(_one(url.query[name]) for name in url.query.keys() - harmless)}
    harmless.pop("connect_timeout", None)
    shown = url.set(query=harmless).render_as_string(hide_password=True)
    return Address(url, shown, tuple(sorted(secrets - {""}, key=len, reverse=True)))


def _parsed(connection: str) -> sa.URL:
    try:
        return sa.make_url(connection)
    except (sa.exc.ArgumentError, ValueError):
        # It is not quoted: what is not a URL may still hold a password.
        raise ConfigurationError(
            "the connection of the query is no SQLAlchemy URL: write it as"
            " postgresql://reader:${PASSWORD}@host/database or sqlite:///rows.db"
        ) from None


def _filled(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not os.environ.get(name):
            raise ConfigurationError(
                f"the connection of the query needs the environment variable {name}: set it"
            )
        return os.environ[name]

    return _VARIABLE.sub(value, text)


def _require_variables(url: sa.URL) -> None:
    parts = {"the password": url.password} | {
        f"the parameter {name}": _one(value)
        for name, value in url.query.items()
        if name not in _HARMLESS
    }
    for part, value in parts.items():
        if value and not _VARIABLE.fullmatch(value):
            raise ConfigurationError(
                f"{part} stands in the address given by --data, which is put on record: write"
                " ${NAME} in its place and set that environment variable"
            )


def _one(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ",".join(value)
