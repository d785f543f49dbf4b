"""Rows of a database, as a project names them; every other source needs no type of its own."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class SqlSource(BaseModel):
    """The rows that a query gives. Neither its representation nor any record shows a password."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: SecretStr
    """SQLAlchemy URL. `${NAME}` is an environment variable: the whole URL, or user, password, host,
    database or a parameter of it."""
    query: str = Field(pattern=r"\S")
    """One SELECT, without parameters; a condition on the event time is put around it."""

    @classmethod
    def parse(cls, address: str) -> Self | None:
        """Return the source of an address `<connection>#<query>`, None where it is a path.

        >>> SqlSource.parse("sqlite:///rides.db#SELECT * FROM rides").query
        'SELECT * FROM rides'
        >>> SqlSource.parse("rides/2026#1.parquet") is None
        True
        """
        connection, _, query = address.partition("#")
        if not query.strip() or not ("://" in connection or connection.startswith("${")):
            return None
        return cls(connection=SecretStr(connection), query=query)
